"""Make untidy tables regular: zones, clock changes, duplicates, missing rows, jitter."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._wall_clock import set_wall_clock
from skdistill.datasets._duplicates import doubled_hint, merge_duplicates, refuse_duplicates, repeats
from skdistill.datasets._gaps import find_gaps, say_gaps
from skdistill.datasets._make_regular import make_regular
from skdistill.datasets._open_rows import open_rows
from skdistill.datasets._rows import Rows, sort_rows, to_panel, to_series
from skdistill.datasets._steps import Grid
from skdistill.datasets._times import DAY, NANOSECONDS, Times, nanoseconds_of, say_span

__all__ = ["regularize"]

# common steps of clocks and sensors, in seconds
_STEPS = [
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 20, 30),
    *(60 * minutes for minutes in (1, 2, 3, 5, 6, 10, 12, 15, 20, 30)),
    *(3600 * hours for hours in (1, 2, 3, 4, 6, 8, 12, 24, 168)),
]
_NEAR = 0.1  # maximum relative deviation of the median step from a common step
_DONE = {"first": "dropped, the first kept", "last": "dropped, the last kept", "mean": "averaged", "sum": "added up"}


def regularize(
    table: Any,
    *,
    id: Hashable | Sequence[Hashable] | None = None,
    time: Hashable | None = None,
    columns: Sequence[Hashable] | None = None,
    freq: Any = None,
    tolerance: Any = None,
    duplicates: str = "raise",
    missing_rows: str = "insert",
    fill_value: float | Mapping[Hashable, float] | None = None,
    dayfirst: bool | None = None,
    date_format: str | None = None,
    unit: str | None = None,
    tz: Any = None,
    ambiguous: Any = "raise",
    nonexistent: Any = "raise",
    verbose: int = 1,
    **read_options: Any,
) -> pd.DataFrame:
    r"""Convert an untidy table to a regular series or panel, and report the changes.

    Times are parsed, localized, rounded to the step if they jitter, and sorted. Duplicates are merged, and missing rows
    are inserted. Steps can be a fixed length, certain days of the week (business days), months (the 1st, the 30th, the
    last day, the last or first business day, the last Friday), half months, or any pandas frequency (`freq`).

    Parameters
    ----------
    table : str, Path, file object, table, DataFrame or Series
        A table as for :func:`read_panel`, or a table with the times as its index, or a panel.
    id : str, sequence of str or None, default=None
        The column that identifies the series; None for a single series, and for an index with levels (series, time).
    time : str or None, default=None
        The time column; None if the times are the index.
    columns : sequence of str or None, default=None
        The channels to take; None takes all other columns.
    freq : str, offset, timedelta, int or None, default=None
        The step, as pandas has it; None finds the one step of all series.
    tolerance : str or timedelta or None, default=None
        Maximum deviation of times from the step; times are rounded to the step. For example, ``"10s"`` for a sensor
        that reports about every minute. None does not round.
    duplicates : {"raise", "first", "last", "mean", "sum"}, default="raise"
        What to do with rows of the same time (and series).
    missing_rows : {"insert", "keep", "raise"}, default="insert"
        What to do about rows that are missing between the first and the last of a series: insert them, leave the gap
        with a warning, or raise.
    fill_value : float, dict of column to float or None, default=None
        Value of inserted rows, as in :func:`read_panel`; None means not observed (NaN).
    dayfirst : bool or None, default=None
        Whether dates such as 03/04/2024 start with the day; as in :func:`read_panel`.
    date_format : str or None, default=None
        Format of the times, for example ``"%d/%m/%Y %H:%M"``.
    unit : {"D", "h", "m", "s", "ms", "us", "ns"} or None, default=None
        What times that are numbers count since 1970.
    tz : str, tzinfo or None, default=None
        The time zone. Times without a zone are local times in this zone; others, and numbers with a `unit`
        below a day, which count from 1970 in UTC, are converted.
    ambiguous : {"raise", "infer", "NaT"} or bool, default="raise"
        How to interpret local times that occur twice, as in :meth:`pandas.DatetimeIndex.tz_localize`: with ``"infer"``
        the first of two rows is the earlier one; True means summer time; with ``"NaT"`` they are dropped.
    nonexistent : {"raise", "shift_forward", "shift_backward", "NaT"} or timedelta, default="raise"
        How to interpret skipped local times; with ``"NaT"`` they are dropped.
    verbose : int, default=1
        Whether to print the changes; 0 prints nothing.
    **read_options : object
        For files: passed to :func:`pandas.read_csv` or :func:`pyarrow.parquet.read_table`.

    Returns
    -------
    frame : DataFrame of shape (n_rows, n_channels)
        One series with its times as index, or a panel with index levels ``series`` and ``time``. Its
        ``attrs["regularized"]`` is a dict of the changes: ``step``, ``n_read``, ``n_rows``, ``n_dropped``,
        ``n_rounded``, ``n_merged``, ``n_inserted``.

    Raises
    ------
    ValueError
        As in :func:`read_panel`; and if times are doubled or skipped by the clock and the parameter is ``"raise"``, or
        deviate from the step by more than `tolerance`.

    Warns
    -----
    UserWarning
        As in :func:`read_panel`; and if merged duplicates are the two rows of an hour that occurs twice.

    See Also
    --------
    read_panel : For tidy tables.

    Examples
    --------
    >>> import io
    >>> text = "at,load\n2024-10-27 01:00,1\n2024-10-27 02:00,2\n2024-10-27 02:00,3\n2024-10-27 04:00,5"
    >>> regularize(io.StringIO(text), time="at", tz="Europe/Berlin", ambiguous="infer")
    regularize: 1 series, 5 rows of 4 read, a step of 1 hour; times are in Europe/Berlin; inserted 1 missing row, after
    2024-10-27 02:00:00+01:00.
                               load
    at
    2024-10-27 01:00:00+02:00   1.0
    2024-10-27 02:00:00+02:00   2.0
    2024-10-27 02:00:00+01:00   3.0
    2024-10-27 03:00:00+01:00   NaN
    2024-10-27 04:00:00+01:00   5.0
    """
    check_choice(missing_rows, ["insert", "keep", "raise"], "missing_rows of regularize")
    check_choice(duplicates, ["raise", *_DONE], "duplicates of regularize")
    rows, n_dropped = open_rows(
        table, id=id, time=time, columns=columns, dayfirst=dayfirst, date_format=date_format, unit=unit, tz=tz,
        ambiguous=ambiguous, nonexistent=nonexistent, owner="regularize", read_options=read_options,
    )  # fmt: skip
    done = _Done(len(rows.times.codes) + n_dropped, n_dropped, duplicates)
    if tolerance is not None:
        rows = _round(rows, freq, tolerance, done)
    rows = _merge(rows, duplicates, done)
    before = rows
    rows, grid = make_regular(rows, freq, missing_rows, fill_value)
    done.take_in(before, rows, grid)
    if verbose:
        sys.stdout.write(done.say(rows, grid) + "\n")
    frame = to_panel(rows, grid) if rows.is_panel else to_series(rows, grid, rows.time_name)
    frame.attrs["regularized"] = done.as_dict(len(frame), grid)
    return frame


@dataclass
class _Done:
    """Report of the changes."""

    n_read: int
    n_dropped: int
    duplicates: str
    n_rounded: int = 0
    furthest: int = 0  # nanoseconds
    n_merged: int = 0
    n_inserted: int = 0
    gaps: str = ""

    def take_in(self, before: Rows, rows: Rows, grid: Grid | None) -> None:
        """Store the number of inserted rows."""
        self.n_inserted = len(rows.times.codes) - len(before.times.codes)
        if self.n_inserted and grid is not None:
            self.gaps = say_gaps(before.times, find_gaps(before.times, grid))

    def say(self, rows: Rows, grid: Grid | None) -> str:
        """Return the report as a sentence."""
        times = rows.times
        step = "no regular step" if grid is None else f"a step of {grid.name}" if grid.stride else "a single row each"
        parts = [f"{len(times.labels)} series, {len(times.codes)} rows of {self.n_read} read, {step}"]
        zone = getattr(times.moments, "tz", None)
        if zone is not None:
            parts.append(f"times are in {zone}")
        if self.n_dropped:
            parts.append(f"{self.n_dropped} rows dropped whose local time the clock skips or shows twice")
        if self.n_rounded:
            parts.append(f"{self.n_rounded} times rounded to the step, by {pd.Timedelta(self.furthest)} at most")
        if self.n_merged:
            parts.append(f"{self.n_merged} duplicates {_DONE[self.duplicates]}")
        if self.n_inserted:
            parts.append(f"inserted {self.gaps}")
        return f"regularize: {'; '.join(parts)}."

    def as_dict(self, n_rows: int, grid: Grid | None) -> dict[str, Any]:
        """Return the report as plain values."""
        counts = ("n_read", "n_dropped", "n_rounded", "n_merged", "n_inserted")
        step = None if grid is None or not grid.stride else grid.name
        return {"step": step, "n_rows": n_rows, **{name: getattr(self, name) for name in counts}}


def _merge(rows: Rows, how: str, done: _Done) -> Rows:
    if how == "raise":
        refuse_duplicates(rows)
        return rows
    where = np.flatnonzero(repeats(rows.times))
    hint = doubled_hint(rows.times, where) if len(where) else None
    if hint is not None:
        warnings.warn(f"{rows.name}: {hint}", stacklevel=stacklevel_of_user())
    rows, done.n_merged = merge_duplicates(rows, how)
    return rows


def _round(rows: Rows, freq: Any, tolerance: Any, done: _Done) -> Rows:
    """Round times to the step, counted from midnight or from a separate start of each series; days by the clock."""
    times = rows.times
    if not isinstance(times.moments, pd.DatetimeIndex):
        raise ValueError(f"tolerance rounds moments; the times of {rows.name} are {times.moments.dtype}.")
    unit = NANOSECONDS[times.moments.unit]
    limit = _span(tolerance, "tolerance") // unit
    zone = times.moments.tz
    by_clock = zone is not None and _is_in_days(times, times.moments, freq, rows.name)
    counted = times.moments.tz_localize(None) if by_clock else times.moments
    stamps = counted.asi8[times.codes]
    step = _usual_step(times.steps(stamps) * unit, rows.name) if freq is None else _span(freq, "freq")
    if step % unit or limit * unit * 2 > step:
        raise ValueError(
            f"tolerance must be at most half of the step of {say_span(step)}, beyond which rows change places; got "
            f"{tolerance!r}."
        )
    step //= unit
    phase = _phases(stamps, times.series, step, limit, NANOSECONDS["s"] // unit)[times.series]
    rounded = phase + (stamps - phase + step // 2) // step * step
    codes, distinct = pd.factorize(rounded)
    moments = pd.DatetimeIndex(distinct.view(f"datetime64[{times.moments.unit}]"))
    if by_clock:
        found = moments.tz_localize(zone, ambiguous=np.ones(len(moments), bool), nonexistent="NaT")
        moments = found.where(found.notna(), set_wall_clock(moments, zone))
    elif zone is not None:
        moments = moments.tz_localize("UTC").tz_convert(zone)
    shifts = np.abs(moments.asi8[codes] - times.moments.asi8[times.codes])
    if shifts.max() > limit:
        row = int(np.argmax(shifts > limit))
        raise ValueError(
            f"{(shifts > limit).sum()} times of {rows.name} lie off the step of {say_span(step * unit)} by more than "
            f"tolerance={tolerance!r}, first {times.say(row)} by {pd.Timedelta(int(shifts[row]) * unit)}: give a "
            "larger tolerance (half a step takes every row), another freq=, or drop these rows."
        )
    done.n_rounded, done.furthest = int((shifts > 0).sum()), int(shifts.max()) * unit
    return sort_rows(replace(rows, times=Times(moments, codes, times.series, times.labels)))


def _is_in_days(times: Times, moments: pd.DatetimeIndex, freq: Any, name: str) -> bool:
    """Return whether the step is of whole days, which start on the clock of a zone, and not 24 hours apart."""
    if freq is not None:
        _span(freq, "freq")
        return isinstance(pd.tseries.frequencies.to_offset(freq), pd.offsets.Day | pd.offsets.Week)
    steps = times.steps(moments.asi8[times.codes]) * NANOSECONDS[moments.unit]
    return _usual_step(steps, name) % nanoseconds_of("24h") == 0


def _span(span: Any, parameter: str) -> int:
    try:
        size = nanoseconds_of(span)
    except (ValueError, TypeError):
        size = 0
    if size <= 0:
        raise ValueError(f"{parameter} must be a span of time such as '10s' where times are rounded; got {span!r}.")
    return size


def _usual_step(steps: np.ndarray, name: str) -> int:
    """Return the common step closest to the median step in nanoseconds."""
    steps = steps[steps > 0]
    if not len(steps):
        raise ValueError(f"{name} has no two times of one series, so that the step is unknown: give it, freq='1min'.")
    median = float(np.median(steps)) / 1e9
    nearest = min(_STEPS, key=lambda step: abs(np.log(step / median)))
    if abs(nearest - median) > _NEAR * nearest:
        raise ValueError(
            f"the median step of {name} is {pd.Timedelta(median, unit='s')}, near none that clocks have: give the "
            "step, freq=."
        )
    return round(nearest * 1e9)


def _phases(stamps: np.ndarray, series: np.ndarray, step: int, limit: int, second: int) -> np.ndarray:
    """Return the start of the steps of each series: 0 if that fits, otherwise the circular mean of its times.

    It is the mean in whole days if the step has several, or else in sixtieths of a step, or else in seconds, whatever
    is the first that fits.
    """
    angles = 2 * np.pi * (stamps % step) / step
    sums = (np.bincount(series, weights=np.sin(angles)), np.bincount(series, weights=np.cos(angles)))
    middle = np.arctan2(*sums) / (2 * np.pi)  # in steps
    start, day = np.zeros(len(middle), dtype=np.int64), DAY // NANOSECONDS["s"] * second
    for size, parts in ((day, 1) if step % day == 0 else (step, 1), (step, 60), (second, 1)):
        past = (stamps - start[series]) % step
        off = np.bincount(series, weights=np.minimum(past, step - past) > limit)
        start = np.where(off > 0, np.round(middle * step * parts / size).astype(np.int64) * size // parts, start)
    return start
