"""Tables whose axes are not what they are read as: times as columns or ids, and the newest row first."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["warn_of_newest_first", "warn_of_numbered_rows", "warn_of_times_as_columns", "warn_of_times_as_ids"]

_FEWEST = 4
_FEWEST_ROWS = 8
_PARTS_OF_YEAR = (4, 12, 52, 53, 365, 366)
_MOST_NAMED = 5
_MOST_ALIKE = 0.6  # of the steps of hours, weekdays, ..., quarters of months; kWh by day and by night have others
_PART_OF_DATE = re.compile(
    r"(day|week)[ _]?of[ _]?(the[ _]?)?(week|month|year)|year|yr|month|mnth|day|week|weekday|dow|hour|hr|quarter",
    re.IGNORECASE,
)
_PARTS_OF_DAY = (24, 48, 96, 144, 288, 1440)
_TIMES = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_OF_ROWS = pd.Timedelta(days=360)
_FIRST_YEAR, _LAST_YEAR = 1800, 2200
_DATE = re.compile(
    r"[Xx]?(?P<year>\d{4})[-/.]?([QqMmWw]\d{1,2}|[-/.](0?[1-9]|1[0-2])([-/.]\d{1,2}([ T]\d{1,2}:\d{2}\S*)?)?)"
    r"|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}"
)
_YEAR = re.compile(r"[Xx]?(\d{4})( \[\w+\])?")  # X1990, as R writes it, and 1990 [YR1990]


def warn_of_times_as_columns(table: pd.DataFrame, name: str) -> None:
    """Warn of a table whose columns are named by times, so that each row may be a series, or a year of one.

    Parameters
    ----------
    table : DataFrame
        A table whose rows are read as time steps.
    name : str
        What to call it.

    Warns
    -----
    UserWarning
        If all columns are named by dates, or by years in a row, and rows are not; or if columns are named by the months
        from January to December, one after another.

    Examples
    --------
    >>> warn_of_times_as_columns(pd.DataFrame({"2024-01": [1.0], "sales": [2.0]}), "X")
    """
    columns = table.columns
    if len(columns) >= len(_MONTHS) and _has_years_as_rows(table):
        warnings.warn(
            f"the columns of {name} are named by the months of a year, but its rows are read as the time steps, and "
            "its columns as channels. If rows are years, make one series of the rows one after another: "
            "table[months].stack(), with times such as pd.period_range('1990-01', periods=12 * n_years, freq='M').",
            stacklevel=stacklevel_of_user(),
        )
    if len(columns) < _FEWEST or isinstance(table.index, _TIMES):
        return
    if _are_times(columns):
        warnings.warn(
            f"the columns of {name} are named by times, {columns[0]!s} to {columns[-1]!s}, but its rows are read as "
            "the time steps, and its columns as channels. If each row is a series, transpose the table, .T, or make a "
            "panel: read_panel(table.melt('id', var_name='time'), id='id', time='time').",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_times_as_ids(ids: Sequence[Hashable], labels: pd.Index | None) -> None:
    """Warn of a panel whose ids are times, and whose times are numbers: both changed places, or are year and month.

    Parameters
    ----------
    ids : sequence of hashable
        Ids of the series.
    labels : Index or None
        Times of the first series.

    Warns
    -----
    UserWarning
        Unless the numbers are those of the hours, or other parts, of a day.

    Examples
    --------
    >>> warn_of_times_as_ids(["north", "south"], pd.RangeIndex(5))
    """
    if labels is None or not len(labels) or labels.dtype.kind not in "iuf":
        return
    if labels[0] != 0 and labels[-1] in _PARTS_OF_YEAR and _are_years(ids):  # parts of years count from 1
        last = ids[0][-1] if isinstance(ids[0], tuple) else ids[0]
        warnings.warn(
            f"the series of X have years for ids, such as {last}, and numbers up to {labels[-1]} for times: each year "
            "is read as a series of its own. If one follows the other, join the levels to one of time, such as "
            "pd.PeriodIndex.from_fields(year=years, month=months, freq='M').",
            stacklevel=stacklevel_of_user(),
        )
        return
    if not all(map(_is_date, ids)):  # ends at the first that is none
        return
    if not (len(labels) in _PARTS_OF_DAY and labels[0] in (0, 1)):
        warnings.warn(
            f"the series of X have times for ids, such as {str(ids[0])!r}, and numbers such as {labels[0]} for times: "
            "each time is read as a series. If the numbers are ids, time must be the last index level: "
            "X.swaplevel(0, -1).",
            stacklevel=stacklevel_of_user(),
        )


def _are_years(ids: Sequence[Hashable]) -> bool:
    """Return whether ids are years one after another, or end in them, as (shop, year) does."""
    numbers = {one[-1] if isinstance(one, tuple) else one for one in ids}
    if not all(isinstance(one, int) and _FIRST_YEAR <= one <= _LAST_YEAR for one in numbers):
        return False
    years: list[int] = [one for one in numbers if isinstance(one, int)]
    return len(years) > 1 and max(years) - min(years) == len(years) - 1


def warn_of_newest_first(table: pd.DataFrame) -> None:
    """Warn of numbered rows beside a column of years or other dates that falls, as in tables that start with today.

    Parameters
    ----------
    table : DataFrame
        A table whose rows are read in this order.

    Warns
    -----
    UserWarning
        For the first such column.

    Examples
    --------
    >>> warn_of_newest_first(pd.DataFrame({"year": range(2000, 2020)}))
    """
    if not isinstance(table.index, pd.RangeIndex) or len(table) < _FEWEST_ROWS:
        return
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        if (
            column.dtype.kind not in "iuf"
            or not _falls(column.to_numpy()[:_FEWEST_ROWS])
            or not _falls(column.to_numpy())
        ):
            continue
        values = column.to_numpy()
        warnings.warn(
            f"column {table.columns[place]!r} of X falls from {values[0]:.15g} to {values[-1]:.15g}, and its rows are "
            "numbered: they are read as the oldest first. If the newest is first, turn them, X[::-1].reset_index("
            "drop=True), or make the column the index and sort it.",
            stacklevel=stacklevel_of_user(),
        )
        return


def warn_of_numbered_rows(columns: pd.Index, targets: Sequence[int], rows: Sequence[np.ndarray]) -> None:
    """Warn of targets that nobody named and that tell which row it is: its number, or its year, month or weekday.

    Parameters
    ----------
    columns : Index
        Names of the columns.
    targets : sequence of int
        The targets.
    rows : sequence of ndarray of shape (n_timestamps, n_columns)
        All series.

    Warns
    -----
    UserWarning
        If other columns are left.

    Examples
    --------
    >>> warn_of_numbered_rows(pd.Index(["load"]), (0,), [np.arange(20.0)[:, None]])
    """
    if len(targets) < 2 or not len(rows[0]):
        return
    numbers = [one for one in targets if _counts(rows[0][:_FEWEST_ROWS, one])]
    numbers = [one for one in numbers if all(len(part) < 2 or _counts(part[:, one]) for part in rows)]
    dates = [one for one in targets if _PART_OF_DATE.fullmatch(str(columns[one])) and _goes_on(rows[0][:, one])]
    found = sorted({*numbers, *dates})
    if found and len(found) < len(targets):
        warnings.warn(
            f"the columns {', '.join(repr(columns[one]) for one in found[:_MOST_NAMED])} of X number the rows or tell "
            "their dates. Since targets is None, they are forecast, too, and count in all metrics: name the columns to "
            "forecast in targets, or leave them out.",
            stacklevel=stacklevel_of_user(),
        )


def _goes_on(values: np.ndarray) -> bool:
    """Return whether numbers are whole, and go from most rows to the next in one step, as hours and months do."""
    if not _are_whole(values):
        return False
    _, counts = np.unique(np.diff(values), return_counts=True)
    return not len(counts) or bool(counts.max() >= _MOST_ALIKE * counts.sum())


def _are_whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all())


def _counts(values: np.ndarray) -> bool:
    """Return whether numbers are whole, and grow by the same number from each to the next."""
    steps = np.diff(values)
    return bool(len(steps) and steps[0] > 0 and (steps == steps[0]).all() and _are_whole(values))


def _falls(values: np.ndarray) -> bool:
    """Return whether numbers are years, months or days in falling order."""
    if (
        not np.isfinite(values).all()
        or not (np.diff(values.astype(float)) < 0).all()
        or (values != np.round(values)).any()
    ):
        return False
    for size, last in ((1, 0), (100, 12), (10_000, 1231)):
        years, part = values // size, values % size
        if (
            years.min() >= _FIRST_YEAR
            and years.max() <= _LAST_YEAR
            and part.max() <= last
            and (last == 0 or part.min() > 0)
        ):
            return True
    return False


def _has_years_as_rows(table: pd.DataFrame) -> bool:
    """Return whether columns are named January to December, or Jan to Dec, one after another, and are no dummies."""
    names = [str(one).strip().lower()[:3] for one in table.columns]
    first = names.index(_MONTHS[0]) if _MONTHS[0] in names else len(names)
    if tuple(names[first : first + len(_MONTHS)]) != _MONTHS:
        return False
    is_dummy = (table.iloc[:2, first : first + len(_MONTHS)].sum(axis=1, numeric_only=True) == 1).all()
    times = table.index[:2].to_timestamp() if isinstance(table.index, pd.PeriodIndex) else table.index[:2]
    is_finer = isinstance(times, pd.DatetimeIndex) and len(times) > 1 and abs(times[1] - times[0]) < _YEAR_OF_ROWS
    return not (is_dummy or is_finer)


def _are_times(columns: pd.Index) -> bool:
    if isinstance(columns, pd.MultiIndex):
        columns = columns.levels[-1]
    if isinstance(columns, pd.DatetimeIndex | pd.PeriodIndex):
        return True
    if all(map(_is_date, columns)):  # ends at the first that is none
        return True
    years = [] if _year_of(columns[0]) is None else [_year_of(one) for one in columns]
    first = years[0] if years else None
    return first is not None and years == list(range(first, first + len(years)))


def _is_date(name: Hashable) -> bool:
    """Return whether a name is a date, or is written as one: 1001-01 is a code, for it has no year of ours."""
    if not isinstance(name, str):
        return isinstance(name, datetime.date | pd.Period)
    found = _DATE.fullmatch(name.strip())
    return found is not None and (found["year"] is None or _FIRST_YEAR <= int(found["year"]) <= _LAST_YEAR)


def _year_of(name: Hashable) -> int | None:
    found = _YEAR.fullmatch(str(name).strip())
    year = int(found[1]) if found else 0
    return year if _FIRST_YEAR <= year <= _LAST_YEAR else None
