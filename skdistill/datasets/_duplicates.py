"""Duplicates (several rows of one series and time): raise, or merge them."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._clock_changes import tell_doubled
from skdistill.datasets._clock import pass_zone
from skdistill.datasets._rows import Rows
from skdistill.datasets._times import Times, say_id

__all__ = ["doubled_hint", "merge_duplicates", "refuse_duplicates", "repeats"]

_NEARLY_ALL = 0.8  # of the times
_FEW = 3  # number of examples in a message
_SOME_TIMES, _OTHER_VALUE = 10, 3  # times whose rows are equal in a column, and those of another value than the usual
_DUPLICATES_WAY_OUT = (
    "Choose with regularize(..., duplicates='first', 'last', 'mean' or 'sum'); if rows differ in another column, such "
    "as a "
    "shop or a product, identify the series by both: id=[..., ...]."
)


def repeats(times: Times) -> np.ndarray:
    """Return which rows have the series and time of the previous row."""
    again = np.zeros(len(times.codes), dtype=bool)
    again[1:] = (times.series[1:] == times.series[:-1]) & (times.codes[1:] == times.codes[:-1])
    return again


def refuse_duplicates(rows: Rows) -> None:
    """Raise if a series has two rows with the same time.

    Parameters
    ----------
    rows : Rows
        In order.

    Raises
    ------
    ValueError
        If there are duplicates; the message names series and times, and a time zone in which these times occur twice.
    """
    times, again = rows.times, repeats(rows.times)
    if not again.any():
        return
    where = np.flatnonzero(again)
    copies = _are_equal(rows.channels.iloc[where], rows.channels.iloc[where - 1])
    examples = ", ".join(times.say(row) for row in where[:_FEW])
    raise ValueError(
        f"{rows.name} has {len(where)} rows whose {'series and ' * (len(times.labels) > 1)}time were seen before"
        f"{', all of them copies' * copies}: "
        f"{examples}{', ...' * (len(where) > _FEW)}. {doubled_hint(times, where) or _DUPLICATES_WAY_OUT}"
    )


def _are_equal(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.reset_index(drop=True).equals(other.reset_index(drop=True))


def doubled_hint(times: Times, where: np.ndarray) -> str | None:
    """Return a hint at a time zone in which the times of repeated rows occur twice, if there is one."""
    moments = times.moments
    if not isinstance(moments, pd.DatetimeIndex) or (moments == moments.normalize()).all():
        return None
    found = tell_doubled(moments[times.codes[where]])
    return None if found is None else f"{found[1]} {pass_zone(found[0])}"


def merge_duplicates(rows: Rows, how: str) -> tuple[Rows, int]:
    """Merge rows of the same series and time.

    Parameters
    ----------
    rows : Rows
        In order.
    how : {"first", "last", "mean", "sum"}
        Which row to keep, or how to combine rows. The mean and the sum ignore missing values; columns that are not
        numbers keep their first value.

    Returns
    -------
    rows : Rows
        Distinct rows.
    n_merged : int
        Number of removed rows.
    """
    again = repeats(rows.times)
    if not again.any():
        return rows, 0
    kept = np.append(~again[1:], True) if how == "last" else ~again
    channels = rows.channels
    _warn_of_ids(channels, again, rows.name, how)
    if how in ("mean", "sum"):
        runs = np.cumsum(~again) - 1
        numeric = channels.columns[[pd.api.types.is_float_dtype(one) for one in channels.dtypes]]
        _warn_of_other_text(channels.drop(columns=numeric), again, rows.name, how)
        if how == "sum":
            _warn_of_levels(channels[numeric], again, rows.name)
        groups = channels[numeric].groupby(runs, sort=False)
        merged = groups.mean() if how == "mean" else groups.sum(min_count=1)
        channels = channels[kept].reset_index(drop=True)
        channels[numeric] = merged.astype(channels[numeric].dtypes)
    else:
        _warn_of_lost(rows, again, kept, how)
        channels = channels[kept].reset_index(drop=True)
    times = replace(rows.times, codes=rows.times.codes[kept], series=rows.times.series[kept])
    return replace(rows, times=times, channels=channels), int(again.sum())


def _warn_of_ids(channels: pd.DataFrame, again: np.ndarray, name: str, how: str) -> None:
    """Warn where a column has another of a few values in each row of nearly every time, as ids of series have."""
    sizes = np.diff(np.append(np.flatnonzero(~again), len(again)))
    size = int(np.median(sizes))
    if size < 2 or (sizes == size).mean() < _NEARLY_ALL:
        return
    for column, values in channels.items():
        codes, distinct = pd.factorize(values)
        if len(distinct) != size or len(sizes) < 2:
            continue
        runs = np.cumsum(~again) - 1
        if len(np.unique(runs * size + codes)) == len(codes):  # each once at a time
            examples = f"{say_id(distinct[0])} and {say_id(distinct[1])}"
            warnings.warn(
                f"{name}: duplicates={how!r} merges {size} rows of each time, in which {column!r} has {size} different "
                f"values, such as {examples}. If it names series, set id={column!r}; else leave it out with columns=.",
                stacklevel=stacklevel_of_user(),
            )
            return


def _warn_of_lost(rows: Rows, again: np.ndarray, kept: np.ndarray, how: str) -> None:
    """Warn where the row that is kept lacks a value that another one of its time has."""
    starts = np.flatnonzero(~again)
    for column, values in rows.channels.items():
        there = values.notna().to_numpy()
        if there[kept].all():
            continue
        lost = np.logical_or.reduceat(there, starts) & ~there[kept]
        if lost.any():
            warnings.warn(
                f"{rows.name}: duplicates={how!r} keeps rows without a value of {column!r} where another row of this "
                f"time has one, {lost.sum()} times, first at {rows.times.say(starts[np.argmax(lost)])}: these values "
                "are lost. If a plan or another export overlaps with what was observed, drop from one what both have; "
                "duplicates='mean' ignores missing values.",
                stacklevel=stacklevel_of_user(),
            )
            return


def _warn_of_levels(channels: pd.DataFrame, again: np.ndarray, name: str) -> None:
    """Warn of sums of a column that is equal in all rows of every time, and varies in time: a price, a flag, copies."""
    starts = np.flatnonzero(~again)
    for column in channels:
        values = channels[column].to_numpy()
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        several = np.add.reduceat(~np.isnan(values), starts) > 1
        if several.sum() < _SOME_TIMES or not (low[several] == high[several]).all():
            continue
        if several.sum() - np.unique(low[several], return_counts=True)[1].max() >= _OTHER_VALUE:
            warnings.warn(
                f"{name}: duplicates='sum' adds up {column!r}, which is equal in all rows of each time, as a price, a "
                "flag or copies of rows are. Group the table yourself, with the sum of what is counted and the mean of "
                "others, or drop the copies.",
                stacklevel=stacklevel_of_user(),
            )
            return


def _warn_of_other_text(texts: pd.DataFrame, again: np.ndarray, name: str, how: str) -> None:
    """Warn where rows are merged whose text differs."""
    after = np.flatnonzero(again)
    for column in texts:
        one, other = texts[column].iloc[after - 1].astype(object), texts[column].iloc[after].astype(object)
        differs = (one.to_numpy() != other.to_numpy()) & (one.notna().to_numpy() | other.notna().to_numpy())
        if differs.any():
            warnings.warn(
                f"{name}: duplicates={how!r} merges {differs.sum()} rows whose {column!r} is not that of the row "
                "before them, and keeps the first. Encode the column as numbers, or identify the series by it.",
                stacklevel=stacklevel_of_user(),
            )
