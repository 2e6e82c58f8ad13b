"""Contexts in original units: the one object that everybody hands over who wants forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from skdistill.data._calendar import calendar_of
from skdistill.data._inputs import Series
from skdistill.data._scaling import Scaling
from skdistill.data._steps import Step, find_step
from skdistill.data._windows import Contexts

__all__ = ["ContextBatch", "ContextCutter"]


@dataclass(frozen=True)
class ContextBatch:
    """Contexts in original units, and what is known about each of them.

    Every field but ``values`` is None or has one entry for each window, so that whatever else is known about windows
    joins as one more field, and cutting, slicing and counting stay as they are.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Finite floats. Rows before the last ``context_length`` are not read.
    indexes : sequence of pandas.Index or None, default=None
        Time labels of each window's rows, for networks and teachers that read the calendar; an index may have more
        labels, of the rows before.
    steps : sequence of Step or None, default=None
        How the labels of each window go on; None finds it in the labels.
    """

    values: np.ndarray
    indexes: Sequence[pd.Index | None] | None = None
    steps: Sequence[Step | None] | None = None

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.values)

    def __getitem__(self, windows: slice) -> ContextBatch:
        """Return some of the windows."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[windows] for name, value in known.items() if value is not None})

    def last(self, context_length: int) -> ContextBatch:
        """Return the windows with their last rows alone.

        Parameters
        ----------
        context_length : int
            Rows to keep.

        Returns
        -------
        contexts : ContextBatch
            Views of the same values.
        """
        return replace(self, values=self.values[:, -context_length:])

    def standardized(
        self, scaling: Scaling, prediction_length: int, *, with_time: bool, dtype: str = "float32"
    ) -> Contexts:
        """Turn contexts into what networks and teachers read.

        Parameters
        ----------
        scaling : Scaling
            Brings values to standardized units; goes along, to bring answers back.
        prediction_length : int
            Rows of the horizon, whose calendar is described, too.
        with_time : bool
            Whether to describe the calendar, where every window has one.
        dtype : {"float32", "float64"}, default="float32"
            What the values become.

        Returns
        -------
        contexts : Contexts
            Each window as a series of its own, which ends where its horizon begins.
        """
        values = torch.from_numpy(scaling.standardize(self.values, dtype))
        n_windows, length = values.shape[:2]
        given = [None] * n_windows if self.indexes is None else self.indexes
        steps = tuple(self._known_steps(given)) if with_time else ()
        indexes = [None if index is None else index[-length:] for index in given]
        time = future = None
        if with_time and all(isinstance(index, pd.DatetimeIndex | pd.PeriodIndex) for index in indexes):
            rows = [index for index in indexes if index is not None]
            pairs = zip(rows, steps, strict=True)
            both = [calendar_of(index, prediction_length, step) for index, step in pairs]
            time, future = (torch.from_numpy(np.stack(part)) for part in zip(*both, strict=True))
        return Contexts(values, time, future, scaling, np.arange(n_windows), np.full(n_windows, length), tuple(indexes))

    def _known_steps(self, indexes: Sequence[pd.Index | None]) -> Iterator[Step | None]:
        steps = [None] * len(indexes) if self.steps is None else self.steps
        for index, step in zip(indexes, steps, strict=True):
            yield find_step(index) if step is None and index is not None else step


@dataclass(frozen=True)
class ContextCutter:
    """Cuts contexts out of series.

    Parameters
    ----------
    series : list of Series
        The series, in original units.
    context_length : int
        Rows of a context.
    with_time : bool
        Whether the time labels are cut, too; each context then knows the step of its whole series.
    """

    series: list[Series]
    context_length: int
    with_time: bool

    @cached_property
    def _steps(self) -> list[Step | None]:
        return [find_step(one.index) if one.step is None and one.index is not None else one.step for one in self.series]

    def cut(self, numbers: np.ndarray | Sequence[int], origins: np.ndarray | Sequence[int]) -> ContextBatch:
        """Cut contexts.

        Parameters
        ----------
        numbers : sequence of int of length n_windows
            Which series each context is of.
        origins : sequence of int of length n_windows
            The row of its series that follows each context.

        Returns
        -------
        contexts : ContextBatch
            The contexts, in this order.
        """
        places = [
            (number, slice(origin - self.context_length, origin))
            for number, origin in zip(numbers, origins, strict=True)
        ]
        values = np.stack([self.series[number].values[rows] for number, rows in places])
        if not self.with_time:
            return ContextBatch(values)
        indexes = [(self.series[number].index, rows) for number, rows in places]
        return ContextBatch(
            values,
            [None if index is None else index[rows] for index, rows in indexes],
            [self._steps[number] for number, _ in places],
        )

    def latest(self, number: int = 0) -> ContextBatch:
        """Cut the context that ends with a series.

        Parameters
        ----------
        number : int, default=0
            Which series.

        Returns
        -------
        contexts : ContextBatch
            One context.
        """
        return self.cut([number], [len(self.series[number])])
