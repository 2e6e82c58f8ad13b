"""Contexts in original units, the common input of everything that forecasts."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from skdistill.data._calendar import calendar_of
from skdistill.data._contexts import Contexts
from skdistill.data._fill_future import fill_future
from skdistill.data._precede import labels_of_context
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._steps import Step, find_step
from skdistill.data._vintages import LOST

__all__ = ["ContextBatch", "ContextCutter"]


@dataclass(frozen=True)
class ContextBatch:
    """Contexts in original units, with their time labels and series.

    Every field except ``values`` is None or has one entry per window.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Floats, NaN where missing. Rows before the last ``context_length`` are not read.
    indexes : sequence of pandas.Index or None, default=None
        Time labels of each window's rows, for networks and teachers that read the calendar; an index can also have
        labels of earlier rows.
    steps : sequence of Step or None, default=None
        Step of the labels of each window; None infers it from the labels.
    series : ndarray of int of shape (n_windows,) or None, default=None
        Number of the series of ``fit`` that each window belongs to, -1 for other series; it determines the units. None
        means -1.
    future : ndarray of shape (n_windows, prediction_length, n_known) or None, default=None
        Known covariates over the horizon, NaN where unknown.
    static : ndarray of shape (n_windows, n_static) or None, default=None
        Static covariates, standardized.
    ids : sequence of hashable or None, default=None
        Id of the series of each window, for teachers that know series by them.
    """

    values: np.ndarray
    indexes: Sequence[pd.Index | None] | None = None
    steps: Sequence[Step | None] | None = None
    series: np.ndarray | None = None
    future: np.ndarray | None = None
    static: np.ndarray | None = None
    ids: Sequence[Hashable | None] | None = None

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.values)

    def __getitem__(self, windows: slice) -> ContextBatch:
        """Return some of the windows."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: value[windows] for name, value in known.items() if value is not None})

    def last(self, context_length: int) -> ContextBatch:
        """Return only the last rows of the windows; rows before a window are missing.

        Parameters
        ----------
        context_length : int
            Number of rows to keep.

        Returns
        -------
        contexts : ContextBatch
            Views of the same values.
        """
        n_before = context_length - self.values.shape[1]
        if not n_before:
            return self
        if n_before < 0:
            return replace(self, values=self.values[:, -context_length:])
        before = np.full((len(self.values), n_before, self.values.shape[2]), np.nan, self.values.dtype)
        return replace(self, values=np.concatenate([before, self.values], axis=1))

    def unseen(self, targets: Sequence[int]) -> np.ndarray | None:
        """Return which targets have no observed value in a context.

        Parameters
        ----------
        targets : sequence of int
            The channels to check.

        Returns
        -------
        unseen : ndarray of bool of shape (n_windows, n_targets) or None
            None if every target has one.
        """
        last = self.values[:, -1]
        if not np.isnan(last).any():  # fast check for the usual case
            return None
        unseen = np.isnan(self.values[:, :, list(targets)]).all(axis=1)
        return unseen if unseen.any() else None

    def standardized(
        self,
        scaling: Scaling,
        prediction_length: int,
        *,
        with_time: bool,
        dtype: str = "float32",
        known: tuple[int, ...] = (),
    ) -> Contexts:
        """Convert to the contexts that networks and teachers read.

        Parameters
        ----------
        scaling : Scaling
            Converts values to standardized units; also stored in the result.
        prediction_length : int
            Number of rows of the horizon, which also gets calendar features.
        with_time : bool
            Whether to add calendar features, if every window has time labels.
        dtype : {"float32", "float64"}, default="float32"
            Type of the standardized values.
        known : tuple of int, default=()
            Channels of ``future``.

        Returns
        -------
        contexts : Contexts
            Each window as a separate series that ends where its horizon starts.
        """
        read = scaling.standardize_contexts(self.values, self.series, dtype)
        values = torch.from_numpy(np.ascontiguousarray(read.values))
        observed = None if read.observed is None else torch.from_numpy(read.observed)
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
        numbers, origins = np.arange(n_windows), np.full(n_windows, length)
        contexts = Contexts(values, time, future, scaling, numbers, origins, tuple(indexes), steps=steps)
        contexts = replace(
            contexts, units=read.units, observed=observed, ids=() if self.ids is None else tuple(self.ids)
        )
        if self.static is not None:
            contexts = replace(contexts, static=torch.from_numpy(self.static.astype(dtype)))
        return contexts if self.future is None or not known else self._with_future(contexts, known, dtype)

    def _with_future(self, contexts: Contexts, known: tuple[int, ...], dtype: str) -> Contexts:
        """Add the known covariates over the horizon, in the units of the contexts, with unknown values filled."""
        assert self.future is not None  # standardized
        values = torch.from_numpy(contexts.scaling.known_to_standard(self.future, known, contexts.units, dtype))
        missing = torch.isnan(values)
        if not bool(missing.any()):
            return replace(contexts, known=known, future=values)
        filled = fill_future(contexts.values[:, :, list(known)], values, contexts.scaling.season)
        return replace(contexts, known=known, future=filled, future_observed=~missing)

    def _known_steps(self, indexes: Sequence[pd.Index | None]) -> Iterator[Step | None]:
        steps = [None] * len(indexes) if self.steps is None else self.steps
        for index, step in zip(indexes, steps, strict=True):
            yield find_step(index) if step is None and index is not None else step


