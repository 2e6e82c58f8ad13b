"""Covariates that are mostly empty in rows so far, and were complete in ``fit``: tables written in two ways."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._mostly_missing import mostly_missing

__all__ = ["tell_newly_missing"]

_LAST = (2, 1, 0.5)  # contexts: an export may be written otherwise from some row on
_FEWEST_ROWS = 8  # that a target has, and a covariate has not


def tell_newly_missing(estimator: Any, parts: Sequence[np.ndarray], channels: Sequence[int]) -> None:
    """Warn of covariates that are missing in most of the last rows so far, and were complete in ``fit``.

    Parameters
    ----------
    estimator : estimator
        Fitted, with a scaling.
    parts : sequence of ndarray of shape (n_timestamps, n_channels)
        Rows so far of some series.
    channels : sequence of int
        Covariates that are read.

    Warns
    -----
    UserWarning
        For the first covariate.
    """
    was_missing, roles = estimator.scaling_.missing_, estimator.roles_
    is_missing = np.isnan(parts[0] if len(parts) == 1 else np.concatenate(parts)).any(axis=0) & ~was_missing
    some = [one for one in channels if is_missing[one]]
    if not some:
        return
    lengths = [max(map(len, parts)), *(int(times * estimator.spec_.context_length) for times in _LAST)]
    ends = [[part[-length:] for part in parts] for length in lengths if length]
    empty = [mostly_missing(end, some, roles.target_channels) for end in ends]
    for channel in next(filter(None, [*empty, _all_missing(ends[2:], some, roles.target_channels)]), [])[:1]:
        name = roles.channel_name(channel)
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
