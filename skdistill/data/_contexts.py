"""Contexts, as teachers read them."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from skdistill.data._calendar import calendar_features, calendar_numbers
from skdistill.data._calendar_rows import check_one_calendar, have_calendar, step_of
from skdistill.data._local_scale import LocalUnits
from skdistill.data._scaling import Scaling
from skdistill.data._some_of import SomeOf
from skdistill.data._steps import Step, continue_index

__all__ = ["Contexts"]


@dataclass(frozen=True)
class Contexts:
    """A batch of contexts: the input of a teacher when it labels.

    Parameters
    ----------
    values : Tensor of shape (n_windows, context_length, n_channels)
        Standardized values.
    time : Tensor of shape (n_windows, context_length, n_time_features) or None
        Calendar features of the context rows.
    future_time : Tensor of shape (n_windows, prediction_length, n_time_features) or None
        Calendar features of the horizon rows.
    scaling : Scaling
        Converts between original and standardized units.
    series : ndarray of shape (n_windows,)
        Number of the series that each window comes from.
    origins : ndarray of shape (n_windows,)
        Position, in its series, of the first horizon row.
    indexes : sequence of pandas.Index or None
        Time labels of the series.
    units : LocalUnits or None, default=None
        Center and unit of each window, if windows are scaled separately.
    observed : Tensor of bool of shape (n_windows, context_length, n_channels) or None, default=None
        Where values are observed; missing values are filled in ``values``. None if nothing is missing.
    steps : sequence of Step or None, default=()
        Step of the labels of each series; empty if unknown.
    known : tuple of int, default=()
        Channels that are known covariates.
    future : Tensor of shape (n_windows, prediction_length, n_known) or None, default=None
        Known covariates over the horizon, in the units of ``values``; unknown values are filled. None without any.
    future_observed : Tensor of bool of shape (n_windows, prediction_length, n_known) or None, default=None
        Which of them are known; None if all are.
    static : Tensor of shape (n_windows, n_static) or None, default=None
        Static covariates of the series of each window, standardized.
    ids : sequence of hashable or None, default=()
        Id of each series; empty if no series has one.
    """

    values: Tensor
    time: Tensor | None
    future_time: Tensor | None
    scaling: Scaling
    series: np.ndarray
    origins: np.ndarray
    indexes: Sequence[pd.Index | None]
    units: LocalUnits | None = None
    observed: Tensor | None = None
    steps: Sequence[Step | None] = ()
    known: tuple[int, ...] = ()
    future: Tensor | None = None
    future_observed: Tensor | None = None
    static: Tensor | None = None
    ids: Sequence[Hashable | None] = ()

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.values)

    def take(self, numbers: np.ndarray) -> Contexts:
        """Return some of the contexts.

        Parameters
        ----------
        numbers : ndarray of int of shape (n,)
            Numbers of the entries.

        Returns
        -------
        contexts : Contexts
            The selected contexts, in the given order.
        """
        here = torch.from_numpy(numbers).to(self.values.device)
        names = ("values", "time", "future_time", "observed", "future", "future_observed", "static")
        tensors = {name: getattr(self, name) for name in names}
        taken: dict[str, Any] = {name: None if one is None else one[here] for name, one in tensors.items()}
        return replace(
            self,
            **taken,
            series=self.series[numbers],
            origins=self.origins[numbers],
            units=None if self.units is None else self.units.take(numbers),
        )

    def without_others(self) -> Contexts:
        """Return the same contexts without ids, labels and units of the series that have none of them.

        Returns
        -------
        contexts : Contexts
            What a worker needs of them: its size does not depend on the number of series. Labels stay where calendars
            of all series are to be compared.
        """
        numbers = np.unique(self.series).tolist()
        scaling = copy.copy(self.scaling)
        scaling.ids_, scaling.series_units_ = [], None
        ids = SomeOf(self.ids, numbers) if self.ids else ()
        if self.time is None and have_calendar(self.indexes):
            return replace(self, scaling=scaling, ids=ids)
        steps = SomeOf(self.steps, numbers) if self.steps else ()
        return replace(self, scaling=scaling, ids=ids, steps=steps, indexes=SomeOf(self.indexes, numbers))

    def as_series(self, number: int, n_series: int) -> Contexts:
        """Return a single context with the number of its series among several.

        Parameters
        ----------
        number : int
            Number of its series.
        n_series : int
            Number of series.

        Returns
        -------
        contexts : Contexts
            The same context, without labels of the other series.
        """
        before, after = (None,) * number, (None,) * (n_series - number - 1)
        steps = (*before, *self.steps, *after) if self.steps else ()
        ids = (*before, *self.ids, *after) if self.ids else ()
        indexes = (*before, *self.indexes, *after)
        return replace(self, series=np.array([number]), indexes=indexes, steps=steps, ids=ids)

    def step_of(self, number: int) -> Step | None:
        """Return the step of the labels of a series.

        Parameters
        ----------
        number : int
            Which series.

        Returns
        -------
        step : Step or None
            None if it is unknown, or there are no labels.
        """
        return step_of(self.steps, number)

    def with_calendar(self, calendar: str, n_time_features: int) -> Contexts:
        """Return the contexts with the calendar features of another frequency, or as integers.

        Parameters
        ----------
        calendar : str
            A pandas frequency, independent of the step of the series; or ``"numbers"``, for those of
            :func:`~skdistill.data._calendar.calendar_numbers`.
        n_time_features : int
            Number of leading columns to keep.

        Returns
        -------
        contexts : Contexts
            Contexts with these features; unchanged if they have no calendar.
        """
        if self.time is None or self.future_time is None:
            check_one_calendar(self.indexes, self.steps)
            return self
        if calendar != "numbers" and self.time.shape[-1] == n_time_features:
            return self  # the number of columns determines the frequency
        n_past, length = self.time.shape[1], self.time.shape[1] + self.future_time.shape[1]
        parts, places = [], []
        for number in np.unique(self.series):
            here = np.flatnonzero(self.series == number)
            step = self.step_of(number)
            parts.append(_calendar_rows(self.indexes[number], step, self.origins[here] - n_past, length, calendar))
            places.append(here)
        rows = torch.cat(parts)[torch.from_numpy(np.concatenate(places).argsort()), :, :n_time_features]
        rows = rows.to(self.time.device)
        return replace(self, time=rows[:, :n_past], future_time=rows[:, n_past:])

    def original(self) -> np.ndarray:
        """Return the contexts in original units.

        Returns
        -------
        values : ndarray of shape (n_windows, context_length, n_channels)
            The contexts in original units; missing values are filled.
        """
        values = self.values.cpu().numpy()
        return self.scaling.to_original(values if self.units is None else self.units.restore(values))

    def original_observed(self) -> np.ndarray:
        """Return the contexts in original units, NaN where a value is missing.

        Returns
        -------
        values : ndarray of shape (n_windows, context_length, n_channels)
            For teachers that read missing values.
        """
        values = self.original()
        return values if self.observed is None else np.where(self.observed.cpu().numpy(), values, np.nan)

    def original_future(self) -> np.ndarray | None:
        """Return the known covariates over the horizon in original units, NaN where unknown.

        Returns
        -------
        future : ndarray of shape (n_windows, prediction_length, n_known) or None
            None if there are no known covariates.
        """
        if self.future is None:
            return None
        values = self.scaling.known_to_original(self.future.cpu().numpy(), self.known, self.units)
        return values if self.future_observed is None else np.where(self.future_observed.cpu().numpy(), values, np.nan)

    def forecasts_to_standard(self, forecasts: np.ndarray) -> np.ndarray:
        """Convert forecasts of these windows (targets only) from original to standardized units.

        Parameters
        ----------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Values in original units.

        Returns
        -------
        forecasts : float32 ndarray of the same shape
            Standardized.
        """
        return self.scaling.forecasts_to_standard(forecasts, self.units)

    def quantiles_to_standard(self, quantiles: np.ndarray) -> np.ndarray:
        """Convert quantiles of these windows from original to standardized units.

        Parameters
        ----------
        quantiles : ndarray of shape (n_windows, n_quantiles, prediction_length, n_targets)
            Quantiles in original units, with the axes of labels.

        Returns
        -------
        quantiles : float32 ndarray of the same shape
            Standardized.
        """
        if self.units is None:
            return self.scaling.forecasts_to_standard(quantiles)
        levels = [self.forecasts_to_standard(quantiles[:, level]) for level in range(quantiles.shape[1])]
        return np.stack(levels, axis=1)

    def forecasts_to_original(self, forecasts: np.ndarray) -> np.ndarray:
        """Convert forecasts of these windows (targets only) from standardized to original units.

        Parameters
        ----------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Standardized.

        Returns
        -------
        forecasts : float64 ndarray of the same shape
            Values in original units.
        """
        return self.scaling.forecasts_to_original(forecasts, self.units)

    def quantiles_to_original(self, quantiles: np.ndarray) -> np.ndarray:
        """Convert quantiles of these windows from standardized to original units.

        Parameters
        ----------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Standardized.

        Returns
        -------
        quantiles : float64 ndarray of the same shape
            Values in original units.
        """
        return self.scaling.quantiles_to_original(quantiles, self.units)


def _calendar_rows(index: pd.Index | None, step: Step | None, starts: np.ndarray, length: int, calendar: str) -> Tensor:
    """Return calendar features of windows, also past the end of a series: (n_windows, length, n_time_features)."""
    assert index is not None  # the store has a calendar
    first, end = int(starts.min()), int(starts.max()) + length
    labels = [index[first:end]]
    if end > len(index):
        labels.append(continue_index(index, end - len(index), step=step))
    describe = calendar_numbers if calendar == "numbers" else partial(calendar_features, frequency=calendar)
    rows = torch.from_numpy(np.concatenate([describe(part) for part in labels])).unfold(0, length, 1)
    return rows[torch.from_numpy(starts - first)].transpose(1, 2)
