"""Numbers of rows in a season, by the step of a series."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skdistill.data._offsets import span_of
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
_FIXED = {"W": "7D", "D": "1D", "h": "1h", "min": "1min", "s": "1s"}  # units of fixed length, the largest first


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
    span = span_of(offset)
    if span is not None:  # 3600 s are an hour, 7 days a week
        sizes = ((name, pd.Timedelta(length)) for name, length in _FIXED.items())
        return next(((name, int(span // size)) for name, size in sizes if not span % size), ("", 1))
    if type(offset) is pd.DateOffset:
        kinds: dict[str, Any] = {name: n for name, n in offset.kwds.items() if name != "day"}
        return ("M", int(kinds["months"] * offset.n)) if set(kinds) == {"months"} else ("", 1)
    try:
        name = offset.rule_code.split("-")[0]
    except NotImplementedError:  # custom offsets of the user
        return "", 1
    return _LIKE.get(name, name), int(offset.n)


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
