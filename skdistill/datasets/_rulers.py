"""Rulers: number times so that times of a regular series are whole steps apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._offsets import exact_offset
from skdistill.data._wall_clock import set_wall_clock
from skdistill.datasets._times import DAY, NANOSECONDS, Times, local_times, say_span, stamps_of

__all__ = ["FixedRuler", "OffsetRuler", "Ruler"]


class Ruler(ABC):
    """Numbers times so that times of a regular series are whole steps apart."""

    @abstractmethod
    def number(self, times: Times) -> np.ndarray | None:
        """Return numbers of the rows' times; None if they do not lie on this ruler."""

    @abstractmethod
    def moments(self, series: np.ndarray, numbers: np.ndarray) -> pd.Index:
        """Return the times of numbers, after :meth:`number`."""

    @abstractmethod
    def say(self, stride: int) -> str:
        """Describe a step in words."""

    def offset(self, stride: int) -> Any:
        """Return a step as a pandas frequency, or None."""
        return None


class FixedRuler(Ruler):
    """Numbers and timestamps unchanged, or local times ignoring clock changes."""

    def __init__(self, *, local: bool = False) -> None:
        self.local = local

    def number(self, times: Times) -> np.ndarray:
        self.like_ = times.moments
        stamps = local_times(times.moments).asi8 if self.local else stamps_of(times.moments)
        return stamps[times.codes]

    def moments(self, series: np.ndarray, numbers: np.ndarray) -> pd.Index:
        like = self.like_
        if isinstance(like, pd.DatetimeIndex):
            walls = pd.DatetimeIndex(numbers.view(f"datetime64[{like.unit}]"))
            if like.tz is None:
                return walls
            return set_wall_clock(walls, like.tz) if self.local else walls.tz_localize("UTC").tz_convert(like.tz)
        if isinstance(like, pd.TimedeltaIndex):
            return pd.TimedeltaIndex(numbers.view(f"timedelta64[{like.unit}]"))
        if isinstance(like, pd.PeriodIndex):
            return pd.PeriodIndex.from_ordinals(numbers, freq=like.freq)  # type: ignore[attr-defined]
        return pd.Index(numbers, dtype=like.dtype)

    def say(self, stride: int) -> str:
        if isinstance(self.like_, pd.DatetimeIndex | pd.TimedeltaIndex):
            return say_span(stride * NANOSECONDS[self.like_.unit])
        if isinstance(self.like_, pd.PeriodIndex):
            return f"{stride} periods of {self.like_.freqstr}" if stride != 1 else f"1 period of {self.like_.freqstr}"
        return str(stride)

    def offset(self, stride: int) -> Any:
        if not isinstance(self.like_, pd.DatetimeIndex):
            return None
        if self.like_.tz is not None and not self.local:  # 24 hours are no calendar day there
            return exact_offset(stride * NANOSECONDS[self.like_.unit])
        span = pd.Timedelta(stride * NANOSECONDS[self.like_.unit], unit="ns")
        days, rest = divmod(int(span.as_unit("ns").value), DAY)
        if rest:
            return pd.tseries.frequencies.to_offset(span)
        return pd.offsets.Day(days) if days % 7 else pd.offsets.Week(days // 7)


class OffsetRuler(Ruler):
    """Any pandas offset; series that start at different points of it have separate calendars."""

    def __init__(self, step: pd.offsets.BaseOffset) -> None:
        self.step = step
        hours = {"hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds"}
        kind = type(step).__name__
        self.by_day = not kind.endswith("BusinessHour") and not hours & set(getattr(step, "kwds", {}))

    def number(self, times: Times) -> np.ndarray:
        self.like_: Any = times.moments
        walls = local_times(times.moments)
        base = walls.normalize() if self.by_day else walls
        self.clock_ = times.first_of_series((walls.asi8 - base.asi8)[times.codes])
        begins = times.first_of_series(times.codes)
        numbers = np.full(len(times.codes), -1, dtype=np.int64)
        self.calendars_: list[pd.DatetimeIndex] = []
        self.calendar_of_ = np.full(len(begins), -1)
        waiting = np.ones(len(begins), dtype=bool)
        while waiting.any():
            first = int(np.flatnonzero(waiting)[np.argmin(begins[waiting])])
            calendar = pd.date_range(base[begins[first]], base.max(), freq=self.step).as_unit(walls.unit)
            found = calendar.get_indexer(base)[times.codes]
            fits = np.logical_and.reduceat(found >= 0, times.starts) & waiting
            if not fits[first] or len(self.calendars_) > 50:
                row = int(np.argmax((found < 0) & (times.series == first)))
                raise ValueError(
                    f"{times.say(row)} does not lie on the step {self.step.freqstr!r}. Use another freq=, or none to "
                    f"infer it."
                )
            self.calendar_of_[fits] = len(self.calendars_)
            self.calendars_.append(calendar)
            rows = fits[times.series]
            numbers[rows] = found[rows]
            waiting &= ~fits
        off = local_times(self.moments(times.series, numbers)).asi8 != walls.asi8[times.codes]
        if walls is times.moments and off.any():
            raise ValueError(
                f"{times.say(int(np.argmax(off)))} is at another time of the day than the first row of its series, so "
                f"that it does not lie on the step {self.step.freqstr!r}."
            )
        return numbers

    def moments(self, series: np.ndarray, numbers: np.ndarray) -> pd.Index:
        stamps = np.empty(len(numbers), dtype=np.int64)
        for k, calendar in enumerate(self.calendars_):
            here = self.calendar_of_[series] == k
            stamps[here] = calendar.asi8[numbers[here]]
        walls = pd.DatetimeIndex((stamps + self.clock_[series]).view(f"datetime64[{self.like_.unit}]"))
        return set_wall_clock(walls, self.like_.tz)

    def say(self, stride: int) -> str:
        return self.step.freqstr

    def offset(self, stride: int) -> Any:
        return self.step
