"""Convert local times to timestamps, at clock changes, too."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["localize", "pass_zone"]


def localize(
    walls: pd.DatetimeIndex, codes: np.ndarray, series: np.ndarray, tz: Any, *, ambiguous: Any, nonexistent: Any
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Convert local times to timestamps.

    Parameters
    ----------
    walls : DatetimeIndex
        Distinct local times.
    codes : ndarray of int of shape (n_rows,)
        Index of the time of each row.
    series : ndarray of int of shape (n_rows,)
        Which series each row belongs to.
    tz : str or tzinfo
        The zone.
    ambiguous : {"raise", "infer", "NaT"} or bool
        How to interpret times that occur twice: ``"infer"`` takes the earlier time for the first of two rows and the
        later time for the second; True means summer time.
    nonexistent : {"raise", "shift_forward", "shift_backward", "NaT"} or timedelta
        How to interpret skipped times.

    Returns
    -------
    moments : DatetimeIndex
        Distinct timestamps, including NaT if requested.
    codes : ndarray of int of shape (n_rows,)
        Index of the time of each row.

    Raises
    ------
    ValueError
        If a time is skipped or doubled and the parameter is ``"raise"``, or occurs only once but must be inferred.
    """
    _check_options(ambiguous, nonexistent)
    if (walls == walls.normalize()).all():  # days: midnight, or the first time after it
        ambiguous, nonexistent = (
            default if given == "raise" else given
            for given, default in ((ambiguous, False), (nonexistent, "shift_forward"))
        )
    missing = np.asarray(walls.tz_localize(tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent="NaT").isna())
    if nonexistent == "raise" and missing.any():
        raise ValueError(
            f"{missing.sum()} times are skipped by the clock of {tz}, first {walls[missing][0]}. If times are local to "
            f"{tz}, such rows were made up: regularize(..., nonexistent='NaT') drops them, 'shift_forward' moves them; "
            "else tz= is not the zone of the file (many are in UTC or in winter time all year: tz='UTC', 'Etc/GMT-1')."
        )
    summer = walls.tz_localize(tz, ambiguous=np.ones(len(walls), dtype=bool), nonexistent=nonexistent)
    winter = walls.tz_localize(tz, ambiguous=np.zeros(len(walls), dtype=bool), nonexistent=nonexistent)
    twice = np.flatnonzero((summer != winter) & summer.notna())
    if not len(twice):
        return summer, codes
    if isinstance(ambiguous, bool | np.bool_):
        return (summer if ambiguous else winter), codes
    if ambiguous == "NaT":
        return pd.DatetimeIndex(summer.where(~np.isin(np.arange(len(walls)), twice))), codes
    if ambiguous == "raise":
        raise ValueError(
            f"{len(twice)} times occur twice on the clock of {tz}, first {walls[twice[0]]}, so that each of them has "
            f"two "
            "meanings. Use regularize(..., ambiguous='infer') if both are in the file (in time order), True "
            "for summer time, False for winter time, 'NaT' to drop them."
        )
    return pd.DatetimeIndex(summer.append(winter[twice])), _tell_apart(walls, codes, series, twice)


def _check_options(ambiguous: Any, nonexistent: Any) -> None:
    if not isinstance(ambiguous, bool | np.bool_) and ambiguous not in ("raise", "infer", "NaT"):
        raise ValueError(f"ambiguous must be one of 'raise', 'infer', 'NaT', True, False; got {ambiguous!r}.")
    texts = ("raise", "shift_forward", "shift_backward", "NaT")
    if not isinstance(nonexistent, datetime.timedelta) and nonexistent not in texts:
        raise ValueError(
            f"nonexistent must be one of {', '.join(map(repr, texts))} or a timedelta; got {nonexistent!r}."
        )


def _tell_apart(walls: pd.DatetimeIndex, codes: np.ndarray, series: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """Assign the second row of a doubled time to the later timestamp, appended after all others."""
    order = _in_order_of_time(walls, codes, series, twice)
    rows = order[np.isin(codes[order], twice)]
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
            f"that {_NO_TELLING}"
        )
    later = np.where(all_twice, keys["count"] == 1, night["goes_back"].cumsum() == 1)
    codes = codes.copy()
    codes[rows[later]] = len(walls) + np.searchsorted(twice, codes[rows[later]])
    return codes


_NO_TELLING = (
    "ambiguous='infer' cannot tell which it is. Use ambiguous=True (summer time), False (winter time) or 'NaT' to "
    "drop such rows."
)


def _in_order_of_time(walls: pd.DatetimeIndex, codes: np.ndarray, series: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """Return the rows series by series in time order; raise if the file has no time order."""
    order = np.argsort(series, kind="stable")
    starts = np.flatnonzero(np.diff(series[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    stamps = walls.asi8[codes]
    backward = stamps[order[starts]] > stamps[order[ends - 1]]  # the latest row first
    place = np.arange(len(order)) - np.repeat(starts, ends - starts)
    last = np.repeat(ends - 1, ends - starts)
    turned = np.where(np.repeat(backward, ends - starts), last - place, np.arange(len(order)))
    order = order[turned]
    doubled = np.isin(codes[order], twice)
    with_doubled = np.logical_or.reduceat(doubled, starts)
    falls = np.zeros(len(order), dtype=bool)
    falls[1:] = (np.diff(stamps[order]) < 0) & ~doubled[1:] & (series[order][1:] == series[order][:-1])
    wrong = falls & np.repeat(with_doubled, ends - starts)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"rows are not in order of time, {walls[codes[order[row]]]} after {walls[codes[order[row - 1]]]}, so that "
            f"where the clock shows a time twice {_NO_TELLING}"
        )
    return order


def pass_zone(zone: str) -> str:
    """Return the advice to give local times their zone.

    Parameters
    ----------
    zone : str
        The zone.

    Returns
    -------
    advice : str
        The call that helps.
    """
    return f"Pass the zone: regularize(..., tz={zone!r}, ambiguous='infer')."