@dataclass(frozen=True)
class ContextCutter:
    """Builds contexts from series.

    Parameters
    ----------
    series : list of Series
        The series, in original units.
    context_length : int
        Number of rows of a context.
    with_time : bool
        Whether to include time labels; each context then has the step of its whole series.
    known : ndarray of int of shape (n_series,) or None, default=None
        Number of each series in ``fit``, -1 for other series.
    known_channels : tuple of int, default=()
        Channels whose rows after each origin are included, because they are known in advance.
    prediction_length : int, default=0
        Number of these rows.
    lacks_vintages : bool, default=False
        Whether these rows are not what was known in advance, which is lost, so that ``cut`` needs ``future``.
    """

    series: list[Series]
    context_length: int
    with_time: bool
    known: np.ndarray | None = None
    known_channels: tuple[int, ...] = ()
    prediction_length: int = 0
    lacks_vintages: bool = False

    @cached_property
    def _steps(self) -> list[Step | None]:
        return [find_step(one.index) if one.step is None and one.index is not None else one.step for one in self.series]

    def cut(
        self,
        numbers: np.ndarray | Sequence[int],
        origins: np.ndarray | Sequence[int],
        future: np.ndarray | None = None,
    ) -> ContextBatch:
        """Return contexts.

        Parameters
        ----------
        numbers : sequence of int of length n_windows
            Number of the series of each context.
        origins : sequence of int of length n_windows
            The row of its series that follows each context.
        future : ndarray of shape (n_windows, prediction_length, n_known) or None, default=None
            Known covariates after the contexts; None takes those of the rows of the series.

        Returns
        -------
        contexts : ContextBatch
            The contexts, in this order.
        """
        pairs = list(zip(numbers, origins, strict=True))
        rows = [self._rows(number, origin) for number, origin in pairs]
        values = np.ascontiguousarray(rows[0][None] if len(rows) == 1 else np.stack(rows))
        known = None if self.known is None else self.known[np.asarray(numbers, dtype=np.int64)]
        batch = ContextBatch(values, series=known, **self._covariates(pairs, future))
        if not self.with_time:
            return batch
        labels = [self._labels(number, origin) for number, origin in pairs]
        return replace(batch, indexes=labels, steps=[self._steps[number] for number, _ in pairs])

    def _covariates(self, pairs: list[tuple[Any, Any]], future: np.ndarray | None) -> dict[str, Any]:
        """Return known covariates after origins, static covariates and ids, if there are any."""
        found: dict[str, Any] = {}
        if future is not None:
            found["future"] = future
        elif self.known_channels:
            if self.lacks_vintages:
                raise ValueError(LOST)
            found["future"] = np.stack([self._future(number, origin) for number, origin in pairs])
        first = self.series[0]
        if first.static is not None:
            found["static"] = np.stack([self.series[number].static for number, _ in pairs])
        if any(one.id is not None for one in self.series):
            found["ids"] = [self.series[number].id for number, _ in pairs]
        return found

    def _future(self, number: int, origin: int) -> np.ndarray:
        """Return the known covariates of the rows from an origin on; rows after the end of the series are unknown."""
        one = self.series[number]
        if one.ahead is not None:
            return one.ahead[origin]
        rows = one.values[origin : origin + self.prediction_length, list(self.known_channels)]
        n_after = self.prediction_length - len(rows)
        if not n_after:
            return rows
        return np.concatenate([rows, np.full((n_after, rows.shape[1]), np.nan, rows.dtype)])

    def _rows(self, number: int, origin: int) -> np.ndarray:
        """Return the rows before an origin; rows before the start of the series are missing."""
        rows = self.series[number].values[max(0, origin - self.context_length) : origin]
        n_before = self.context_length - len(rows)
        if not n_before:
            return rows
        before = np.full((n_before, rows.shape[1]), np.nan, rows.dtype)
        return np.concatenate([before, rows])

    def _labels(self, number: int, origin: int) -> pd.Index | None:
        index = self.series[number].index
        return None if index is None else labels_of_context(index, origin, self.context_length, self._steps[number])

    def latest(self, number: int = 0, future: np.ndarray | None = None) -> ContextBatch:
        """Return the context at the end of a series.

        Parameters
        ----------
        number : int, default=0
            Number of the series.
        future : ndarray of shape (1, prediction_length, n_known) or None, default=None
            Known covariates after it.

        Returns
        -------
        contexts : ContextBatch
            One context.
        """
        return self.cut([number], [len(self.series[number])], future)
