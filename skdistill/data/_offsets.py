"""Infer the pandas offset between wall-clock times, also if pandas infers none, and compare offsets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._wall_clock import DAY, nanoseconds_of

__all__ = [
    "constant_step",
    "count_months",
    "exact_offset",
    "find_offset",
    "is_exact",
    "keeps_offset",
    "same_offset",
    "span_of",
]

Offset = pd.offsets.BaseOffset

_EXACT_PARTS = frozenset(
    ("weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds", "nanoseconds")
)
_N_FIRST = 40  # labels that a candidate must match before all are checked


def constant_step(values: np.ndarray) -> int | None:
    """Return the common difference between neighbors, or None.

    Parameters
    ----------
    values : ndarray of int of shape (n,)
        Numbers in order.

    Returns
    -------
    step : int or None
        None if there is none, or fewer than two numbers.
    """
    steps = np.diff(values)
    return int(steps[0]) if len(steps) and steps.min() == steps.max() else None


def count_months(index: pd.DatetimeIndex) -> np.ndarray:
    """Return the number of months since year 0 for each label.

    Parameters
    ----------
    index : DatetimeIndex
        The labels.

    Returns
    -------
    months : ndarray of int of shape (n_labels,)
        Twelve per year.
    """
    return index.year.to_numpy().astype(np.int64) * 12 + index.month.to_numpy()


def is_exact(offset: Offset) -> bool:
    """Return whether an offset is a fixed amount of elapsed time, independent of clock changes.

    Parameters
    ----------
    offset : BaseOffset
        Any offset.

    Returns
    -------
    exact : bool
        True for hours and below; days are counted on the wall clock.
    """
    return isinstance(offset, pd.offsets.Tick) and not isinstance(offset, pd.offsets.Day)


def same_offset(one: Offset, other: Offset) -> bool:
    """Return whether two offsets are the same rule: to pandas 2, 24 hours equal a day, which clock changes make longer.

    Parameters
    ----------
    one, other : BaseOffset
        Any offsets.

    Returns
    -------
    same : bool
        Whether labels go on in the same way in every time zone.

    Examples
    --------
    >>> same_offset(pd.offsets.Hour(24), pd.offsets.Day()), same_offset(pd.offsets.Hour(), pd.offsets.Minute(60))
    (False, True)
    """
    return one == other and is_exact(one) == is_exact(other)


def exact_offset(nanoseconds: int) -> Offset:
    """Return an amount of time as an offset in the largest unit, at most hours, that divides it.

    Parameters
    ----------
    nanoseconds : int
        The amount.

    Returns
    -------
    offset : BaseOffset
        Hours, minutes, seconds, or fractions of one.

    Examples
    --------
    >>> exact_offset(86_400_000_000_000)
    <24 * Hours>
    """
    offsets = pd.offsets
    units = (
        (3_600_000_000_000, offsets.Hour), (60_000_000_000, offsets.Minute), (1_000_000_000, offsets.Second),
        (1_000_000, offsets.Milli), (1_000, offsets.Micro), (1, offsets.Nano),
    )  # fmt: skip
    return next(unit(nanoseconds // size) for size, unit in units if nanoseconds % size == 0)


def span_of(offset: Offset) -> pd.Timedelta | None:
    """Return the fixed wall-clock time that an offset takes, or None if it varies.

    Parameters
    ----------
    offset : BaseOffset
        Any offset.

    Returns
    -------
    span : Timedelta or None
        None for months, business days and the like.

    Examples
    --------
    >>> span_of(pd.DateOffset(days=1, hours=2)), span_of(pd.offsets.MonthEnd())
    (Timedelta('1 days 02:00:00'), None)
    """
    if isinstance(offset, pd.offsets.Day):
        return pd.Timedelta(days=offset.n)
    if isinstance(offset, pd.offsets.Week):
        return pd.Timedelta(weeks=offset.n)
    if isinstance(offset, pd.offsets.Tick):
        return pd.Timedelta(offset)
    if type(offset) is pd.DateOffset and offset.kwds and _EXACT_PARTS.issuperset(offset.kwds):
        return pd.Timedelta(**offset.kwds) * offset.n
    return None


def keeps_offset(wall: pd.DatetimeIndex, offset: Offset) -> bool:
    """Return whether each wall-clock time is one offset after the previous one.

    Parameters
    ----------
    wall : DatetimeIndex
        Times without a zone; at least one.
    offset : BaseOffset
        The offset.

    Returns
    -------
    kept : bool
        Whether all times match; for a single time, whether the offset can lead to it.
    """
    if not _leads_to(wall[0], offset):
        return False
    if len(wall) == 1:
        return True
    span = span_of(offset)
    if span is not None:
        step = constant_step(wall.asi8)
        return step is not None and step * nanoseconds_of(wall) == span.as_unit("ns").value
    if isinstance(offset, pd.offsets.BusinessDay) and not _is_shifted(offset):
        return _keeps_business_days(wall, offset)
    return _generates(wall[:_N_FIRST], offset) and (len(wall) <= _N_FIRST or _generates(wall, offset))


def find_offset(wall: pd.DatetimeIndex) -> Offset | None:
    """Return the offset from each wall-clock time to the next.

    In addition to what pandas infers: the last weekday of a month, twice a month, any day of the month (the last day if
    a month is too short), any days of the week, and business hours.

    Parameters
    ----------
    wall : DatetimeIndex
        Times without a zone, in order and distinct.

    Returns
    -------
    offset : BaseOffset or None
        None if there is none, or fewer than two times.

    Examples
    --------
    >>> find_offset(pd.DatetimeIndex(["2021-01-30", "2021-02-28", "2021-03-30"]))
    <DateOffset: day=30, months=1>
    """
    if len(wall) < 2:
        return None
    return next((offset for offset in _candidates(wall) if keeps_offset(wall, offset)), None)


def _leads_to(label: pd.Timestamp, offset: Offset) -> bool:
    day = offset.kwds.get("day") if type(offset) is pd.DateOffset else None
    if day is not None:
        return label.day == min(day, label.days_in_month)
    return bool(offset.is_on_offset(label))


def _is_shifted(offset: Offset) -> bool:
    return any(getattr(offset, part, None) for part in ("offset", "normalize"))


def _keeps_business_days(wall: pd.DatetimeIndex, offset: Offset) -> bool:
    if constant_step(wall.asi8 % (DAY // nanoseconds_of(wall))) != 0:
        return False
    days = wall.to_numpy().astype("datetime64[D]")
    calendar = getattr(offset, "calendar", None)
    options = {} if calendar is None else {"busdaycal": calendar}
    return bool(
        np.is_busday(days, **options).all() and (np.busday_count(days[:-1], days[1:], **options) == offset.n).all()
    )


def _generates(wall: pd.DatetimeIndex, offset: Offset) -> bool:
    return pd.date_range(wall[0], periods=len(wall), freq=offset).as_unit(wall.unit).equals(wall)


def _candidates(wall: pd.DatetimeIndex) -> Iterator[Offset]:
    if len(wall) > 2 and (inferred := pd.DatetimeIndex(wall, freq="infer").freq) is not None:
        yield inferred
    months = count_months(wall)
    month_step = constant_step(months)
    if month_step:
        yield from _monthly(wall, month_step)
    step = constant_step(wall.asi8)
    if step is not None:
        nanoseconds = step * nanoseconds_of(wall)
        yield pd.offsets.Day(nanoseconds // DAY) if nanoseconds % DAY == 0 else exact_offset(nanoseconds)
        return
    if len(wall) > 2:
        yield from _twice_a_month(wall, months)
        yield from _by_weekdays(wall)


def _monthly(wall: pd.DatetimeIndex, step: int) -> Iterator[Offset]:
    days, lengths = wall.day.to_numpy(), wall.days_in_month.to_numpy()
    if len(wall) == 2 and (days == lengths).all():
        yield pd.offsets.MonthEnd(step)
    highest = int(days.max())
    if (days == np.minimum(highest, lengths)).all():
        yield pd.DateOffset(months=step) if highest <= 28 else pd.DateOffset(months=step, day=highest)
    if len(wall) == 2:
        return
    weekdays = wall.day_of_week.to_numpy()
    if (weekdays == weekdays[0]).all():
        if constant_step((days - 1) // 7) == 0:
            yield pd.offsets.WeekOfMonth(step, week=int(days[0] - 1) // 7, weekday=int(weekdays[0]))
        if (days > lengths - 7).all():
            last: Any = pd.offsets.LastWeekOfMonth
            yield last(step, weekday=int(weekdays[0]))
    yield pd.DateOffset(months=step)


def _twice_a_month(wall: pd.DatetimeIndex, months: np.ndarray) -> Iterator[Offset]:
    if months[-1] - months[0] > len(wall) // 2 + 1 or months[-1] - months[0] < len(wall) // 2 - 1:
        return
    days, lengths = wall.day.to_numpy(), wall.days_in_month.to_numpy()
    for edge, offset in ((days == 1, pd.offsets.SemiMonthBegin), (days == lengths, pd.offsets.SemiMonthEnd)):
        middle = np.unique(days[~edge])
        if len(middle) == 1 and 2 <= middle[0] <= 27:
            yield offset(day_of_month=int(middle[0]))


def _by_weekdays(wall: pd.DatetimeIndex) -> Iterator[Offset]:
    """Yield the weekly pattern of days, with hours if there are several per day; it needs two weeks."""
    weekdays = np.unique(wall.day_of_week)
    n_days = wall.normalize().nunique()
    if (len(weekdays) == 7 and n_days == len(wall)) or n_days < 2 * len(weekdays) + 1:
        return
    weekmask = "".join("01"[day in weekdays] for day in range(7))
    if n_days == len(wall):
        yield pd.offsets.CustomBusinessDay(weekmask=weekmask)
        return
    if constant_step(wall.minute.to_numpy()) != 0:
        return
    first = wall - wall.normalize()
    opening, closing = first.min(), first.max() + pd.Timedelta(hours=1)
    if closing < pd.Timedelta(days=1):
        begin, end = (str(pd.Timestamp(0) + time)[11:16] for time in (opening, closing))
        hours: Any = pd.offsets.CustomBusinessHour
        yield hours(start=begin, end=end, weekmask=weekmask)
