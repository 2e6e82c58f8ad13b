"""All that a forecast tells of covariates in the rows that are given to it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._newly_missing import tell_newly_missing
from skdistill.data._plausibility._row_units import covariates_read, tell_row_units
from skdistill.data._plausibility._rows_so_far import rows_so_far
from skdistill.data._roles import Roles
from skdistill.data._series import SeriesInput
from skdistill.data._usual_limits import of_other_flags

__all__ = ["tell_of_rows"]

_ASKED = 16  # series: as a table writes flags in one, it writes them in all


def tell_of_rows(estimator: Any, given: SeriesInput) -> None:
    """Warn of covariates whose rows so far are in other units or codes than in ``fit``, or empty where those were not.

    Parameters
    ----------
    estimator : estimator
        Fitted; without roles or a scaling, nothing is told.
    given : SeriesInput
        The series, as channels; rows after the last observed target are a plan.
    """
    tell_row_units(estimator, given)
    tell_newly_missing(estimator, given)
    if getattr(estimator, "scaling_", None) is not None and set(covariates_read(estimator)) & set(
        estimator.roles_.known_channels
    ):
        rows = rows_so_far(given, estimator.roles_.target_channels, n_asked=_ASKED)
        _tell_other_flags(estimator.roles_, [one[-estimator.spec_.context_length :] for one in rows])


def _tell_other_flags(roles: Roles, parts: Sequence[np.ndarray]) -> None:
    """Warn of a known covariate that was 0 and 1 in ``fit``, and is written otherwise in rows so far."""
    ranges = dict(zip(roles.known, roles.known_range, strict=False))  # none where it is not known
    for channel, column in zip(roles.known_channels, roles.known_groups, strict=True):
        value = of_other_flags(np.concatenate([part[:, channel] for part in parts]), ranges.get(column))
        if value is not None:
            name = channel if roles.channel_names is None else roles.channel_names[channel]
            warnings.warn(
                f"the known covariate {name!r} is {value:g} in the last rows of X, and was between "
                "0 and 1 in fit: are its codes others? Forecasts follow it as far as it goes.",
                stacklevel=stacklevel_of_user(),
            )
            return
