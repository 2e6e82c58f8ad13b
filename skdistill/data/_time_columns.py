"""Tables with a series in each row: their columns are named by times."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Hashable

import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["warn_of_times_as_columns"]

_FEWEST = 4
_TIMES = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
_FIRST_YEAR, _LAST_YEAR = 1800, 2200
_DATE = re.compile(
    r"[Xx]?\d{4}[-/.]?([QqMmWw]\d{1,2}|[-/.]\d{1,2}([-/.]\d{1,2}([ T]\d{1,2}:\d{2}\S*)?)?)"
    r"|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
)
_YEAR = re.compile(r"[Xx]?(\d{4})( \[\w+\])?")  # X1990, as R writes it, and 1990 [YR1990]


def warn_of_times_as_columns(table: pd.DataFrame, name: str) -> None:
    """Warn of a table whose columns are named by times, and whose rows are not, so that each may be a series.

    Parameters
    ----------
    table : DataFrame
        A table whose rows are read as time steps.
    name : str
        What to call it.

    Warns
    -----
    UserWarning
        If all columns are named by dates, or by years in a row.

    Examples
    --------
    >>> warn_of_times_as_columns(pd.DataFrame({"2024-01": [1.0], "sales": [2.0]}), "X")
    """
    columns = table.columns
    if len(columns) < _FEWEST or isinstance(table.index, _TIMES):
        return
    if _are_times(columns):
        warnings.warn(
            f"the columns of {name} are named by times, {columns[0]!s} to {columns[-1]!s}, but its rows are read as "
            "the time steps, and its columns as channels. If each row is a series, transpose the table, .T, or make a "
            "panel: read_panel(table.melt('id', var_name='time'), id='id', time='time').",
            stacklevel=stacklevel_of_user(),
        )


def _are_times(columns: pd.Index) -> bool:
    if isinstance(columns, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    if all(map(_is_date, columns)):  # ends at the first that is none
        return True
    years = [] if _year_of(columns[0]) is None else [_year_of(one) for one in columns]
    first = years[0] if years else None
    return first is not None and years == list(range(first, first + len(years)))


def _is_date(name: Hashable) -> bool:
    return isinstance(name, datetime.date) or (isinstance(name, str) and _DATE.fullmatch(name.strip()) is not None)


def _year_of(name: Hashable) -> int | None:
    found = _YEAR.fullmatch(str(name).strip())
    year = int(found[1]) if found else 0
    return year if _FIRST_YEAR <= year <= _LAST_YEAR else None
