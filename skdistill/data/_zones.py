"""The clocks of time labels, by which hours of one time zone are told from those of another."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["find_another_zone", "warn_of_another_zone", "zones_of"]


def zones_of(indexes: Iterable[pd.Index | None]) -> tuple[str | None, ...]:
    """List the distinct time zones of labels that are timestamps or periods, which have none.

    Parameters
    ----------
    indexes : iterable of pandas.Index or None
        Labels of each series.

    Returns
    -------
    zones : tuple of str or None
        Their names; None for times without a zone.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> zones_of([days, days.tz_localize("Asia/Tokyo"), pd.RangeIndex(3)])
    (None, 'Asia/Tokyo')
    """
    found: dict[str | None, None] = {}
    for one in indexes:
        if isinstance(one, pd.PeriodIndex):
            found[None] = None
        if isinstance(one, pd.DatetimeIndex):
            found[None if one.tz is None else str(one.tz)] = None
    return tuple(found)


def find_another_zone(indexes: Sequence[pd.Index | None], known: Sequence[str | None]) -> int | None:
    """Find the first series whose labels show another clock than those of ``fit``.

    Parameters
    ----------
    indexes : sequence of pandas.Index or None
        Labels of each series.
    known : sequence of str or None
        Zones of ``fit``; none if its labels were no times.

    Returns
    -------
    number : int or None
        Number of the series; None if there is none. Days, at midnight of whatever zone, are the same everywhere.

    Examples
    --------
    >>> hours = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC")
    >>> find_another_zone([hours], ["Asia/Tokyo"]), find_another_zone([hours], ["Africa/Abidjan"])
    (0, None)
    """
    if not known:
        return None
    same = set(known)
    for number, one in enumerate(indexes):
        if not isinstance(one, pd.DatetimeIndex | pd.PeriodIndex):
            continue
        (zone,) = zones_of([one])
        if zone in same:
            continue
        if isinstance(one, pd.PeriodIndex):
            one = one.to_timestamp()
        shown = one.tz_localize(None)
        if not (shown == shown.normalize()).all() and not any(_shows(one, shown, other) for other in known):
            return number
    return None


def _shows(index: pd.DatetimeIndex, shown: pd.DatetimeIndex, zone: str | None) -> bool:
    """Return whether the clock of a zone shows the times that labels show."""
    if index.tz is None or zone is None:
        return False
    try:
        there = index.tz_convert(zone).tz_localize(None)
    except (KeyError, ValueError):  # a zone of a library that is not here
        return False
    return bool(np.array_equal(there, shown))


def warn_of_another_zone(name: str, index: pd.Index | None, known: Sequence[str | None]) -> None:
    """Warn of times of another zone than those of ``fit``, for what reads the calendar.

    Parameters
    ----------
    name : str
        Name of the series, for the message.
    index : pandas.Index or None
        Its labels.
    known : sequence of str or None
        Zones of ``fit``.
    """
    (zone,) = zones_of([index])
    if known[0] is None:
        advice = "X.tz_convert(zone).tz_localize(None) with the zone that the times of fit had"
    else:
        method = "tz_localize" if zone is None else "tz_convert"
        method = f"to_timestamp().{method}" if isinstance(index, pd.PeriodIndex) else method
        advice = f"X.{method}({known[0]!r}), for a panel with level=-1"
    warnings.warn(
        f"the times of {name} are {_say(zone)}, and those of fit {', '.join(map(_say, known))}: hours and days of the "
        f"calendar are read as the labels show them, so that the same moment is another hour. Write them as in fit, "
        f"{advice}, or fit on times of this kind.",
        stacklevel=stacklevel_of_user(),
    )


def _say(zone: str | None) -> str:
    return "without a zone" if zone is None else f"in {zone}"
