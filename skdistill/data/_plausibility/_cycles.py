"""Known covariates that count the rows of a cycle, such as days of the week, and go on otherwise in the horizon."""

from __future__ import annotations

import warnings

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._roles import Roles
from skdistill.data._series import SeriesInput
from skdistill.data._steps import NumberStep

__all__ = ["tell_broken_cycles"]

_SHORTEST, _LONGEST = 4, 400  # rows of a cycle
_FEWEST = 3  # cycles before the horizon
_WRITTEN = 1e-3  # of the range of a cycle; less is lost where a file has fewer decimals
_HOURS = 24  # and parts of them: at a change of the clock, some are left out or come twice


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
    rows, step = given.series[0].values, given.series[0].step
    is_numbered = step is None or isinstance(step, NumberStep)
    for column, place in roles.known_counts:
        before, ahead = rows[:, roles.known_channels[place]], future[0, :, place]
        period = _period_of(before)
        if period is None or np.isnan(ahead).all():
            continue
        cycle = before[-period:]
        is_turned = (is_numbered or period % _HOURS == 0) and _is_turned(cycle, ahead)
        if _are_next(cycle, ahead).any() or _ends_late(cycle, ahead) or is_turned:
            continue
        first = int((~np.isnan(ahead)).argmax())
        warnings.warn(
            f"the known covariate {roles.name(column)!r} counts {cycle.min():g} to {cycle.max():g} in {period} rows of "
            f"{given.name_of(0)}, again and again, so that {cycle[first % period]:g} would come in step {first + 1} of "
            f"the horizon; it is {ahead[first]:g}. Is it counted in one way in both, such as the days of the week from "
            "0 or 1?",
            stacklevel=stacklevel_of_user(),
        )
        return


def _are_next(cycle: np.ndarray, ahead: np.ndarray) -> np.ndarray:
    """Return which values come where a cycle goes on, but for decimals; False where one is missing."""
    expected = cycle[np.arange(len(ahead)) % len(cycle)]
    return np.asarray(np.abs(ahead - expected) <= _WRITTEN * np.ptp(cycle))


def _ends_late(cycle: np.ndarray, ahead: np.ndarray) -> bool:
    """Return whether a cycle has one row more than those before, and the next one follows: week 53, and day 366."""
    return bool(not ahead[0] <= cycle.max() and cycle[0] == cycle.min() and _follows(cycle, ahead[1:]))


def _is_turned(cycle: np.ndarray, ahead: np.ndarray) -> bool:
    """Return whether values go on at another place of the cycle, as where rows of holidays are left out."""
    first = int((~np.isnan(ahead)).argmax())
    place = int(np.abs(cycle - ahead[first]).argmin())
    return _follows(np.roll(cycle, first - place), ahead)


def _follows(cycle: np.ndarray, ahead: np.ndarray) -> bool:
    return bool((np.isnan(ahead) | _are_next(cycle, ahead)).all())


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
