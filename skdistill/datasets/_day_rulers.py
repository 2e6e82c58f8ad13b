"""Rulers of days: certain days of the week, or one or two days per month."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._wall_clock import set_wall_clock, skipped_days
from skdistill.datasets._rulers import Ruler
from skdistill.datasets._times import DAY, NANOSECONDS, Times, count_of, local_times

__all__ = [
    "BusinessMonthRuler",
    "DayOfMonthRuler",
    "EveryDayRuler",
    "HalfMonthRuler",
    "WeekRuler",
    "WeekdayOfMonthRuler",
]

_FEW_DAYS = 5  # with fewer rows, it is unknown whether a day of the week never occurs
_SPARSE = 2  # average steps between rows at which gaps carry no information on the days of the week
_ALL_WEEK = "1111111"
_WORKING_WEEK = "1111100"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class DayRuler(Ruler):
    """Days chosen by a rule, each at the time of day of its series."""

    def number(self, times: Times) -> np.ndarray | None:
        moments = times.moments
        if not isinstance(moments, pd.DatetimeIndex):
            return None
        self.like_ = moments
        stamps = local_times(moments).asi8
        days, clock = np.divmod(stamps, self._ticks_a_day)
        rows = clock[times.codes]
        self.clock_ = np.minimum.reduceat(rows, times.starts)  # skipped hours move times forward
        if moments.tz is None and (rows != self.clock_[times.series]).any():
            return None
        numbers = self.number_days(days[times.codes], times)
        if numbers is None:
            return None
        if moments.tz is not None:
            again = local_times(self.moments(times.series, numbers))
            if not np.array_equal(again.asi8, stamps[times.codes]):
                return None
        return numbers

    def moments(self, series: np.ndarray, numbers: np.ndarray) -> pd.Index:
        stamps = self.days(series, numbers) * self._ticks_a_day + self.clock_[series]
        walls = pd.DatetimeIndex(stamps.view(f"datetime64[{self.like_.unit}]"))
        return set_wall_clock(walls, self.like_.tz)

    @property
    def _ticks_a_day(self) -> int:
        return DAY // NANOSECONDS[self.like_.unit]

    @abstractmethod
    def number_days(self, days: np.ndarray, times: Times) -> np.ndarray | None:
        """Return numbers of the rows' days (counted since 1970); None if the rule does not match them."""

    @abstractmethod
    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Return the days of numbers."""


class EveryDayRuler(DayRuler):
    """All days; clock changes can skip the hour of the rows."""

    def number_days(self, days: np.ndarray, times: Times) -> np.ndarray | None:
        whole = np.arange(days.min(), days.max() + 1)
        walls = pd.DatetimeIndex(whole.astype("datetime64[D]"))
        self.skipped_ = whole[skipped_days(walls, times.moments.tz)]  # type: ignore[attr-defined]
        return days - np.searchsorted(self.skipped_, days)

    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        return numbers + np.searchsorted(self.skipped_ - np.arange(len(self.skipped_)), numbers, side="right")

    def say(self, stride: int) -> str:
        return count_of(stride, "day")

    def offset(self, stride: int) -> Any:
        return pd.offsets.Week(stride // 7) if stride % 7 == 0 else pd.offsets.Day(stride)


class WeekRuler(DayRuler):
    """The days of the week on which any series has rows."""

    def number(self, times: Times) -> np.ndarray | None:
        seen = local_times(times.moments).day_of_week.unique()
        self.mask_ = "".join("1" if day in seen else "0" for day in range(7))
        return None if self.mask_ == _ALL_WEEK or len(seen) == 1 else super().number(times)

    def number_days(self, days: np.ndarray, times: Times) -> np.ndarray | None:
        longest = (np.maximum.reduceat(days, times.starts) - np.minimum.reduceat(days, times.starts)).max()
        if longest < (7 if self.mask_ == _WORKING_WEEK else 21):  # too few weeks to decide
            return None
        numbers = np.busday_count(np.datetime64(0, "D"), days.astype("datetime64[D]"), weekmask=self.mask_)
        steps = times.steps(numbers)
        few = len(np.unique(days)) < (_FEW_DAYS if self.mask_ == _WORKING_WEEK else 3 * _FEW_DAYS)
        return None if few or steps.min() > 1 or steps.mean() > _SPARSE else numbers

    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        first = np.datetime64(0, "D")
        return np.busday_offset(first, numbers, roll="forward", weekmask=self.mask_).astype(np.int64)

    def say(self, stride: int) -> str:
        names = [name for name, on in zip(_WEEKDAYS, self.mask_, strict=True) if on == "1"]
        days = "business day" if self.mask_ == _WORKING_WEEK else f"day of {' '.join(names)}"
        return count_of(stride, days)

    def offset(self, stride: int) -> Any:
        if self.mask_ == _WORKING_WEEK:
            return pd.offsets.BusinessDay(stride)
        names = " ".join(name for name, on in zip(_WEEKDAYS, self.mask_, strict=True) if on == "1")
        return pd.offsets.CustomBusinessDay(stride, weekmask=names)


class MonthRuler(DayRuler):
    """One day per month, by a rule with an optional parameter per series."""

    def number_days(self, days: np.ndarray, times: Times) -> np.ndarray | None:
        dates = days.astype("datetime64[D]")
        months = dates.astype("datetime64[M]").astype(np.int64)
        self.learn(days, months, times)
        return months if np.array_equal(self.days(times.series, months), days) else None

    def learn(self, days: np.ndarray, months: np.ndarray, times: Times) -> None:
        """Infer the parameters of the rule."""

    def say(self, stride: int) -> str:
        return count_of(stride, "month")


class DayOfMonthRuler(MonthRuler):
    """The same day of each month (the last day if a month is too short), or always the last day."""

    def learn(self, days: np.ndarray, months: np.ndarray, times: Times) -> None:
        first, last = month_limits(months)
        at_end = np.logical_and.reduceat(days == last, times.starts)
        self.day_ = np.where(at_end, 31, np.maximum.reduceat(days - first + 1, times.starts))

    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        first, last = month_limits(numbers)
        return np.minimum(first + self.day_[series] - 1, last)

    def offset(self, stride: int) -> Any:
        days = np.unique(self.day_)
        if len(days) > 1 or 29 <= days[0] <= 30:
            return None
        if stride % 3 == 0 and days[0] in (1, 31):
            month = local_times(self.like_)[0].month
            if stride % 12 == 0:
                year = pd.offsets.YearEnd if days[0] == 31 else pd.offsets.YearBegin
                return year(stride // 12, month=month)
            quarter = pd.offsets.QuarterEnd if days[0] == 31 else pd.offsets.QuarterBegin
            return quarter(stride // 3, startingMonth=(month - 1) % 3 + 1)
        if days[0] == 1:
            return pd.offsets.MonthBegin(stride)
        return pd.offsets.MonthEnd(stride) if days[0] == 31 else pd.DateOffset(months=stride)


class BusinessMonthRuler(MonthRuler):
    """The first or last business day of each month."""

    def __init__(self, *, last: bool) -> None:
        self.last = last

    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        first, last = month_limits(numbers)
        near, roll = (last, "backward") if self.last else (first, "forward")
        return np.busday_offset(near.astype("datetime64[D]"), 0, roll=roll).astype(np.int64)  # type: ignore[call-overload]

    def offset(self, stride: int) -> Any:
        return (pd.offsets.BusinessMonthEnd if self.last else pd.offsets.BusinessMonthBegin)(stride)


class WeekdayOfMonthRuler(MonthRuler):
    """The n-th or last of a day of the week in each month."""

    def learn(self, days: np.ndarray, months: np.ndarray, times: Times) -> None:
        first, last = month_limits(months)
        self.weekday_ = times.first_of_series((days + 3) % 7)
        week = (days - first) // 7
        in_last = np.logical_and.reduceat(last - days < 7, times.starts)
        self.week_ = np.where(in_last, -1, times.first_of_series(week))

    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        first, last = month_limits(numbers)
        weekday, week = self.weekday_[series], self.week_[series]
        from_start = first + (weekday - first - 3) % 7 + 7 * week
        return np.where(week < 0, last - (last + 3 - weekday) % 7, from_start)

    def offset(self, stride: int) -> Any:
        if len(np.unique(self.weekday_)) > 1 or len(np.unique(self.week_)) > 1:
            return None
        weekday: Any = int(self.weekday_[0])
        week = int(self.week_[0])
        if week < 0:
            return pd.offsets.LastWeekOfMonth(stride, weekday=weekday)
        return pd.offsets.WeekOfMonth(stride, week=week, weekday=weekday)


class HalfMonthRuler(DayRuler):
    """Two days per month, the same for all series; the second can be the last day."""

    def number_days(self, days: np.ndarray, times: Times) -> np.ndarray | None:
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        first, last = month_limits(months)
        in_month = np.where(days == last, 31, days - first + 1)
        seen = np.unique(in_month)
        if len(seen) != 2:
            return None
        self.pair_ = (int(seen[0]), int(seen[1]))
        return 2 * months + (in_month == seen[1])

    def days(self, series: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        months, second = np.divmod(numbers, 2)
        first, last = month_limits(months)
        return np.minimum(first + np.where(second == 1, self.pair_[1], self.pair_[0]) - 1, last)

    def say(self, stride: int) -> str:
        return count_of(stride, "half month")

    def offset(self, stride: int) -> Any:
        if self.pair_[0] == 1 and self.pair_[1] < 28:
            return pd.offsets.SemiMonthBegin(stride, day_of_month=self.pair_[1])
        return pd.offsets.SemiMonthEnd(stride, day_of_month=self.pair_[0]) if self.pair_[1] == 31 else None


def month_limits(months: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and last day of months, counted since 1970."""
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    last = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
    return first, last
