"""Read a series from a CSV file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill.data._index_checks import check_time_index
from skdistill.data._plausibility._time_columns import warn_of_times_as_columns
from skdistill.datasets._channels import say_other
from skdistill.datasets._csv_text import advise_separator, read_with_time_as_text
from skdistill.datasets._duplicates import doubled_hint, repeats
from skdistill.datasets._gaps import find_gaps, skipped_hint
from skdistill.datasets._moments import read_moments
from skdistill.datasets._steps import find_grid
from skdistill.datasets._times import Times

__all__ = ["load_csv"]


def load_csv(
    path: str | Path,
    *,
    time: str | int | None = None,
    unit: str | None = None,
    dayfirst: bool | None = None,
    date_format: str | None = None,
    **read_options: Any,
) -> pd.DataFrame:
    r"""Read a series from a CSV file; rows are time steps, columns are channels.

    Parameters
    ----------
    path : str or Path
        The file.
    time : str, int or None, default=None
        Name or position of the column of timestamps; None numbers the rows. If their offsets from UTC change, as with
        daylight saving, the index is in UTC.
    unit : str or None, default=None
        Unit of numeric timestamps, counted since 1970: ``"s"``, ``"ms"`` or ``"D"``, as in :func:`pandas.to_datetime`.
        None means that timestamps are not numbers.
    dayfirst : bool or None, default=None
        Whether dates such as 03/04/2024 start with the day. None infers it from the dates, with a warning if only the
        step of the rows decides, and an error if it is ambiguous.
    date_format : str or None, default=None
        Format of the timestamps, with the directives of :meth:`~datetime.datetime.strptime`: ``"%d/%m/%Y %H:%M"``, or
        ``"%Y%m%d"`` for numbers such as 19900131.
    **read_options : object
        Passed to :func:`pandas.read_csv`, for example ``sep=";"`` or ``usecols=``.

    Returns
    -------
    frame : DataFrame of shape (n_timestamps, n_channels)
        Numeric columns, with the timestamps as index.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the time column is missing or unreadable, or has numbers without ``unit``, timestamps are irregular or
        ambiguous, or a column is not numeric.

    Warns
    -----
    UserWarning
        If only the step of the timestamps decides whether the day or the month comes first.

    See Also
    --------
    regularize : For files with duplicates, missing rows, or local times.
    read_panel : Many series.

    Examples
    --------
    >>> import io
    >>> load_csv(io.StringIO("day,load\n2024-01-01,3.5\n2024-01-02,4.0"), time="day")
                load
    day
    2024-01-01   3.5
    2024-01-02   4.0
    """
    name = "the file" if hasattr(path, "read") else str(path)
    dates, index = read_options.get("parse_dates", False), read_options.get("index_col")
    has_index = index is not None and index is not False
    wants_dates = dates is True or (has_index and isinstance(dates, list) and len(dates) == 1)
    if time is not None or wants_dates:
        read_options = {**read_options, "parse_dates": False}  # pandas would silently swap days and months
    if isinstance(time, int):
        path, time = _name_at(path, time, read_options)
    frame = read_with_time_as_text(path, time, name, read_options)
    if not len(frame):
        raise ValueError(f"{name} has no rows.")
    how: dict[str, Any] = {"dayfirst": dayfirst, "date_format": date_format, "unit": unit, "numbers": False}
    if time is not None:
        if time not in frame.columns and (hint := advise_separator(path, read_options)):
            raise ValueError(f"{name} has no column {time!r} as it is read. {hint}")
        column = check_choice(time, list(frame.columns), "time of load_csv")
        moments, codes = read_moments(frame[column], f"the time column {column!r} of {name}", **how)
        frame = frame.drop(columns=column).set_index(moments[codes].rename(column))
    elif wants_dates and has_index:
        moments, codes = read_moments(frame.index.to_series(), f"the index of {name}", **how)
        frame.index = moments[codes].rename(frame.index.name)
    elif not (dayfirst is None and date_format is None and unit is None):
        raise ValueError(f"dayfirst, date_format and unit apply to times: pass the time column of {name}, time=.")
    others = [one for one in frame.columns if not pd.api.types.is_numeric_dtype(frame[one])]
    warn_of_times_as_columns(frame.iloc[:2].drop(columns=others), name)
    if others:
        hint = f" If {others[0]!r} has the timestamps, set time={others[0]!r}." if time is None else ""
        told = "; ".join(say_other(frame[one], one) for one in others)
        raise ValueError(
            f"{name} must have numeric columns only; not numeric: {told}. Leave columns out with usecols=.{hint}"
        )
    _check_clock(frame.index, name)
    try:
        check_time_index(frame.index, name=name)
    except ValueError as error:
        many = _MANY if frame.index.has_duplicates else ""
        raise ValueError(f"{error} {_WAY_OUT}{many}") from None
    return frame


_WAY_OUT = "skdistill.datasets.regularize sorts rows, merges duplicates and inserts missing rows."
_MANY = " If a column names series, skdistill.datasets.read_panel(path, id=..., time=...) reads each of them."


def _check_clock(index: pd.Index, name: str) -> None:
    """Raise if times are doubled or missing at a clock change, because dropping or filling rows there is wrong."""
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None or index.hasnans:
        return
    ordered = index.sort_values()
    codes, moments = pd.factorize(ordered)
    times = Times(pd.Index(moments), codes, np.zeros(len(codes), dtype=np.int64), pd.Index([name]))
    again = np.flatnonzero(repeats(times))
    if len(again):
        hint, what = doubled_hint(times, again), f"has duplicate times, first {ordered[again[0]]}"
    else:
        try:
            grid = find_grid(times)
        except ValueError:
            return
        hint, what = skipped_hint(times, grid, find_gaps(times, grid)), "has an irregular step"
    if hint is not None:
        raise ValueError(f"The index of {name} {what}. {hint}")


def _name_at(path: Any, time: int, read_options: dict[str, Any]) -> tuple[Any, Any]:
    """Return the file to read on, and the name of the column at a position, from the header."""
    start = 0
    if hasattr(path, "read"):
        if not path.seekable():
            content = path.read()
            path = io.StringIO(content) if isinstance(content, str) else io.BytesIO(content)
        start = path.tell()
    columns = pd.read_csv(path, **{**read_options, "nrows": 1, "skipfooter": 0}).columns
    if hasattr(path, "read"):
        path.seek(start)
    if not -len(columns) <= time < len(columns):
        raise ValueError(f"time must be a position below {len(columns)} or a column name; got {time!r}.")
    return path, columns.tolist()[time]
