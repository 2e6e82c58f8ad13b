"""Labels on the wall clock of a time zone, with skipped and doubled hours."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

__all__ = ["DAY", "nanoseconds_of", "read_wall_clock", "set_wall_clock", "skipped_days"]

DAY = 86_400_000_000_000  # in nanoseconds


def nanoseconds_of(index: pd.DatetimeIndex | pd.TimedeltaIndex) -> int:
    """Return the length in nanoseconds of one unit of ``index.asi8``.

    Parameters
    ----------
    index : DatetimeIndex or TimedeltaIndex
        The labels.

    Returns
    -------
    nanoseconds : int
        1 for ``"ns"``, 1000 for ``"us"``.
    """
    return {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}[index.unit]


def set_wall_clock(wall: pd.DatetimeIndex, zone: datetime.tzinfo | str | None) -> pd.DatetimeIndex:
    """Localize wall-clock times: skipped times are shifted forward, doubled times mean the second one.

    Parameters
    ----------
    wall : DatetimeIndex
        Times without a zone.
    zone : tzinfo, str or None
        The zone; None leaves the times as they are.

    Returns
    -------
    index : DatetimeIndex
        Timestamps in the zone.
    """
    if zone is None:
        return wall
    index = wall.tz_localize(zone, nonexistent="NaT", ambiguous=np.zeros(len(wall), dtype=bool))
    skipped: np.ndarray = np.asarray(index.isna()) & np.asarray(wall.notna())
    if not skipped.any():
        return index
    values = index.asi8.copy()
    values[skipped] = _ends_of_gaps(wall[skipped], zone)
    return _like(values, wall).tz_localize("UTC").tz_convert(zone)


def skipped_days(wall: pd.DatetimeIndex, zone: datetime.tzinfo | str | None) -> np.ndarray:
    """Return which wall-clock times lie on a day that a zone skipped whole, as Samoa did when it changed sides.

    Such a day has no label: no row is missing there, and the next row is that of the day after.

    Parameters
    ----------
    wall : DatetimeIndex
        Times without a zone.
    zone : tzinfo, str or None
        The zone.

    Returns
    -------
    skipped : ndarray of bool of shape (n_times,)
        False without a zone.
    """
    found = np.zeros(len(wall), dtype=bool)
    if zone is None:
        return found
    lacks = np.asarray(wall.tz_localize(zone, nonexistent="NaT", ambiguous=found).isna()) & np.asarray(wall.notna())
    if lacks.any():
        days = wall[lacks].normalize()
        found[lacks] = np.asarray(set_wall_clock(days, zone).tz_localize(None) - days >= pd.Timedelta(days=1))
    return found


def _ends_of_gaps(wall: pd.DatetimeIndex, zone: datetime.tzinfo | str) -> np.ndarray:
    """Return the first instants after skipped times, as numbers.

    ``shift_forward`` of pandas 3.0.6 adds an hour where half an hour is skipped, and goes back where a day is.
    """
    unit = nanoseconds_of(wall)

    def offset(instants: np.ndarray) -> np.ndarray:
        there = _like(instants, wall).tz_localize("UTC").tz_convert(zone)
        return there.tz_localize(None).asi8 - instants

    before = offset(wall.asi8 - 2 * DAY // unit)  # no gap is longer than a day
    after = wall.asi8 - before
    gap = offset(after) - before
    start = after - gap
    second = max(1, 1_000_000_000 // unit)
    while (after - start > second).any():
        middle = start + (after - start) // (2 * second) * second
        middle = np.where(after - start > second, middle, start)
        late = offset(middle) != before
        after, start = np.where(late, middle, after), np.where(late, start, middle)
    return after


def read_wall_clock(index: pd.DatetimeIndex, time: pd.Timedelta | None = None) -> pd.DatetimeIndex:
    """Return the intended wall-clock times of labels, undoing shifts at skipped times.

    Parameters
    ----------
    index : DatetimeIndex
        Labels in order, in any zone or none.
    time : Timedelta or None, default=None
        Time of day of the labels, if they do not show it.

    Returns
    -------
    wall : DatetimeIndex
        Times without a zone; some can be times skipped by a clock change.
    """
    if index.tz is None:
        return index
    local = index.tz_localize(None)
    if not len(index):
        return local
    before = (index - pd.Timedelta(nanoseconds_of(index), unit="ns")).as_unit(index.unit).tz_localize(None)
    skipped = local.asi8 - before.asi8 - 1  # of the time just before the label
    after_gap = skipped > 0
    if not after_gap.any():
        return local
    meant = _meant_times(local, after_gap, time)
    back = local.asi8 - meant
    moved = after_gap & (back > 0) & (back <= skipped)
    return _like(np.where(moved, meant, local.asi8), local)


def _meant_times(local: pd.DatetimeIndex, after_gap: np.ndarray, time: pd.Timedelta | None) -> np.ndarray:
    """Infer the intended times of shifted labels from the other labels."""
    day = DAY // nanoseconds_of(local)
    others = np.unique(local.asi8[~after_gap] % day)
    if len(others) > 1:  # several times of day: use the step that most labels match
        steps, counts = np.unique(np.diff(local.asi8), return_counts=True)
        anchor = int(np.argmin(after_gap))
        return local.asi8[anchor] + steps[counts.argmax()] * (np.arange(len(local)) - anchor)
    if len(others):
        at = int(others[0])
    elif time is not None:
        at = time.as_unit("ns").value // nanoseconds_of(local)
    else:
        return local.asi8
    return local.asi8 - (local.asi8 - at) % day


def _like(values: np.ndarray, index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(values.view(f"datetime64[{index.unit}]"), name=index.name)
