"""Numbers of rows in a season, by the step of a series."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skdistill.data._steps import Step, find_step

__all__ = ["season_of_series", "seasons_of_series", "seasons_of_step"]

_SEASONS = {
    "s": (3600, 60),
    "min": (1440, 60),
    "h": (24, 168),
    "D": (7, 365),
    "B": (5, 260),
    "W": (52,),
    "M": (12,),
    "Q": (4,),
    "SM": (24,),
}  # rows in the seasons of each step, the usual one first
_FROM_5_MINUTES = (1440, 10080)
_WEEKS = 52  # in a year
_LIKE = {"ME": "M", "MS": "M", "BME": "M", "BMS": "M", "CBME": "M", "CBMS": "M", "WOM": "M", "LWOM": "M"}
_LIKE |= {"QE": "Q", "QS": "Q", "BQE": "Q", "BQS": "Q", "SME": "SM", "SMS": "SM", "C": "B"}
_LARGER: dict[str, tuple[tuple[str, int], ...]] = {
    "s": (("W", 604_800), ("D", 86_400), ("h", 3600), ("min", 60)),
    "min": (("W", 10_080), ("D", 1440), ("h", 60)),
    "h": (("W", 168), ("D", 24)),
    "D": (("W", 7),),
}
_UNITS = {"seconds": "s", "minutes": "min", "hours": "h", "days": "D", "weeks": "W", "months": "M"}


def seasons_of_step(offset: pd.offsets.BaseOffset | None) -> tuple[int, ...]:
    """List the plausible seasons of a step.

    Parameters
    ----------
    offset : pandas offset or None
        The step of a series.

    Returns
    -------
    seasons : tuple of int
        Numbers of rows in a season, the usual one first; empty if the step suggests none.

    Examples
    --------
    >>> import pandas as pd
    >>> seasons_of_step(pd.offsets.Hour()), seasons_of_step(pd.offsets.Minute(15)), seasons_of_step(None)
    ((24, 168), (96, 672), ())
    """
    if offset is None:
        return ()
    name, n = _unit_of(offset)
    found: tuple[int, ...] = _SEASONS.get(name, ())
    if name == "min" and n >= 5:
        found = _FROM_5_MINUTES
    elif isinstance(offset, pd.offsets.CustomBusinessDay):
        days_of_week = int(sum(offset.calendar.weekmask))
        found = (days_of_week, _WEEKS * days_of_week)
    return tuple(season // n for season in found if season % n == 0 and season // n > 1)


def _unit_of(offset: pd.offsets.BaseOffset) -> tuple[str, int]:
    """Return the largest unit of a step and the number of units; the name is empty for an unknown unit."""
    if type(offset) is pd.DateOffset:
        kinds: dict[str, Any] = {name: n for name, n in offset.kwds.items() if name != "day"}
        named = [(unit, kinds[name]) for name, unit in _UNITS.items() if name in kinds]
        name, n = (named[0][0], int(named[0][1] * offset.n)) if len(named) == len(kinds) == 1 else ("", 1)
    else:
        try:
            name, n = offset.rule_code.split("-")[0], int(offset.n)
        except NotImplementedError:  # custom offsets of the user
            return "", 1
    for larger, size in _LARGER.get(name, ()):  # 3600 s are an hour, 7 days a week
        if n % size == 0:
            return larger, n // size
    return _LIKE.get(name, name), n


def seasons_of_series(index: pd.Index | None, step: Step | None) -> tuple[int, ...] | None:
    """List the plausible seasons of a series, by its step.

    Parameters
    ----------
    index : pandas.Index or None
        Labels of the series.
    step : Step or None
        Step of the labels, if known; None infers it.

    Returns
    -------
    seasons : tuple of int or None
        Numbers of rows in a season, the usual one first; empty if the step suggests none, None if there is no calendar.

    Examples
    --------
    >>> import pandas as pd
    >>> seasons_of_series(pd.date_range("2024-01-01", periods=50, freq="h"), None)
    (24, 168)
    """
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return None
    step = find_step(index) if step is None else step
    return None if step is None else seasons_of_step(step.offset)


def season_of_series(index: pd.Index | None, step: Step | None) -> int | None:
    """Return the shortest season of a series, by its step; contexts are rarely long enough for the others.

    Parameters
    ----------
    index : pandas.Index or None
        Labels of the series.
    step : Step or None
        Step of the labels, if known; None infers it.

    Returns
    -------
    season : int or None
        Number of rows in a season; 1 if the step has none, None if there is no calendar.

    Examples
    --------
    >>> import pandas as pd
    >>> season_of_series(pd.date_range("2024-01-01", periods=50, freq="min"), None)
    60
    """
    seasons = seasons_of_series(index, step)
    return None if seasons is None else min(seasons, default=1)
