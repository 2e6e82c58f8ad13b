"""Known covariates that count the rows of a cycle, such as days of the week, and go on otherwise in the horizon."""

from __future__ import annotations

import warnings

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._roles import Roles
from skdistill.data._series import SeriesInput

__all__ = ["tell_broken_cycles"]

_SHORTEST, _LONGEST = 4, 400  # rows of a cycle
_FEWEST = 3  # cycles before the horizon
_WRITTEN = 1e-3  # of the range of a cycle; less is lost where a file has fewer decimals


def tell_broken_cycles(roles: Roles, given: SeriesInput, future: np.ndarray) -> None:
    """Warn of known covariates that count the rows of a cycle until the horizon, and count otherwise in it.

    Days of the week are 0 to 6 in some programs and 1 to 7 in others; values of both lie in the range of either. The
    first series tells for all.

    Parameters
    ----------
    roles : Roles
        Roles of the columns.
    given : SeriesInput
        The series up to the horizon, as channels.
    future : ndarray of shape (n_series, n_steps, n_known)
        Their known covariates, NaN where unknown.

    Warns
    -----
    UserWarning
        For the first such covariate.
    """
    if given.batch is not None or not len(given.series):
        return
    rows = given.series[0].values
    for column, place in roles.known_counts:
        before, ahead = rows[:, roles.known_channels[place]], future[0, :, place]
        period = _period_of(before)
        if period is None:
            continue
        expected = before[-period:][np.arange(len(ahead)) % period]
        known = ~np.isnan(ahead)
        low, high = before[-period:].min(), before[-period:].max()
        differ = np.abs(ahead - expected) > _WRITTEN * (high - low)
        if known.any() and differ[known].all():  # at a change of the clock, some are as expected
            step = int(known.argmax())
            warnings.warn(
                f"the known covariate {roles.name(column)!r} counts {low:g} to {high:g} in {period} rows of "
                f"{given.name_of(0)}, again and again, so that {expected[step]:g} would come in step {step + 1} of the "
                f"horizon; it is {ahead[step]:g}. Is it counted in one way in both, such as the days of the week from "
                "0 or 1?",
                stacklevel=stacklevel_of_user(),
            )
            return


def _period_of(values: np.ndarray) -> int | None:
    """Return after how many rows values come again, each once in a cycle; None for others."""
    if len(values) < _FEWEST * _SHORTEST or not np.isfinite(values[-_SHORTEST:]).all():
        return None
    again = np.flatnonzero(values[-2 : -_LONGEST - 2 : -1] == values[-1])
    period = int(again[0]) + 1 if len(again) else 0
    if period < _SHORTEST or len(values) < _FEWEST * period:
        return None
    last = values[-_FEWEST * period :]
    repeats = (last[period:] == last[:-period]).all() and len(np.unique(last[:period])) == period
    return period if repeats else None
