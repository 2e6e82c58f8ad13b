"""Labels on the wall clock of a time zone, with skipped and doubled hours."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd

__all__ = ["DAY", "nanoseconds_of", "read_wall_clock", "set_wall_clock"]

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
    return wall.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.zeros(len(wall), dtype=bool))


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
