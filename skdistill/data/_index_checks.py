"""Checks of row labels: they must be distinct, in order and of regular step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._clock_changes import tell_doubled, tell_skipped
from skdistill.data._offsets import count_months
from skdistill.data._steps import Step, as_time_index, find_step
from skdistill.data._wall_clock import DAY, nanoseconds_of, read_wall_clock

__all__ = ["can_be_written", "check_ids", "check_time_index", "checked_step"]

_MOST_SKIPPED = 10_000  # labels that lack, in which a clock change is looked for
_VARIABLE = re.compile(r"\w+(\[\d+\])?")


def can_be_written(name: str) -> bool:
    """Return whether a name of a table can be written in code.

    Parameters
    ----------
    name : str
        Name in messages: X, y and X[3] can be, a series of a panel cannot.

    Returns
    -------
    can : bool
        Whether it can.
    """
    return _VARIABLE.fullmatch(name) is not None


def check_ids(index: pd.MultiIndex, name: str = "X") -> None:
    """Raise if a row of a panel has no id, or an id that lacks a label of an outer level.

    Parameters
    ----------
    index : MultiIndex
        Ids in the outer levels, labels of rows in the last one.
    name : str, default="X"
        What to call the table in messages.

    Raises
    ------
    ValueError
        If a label of an outer level is missing: rows of several series would be taken for one, or left out.

    Examples
    --------
    >>> from skdistill.data._index_checks import check_ids
    >>> check_ids(pd.MultiIndex.from_product([["a", "b"], [0, 1]]))
    """
    for number, labels in enumerate(index.levels[:-1]):
        codes = np.asarray(index.codes[number])
        lacks = codes < 0
        if (unnamed := labels.isna()).any():
            lacks = lacks | unnamed[codes]
        if lacks.any():
            level = "" if index.nlevels == 2 else f" in the level {index.names[number]!r}"
            row = _first(lacks)
            raise ValueError(f"{name} must have an id for every row; row {row} has none{level}. Drop or name it.")


def check_time_index(index: Any, *, name: str = "X") -> None:
    """Raise unless the labels of a time index are distinct, in order and of regular step.

    Moments, periods, durations and numbers are checked; any other kind passes. Month ends, business days and steps
    on the clock of a time zone are regular, and so is what an index that carries a ``freq`` has.

    Parameters
    ----------
    index : Index
        The row labels.
    name : str, default="X"
        What to call the table in messages.

    Raises
    ------
    ValueError
        If a label is missing (NaT), repeated, out of order, or not one regular step after the one before.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._index_checks import check_time_index
    >>> check_time_index(pd.date_range("2024-01-31", periods=12, freq="ME"))
    >>> check_time_index(pd.Index([0, 1, 3]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: The index of X has an irregular step between 1 and 3 (positions 1 and 2). Likely causes: ...
    """
    checked_step(index, name=name)


def checked_step(index: Any, *, name: str = "X", known: Iterable[Step] = ()) -> Step | None:
    """Check the labels of a table, and return how they go on.

    Parameters
    ----------
    index : Index
        The row labels.
    name : str, default="X"
        What to call the table in messages.
    known : iterable of Step, default=()
        Steps that the labels may have; one that they keep goes before what they show themselves.

    Returns
    -------
    step : Step or None
        None where the labels are of a kind that has no step, or too few.

    Raises
    ------
    ValueError
        As :func:`check_time_index` does.
    """
    if not isinstance(index, pd.Index) or isinstance(index, pd.MultiIndex):
        return None
    index = as_time_index(index)
    timed = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)
    if not (timed or pd.api.types.is_integer_dtype(index.dtype) or pd.api.types.is_float_dtype(index.dtype)):
        return None
    _check_order(index, timed, name)
    step = find_step(index, known)
    if step is None and len(index) > 2:
        _raise_irregular(index, name)
    return step


def _check_order(index: pd.Index, timed: bool, name: str) -> None:
    if isinstance(index, pd.RangeIndex):
        if index.step < 0 and len(index) > 1:
            _raise_order(index, 1, name)
        return
    if index.hasnans:
        missing = "NaT" if timed else "a missing label"
        raise ValueError(f"The index of {name} contains {missing}, first at position {_first(index.isna())}.")
    values = _numbers(index)
    if not np.isfinite(values).all():
        raise ValueError(f"The index of {name} contains infinity, first at position {_first(~np.isfinite(values))}.")
    if len(index) < 2:
        return
    steps = np.diff(values)
    if steps.min() > 0:
        return
    repeated = index.duplicated()
    if repeated.any():
        i = _first(repeated)
        raise ValueError(
            f"The index of {name} has duplicate labels: {index[i]} at position {i} was seen before. "
            f"{_tell_doubled(index, repeated, name) or 'Keep one row per label.'}"
        )
    _raise_order(index, _first(steps < 0) + 1, name)


def _numbers(index: pd.Index) -> np.ndarray:
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex):
        return index.asi8
    return index.to_numpy(dtype=np.int64 if pd.api.types.is_integer_dtype(index.dtype) else np.float64)


def _raise_order(index: pd.Index, i: int, name: str) -> None:
    raise ValueError(
        f"The index of {name} is out of order: {index[i]} at position {i} comes after {index[i - 1]}. "
        "Shuffled rows are the likely cause, e.g. a shuffled cross-validation: use RollingOriginSplit or "
        "KFold(shuffle=False), or sort the rows."
    )


def _raise_irregular(index: pd.Index, name: str) -> None:
    steps = _natural_steps(index) if isinstance(index, pd.DatetimeIndex) else np.diff(_numbers(index))
    i = _odd_one(steps)
    skipped = _tell_skipped(index, name)
    if skipped:
        raise ValueError(
            f"The index of {name} has an irregular step between {index[i]} and {index[i + 1]} (positions {i} and "
            f"{i + 1}). {skipped} If they are not local, fill in the rows."
        )
    table = name if can_be_written(name) else "X"
    calendar = ""
    if isinstance(index, pd.DatetimeIndex) and np.median(np.diff(index.asi8)) * nanoseconds_of(index) >= DAY // 24:
        offset = "freq=pd.offsets.CustomBusinessDay(holidays=...))"
        way = f"{table}.index = pd.DatetimeIndex({table}.index, {offset}"
        if name.startswith("series "):  # of a panel
            way = f"X.index = X.index.set_levels(pd.DatetimeIndex(X.index.levels[-1], {offset}, level=-1)"
        calendar = f"; if the labels follow a special calendar, for example with holidays, set it: {way}"
    raise ValueError(
        f"The index of {name} has an irregular step between {index[i]} and {index[i + 1]} "
        f"(positions {i} and {i + 1}). Likely causes: missing rows (holidays included), or a cross-validation whose "
        f"training folds are not contiguous; fill in the rows, or use RollingOriginSplit{calendar}. If the rows are "
        f"all there, in order of time, number them: {table}.reset_index(drop=True)."
    )


def _tell_doubled(index: pd.Index, repeated: np.ndarray, name: str) -> str | None:
    """Tell of a zone whose clock shows repeated labels twice: each of the rows is one of its own."""
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None or (index == index.normalize()).all():
        return None
    found = tell_doubled(index[repeated])
    return None if found is None else f"{found[1]} {_give_zone(name, found[0])}"


def _tell_skipped(index: pd.Index, name: str) -> str | None:
    """Tell of a zone whose clock skips the labels that lack: no row is missing there."""
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None:
        return None
    steps = np.diff(index.asi8)
    step = int(np.median(steps))
    wide = np.flatnonzero(steps > step)
    if step * nanoseconds_of(index) >= DAY or not len(wide) or (steps[wide] // step).sum() > _MOST_SKIPPED:
        return None
    lacking = [np.arange(index.asi8[i] + step, index.asi8[i + 1], step) for i in wide]
    missing = pd.DatetimeIndex(np.concatenate(lacking).astype(f"datetime64[{index.unit}]"))
    found = tell_skipped(missing, index)
    return None if found is None else f"{found[1]} {_give_zone(name, found[0])}"


def _give_zone(name: str, zone: str) -> str:
    if not can_be_written(name):  # a series of a panel
        return f"Give the times their zone: skdistill.datasets.regularize(..., tz={zone!r}, ambiguous='infer')."
    return f"Give the times their zone: {name}.index = {name}.index.tz_localize({zone!r}, ambiguous='infer')."


def _odd_one(steps: np.ndarray) -> int:
    """Return the position of the first step that differs from the usual one."""
    if steps.dtype.kind == "f":
        median = np.median(steps)
        return _first(np.abs(steps - median) > 0.25 * median)
    found, counts = np.unique(steps, return_counts=True)
    return _first(steps != found[counts.argmax()])


def _natural_steps(index: pd.DatetimeIndex) -> np.ndarray:
    """Count steps in the unit (month, business day, day, instant) in which one odd step stands out."""
    local = read_wall_clock(index)
    unit = nanoseconds_of(index)
    raw = np.diff(local.asi8)
    median = float(np.median(raw)) * unit
    candidates = []
    if median >= 27 * DAY:
        candidates.append(np.diff(count_months(local)))
    elif raw.min() * unit >= DAY // 2 and median == DAY and (local.day_of_week < 5).all():
        days = local.to_numpy().astype("datetime64[D]")
        candidates.append(np.busday_count(days[:-1], days[1:]))
    instants = np.diff(index.asi8)
    candidates += [raw, instants] if median % DAY == 0 else [instants]
    return next((steps for steps in candidates if steps.min() != steps.max()), raw)


def _first(mask: Any) -> int:
    return int(np.argmax(np.asarray(mask)))
