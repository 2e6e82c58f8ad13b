"""Missing rows: find, report and insert them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._checks import is_real
from skdistill.data._clock_changes import tell_skipped
from skdistill.datasets._channels import stack_columns
from skdistill.datasets._clock import pass_zone
from skdistill.datasets._rows import Rows
from skdistill.datasets._rulers import FixedRuler
from skdistill.datasets._steps import Grid
from skdistill.datasets._times import NANOSECONDS, Times

__all__ = ["Gaps", "find_gaps", "insert_missing", "say_gaps", "skipped_hint"]

_TIMES_LONGER = 20  # inserted rows per observed row at which times are assumed to be wrong
_SMALL = 10_000  # number of rows up to which this is not checked
_LATEST_CHANGE = 5  # o'clock; clock changes are earlier


@dataclass(frozen=True)
class Gaps:
    """Gaps: missing rows between the first and the last row of a series.

    Parameters
    ----------
    before : ndarray of int of shape (n_gaps,)
        The rows before the gaps.
    sizes : ndarray of int of shape (n_gaps,)
        How many rows each lacks.
    """

    before: np.ndarray
    sizes: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of missing rows."""
        return int(self.sizes.sum())


def find_gaps(times: Times, grid: Grid) -> Gaps:
    """Find the missing rows."""
    if not grid.stride:
        none = np.zeros(0, dtype=np.int64)
        return Gaps(none, none)
    steps = np.diff(grid.numbers)
    wide = times.follows & (steps > grid.stride)
    before = np.flatnonzero(wide)
    return Gaps(before, steps[before] // grid.stride - 1)


def say_gaps(times: Times, gaps: Gaps) -> str:
    """Put the missing rows into words, with the longest gap."""
    if not len(gaps.before):
        return "no missing rows"
    k = int(np.argmax(gaps.sizes))
    where = times.say(gaps.before[k])
    if gaps.n_rows == 1:
        return f"1 missing row, after {where}"
    n_series = len(np.unique(times.series[gaps.before]))
    whose = f" in {n_series} series" if len(times.labels) > 1 else ""
    longest = f"{gaps.sizes[k]} {'rows' if gaps.sizes[k] > 1 else 'row'}"
    return f"{gaps.n_rows} missing rows{whose}, the longest gap ({longest}) after {where}"


def skipped_hint(times: Times, grid: Grid, gaps: Gaps) -> str | None:
    """Return a hint at a time zone in which the missing times are skipped, if there is one."""
    moments = times.moments
    hour = 3600 * NANOSECONDS["s"]
    if not isinstance(grid.ruler, FixedRuler) or not isinstance(moments, pd.DatetimeIndex) or moments.tz is not None:
        return None
    short = gaps.before[gaps.sizes * grid.stride * NANOSECONDS[moments.unit] == hour]
    missing: Any = grid.ruler.moments(times.series[short], grid.numbers[short] + grid.stride)
    missing = missing[missing.hour < _LATEST_CHANGE]
    found = tell_skipped(missing, moments[moments.hour < _LATEST_CHANGE])
    return None if found is None else f"{found[1]} {pass_zone(found[0])}"


def insert_missing(rows: Rows, grid: Grid, gaps: Gaps, fill_value: Any, *, given: bool) -> Rows:
    """Insert the missing rows.

    Parameters
    ----------
    rows : Rows
        Distinct rows, in order.
    grid : Grid
        Step of the rows.
    gaps : Gaps
        The gaps.
    fill_value : float or mapping of column to float
        Value of the inserted rows; NaN means not observed.
    given : bool
        Whether the user passed the step; an inferred step must not insert very many rows.

    Returns
    -------
    rows : Rows
        The regular rows.

    Raises
    ------
    ValueError
        If there would be very many rows, or values name unknown columns.
    """
    values = _values_of(fill_value, rows.channels.columns)
    if not len(gaps.before):
        return rows
    times, n_rows, n_missing = rows.times, len(rows.channels), gaps.n_rows
    if not given and n_missing > max(_TIMES_LONGER * n_rows, _SMALL):
        raise ValueError(
            f"{rows.name} would grow from {n_rows} to {n_rows + n_missing} rows at a step of {grid.name}: "
            f"{say_gaps(times, gaps)}. Check for a wrong date there; if the step is right, pass it, freq=; events at "
            f"arbitrary "
            "times are not a series: count them by hour or day first."
        )
    ahead = _ahead_within(gaps)
    before = np.repeat(gaps.before, gaps.sizes)
    series = times.series[before]
    inserted = grid.ruler.moments(series, grid.numbers[before] + ahead * grid.stride)
    moments = times.moments.union(inserted.unique())
    shift = np.zeros(n_rows + 1, dtype=np.int64)
    np.add.at(shift, gaps.before + 1, gaps.sizes)
    old = np.arange(n_rows) + np.cumsum(shift[:-1])
    new = old[before] + ahead
    n_all = n_rows + n_missing
    all_series, codes = np.empty(n_all, dtype=times.series.dtype), np.empty(n_all, dtype=np.int64)
    all_series[old], all_series[new] = times.series, series
    codes[old] = moments.get_indexer(times.moments)[times.codes]
    codes[new] = moments.get_indexer(inserted)
    columns: list[Any] = []
    for k, value in enumerate(values):
        column = rows.channels.iloc[:, k]
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":
            floats, numbers = np.full(n_all, value, dtype=column.dtype), column.to_numpy()
            floats[old] = numbers
            if value == value:
                floats[new[_is_yet_to_come(inserted, numbers, times)]] = np.nan
            columns.append(floats)
        else:
            places = np.full(n_all, -1)
            places[old] = np.arange(n_rows)
            columns.append(column.reindex(places).array)
    return replace(
        rows,
        times=Times(moments, codes, all_series, times.labels),
        channels=stack_columns(columns, rows.channels.columns),
    )


def _is_yet_to_come(moments: pd.Index, numbers: np.ndarray, times: Times) -> np.ndarray:
    """Return which times lie after the last one with a value in any series, as those between rows of a plan."""
    codes = times.codes[~np.isnan(numbers)]
    return np.asarray(moments > times.moments[codes.max()]) if len(codes) else np.ones(len(moments), dtype=bool)


def _ahead_within(gaps: Gaps) -> np.ndarray:
    """Return 1, 2, ... within each gap."""
    ends = np.cumsum(gaps.sizes)
    return np.arange(1, gaps.n_rows + 1) - np.repeat(ends - gaps.sizes, gaps.sizes)


def _values_of(fill_value: Any, columns: pd.Index) -> list[float]:
    if fill_value is None:
        return [np.nan] * len(columns)
    if not isinstance(fill_value, Mapping):
        if not is_real(fill_value) or np.isinf(fill_value):
            raise TypeError(f"fill_value must be a number or a dict of column and number; got {fill_value!r}.")
        return [float(fill_value)] * len(columns)
    unknown = [one for one in fill_value if one not in columns]
    if unknown:
        raise ValueError(f"fill_value names the column {unknown[0]!r}; the channels are {list(columns)}.")
    for one, value in fill_value.items():
        if not is_real(value) or np.isinf(value):
            raise TypeError(f"fill_value must hold numbers; got {value!r} for {one!r}.")
    return [float(fill_value.get(one, np.nan)) for one in columns]
