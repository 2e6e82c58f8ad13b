"""The regular step of many series, inferred or given."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._checks import is_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._calendar import parse_frequency
from skdistill.datasets._day_rulers import (
    BusinessMonthRuler,
    DayOfMonthRuler,
    EveryDayRuler,
    HalfMonthRuler,
    WeekdayOfMonthRuler,
    WeekRuler,
)
from skdistill.datasets._rulers import FixedRuler, OffsetRuler, Ruler
from skdistill.datasets._times import DAY, NANOSECONDS, Times, local_times, nanoseconds_of

__all__ = ["Grid", "StepOfFit", "find_grid", "is_regular"]

_LEAST_SHARE = 1 / 3  # of the steps that must have the common size where another one is more frequent
_LARGEST_SHARE = 0.25  # of the steps that rows left out at random make alike and larger than the one
_UNLIKELY = 0.01  # the chance at which gaps no longer explain a series of larger steps
_ALIKE = 1.25  # steps of one size are within this ratio: months and half months are


@dataclass(frozen=True)
class Grid:
    """A step, and the positions of the rows on it.

    Parameters
    ----------
    ruler : Ruler
        Numbers moments.
    numbers : ndarray of int of shape (n_rows,)
        Number of each row's time.
    stride : int
        Difference of the numbers of successive rows; 0 if no series has two rows.
    """

    ruler: Ruler
    numbers: np.ndarray
    stride: int

    @property
    def name(self) -> str:
        """The step in words."""
        return self.ruler.say(self.stride)

    @property
    def offset(self) -> Any:
        """The step as a pandas frequency, or None."""
        return self.ruler.offset(self.stride) if self.stride else None


@dataclass(frozen=True)
class StepOfFit:
    """The step of a fit, at which other rows are read; that they have it, nobody said.

    Parameters
    ----------
    freq : offset or int
        The step.
    is_needed : bool
        Whether a series with a larger step is an error, instead of a warning.
    """

    freq: Any
    is_needed: bool


def find_grid(times: Times, freq: Any = None) -> Grid:
    """Infer the common step of all series; gaps are allowed.

    Parameters
    ----------
    times : Times
        Distinct times of each series, in order.
    freq : str, offset, timedelta, int, StepOfFit or None, default=None
        The step, if known.

    Returns
    -------
    grid : Grid
        The step, and the positions of the rows on it.

    Raises
    ------
    ValueError
        If the series have no common regular step; the message names a series and a row.

    Warns
    -----
    UserWarning
        If all rows of a series are several steps of a fit apart.
    """
    if isinstance(freq, StepOfFit):
        grid = _given_grid(times, freq.freq)
        _tell_larger(times, grid, freq)
        return grid
    if freq is not None:
        return _given_grid(times, freq)
    plain = FixedRuler()
    numbers = plain.number(times)
    steps = times.steps(numbers)
    if not len(steps):
        return Grid(plain, numbers, 0)
    for ruler in _rulers(times, plain, steps):
        found = numbers if ruler is plain else ruler.number(times)
        stride = None if found is None else _find_stride(times.steps(found))
        if found is not None and stride is not None:
            grid = Grid(ruler, found, stride)
            _check_alike(times, grid)
            return grid
    raise ValueError(_explain(times, plain, numbers))


def is_regular(moments: pd.Index) -> bool:
    """Return whether all sorted times are one step apart.

    Parameters
    ----------
    moments : Index
        Distinct times of one series, in order.

    Returns
    -------
    regular : bool
        Whether there is no gap.

    Examples
    --------
    >>> is_regular(pd.DatetimeIndex(["2024-01-30", "2024-02-29", "2024-03-30"]))
    True
    >>> is_regular(pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-04"]))
    False
    """
    one = np.zeros(len(moments), dtype=np.int64)
    times = Times(moments, np.arange(len(moments)), one, pd.Index([0]))
    try:
        grid = find_grid(times)
    except ValueError:
        return False
    return bool((times.steps(grid.numbers) == grid.stride).all())


def _rulers(times: Times, plain: FixedRuler, steps: np.ndarray) -> Sequence[Ruler]:
    """Return the possible rulers, most likely first."""
    if not isinstance(times.moments, pd.DatetimeIndex):
        return [plain]
    smallest = int(steps.min()) * NANOSECONDS[times.moments.unit] / DAY
    fixed: list[Ruler] = [plain] if times.moments.tz is None else [EveryDayRuler(), plain]
    if smallest > 27.9:
        months = [BusinessMonthRuler(last=True), BusinessMonthRuler(last=False), WeekdayOfMonthRuler()]
        return [DayOfMonthRuler(), *fixed, *months]
    if smallest > 12.9:
        return [*fixed, HalfMonthRuler()]
    if smallest > 0.9:
        even = steps.min() == steps.max()
        return fixed if even else [WeekRuler(), *fixed]
    return [plain] if times.moments.tz is None else [plain, FixedRuler(local=True)]


def _find_stride(steps: np.ndarray) -> int | None:
    """Return the greatest common divisor of the steps, if it occurs often enough."""
    low, high = int(steps.min()), int(steps.max())
    if low <= 0:
        return None
    if low == high:
        return low
    counts = pd.Series(steps).value_counts()
    common = int(np.gcd.reduce(counts.index.to_numpy()))
    n_common, n_mode = counts.get(common, 0), counts.iloc[0]
    if n_common == n_mode or n_common >= _LEAST_SHARE * len(steps):
        return common
    at_random = n_mode < len(steps) / 2 and n_common > n_mode / 4  # no size prevails where most rows are left out
    return common if at_random else None


def _given_grid(times: Times, freq: Any) -> Grid:
    moments = times.moments
    if not isinstance(moments, pd.DatetimeIndex):
        ruler: Ruler = FixedRuler()
        stride = _whole_step(moments, freq)
    else:
        step = pd.tseries.frequencies.to_offset(freq) if isinstance(freq, pd.Timedelta) else freq
        step = parse_frequency(step) if isinstance(step, str) else step
        ruler, stride = _ruler_of(step, moments)
    numbers = ruler.number(times)
    if numbers is None:
        raise ValueError(
            f"times do not lie on the step {freq!r}: each series must have one day of the month and one time of the "
            "day."
        )
    steps = np.diff(numbers)
    off = times.follows & (steps % stride != 0)
    if off.any():
        row = int(np.argmax(off)) + 1
        raise ValueError(
            f"{times.say(row)} does not lie on the step {freq!r} that begins at {moments[times.codes[row - 1]]}. Use "
            f"another freq=, or none to infer it."
        )
    return Grid(ruler, numbers, stride)


def _whole_step(moments: pd.Index, freq: Any) -> int:
    if isinstance(moments, pd.TimedeltaIndex):
        return nanoseconds_of(freq) // NANOSECONDS[moments.unit]
    if isinstance(moments, pd.PeriodIndex) and not isinstance(freq, int):
        step = freq if isinstance(freq, pd.offsets.BaseOffset) else pd.Period("2024", freq=freq).freq
        if step.base != moments.freq.base:  # type: ignore[union-attr]
            raise ValueError(f"freq must be in periods of {moments.freqstr}; got {freq!r}.")
        return int(step.n)
    if not is_integer(freq) or freq < 1:
        raise ValueError(f"freq must be a positive whole number, as the times are whole numbers; got {freq!r}.")
    return int(freq)


def _ruler_of(step: Any, moments: pd.DatetimeIndex) -> tuple[Ruler, int]:
    if isinstance(step, pd.offsets.Tick | pd.offsets.Day) or (
        isinstance(step, pd.offsets.Week) and getattr(step, "weekday", None) is None
    ):
        days = isinstance(step, pd.offsets.Day | pd.offsets.Week)
        span = nanoseconds_of(step)
        if span < 1:
            raise ValueError(f"freq must go forward; got {step.freqstr!r}.")
        stride, rest = divmod(span, NANOSECONDS[moments.unit])
        if rest or stride < 1:
            raise ValueError(f"the step {step.freqstr!r} is finer than the times, which are in {moments.unit}.")
        if days and moments.tz is not None:
            return EveryDayRuler(), span // DAY
        return FixedRuler(), stride
    kwds = getattr(step, "kwds", {})
    if type(step) is pd.DateOffset and kwds and set(kwds) <= {"months", "years"}:
        return DayOfMonthRuler(), step.n * (kwds.get("months", 0) + 12 * kwds.get("years", 0))
    if not isinstance(step, pd.offsets.BaseOffset):
        raise ValueError(f"freq must be a frequency of pandas such as 'h', '15min', 'D', 'B', 'ME'; got {step!r}.")
    return OffsetRuler(step), 1


# -- what is wrong -------------------------------------------------------------------------------


def _check_alike(times: Times, grid: Grid) -> None:
    """Raise if a series has regular steps that are larger than those of the others."""
    steps = times.steps(grid.numbers)
    if steps.min() == steps.max():
        return
    other, low, which = _find_larger(times, steps, grid.stride)
    if len(other):
        raise ValueError(_say_mixed(times, int(which[np.argmin(low)]), int(which[other[0]]), len(other)))


def _tell_larger(times: Times, grid: Grid, step: StepOfFit) -> None:
    """Tell of series whose rows are all several steps of a fit apart, so that those between are missing."""
    steps = times.steps(grid.numbers)
    if not len(steps) or steps.max() == grid.stride:
        return
    other, low, which = _find_larger(times, steps, grid.stride)
    if not len(other):
        return
    more = f" ({len(other) - 1} more like it)" if len(other) > 1 else ""
    told = (
        f"the rows of {times.say_series(int(which[other[0]]))} are {low[other[0]] // grid.stride} steps of fit "
        f"({grid.name}) apart{more}: a student knows rows, not hours or days"
    )
    way_out = "if rows were left out, write them, with 0 or as missing."
    if step.is_needed:
        raise ValueError(f"{told}. Fit series of one step together; {way_out}")
    warnings.warn(
        f"{told}, and those between count as missing. Resample them, or fit on rows of their step; {way_out}",
        stacklevel=stacklevel_of_user(),
    )


def _find_larger(times: Times, steps: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the places of series with larger steps, alike and too many to be gaps, and for all: step and number."""
    which, low, high, counts = _steps_of_series(times, steps)
    larger = min((steps != stride).mean(), _LARGEST_SHARE)  # the chance that gaps make one step so
    enough = max(3, np.log(_UNLIKELY / len(times.labels)) / np.log(larger))
    return np.flatnonzero((counts >= enough) & (low >= 2 * stride) & (high <= _ALIKE * low)), low, which


def _steps_of_series(times: Times, steps: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the series of two rows or more, their smallest and largest step, and how many they have."""
    counts = np.bincount(times.series[1:][times.follows], minlength=len(times.labels))
    which = np.flatnonzero(counts)
    counts = counts[which]
    begins = np.cumsum(counts) - counts
    return which, np.minimum.reduceat(steps, begins), np.maximum.reduceat(steps, begins), counts


def _say_mixed(times: Times, usual: int, other: int, n_others: int) -> str:
    more = f" ({n_others - 1} more like it)" if n_others > 1 else ""
    return (
        f"the series have different steps: {times.say_series(usual)} has a step of {_name_step(times, usual)}, "
        f"{times.say_series(other)} of {_name_step(times, other)}{more}. Read the series of each step separately; if "
        f"all of "
        "them have the same step and rows are missing, give it: freq="
    )


def _name_step(times: Times, series: int) -> str:
    """Return the name of the step of a single series."""
    codes = times.codes[times.series == series]
    alone = Times(times.moments[codes], np.arange(len(codes)), np.zeros(len(codes), dtype=np.int64), pd.Index([0]))
    try:
        return find_grid(alone).name
    except ValueError:
        ruler = FixedRuler()
        return f"about {ruler.say(int(np.median(alone.steps(ruler.number(alone)))))}"


def _explain(times: Times, plain: FixedRuler, numbers: np.ndarray) -> str:
    """Return the error for an irregular step."""
    steps = times.steps(numbers)
    which, low, high, counts = _steps_of_series(times, steps)
    even = (high <= _ALIKE * low) & (counts >= 3)
    if even.sum() > 1 and low[even].max() >= 2 * low[even].min():
        fine, coarse = np.flatnonzero(even)[[np.argmin(low[even]), np.argmax(low[even])]]
        return _say_mixed(times, int(which[fine]), int(which[coarse]), 1)
    if isinstance(times.moments, pd.DatetimeIndex) and steps.min() * NANOSECONDS[times.moments.unit] > 27.9 * DAY:
        return _explain_months(times)
    median = int(np.median(steps))
    usual = pd.Series(steps).mode()[0]
    spread = np.quantile(np.abs(steps - median), 0.9, method="higher")
    if 0 < spread <= 0.25 * median and (steps == usual).mean() < 0.9 and isinstance(times.moments, pd.DatetimeIndex):
        return (
            f"times jitter: steps lie around {plain.say(median)}, most of them within {plain.say(int(spread))} of it. "
            "regularize(..., tolerance=...) rounds times to the step."
        )
    off = times.follows & (np.diff(numbers) % usual != 0)
    row = int(np.argmax(off)) + 1
    before, after = times.moments[times.codes[row - 1]], times.moments[times.codes[row]]
    return (
        f"there is no regular step: most rows are {plain.say(int(usual))} apart, but in "
        f"{times.say_series(times.series[row])} {before} is followed by {after} ({off.sum()} such rows). Give the "
        "step, freq=, round times to it with regularize(..., tolerance=...), or leave rows as they are with "
        "missing_rows='keep'."
    )


def _explain_months(times: Times) -> str:
    days = pd.Series(local_times(times.moments).day[times.codes])
    usual = days.groupby(times.series).agg(lambda one: one.mode()[0]).to_numpy()
    row = int(np.argmax(days.to_numpy() != usual[times.series]))
    return (
        f"there is no regular step of months: in {times.say_series(times.series[row])} most rows lie on day "
        f"{usual[times.series[row]]} of the month, but one on {times.moments[times.codes[row]]}. Move it, give the "
        "step, freq=, or leave rows as they are with missing_rows='keep'."
    )
