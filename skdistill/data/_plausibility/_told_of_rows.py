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

_ASKED = 16  # series: what a table means by an empty cell or a flag, it means in all of them


def tell_of_rows(estimator: Any, given: SeriesInput) -> None:
    """Warn of covariates whose rows so far are in other units or codes than in ``fit``, or empty where those were not.

    Parameters
    ----------
    estimator : estimator
        Fitted; without roles or a scaling, nothing is told.
    given : SeriesInput
        The series, as channels; rows after the last observed target are a plan.
    """
    channels = [] if getattr(estimator, "scaling_", None) is None else covariates_read(estimator)
    if not channels:
        return
    roles = estimator.roles_
    rows = rows_so_far(given, roles.target_channels)
    some = rows if len(rows) < 2 * _ASKED else rows[:: len(rows) // _ASKED]
    tell_row_units(estimator, given, rows, channels)
    tell_newly_missing(estimator, some, channels)
    if roles.known_flags:
        _tell_other_flags(roles, [one[-estimator.spec_.context_length :] for one in some])


def _tell_other_flags(roles: Roles, parts: Sequence[np.ndarray]) -> None:
    """Warn of a known covariate that was 0 and 1 in ``fit``, and is written otherwise in rows so far."""
    for channel in roles.known_flags:
        value = of_other_flags(np.concatenate([part[:, channel] for part in parts]), (0.0, 1.0))
        if value is not None:
            name = roles.channel_name(channel)
            warnings.warn(
                f"the known covariate {name!r} is {value:g} in the last rows of X, and was between "
                "0 and 1 in fit: are its codes others? Forecasts follow it as far as it goes.",
                stacklevel=stacklevel_of_user(),
            )
            return
