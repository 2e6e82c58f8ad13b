"""Times of many series, and helpers to describe them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "DAY",
    "NANOSECONDS",
    "Times",
    "count_of",
    "local_times",
    "nanoseconds_of",
    "say_id",
    "say_span",
    "stamps_of",
]

DAY = 86_400_000_000_000  # nanoseconds
NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_SPANS = ((DAY, "day"), (DAY // 24, "hour"), (DAY // 1440, "minute"), (NANOSECONDS["s"], "second"))


@dataclass(frozen=True)
class Times:
    """Times of many series, sorted by series and time.

    Parameters
    ----------
    moments : Index of shape (n_moments,)
        Distinct times in order: DatetimeIndex, PeriodIndex, TimedeltaIndex or whole numbers.
    codes : ndarray of int of shape (n_rows,)
        Which of them each row has.
    series : ndarray of int of shape (n_rows,)
        Number of each row's series, without unused numbers.
    labels : Index of shape (n_series,)
        Ids of the series, for messages.
    """

    moments: pd.Index
    codes: np.ndarray
    series: np.ndarray
    labels: pd.Index

    @cached_property
    def starts(self) -> np.ndarray:
        """First row of each series."""
        return np.flatnonzero(np.diff(self.series, prepend=-1))

    def steps(self, numbers: np.ndarray) -> np.ndarray:
        """Differences of successive rows within series."""
        return np.diff(numbers)[self.follows]

    @cached_property
    def follows(self) -> np.ndarray:
        """Which rows (except the first) follow a row of the same series, as a mask or a slice."""
        return self.series[1:] == self.series[:-1]

    def first_of_series(self, values: np.ndarray) -> np.ndarray:
        """Return the value of the first row of each series."""
        return values[self.starts]

    def say(self, row: int) -> str:
        """Return the name of a row for messages."""
        whose = f" of {self.say_series(self.series[row])}" if len(self.labels) > 1 else ""
        return f"{self.moments[self.codes[row]]}{whose}"

    def say_series(self, series: int) -> str:
        """Return the name of a series for messages."""
        return f"series {say_id(self.labels[series])}" if len(self.labels) > 1 else "the series"


def say_id(label: Any) -> str:
    """Return an id as text, for example 3 instead of np.int64(3)."""
    return repr(label.item() if isinstance(label, np.generic) else label)


def say_span(nanoseconds: int) -> str:
    """Describe a time span in words.

    Parameters
    ----------
    nanoseconds : int
        Length of the span.

    Returns
    -------
    words : str
        The span in the largest unit that divides it.

    Examples
    --------
    >>> say_span(90 * 60 * 1_000_000_000)
    '90 minutes'
    """
    for size, unit in _SPANS:
        if nanoseconds >= size and nanoseconds % size == 0:
            return count_of(nanoseconds // size, unit)
    return str(pd.Timedelta(nanoseconds, unit="ns"))


def count_of(n: int, word: str) -> str:
    return f"{n} {word}{'s' * (n != 1)}" if not word.startswith("day of") else f"{n} {word}"


def stamps_of(moments: pd.Index) -> np.ndarray:
    if isinstance(moments, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex):
        return moments.asi8
    return moments.to_numpy(dtype=np.int64)


def local_times(moments: pd.Index) -> pd.DatetimeIndex:
    assert isinstance(moments, pd.DatetimeIndex)
    return moments if moments.tz is None else moments.tz_localize(None)


def nanoseconds_of(span: Any) -> int:
    """Length of a step: a frequency such as ``"15min"``, ``"D"`` or ``"W"``, an offset of fixed length, a timedelta."""
    offset: Any = pd.tseries.frequencies.to_offset(span)
    days = 7 if isinstance(offset, pd.offsets.Week) else 1 if isinstance(offset, pd.offsets.Day) else None
    return offset.n * days * DAY if days else int(pd.Timedelta(offset).as_unit("ns").value)
