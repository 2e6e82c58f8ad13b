"""The row labels that follow many series, each distinct end carried on once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from skdistill.data._steps import ClockStep, NumberStep, PeriodStep, Step
from skdistill.data._wall_clock import nanoseconds_of

__all__ = ["labels_ahead", "stacked_labels"]

_N_TOLD = 10  # labels at the end from which the next ones follow, where the step is known


class Labeled(Protocol):
    """A series with labels, as far as they matter here."""

    @property
    def index(self) -> pd.Index | None:
        """Its labels."""

    @property
    def step(self) -> Step | None:
        """How they go on, where that is known."""

    @property
    def label_type(self) -> Any:
        """Their type as they came, where that is Arrow's."""

    def labels_ahead(self, n: int) -> pd.Index:
        """Return the labels of the rows that follow."""


def labels_ahead(series: Sequence[Labeled], n: int) -> list[pd.Index]:
    """Return the labels of the rows that follow each series.

    Parameters
    ----------
    series : sequence of Series
        With labels.
    n : int
        How many rows.

    Returns
    -------
    labels : list of Index of shape (n,)
        Series that end alike share one.
    """
    found: dict[object, pd.Index] = {}
    ahead = []
    for number, one in enumerate(series):
        key = _end_of(one, number)
        if key not in found:
            found[key] = one.labels_ahead(n)
        ahead.append(found[key])
    return ahead


def _end_of(one: Labeled, number: int) -> object:
    """Return what the next labels depend on; the number of the series where that is not known."""
    index = one.index
    if one.step is None or not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return number
    return id(one.step), index.dtype, index.name, str(one.label_type), index.asi8[-_N_TOLD:].tobytes()


def stacked_labels(series: Sequence[Labeled], n: int) -> pd.Index:
    """Return the labels of the rows that follow each series, one series after another.

    Parameters
    ----------
    series : sequence of Series
        With labels.
    n : int
        How many rows of each.

    Returns
    -------
    labels : Index of shape (n_series * n,)
        Where all go on by one amount of time or number, by one addition.
    """
    first = series[0].index
    assert first is not None  # they have labels
    size = _size(series[0].step, first)
    kinds = {(id(one.index), id(one.step), id(one.label_type)): one for one in series}.values()  # series share indexes
    if size is None or not all(_is_like(one, series[0]) for one in kinds):
        parts = labels_ahead(series, n)
        return parts[0].append(parts[1:])
    ends = {id(one.index): int(_numbers(one.index)[-1]) for one in kinds}
    last = np.array([ends[id(one.index)] for one in series], dtype=np.int64)
    values = (last[:, None] + size * np.arange(1, n + 1, dtype=np.int64)).ravel()
    if isinstance(first, pd.DatetimeIndex):
        return pd.DatetimeIndex(values.view(f"M8[{first.unit}]"), name=first.name)
    if isinstance(first, pd.PeriodIndex):
        return pd.PeriodIndex.from_ordinals(values, freq=first.freq, name=first.name)  # type: ignore[attr-defined]
    return pd.Index(values, name=first.name)


def _is_like(one: Labeled, other: Labeled) -> bool:
    assert one.index is not None  # they have labels
    assert other.index is not None
    return (
        (one.step is other.step or one.step == other.step)
        and (one.index.dtype is other.index.dtype or one.index.dtype == other.index.dtype)
        and type(one.index) is type(other.index)
        and one.label_type is None
    )


def _size(step: Step | None, index: pd.Index) -> int | None:
    """Return how much whole numbers behind labels grow by; None where that is not always the same."""
    if isinstance(step, ClockStep) and isinstance(index, pd.DatetimeIndex) and index.tz is None:
        if not isinstance(step.by, pd.offsets.Tick | pd.offsets.Day):
            return None
        span = pd.Timedelta(days=step.by.n) if isinstance(step.by, pd.offsets.Day) else pd.Timedelta(step.by)
        size, rest = divmod(span.as_unit("ns").value, nanoseconds_of(index))
        return None if rest else size
    if isinstance(step, PeriodStep) and isinstance(index, pd.PeriodIndex):
        return step.size
    if isinstance(step, NumberStep) and index.dtype == np.int64 and type(index) is pd.Index:
        return int(step.size)
    return None


def _numbers(index: pd.Index | None) -> np.ndarray:
    return index.asi8 if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex) else np.asarray(index)
