"""Number of rows in a season, by the step of a series."""

from __future__ import annotations

import pandas as pd

from skdistill.data._steps import Step, find_step

__all__ = ["season_of_series", "seasons_of_step"]

_SEASONS = {
    "s": (60, 3600),
    "min": (60, 1440),
    "h": (24, 168),
    "D": (7, 365),
    "B": (5, 260),
    "W": (52,),
    "M": (12,),
    "Q": (4,),
    "SM": (24,),
}  # rows in a season for each step, most common first
_LIKE = {"ME": "M", "MS": "M", "BME": "M", "BMS": "M", "CBME": "M", "CBMS": "M", "WOM": "M", "LWOM": "M"}
_LIKE |= {"QE": "Q", "QS": "Q", "BQE": "Q", "BQS": "Q", "SME": "SM", "SMS": "SM", "C": "B"}
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
        Numbers of rows in a season, most common first; empty if the step suggests none.

    Examples
    --------
    >>> import pandas as pd
    >>> seasons_of_step(pd.offsets.Hour()), seasons_of_step(pd.offsets.Minute(15)), seasons_of_step(None)
    ((24, 168), (96, 672), ())
    """
    if offset is None:
        return ()
    name, n = _unit_of(offset)
    if name == "min" and n >= 5:
        found: tuple[int, ...] = (1440, 10080)
    else:
        found = _SEASONS.get(name, ())
    return tuple(season // n for season in found if season % n == 0 and season // n > 1)


def _unit_of(offset: pd.offsets.BaseOffset) -> tuple[str, int]:
    """Return the unit of a step and the number of units; the name is empty for an unknown unit."""
    kinds = dict(getattr(offset, "kwds", {}))
    if type(offset) is pd.DateOffset:
        named = [(unit, kinds[name]) for name, unit in _UNITS.items() if name in kinds]
        return (named[0][0], int(named[0][1] * offset.n)) if len(named) == len(kinds) == 1 else ("", 1)
    try:
        name = offset.rule_code.split("-")[0]
    except NotImplementedError:  # custom offsets of the user
        return "", 1
    return _LIKE.get(name, name), int(offset.n)


def season_of_series(index: pd.Index | None, step: Step | None) -> int | None:
    """Return the usual season of a series, by its step.

    Parameters
    ----------
    index : pandas.Index or None
        Labels of the series.
    step : Step or None
        Step of the labels, if known.

    Returns
    -------
    season : int or None
        Number of rows in a season; 1 if the step has none, None if there is no calendar.

    Examples
    --------
    >>> import pandas as pd
    >>> season_of_series(pd.date_range("2024-01-01", periods=50, freq="h"), None)
    24
    """
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return None
    step = find_step(index) if step is None else step
    if step is None:
        return None
    return next(iter(seasons_of_step(step.offset)), 1)
