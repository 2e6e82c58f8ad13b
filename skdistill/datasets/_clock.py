"""Clock changes: whether a doubled or skipped hour is one, and local times to moments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["localize", "name_zone"]

# Each stands for those that change their clocks at the same local hour of the same days.
_ZONES = (
    "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "Australia/Sydney", "Pacific/Auckland",
    "America/Santiago", "America/Sao_Paulo", "America/Mexico_City", "America/Havana", "America/Asuncion",
    "Africa/Cairo", "Africa/Casablanca", "Asia/Jerusalem", "Asia/Beirut", "Asia/Amman", "Asia/Damascus",
    "Asia/Tehran", "Europe/Moscow", "Europe/Chisinau", "Atlantic/Azores", "Australia/Lord_Howe",
)  # fmt: skip


def name_zone(moments: Iterable[pd.Timestamp], change: str) -> str | None:
    """Name a time zone whose clock shows all of these local times twice, or none of them.

    Parameters
    ----------
    moments : iterable of Timestamp
        Local times without a zone, a few.
    change : {"doubled", "skipped"}
        Which of the two changes.

    Returns
    -------
    zone : str or None
        None where no zone changes its clock at all of these times.

    Examples
    --------
    >>> name_zone([pd.Timestamp("2024-10-27 02:30")], "doubled")
    'Europe/Berlin'
    >>> name_zone([pd.Timestamp("2024-10-27 12:30")], "doubled") is None
    True
    """
    walls = pd.DatetimeIndex(list(moments))
    if not len(walls) or walls.tz is not None:
        return None
    options: dict[str, Any] = {"ambiguous": "NaT", "nonexistent": "shift_forward"}
    if change == "skipped":
        options = {"ambiguous": np.zeros(len(walls), dtype=bool), "nonexistent": "NaT"}
    return next((zone for zone in _ZONES if walls.tz_localize(zone, **options).isna().all()), None)


def localize(
    walls: pd.DatetimeIndex, codes: np.ndarray, series: np.ndarray, tz: Any, *, ambiguous: Any, nonexistent: Any
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Turn local times into moments.

    Parameters
    ----------
    walls : DatetimeIndex
        Distinct local times.
    codes : ndarray of int of shape (n_rows,)
        Which of them each row has.
    series : ndarray of int of shape (n_rows,)
        Which series each row belongs to.
    tz : str or tzinfo
        The zone.
    ambiguous : {"raise", "infer", "NaT"} or bool
        What a time that the clock shows twice is: with ``"infer"`` the earlier moment in the first of two rows and the
        later one in the second; True is summer time.
    nonexistent : {"raise", "shift_forward", "shift_backward", "NaT"} or timedelta
        What a time that the clock skips is.

    Returns
    -------
    moments : DatetimeIndex
        Distinct moments, NaT among them where asked for.
    codes : ndarray of int of shape (n_rows,)
        Which of them each row has.

    Raises
    ------
    ValueError
        If a time is skipped or doubled and the parameter is ``"raise"``, or occurs but once and is to be inferred.
    """
    missing = np.asarray(walls.tz_localize(tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent="NaT").isna())
    if isinstance(nonexistent, str) and nonexistent == "raise" and missing.any():
        raise ValueError(
            f"{missing.sum()} times are skipped by the clock of {tz}, first {walls[missing][0]}. If times are local to "
            f"{tz}, such rows were made up: nonexistent='NaT' drops them, 'shift_forward' moves them; else tz= is "
            "not the zone of the file (many files are in UTC or in winter time all year: tz='UTC', 'Etc/GMT-1')."
        )
    summer = walls.tz_localize(tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent=nonexistent)
    winter = walls.tz_localize(tz, ambiguous=np.zeros(len(walls), dtype=bool), nonexistent=nonexistent)
    twice = np.flatnonzero((summer != winter) & summer.notna())
    if not len(twice) or ambiguous is True:
        return summer, codes
    if ambiguous is False:
        return winter, codes
    if ambiguous == "NaT":
        return pd.DatetimeIndex(summer.where(~np.isin(np.arange(len(walls)), twice))), codes
    if ambiguous == "raise":
        raise ValueError(
            f"{len(twice)} times are shown twice by the clock of {tz}, first {walls[twice[0]]}, so that they name two "
            "moments each. Give ambiguous='infer' where both are in the file (the first is taken for the earlier one), "
            "True for summer time, False for winter time, 'NaT' to drop them."
        )
    return pd.DatetimeIndex(summer.append(winter[twice])), _tell_apart(walls, codes, series, twice)


def _tell_apart(walls: pd.DatetimeIndex, codes: np.ndarray, series: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """Let the second row of a doubled time point to its later moment, behind all others."""
    rows = np.flatnonzero(np.isin(codes, twice))
    keys = pd.DataFrame({"series": series[rows], "code": codes[rows], "wall": walls[codes[rows]]})
    keys["change"] = keys["wall"].dt.normalize()
    same = keys.groupby(["series", "code"], sort=False)
    night = keys.groupby(["series", "change"], sort=False)
    keys["size"], keys["count"] = same["code"].transform("size"), same.cumcount()
    all_twice = night["size"].transform("min").eq(2) & night["size"].transform("max").eq(2)
    keys["goes_back"] = night["wall"].diff() <= pd.Timedelta(0)
    once_back = night["goes_back"].transform("sum").eq(1)
    if not (all_twice | once_back).all():
        i = int(np.argmin(all_twice | once_back))
        raise ValueError(
            f"{keys['wall'][i]} is shown twice by the clock and is in the file {keys['size'][i]} times in a series, so "
            "that ambiguous='infer' cannot tell which it is. Give ambiguous=True (summer time), False (winter time) or "
            "'NaT' to drop such rows."
        )
    later = np.where(all_twice, keys["count"] == 1, night["goes_back"].cumsum() == 1)
    codes = codes.copy()
    codes[rows[later]] = len(walls) + np.searchsorted(twice, codes[rows[later]])
    return codes
