"""Covariates that are mostly empty in rows so far, and were complete in ``fit``: tables written in two ways."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._mostly_missing import mostly_missing
from skdistill.data._plausibility._row_units import covariates_read
from skdistill.data._plausibility._rows_so_far import rows_so_far
from skdistill.data._series import SeriesInput

__all__ = ["tell_newly_missing"]

_LAST = (2, 1, 0.5)  # contexts: an export may be written otherwise from some row on
_FEWEST_ROWS = 8  # that a target has, and a covariate has not
_ASKED = 16  # series: what a table means by an empty cell, it means in all of them


def tell_newly_missing(estimator: Any, given: SeriesInput) -> None:
    """Warn of covariates that are missing in most of the last rows so far, and were complete in ``fit``.

    Parameters
    ----------
    estimator : estimator
        Fitted; without roles or a scaling, nothing is told.
    given : SeriesInput
        The series, as channels.

    Warns
    -----
    UserWarning
        For the first covariate.
    """
    scaling = getattr(estimator, "scaling_", None)
    channels = [] if scaling is None else [one for one in covariates_read(estimator) if not scaling.missing_[one]]
    if not channels:
        return
    roles = estimator.roles_
    parts = rows_so_far(given, roles.target_channels, n_asked=_ASKED)
    is_missing = np.any([np.isnan(part[:, channels]).any(axis=0) for part in parts], axis=0)
    some = [one for one, is_one in zip(channels, is_missing.tolist(), strict=True) if is_one]
    lengths = [max(map(len, parts)), *(int(times * estimator.spec_.context_length) for times in _LAST)]
    ends = [[part[-length:] for part in parts] for length in lengths if length] if some else []
    empty = [mostly_missing(end, some, roles.target_channels) for end in ends]
    for channel in next(filter(None, [*empty, _all_missing(ends[2:], some, roles.target_channels)]), [])[:1]:
        name = channel if roles.channel_names is None else roles.channel_names[channel]
        warnings.warn(
            f"the covariate {name!r} is missing in most of the last rows of X, and in none of fit: it counts as "
            "unknown there, and is filled from the values around it. If an empty cell means that nothing was there, "
            "such as no promotion, write it as in fit.",
            stacklevel=stacklevel_of_user(),
        )


def _all_missing(ends: Sequence[list[np.ndarray]], channels: Sequence[int], targets: Sequence[int]) -> list[int]:
    """Return covariates without a value in the last rows of all series in which a target is observed."""
    if not ends:
        return []
    rows = np.concatenate(ends[0])
    rows = rows[~np.isnan(rows[:, list(targets)]).all(axis=1)]
    return [one for one in channels if len(rows) >= _FEWEST_ROWS and np.isnan(rows[:, one]).all()]
