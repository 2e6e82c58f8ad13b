"""Infer the step of rows, treat missing rows, and warn about suspicious gaps."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._clock_changes import ZONES
from skdistill.datasets._coarse_rows import find_coarse_rows
from skdistill.datasets._gaps import Gaps, find_gaps, insert_missing, say_gaps, skipped_hint
from skdistill.datasets._rows import Rows
from skdistill.datasets._steps import Grid, StepOfFit, find_grid
from skdistill.datasets._times import Times

__all__ = ["make_regular"]

_SELDOM = 0.5  # of the rows that equal the one before, from which a column is a level
_COUNTS = 5  # whole numbers from below are counts
_MOST = 0.8  # of the series
_SOME_GAPS, _SOME_ONES, _MOSTLY_WHOLE = 0.05, 0.05, 0.9  # of the rows
_FALLS = 1.2  # times as many ones as threes
_LONG_ALONE, _FEW_ROWS, _TIMES_OTHERS = 30, 3, 10  # a gap beside so few rows, so many times as long as all others
_LONG_GAP = 100  # rows; a longer gap, if it is also longer than the observed rows, indicates a wrong date


def make_regular(rows: Rows, freq: Any, missing_rows: str, fill_value: Any) -> tuple[Rows, Grid | None]:
    """Infer the step and treat missing rows.

    Parameters
    ----------
    rows : Rows
        In order, distinct.
    freq, missing_rows, fill_value : object
        As in :func:`read_panel`.

    Returns
    -------
    rows : Rows
        The regular rows, or the rows unchanged.
    grid : Grid or None
        The step; None if there is none.
    """
    if fill_value is not None and missing_rows != "insert":
        raise ValueError(f"fill_value is the value of inserted rows; missing_rows={missing_rows!r} inserts none.")
    try:
        grid = find_grid(rows.times, freq)
    except ValueError as error:
        if missing_rows == "keep" and freq is None:
            warnings.warn(f"{rows.name}: {error}", stacklevel=stacklevel_of_user())
            return rows, None
        raise ValueError(f"{rows.name}: {_zone_hint(rows.times, freq) or error}") from error
    gaps = find_gaps(rows.times, grid)
    if missing_rows == "insert":
        regular = insert_missing(rows, grid, gaps, fill_value, given=freq is not None)
        _warn_of_gaps(rows, grid, gaps, fill_value is None, reads_for_fit=not isinstance(freq, StepOfFit))
        if fill_value is not None:
            _warn_of_early_ends(rows)
            _warn_of_filled_levels(rows, gaps, fill_value)
        return regular, grid
    if gaps.n_rows:
        hint = skipped_hint(rows.times, grid, gaps)
        said = f"{rows.name} has {say_gaps(rows.times, gaps)}, at a step of {grid.name}.{' ' + hint if hint else ''}"
        if missing_rows == "raise":
            raise ValueError(f"{said} missing_rows='insert' inserts them as not observed (NaN).")
        warnings.warn(f"{said} They were left out.", stacklevel=stacklevel_of_user())
    return rows, grid


def _zone_hint(times: Times, freq: Any) -> str:
    """Return a hint at a zone in which the times are regular, if there is one."""
    moments = times.moments
    if not isinstance(moments, pd.DatetimeIndex) or moments.tz is None:
        return ""
    for zone in ZONES:
        try:
            find_grid(replace(times, moments=moments.tz_convert(zone)), freq)
        except ValueError:
            continue
        local = f"but have one in local time, for example in {zone}: set tz={zone!r}."
        return f"times have no regular step in {moments.tz}, {local}"
    return ""


def _warn_of_early_ends(rows: Rows) -> None:
    """Warn of series that end before others, where rows are left out that stand for a value such as 0."""
    times = rows.times
    lasts = np.append(times.starts[1:], len(times.codes)) - 1
    early = np.flatnonzero(times.codes[lasts] < times.codes[lasts].max())
    if len(early):
        row, latest = int(lasts[early[0]]), times.moments[times.codes[lasts].max()]
        warnings.warn(
            f"{rows.name}: fill_value fills rows between the first and the last of each series, and {len(early)} of "
            f"{len(lasts)} series end before the last time of the table, {latest}; first the one that ends at "
            f"{times.say(row)}. If rows after it were left out as others were, add one at the last time, and those "
            "between are filled: forecasts start after the last row.",
            stacklevel=stacklevel_of_user(),
        )


def _warn_of_filled_levels(rows: Rows, gaps: Gaps, fill_value: Any) -> None:
    """Warn of one value for all columns, which is far from those of a level that seldom changes, such as a price."""
    channels, times = rows.channels, rows.times
    if isinstance(fill_value, Mapping) or not gaps.n_rows or channels.shape[1] < 2:
        return
    several = np.diff(np.append(times.starts, len(channels))) > 1
    for name in channels.columns:
        values = channels[name]
        if not isinstance(values.dtype, np.dtype) or values.dtype.kind != "f" or not several.any():
            continue
        numbers = values.to_numpy()
        there = np.flatnonzero(~np.isnan(numbers))
        after = np.diff(times.series[there]) == 0
        seldom = after.any() and (np.diff(numbers[there])[after] == 0).mean() >= _SELDOM
        if not seldom or (np.nanmin(numbers) < _COUNTS and not (numbers % 1 > 0).any()):
            continue
        low, high = (one.reduceat(numbers, times.starts)[several] for one in (np.fmin, np.fmax))
        if (np.maximum(low - fill_value, fill_value - high) > high - low).mean() >= _MOST:
            warnings.warn(
                f"{rows.name}: fill_value={fill_value!r} fills {name!r}, too, which is between {np.nanmin(numbers):g} "
                f"and {np.nanmax(numbers):g}, in {gaps.n_rows} inserted rows. Give a dict of the columns that it is "
                "for, such as {'sales': 0}: others are not observed there (NaN).",
                stacklevel=stacklevel_of_user(),
            )
            return


def _counts_no_zero(rows: Rows) -> Hashable | None:
    """Return the first column that counts 1, 2, 3, ..., ever more seldom, and is hardly ever 0; None if none does."""
    for name, values in rows.channels.items():
        if not isinstance(values.dtype, np.dtype) or values.dtype.kind != "f":
            continue
        numbers = values.to_numpy()
        none, one, two, three = ((numbers == count).mean() for count in range(4))
        falls = one >= two >= three > 0 and one > _FALLS * three  # weekdays and months are alike often
        changes = (np.diff(numbers)[rows.times.follows] != 0).mean() > 1 - _MOSTLY_WHOLE  # codes of a shop are not
        is_whole = ((numbers == np.round(numbers)) | np.isnan(numbers)).mean() >= _MOSTLY_WHOLE
        if falls and changes and is_whole and one >= _SOME_ONES and none < one / 10:
            return name
    return None


def _find_lone_end(times: Times, gaps: Gaps) -> tuple[int, int, bool] | None:
    """Return a row at an end of its series, the gap beside it, which is by far the longest, and which end it is."""
    of, firsts = times.series[gaps.before], times.starts
    ends = np.append(firsts[1:], len(times.codes))
    n_before, n_after = gaps.before - firsts[of] + 1, ends[of] - gaps.before - 1
    places = np.flatnonzero((gaps.sizes >= _LONG_ALONE) & (np.minimum(n_before, n_after) <= _FEW_ROWS))
    if not len(places):
        return None
    order = np.lexsort((gaps.sizes, of))
    is_same = of[order][1:] == of[order][:-1]
    second = np.zeros(len(order), dtype=np.int64)  # the longest of the other gaps of each series
    second[order[1:]] = np.where(is_same, gaps.sizes[order][:-1], 0)
    alone = gaps.sizes[places] >= _TIMES_OTHERS * second[places]
    alone &= np.maximum(n_before, n_after)[places] >= gaps.sizes[places] / 2  # of few rows, no gap tells
    if not alone.any():
        return None
    place = int(places[np.argmax(alone)])
    is_last = bool(n_after[place] <= n_before[place])
    row = int(gaps.before[place]) + is_last
    return row, int(gaps.sizes[place]), is_last


def _warn_of_gaps(rows: Rows, grid: Grid, gaps: Gaps, as_missing: bool, *, reads_for_fit: bool) -> None:
    """Warn about suspicious gaps: a wrong date, a skipped hour, omitted zeros."""
    if not gaps.n_rows:
        return
    times = rows.times
    observed = np.bincount(times.series)[times.series[gaps.before]]
    long = gaps.sizes > np.maximum(observed, _LONG_GAP)
    hint, lone = skipped_hint(times, grid, gaps), _find_lone_end(times, gaps)
    coarse = find_coarse_rows(times, grid) if as_missing else None
    n_left_out = gaps.n_rows - int(gaps.sizes[long].sum())
    are_left_out = as_missing and n_left_out >= len(times.codes) - len(times.labels)  # one between any two, or more
    if long.any() and not are_left_out:
        row = gaps.before[np.argmax(long)]
        text = (
            f"a gap of {gaps.sizes[np.argmax(long)]} rows follows {times.say(row)}, longer than all that was "
            "observed: look for a wrong date."
        )
    elif hint is not None:
        text = hint
    elif lone is not None:
        row, n_between, is_last = lone
        where = "before the last" if is_last else "after the first"
        text = (
            f"a gap of {n_between} rows lies {where} rows of {times.say_series(times.series[row])}, "
            f"{times.moments[times.codes[row]]}, and no other one is nearly so long: look for a wrong date"
            f"{'; forecasts start after the last row' * is_last}."
        )
    elif coarse is not None and coarse.n_missing > gaps.n_rows / 2:
        text = (
            f"the rows from {times.moments[times.codes[coarse.first]]} to {times.say(coarse.last)} are {coarse.size} "
            f"steps ({grid.name}) apart, others one. Rows between are inserted as not observed (NaN): if those rows "
            f"are sums of {coarse.size} steps, they are in other units than the rest; make one step of all, or read "
            "the last part alone."
        )
    elif are_left_out:
        size = "more than" if gaps.n_rows > len(times.codes) else "beside"
        text = (
            f"{say_gaps(times, gaps)}, {size} the {len(times.codes)} existing rows. They are inserted as not "
            "observed (NaN); if rows without sales or events were left out, set fill_value=0, or a dict with 0 for the "
            "columns that count them."
        )
    elif (
        as_missing
        and reads_for_fit
        and gaps.n_rows >= _SOME_GAPS * len(times.codes)
        and (counted := _counts_no_zero(rows)) is not None
    ):
        text = (
            f"{say_gaps(times, gaps)}, and counts from 1 on, hardly a 0, in {counted!r}. They are "
            "inserted as not observed (NaN); if rows without sales or events were left out, set fill_value=0, or a "
            "dict with 0 for the columns that count them."
        )
    else:
        return
    warnings.warn(f"{rows.name}: {text}", stacklevel=stacklevel_of_user())
