"""Clock changes behind doubled or skipped local times."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["ZONES", "name_zone", "tell_doubled", "tell_skipped"]

# Each stands for all zones with clock changes at the same local hour of the same days.
ZONES = (
    "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "Australia/Sydney", "Pacific/Auckland",
    "America/Santiago", "America/Sao_Paulo", "America/Mexico_City", "America/Havana", "America/Asuncion",
    "Africa/Cairo", "Africa/Casablanca", "Asia/Jerusalem", "Asia/Beirut", "Asia/Amman", "Asia/Damascus",
    "Asia/Tehran", "Europe/Moscow", "Europe/Chisinau", "Atlantic/Azores", "Australia/Lord_Howe",
)  # fmt: skip
_HOURS_A_YEAR = 8760  # a clock changes in one of them
_UNLIKELY = 0.05  # maximum probability of chance at which a zone is accepted


def name_zone(walls: pd.DatetimeIndex, change: str, others: pd.DatetimeIndex) -> tuple[str, np.ndarray] | None:
    """Return a time zone with a clock change that explains doubled or missing local times.

    Parameters
    ----------
    walls : DatetimeIndex of shape (n_odd,)
        Local times that are doubled or missing, once per series.
    change : {"doubled", "skipped"}
        Which of the two.
    others : DatetimeIndex
        Existing times; a zone that skips one of them is excluded.

    Returns
    -------
    zone : str
        A zone that changes its clock then, if this is unlikely by chance; otherwise None.
    explained : ndarray of bool of shape (n_odd,)
        Which times the clock change explains.

    Examples
    --------
    >>> night = pd.DatetimeIndex(["2024-10-27 02:30", "2024-12-01 10:00"])
    >>> name_zone(night, "doubled", night[:0])
    ('Europe/Berlin', array([ True, False]))
    >>> name_zone(night[1:], "doubled", night[:0]) is None
    True
    """
    if not len(walls) or walls.tz is not None:
        return None
    found = []
    for zone in ZONES:
        odd = _is_odd(walls, zone, change)
        share = max(len(walls) / _HOURS_A_YEAR, (~odd).sum() / len(others) if len(others) else 0.0)
        chance = len(ZONES) * share ** odd.sum()
        if odd.any() and chance < _UNLIKELY and not _is_odd(others, zone, "skipped").any():
            found.append((int(odd.sum()), zone, odd))
    return max(found, key=lambda one: one[0])[1:] if found else None


def tell_doubled(walls: pd.DatetimeIndex) -> tuple[str, str] | None:
    """Tell of a zone whose clock shows repeated local times twice.

    Parameters
    ----------
    walls : DatetimeIndex
        Local times that were seen before, once per series.

    Returns
    -------
    zone, sentence : str
        The zone, and what it explains; None if there is none.

    Examples
    --------
    >>> tell_doubled(pd.DatetimeIndex(["2024-10-27 02:30"]))[1].partition(":00 twice")[0]
    'For example, the clock of Europe/Berlin shows 2024-10-27 02:30'
    """
    found = name_zone(walls, "doubled", walls[:0])
    if found is None:
        return None
    zone, explained = found
    more = f" and {explained.sum() - 1} more of these times" if explained.sum() > 1 else ""
    sentence = (
        f"For example, the clock of {zone} shows {walls[explained][0]}{more} twice: both rows were observed, and "
        "dropping one would lose an hour."
    )
    return zone, sentence


def tell_skipped(walls: pd.DatetimeIndex, others: pd.DatetimeIndex) -> tuple[str, str] | None:
    """Tell of a zone whose clock skips local times that lack.

    Parameters
    ----------
    walls, others : DatetimeIndex
        Local times that lack, and existing ones.

    Returns
    -------
    zone, sentence : str
        The zone, and what it explains; None if there is none.
    """
    found = name_zone(walls, "skipped", others)
    if found is None:
        return None
    zone, explained = found
    sentence = (
        f"For example, the clock of {zone} skips {walls[explained][0]}: times seem to be local to such a zone, and "
        "then no row is missing there."
    )
    return zone, sentence


def _is_odd(walls: pd.DatetimeIndex, zone: str, change: str) -> np.ndarray:
    """Return which times occur twice or are skipped in a zone."""
    if change == "doubled":
        return np.asarray(walls.tz_localize(zone, ambiguous="NaT", nonexistent="shift_forward").isna())
    return np.asarray(walls.tz_localize(zone, ambiguous=np.zeros(len(walls), dtype=bool), nonexistent="NaT").isna())
