"""Rows of many series, sorted, and their conversion to a panel."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill.datasets._steps import Grid
from skdistill.datasets._times import Times

__all__ = ["LEVELS", "Rows", "sort_rows", "to_panel", "to_series"]

LEVELS = ("series", "time")


@dataclass(frozen=True)
class Rows:
    """Rows of many series.

    Parameters
    ----------
    times : Times
        Series and time of each row.
    channels : DataFrame of shape (n_rows, n_channels)
        The observed values.
    name : str
        Name of the table, for error messages.
    is_panel : bool, default=True
        Whether the table has ids.
    time_name : str or None, default=None
        The column of times.
    """

    times: Times
    channels: pd.DataFrame
    name: str
    is_panel: bool = True
    time_name: Hashable = None


def sort_rows(rows: Rows) -> Rows:
    """Sort rows by series and time; the sort is stable.

    Parameters
    ----------
    rows : Rows
        Rows in any order.

    Returns
    -------
    rows : Rows
        In order.
    """
    series, codes, moments = rows.times.series, rows.times.codes, rows.times.moments
    if not moments.is_monotonic_increasing:
        order = moments.argsort()
        places = np.empty(len(order), dtype=np.int64)
        places[order] = np.arange(len(order))
        moments, codes = moments[order], places[codes]
    channels = rows.channels
    same = series[1:] == series[:-1]
    if not ((series[1:] >= series[:-1]) & (~same | (codes[1:] >= codes[:-1]))).all():
        order = np.argsort(series.astype(np.int64) * max(len(moments), 1) + codes, kind="stable")
        series, codes, channels = series[order], codes[order], channels.take(order).reset_index(drop=True)
    return replace(rows, times=Times(moments, codes, series, rows.times.labels), channels=channels)


def to_panel(rows: Rows, grid: Grid | None) -> pd.DataFrame:
    """Convert to the canonical panel.

    Parameters
    ----------
    rows : Rows
        In order, distinct.
    grid : Grid or None
        Step of the rows; the time level gets it as ``freq`` if all series share it.

    Returns
    -------
    panel : DataFrame of shape (n_rows, n_channels)
        Panel with index levels (series, time).
    """
    times = rows.times
    moments = with_step(times.moments, grid)
    levels: Any = [times.labels, moments]
    codes: Any = [times.series, times.codes]
    index = pd.MultiIndex(levels=levels, codes=codes, names=list(LEVELS), verify_integrity=False)
    return rows.channels.set_axis(index, axis=0)


def to_series(rows: Rows, grid: Grid | None, name: Hashable) -> pd.DataFrame:
    """Convert to the table of one series."""
    return rows.channels.set_axis(with_step(rows.times.moments[rows.times.codes], grid).rename(name), axis=0)


def with_step(moments: pd.Index, grid: Grid | None) -> pd.Index:
    """Set the step of an index as ``freq``, if pandas can represent it."""
    offset = None if grid is None else grid.offset
    if not isinstance(moments, pd.DatetimeIndex):
        return moments
    moments = pd.DatetimeIndex(moments, freq=None)  # type: ignore[arg-type]  # what pandas infers can be wrong
    if offset is None or len(moments) < 2:
        return moments
    try:
        return pd.DatetimeIndex(moments, freq=offset)
    except Exception:  # pytz, used by pandas 2, raises its own errors for skipped times
        return moments
