"""The step of a series: the rule by which its row labels continue, for all types of labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._offsets import constant_step, exact_offset, find_offset, is_exact, keeps_offset, same_offset
from skdistill.data._wall_clock import DAY, nanoseconds_of, read_wall_clock, set_wall_clock, skipped_days

__all__ = [
    "ClockStep",
    "DurationStep",
    "NumberStep",
    "PeriodStep",
    "Step",
    "as_time_index",
    "continue_index",
    "find_step",
    "noted_step",
]

_N_LOOKED_BACK = 10  # labels used to interpret a shifted last label
_LARGEST_WHOLE = 1 << 61  # integers whose sums do not overflow
_LARGEST_DEVIATION = 0.25  # maximum deviation of floats from a line, in steps, e.g. for years with two decimals


class Step(ABC):
    """Rule by which the labels of a series continue; immutable, compared by value."""

    @property
    def offset(self) -> pd.offsets.BaseOffset | None:
        """The step as a pandas offset, which determines the calendar of the labels; None without one."""
        return None

    @abstractmethod
    def follow(self, index: pd.Index, n: int) -> pd.Index:
        """Return the labels that follow an index.

        Parameters
        ----------
        index : Index
            One or more labels of the type of this step.
        n : int
            Number of labels.

        Returns
        -------
        ahead : Index of shape (n,)
            Labels of the type of ``index``, with its name.
        """

    def note_on(self, index: pd.Index) -> pd.Index:
        """Return labels with the step as their ``freq``, if pandas can represent it.

        Parameters
        ----------
        index : Index
            Labels that match the step.

        Returns
        -------
        index : Index
            The same labels.
        """
        return index

    @abstractmethod
    def keeps(self, index: pd.Index) -> bool:
        """Return whether labels match this step.

        Parameters
        ----------
        index : Index
            Any labels, in order.

        Returns
        -------
        kept : bool
            False for labels of another type. A single label matches a step that can lead to it.
        """


@dataclass(frozen=True)
class NumberStep(Step):
    """A step between numbers.

    Parameters
    ----------
    size : int or float
        The size of the step.
    """

    size: int | float

    def follow(self, index: pd.Index, n: int) -> pd.Index:
        """Return the next numbers; see :meth:`Step.follow`."""
        if isinstance(index, pd.RangeIndex) and index.step == self.size:
            start = index.start + len(index) * index.step
            return pd.RangeIndex(start, start + n * index.step, index.step, name=index.name)
        last, ahead = index[-1], np.arange(1, n + 1, dtype=np.int64)
        if _is_whole(self.size) and (pd.api.types.is_integer_dtype(index.dtype) or _is_whole(last)):
            values = int(last) + int(self.size) * ahead
        else:
            values = np.round(float(last) + self.size * ahead, _digits(float(last), self.size, n))
        labels = pd.Index(values, name=index.name)
        return labels.astype(index.dtype) if _holds(index.dtype, values, self.size) else labels

    def keeps(self, index: pd.Index) -> bool:
        """Return whether numbers match this step; see :meth:`Step.keeps`."""
        if isinstance(index, pd.RangeIndex):
            return index.step == self.size or len(index) < 2
        if not _is_number(index) or not len(index):
            return False
        if len(index) == 1:
            return True
        if pd.api.types.is_integer_dtype(index.dtype):
            return constant_step(index.to_numpy(dtype=np.int64)) == self.size
        size = _float_step(index.to_numpy(dtype=np.float64))
        return size is not None and bool(np.isclose(size, self.size, rtol=0.1))

    def __str__(self) -> str:
        """Describe the step."""
        return f"{self.size:g}"


@dataclass(frozen=True)
class DurationStep(Step):
    """A step between durations.

    Parameters
    ----------
    size : Timedelta
        The size of the step.
    """

    size: pd.Timedelta

    def follow(self, index: pd.Index, n: int) -> pd.Index:
        """Return the next durations; see :meth:`Step.follow`."""
        ahead = pd.timedelta_range(index[-1], periods=n + 1, freq=exact_offset(self.size.as_unit("ns").value))[1:]
        return ahead.rename(index.name)

    def keeps(self, index: pd.Index) -> bool:
        """Return whether durations match this step; see :meth:`Step.keeps`."""
        if not isinstance(index, pd.TimedeltaIndex) or not len(index):
            return False
        step = constant_step(index.asi8)
        return len(index) == 1 or (step is not None and step * nanoseconds_of(index) == self.size.as_unit("ns").value)

    def __str__(self) -> str:
        """Describe the step."""
        return str(self.size)


@dataclass(frozen=True)
class PeriodStep(Step):
    """A step between periods.

    Parameters
    ----------
    unit : BaseOffset
        The frequency of the periods.
    size : int
        Number of units per step.
    """

    unit: pd.offsets.BaseOffset
    size: int

    @property
    def offset(self) -> pd.offsets.BaseOffset:
        """The frequency of the periods."""
        return self.unit

    def follow(self, index: pd.Index, n: int) -> pd.Index:
        """Return the next periods; see :meth:`Step.follow`."""
        assert isinstance(index, pd.PeriodIndex)
        ordinals = index.asi8[-1] + self.size * np.arange(1, n + 1, dtype=np.int64)
        return pd.PeriodIndex.from_ordinals(ordinals, freq=index.freq, name=index.name)  # type: ignore[attr-defined]

    def keeps(self, index: pd.Index) -> bool:
        """Return whether periods match this step; see :meth:`Step.keeps`."""
        if not isinstance(index, pd.PeriodIndex) or not len(index):
            return False
        if not same_offset(index.freq, self.unit):  # type: ignore[arg-type]
            return False
        return len(index) == 1 or constant_step(index.asi8) == self.size

    def __str__(self) -> str:
        """Describe the step."""
        return str(self.unit.freqstr if self.size == self.unit.n else f"{self.size} {self.unit.base.freqstr}")


@dataclass(frozen=True)
class ClockStep(Step):
    """A step between timestamps: hours and below in elapsed time, everything else on the wall clock.

    Parameters
    ----------
    by : BaseOffset
        The size of the step.
    time : Timedelta or None, default=None
        Common time of day of all labels, if any; a label shifted by a clock change does not show it.
    """

    by: pd.offsets.BaseOffset
    time: pd.Timedelta | None = None

    def __eq__(self, other: object) -> bool:
        """Return whether another step is the same; 24 hours are no day."""
        return isinstance(other, ClockStep) and same_offset(self.by, other.by) and self.time == other.time

    @property
    def offset(self) -> pd.offsets.BaseOffset:
        """The size of the step."""
        return self.by

    def follow(self, index: pd.Index, n: int) -> pd.Index:
        """Return the next timestamps; see :meth:`Step.follow`."""
        assert isinstance(index, pd.DatetimeIndex)
        if is_exact(self.by):
            return pd.date_range(index[-1] + self.by, periods=n, freq=self.by, unit=index.unit, name=index.name)
        start = read_wall_clock(index[-_N_LOOKED_BACK:], self.time)[-1]
        wall = pd.date_range(start, periods=n + 3, freq=self.by).as_unit(index.unit)
        first = int(wall.searchsorted(start, side="right"))
        if index.tz is None:
            return wall[first : first + n].rename(index.name)
        ahead = set_wall_clock(_without_skipped_days(wall[first:], index.tz, self.by), index.tz)
        distinct = np.append(ahead.asi8[1:] > ahead.asi8[:-1], True)  # two labels can coincide at a gap of hours
        ahead = ahead[distinct & np.asarray(ahead > index[-1])]
        return self.note_on(ahead[:n]).rename(index.name)

    def note_on(self, index: pd.Index) -> pd.Index:
        """Set the step as ``freq`` if pandas would give the same labels; see :meth:`Step.note_on`."""
        if not isinstance(index, pd.DatetimeIndex) or index.freq is not None or not self.keeps(index):
            return index
        if index.tz is not None and not is_exact(self.by):
            wall = index.tz_localize(None)
            shifted = not wall.equals(read_wall_clock(index, self.time)) or not keeps_offset(wall, self.by)
            if shifted or (wall.tz_localize(index.tz, ambiguous=np.ones(len(wall), dtype=bool)) != index).any():
                return index
        return pd.DatetimeIndex(index, freq=self.by)

    def keeps(self, index: pd.Index) -> bool:
        """Return whether timestamps match this step; see :meth:`Step.keeps`."""
        if not isinstance(index, pd.DatetimeIndex) or not len(index):
            return False
        if index.freq is not None and same_offset(index.freq, self.by):
            return True
        if is_exact(self.by):
            return len(index) == 1 or _passes(index, self.by)
        wall = read_wall_clock(index, self.time)
        if _is_day(self.by):
            wall = _with_skipped_days(wall, index.tz)
        if not keeps_offset(wall, self.by):
            return False
        wall = _without_skipped_days(wall, index.tz, self.by)
        return index.tz is None or _same_wall_clock(set_wall_clock(wall, index.tz), index)

    def __str__(self) -> str:
        """Describe the step."""
        return str(self.by.freqstr) if type(self.by) is not pd.DateOffset else repr(self.by)


def find_step(index: pd.Index, known: Iterable[Step] = ()) -> Step | None:
    """Infer the step of labels in order.

    Parameters
    ----------
    index : Index
        Distinct labels in order.
    known : iterable of Step, default=()
        Steps that the labels may have; the one that they keep goes before what they show themselves.

    Returns
    -------
    step : Step or None
        None if the labels have no step, are irregular, or too few to determine it.

    Examples
    --------
    >>> find_step(pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-31"]))
    ClockStep(by=<MonthEnd>, time=Timedelta('0 days 00:00:00'))
    """
    if isinstance(index, pd.RangeIndex):
        return NumberStep(index.step)
    if not _says_step(index):
        kept = [step for step in known if step.keeps(index)]
        if len(kept) == 1:
            return kept[0]
        if len(kept) > 1 and len(index) < 3:  # which one, such labels do not tell
            return None
    if isinstance(index, pd.MultiIndex) or not len(index) or index.hasnans:
        return None
    if isinstance(index, pd.DatetimeIndex):
        is_sure = _says_step(index) or (index.freq is not None and keeps_offset(read_wall_clock(index), index.freq))
        offset = index.freq if is_sure else _find_clock_offset(index)
        return None if offset is None else ClockStep(offset, _time_of_day(index))
    if isinstance(index, pd.PeriodIndex):
        size = index.freq.n if len(index) == 1 else constant_step(index.asi8)  # type: ignore[union-attr]
        return PeriodStep(index.freq, size) if size else None  # type: ignore[arg-type]
    if isinstance(index, pd.TimedeltaIndex):
        size = constant_step(index.asi8)
        if not size and index.freq is not None:  # one label
            return DurationStep((index + index.freq)[0] - index[0])  # type: ignore[operator]
        return DurationStep(pd.Timedelta(size * nanoseconds_of(index), unit="ns")) if size else None
    if not _is_number(index) or len(index) < 2:
        return None
    if pd.api.types.is_integer_dtype(index.dtype):
        step = constant_step(index.to_numpy(dtype=np.int64))
        return NumberStep(step) if step else None
    real = _float_step(index.to_numpy(dtype=np.float64))
    return NumberStep(real) if real else None


def _says_step(index: pd.Index) -> bool:
    """Return whether labels have a ``freq`` that is theirs: pandas infers last Fridays, unchecked, as fourth ones."""
    freq = getattr(index, "freq", None)
    return freq is not None and not isinstance(freq, pd.offsets.WeekOfMonth)


def noted_step(labels: pd.Index) -> Step | None:
    """Return the step that labels have as their ``freq``, if they do not show it themselves.

    Parameters
    ----------
    labels : Index
        The labels, such as the last level of a panel.

    Returns
    -------
    step : Step or None
        None if the labels have no ``freq``, or show the same step.

    Examples
    --------
    >>> days = pd.offsets.CustomBusinessDay(holidays=["2024-01-03"])
    >>> str(noted_step(pd.date_range("2024-01-01", periods=9, freq=days)))
    'C'
    >>> noted_step(pd.date_range("2024-01-01", periods=9, freq="D")) is None
    True
    """
    if not isinstance(labels, pd.DatetimeIndex) or labels.freq is None:
        return None
    step = find_step(labels)
    shown = find_step(pd.DatetimeIndex(labels.array, freq=None))  # type: ignore[arg-type]
    return None if step == shown or _weeks(step) == _weeks(shown) > 0 else step


def _weeks(step: Step | None) -> int:
    """Return how many weeks a step is, whatever weekday it names, which is that of its labels; 0 for others."""
    return step.by.n if isinstance(step, ClockStep) and isinstance(step.by, pd.offsets.Week) else 0


def continue_index(index: pd.Index, n: int, *, step: Step | None = None) -> pd.Index:
    """Return the `n` labels that follow `index`.

    Parameters
    ----------
    index : Index
        Timestamps, periods, durations or numbers with a regular step.
    n : int
        The number of labels, at least 0.
    step : Step or None, default=None
        The step, if known; None infers it.

    Returns
    -------
    Index
        The labels, with the type and name of `index`; ``RangeIndex(n)`` if `index` has another type or no regular step.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._steps import continue_index
    >>> continue_index(pd.RangeIndex(0, 10, 2), 3)
    RangeIndex(start=10, stop=16, step=2)
    >>> continue_index(pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-31"]), 2).strftime("%Y-%m-%d").tolist()
    ['2024-04-30', '2024-05-31']
    >>> continue_index(pd.Index(["a", "b"]), 2)
    RangeIndex(start=0, stop=2, step=1)
    """
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}.")
    labels = as_time_index(index)
    step = find_step(labels) if step is None else step
    if step is None or (len(labels) == 0 and not isinstance(labels, pd.RangeIndex)):
        return pd.RangeIndex(n, name=index.name)
    ahead = step.follow(labels, n)
    return ahead if labels is index else ahead.astype(index.dtype)


def as_time_index(index: pd.Index) -> pd.Index:
    """Convert timestamps and durations of Arrow types to pandas types; return other indexes unchanged.

    Parameters
    ----------
    index : Index
        The labels.

    Returns
    -------
    index : Index
        The same labels.
    """
    if not isinstance(index.dtype, pd.ArrowDtype):
        return index
    name = str(index.dtype.pyarrow_dtype)
    if name.startswith(("timestamp", "date")):
        return pd.DatetimeIndex(index).rename(index.name)
    return pd.TimedeltaIndex(index).rename(index.name) if name.startswith("duration") else index


def _find_clock_offset(index: pd.DatetimeIndex) -> pd.offsets.BaseOffset | None:
    if index.tz is None:
        return find_offset(index)
    wall = _with_skipped_days(read_wall_clock(index), index.tz)
    passing, on_wall = constant_step(index.asi8), constant_step(wall.asi8)
    unit = nanoseconds_of(index)
    if passing and not (on_wall and on_wall * unit % DAY == 0):
        return exact_offset(passing * unit)
    offset = find_offset(wall)
    if offset is not None and is_exact(offset):
        offset = _on_the_wall(offset)
    return offset if offset is not None and ClockStep(offset).keeps(index) else None


def _on_the_wall(offset: pd.offsets.BaseOffset) -> pd.offsets.BaseOffset:
    """Convert elapsed hours to wall-clock hours."""
    parts = pd.Timedelta(offset).components._asdict()  # type: ignore[arg-type]
    return pd.DateOffset(**{unit: number for unit, number in parts.items() if number})


def _is_day(offset: pd.offsets.BaseOffset) -> bool:
    return isinstance(offset, pd.offsets.Day) and offset.n == 1


def _without_skipped_days(wall: pd.DatetimeIndex, zone: Any, by: pd.offsets.BaseOffset) -> pd.DatetimeIndex:
    """Return wall-clock times without days that the zone skipped whole, which have no row in daily series."""
    return wall if zone is None or not _is_day(by) else wall[~skipped_days(wall, zone)]


def _with_skipped_days(wall: pd.DatetimeIndex, zone: Any) -> pd.DatetimeIndex:
    """Return wall-clock times with those of days that the zone skipped whole between them."""
    if zone is None:
        return wall
    steps = np.diff(wall.asi8)
    wide = np.flatnonzero(steps == 2 * DAY // nanoseconds_of(wall))
    if not len(wide) or len(wide) == len(steps):
        return wall
    between = wall[wide] + pd.Timedelta(days=1)
    return pd.DatetimeIndex(wall.append(between[skipped_days(between, zone)]).sort_values())


def _time_of_day(index: pd.DatetimeIndex) -> pd.Timedelta | None:
    wall = read_wall_clock(index)
    times = wall.asi8 % (DAY // nanoseconds_of(wall))
    if times[0] != times[-1] or not (times == times[0]).all():
        return None
    return pd.Timedelta(int(times[0]) * nanoseconds_of(wall), unit="ns")


def _passes(index: pd.DatetimeIndex, offset: pd.offsets.BaseOffset) -> bool:
    step = constant_step(index.asi8)
    return step is not None and step * nanoseconds_of(index) == pd.Timedelta(offset).as_unit("ns").value  # type: ignore[arg-type]


def _same_wall_clock(expected: pd.DatetimeIndex, index: pd.DatetimeIndex) -> bool:
    """Return whether labels are as expected; for doubled hours, either one is accepted."""
    same = (expected == index) | (expected.tz_localize(None) == index.tz_localize(None))
    return bool(np.asarray(same).all())


def _is_number(index: pd.Index) -> bool:
    if isinstance(index, pd.MultiIndex):
        return False
    return pd.api.types.is_integer_dtype(index.dtype) or pd.api.types.is_float_dtype(index.dtype)


def _float_step(values: np.ndarray) -> float | None:
    """Return the step of numbers near a line, or None."""
    step = float(values[-1] - values[0]) / (len(values) - 1)
    deviation = np.abs(values - (values[0] + step * np.arange(len(values)))).max()
    return step if step and np.isfinite(step) and deviation <= _LARGEST_DEVIATION * abs(step) else None


def _is_whole(number: Any) -> bool:
    """Return whether a number is an integer, of a size whose sums are exact."""
    return abs(number) < _LARGEST_WHOLE and float(number).is_integer()


def _digits(last: float, step: float, n: int) -> int:
    """Return the decimals of labels on a line: twelve digits, and three of the step at least."""
    largest = max(abs(last), abs(step * (n + 1)))
    return max(12 - int(np.ceil(np.log10(largest))), 3 - int(np.floor(np.log10(abs(step)))))


def _holds(dtype: Any, labels: np.ndarray, step: float) -> bool:
    """Return whether labels in another type stay near their line: int8 has no 128, float32 no 2**24 + 1."""
    kept = labels.astype(getattr(dtype, "numpy_dtype", dtype)).astype(labels.dtype)
    return bool((np.abs(kept - labels) <= _LARGEST_DEVIATION * abs(step)).all())
