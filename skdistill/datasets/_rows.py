"""Rows of many series, put in order, and as the panel that ``fit`` takes."""

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
        Series and moment of each row.
    channels : DataFrame of shape (n_rows, n_channels)
        What was observed.
    name : str
        What to call the table in messages.
    is_panel : bool, default=True
        Whether the table named its series.
    time_name : str or None, default=None
        The column of times.
    """

    times: Times
    channels: pd.DataFrame
    name: str
    is_panel: bool = True
    time_name: Hashable = None


def sort_rows(rows: Rows) -> Rows:
    """Put rows in order of series and time, those of one time in the order in which they came.

    Parameters
    ----------
    rows : Rows
        In any order, and their moments too.

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
    """Make the canonical panel.

    Parameters
    ----------
    rows : Rows
        In order, distinct.
    grid : Grid or None
        Their step; the level of times keeps it where all series share it.

    Returns
    -------
    panel : DataFrame of shape (n_rows, n_channels)
        With index levels (series, time).
    """
    times = rows.times
    moments = with_step(times.moments, grid)
    levels: Any = [times.labels, moments]
    codes: Any = [times.series, times.codes]
    index = pd.MultiIndex(levels=levels, codes=codes, names=list(LEVELS), verify_integrity=False)
    return rows.channels.set_axis(index, axis=0)


def to_series(rows: Rows, grid: Grid | None, name: Hashable) -> pd.DataFrame:
    """Make the table of one series."""
    return rows.channels.set_axis(with_step(rows.times.moments[rows.times.codes], grid).rename(name), axis=0)


def with_step(moments: pd.Index, grid: Grid | None) -> pd.Index:
    """Let an index know its step where pandas has it."""
    offset = None if grid is None else grid.offset
    if offset is None or not isinstance(moments, pd.DatetimeIndex) or len(moments) < 2:
        return moments
    try:
        return pd.DatetimeIndex(moments, freq=offset)
    except Exception:  # pytz, which pandas 2 uses, has errors of its own for times that a clock skips
        return moments
