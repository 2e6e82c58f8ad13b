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
    "ME": (12,),
    "MS": (12,),
    "Q": (4,),
    "QE": (4,),
    "QS": (4,),
}  # rows in a season for these steps, most common first


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
    name = (getattr(offset, "rule_code", "") or "").split("-")[0]
    n = int(getattr(offset, "n", 1) or 1)
    if name == "min" and n >= 5:
        found: tuple[int, ...] = (1440, 10080)
    else:
        found = _SEASONS.get(name, ())
    return tuple(season // n for season in found if season % n == 0 and season // n > 1)


def season_of_series(index: pd.Index | None, step: Step | None, context_length: int) -> int | None:
    """Choose the season for units and for filling gaps.

    Parameters
    ----------
    index : pandas.Index or None
        Labels of a series.
    step : Step or None
        Step of the labels, if known.
    context_length : int
        Rows of a context.

    Returns
    -------
    season : int or None
        The most common season of the step, if a context is longer than it, otherwise 1; None without a calendar.

    Examples
    --------
    >>> import pandas as pd
    >>> season_of_series(pd.date_range("2024-01-01", periods=50, freq="h"), None, context_length=48)
    24
    """
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return None
    step = find_step(index) if step is None else step
    seasons = seasons_of_step(None if step is None else step.offset)
    fitting = [season for season in seasons if season < context_length]
    return fitting[0] if fitting else 1
