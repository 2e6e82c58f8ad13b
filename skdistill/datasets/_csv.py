"""A user's own file as a series."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill.data._calendar import check_time_index

__all__ = ["load_csv"]


def load_csv(
    path: str | Path, *, time: str | int | None = None, unit: str | None = None, **read_options: Any
) -> pd.DataFrame:
    r"""Read a series from a CSV file: rows are time, columns are channels.

    Parameters
    ----------
    path : str or Path
        The file.
    time : str, int or None, default=None
        Name or position of the column of timestamps; None numbers the rows. Where their offsets from UTC
        change, as with daylight saving, the index is in UTC.
    unit : str or None, default=None
        What numbers in the column of timestamps count since 1970: ``"s"``, ``"ms"`` or ``"D"``, as
        :func:`pandas.to_datetime` takes it. None means that they are no numbers.
    **read_options : object
        Passed to :func:`pandas.read_csv`, ``sep=";"`` or ``usecols=`` for example.

    Returns
    -------
    frame : DataFrame of shape (n_timestamps, n_channels)
        Numeric columns, with the timestamps as index.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the time column is missing or unreadable, or holds numbers and there is no ``unit``, timestamps are
        irregular, or a column is not numeric.

    Examples
    --------
    >>> import io
    >>> load_csv(io.StringIO("day,load\n2024-01-01,3.5\n2024-01-02,4.0"), time="day")
                load
    day
    2024-01-01   3.5
    2024-01-02   4.0
    """
    frame = pd.read_csv(path, **read_options)
    if time is not None:
        column = _find_time(frame, time)
        if unit is None:
            _refuse_numbers(frame[column], path)
        try:
            moments = _read_moments(frame[column], unit)
        except (ValueError, TypeError) as error:
            raise ValueError(f"the time column {column!r} of {path} cannot be read as timestamps: {error}") from error
        frame = frame.drop(columns=column).set_index(pd.DatetimeIndex(moments, name=column))
    others = [str(name) for name in frame.columns if not pd.api.types.is_numeric_dtype(frame[name])]
    if others:
        hint = f" If {others[0]!r} holds the timestamps, give time={others[0]!r}." if time is None else ""
        raise ValueError(f"{path} must have numeric columns only; not numeric: {', '.join(map(repr, others))}.{hint}")
    check_time_index(frame.index, name=str(path))
    return frame


def _refuse_numbers(column: pd.Series, path: str | Path) -> None:
    """Raise if times are numbers: pandas would count them in nanoseconds since 1970."""
    if pd.api.types.is_numeric_dtype(column) and len(column):
        raise ValueError(
            f"the time column {column.name!r} of {path} must hold timestamps; got numbers, first {column.iloc[0]}. "
            f"Give unit='s' for seconds since 1970 ('ms', 'D'), or dtype={{{column.name!r}: str}} for years (1990) and "
            "dates without dashes (19900131)."
        )


def _read_moments(column: pd.Series, unit: Any) -> pd.Series:
    """Read timestamps; in UTC where their offsets from it change, as with daylight saving."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a guessed format, mixed offsets before pandas 3; what is bad raises
        try:
            moments = pd.to_datetime(column, unit=unit)
        except ValueError as error:
            if "utc=True" not in str(error):
                raise
        else:
            if moments.dtype != object:
                return moments
        return pd.to_datetime(column, utc=True)


def _find_time(frame: pd.DataFrame, time: str | int) -> Any:
    if isinstance(time, int):
        if not -len(frame.columns) <= time < len(frame.columns):
            raise ValueError(f"time must be a position below {len(frame.columns)} or a column name; got {time!r}.")
        return frame.columns[time]
    return check_choice(time, list(frame.columns), "time of load_csv")
