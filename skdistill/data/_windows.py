"""Windows of series: one contiguous float32 store, and windows as views of it.

A window is a *context* (``context_length`` rows) and the *horizon* after it (``prediction_length`` rows). A window is
stored as the row where its context starts, so memory grows with the length of the series only; contexts and horizons
are gathered by batch.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from skdistill._utils.numpy_student import fill_missing
from skdistill.data._calendar import calendar_features, calendar_fields, calendar_numbers, calendar_of
from skdistill.data._fill_future import fill_future
from skdistill.data._inputs import Series
from skdistill.data._local_scale import LocalUnits
from skdistill.data._precede import precede_index
from skdistill.data._scaling import Scaling
from skdistill.data._series_weight import weights_of_windows
from skdistill.data._steps import Step, continue_index
from skdistill.data._wall_clock import nanoseconds_of

__all__ = ["Contexts", "SeriesStore", "TrainingWindows", "Windows", "split_windows"]

_CALENDARS = (pd.DatetimeIndex, pd.PeriodIndex)
_BLOCK = 4096  # number of windows for which units are computed at once
_JOINED_ROWS = 1 << 16  # rows of short series that are standardized at once


@dataclass(frozen=True)
class SeriesStore:
    """Standardized series, one after another in one tensor.

    Parameters
    ----------
    values : Tensor of shape (n_rows, n_channels)
        Standardized float32 values, NaN where missing; each series is followed by ``padding`` rows of zeros.
    offsets : ndarray of shape (n_series,)
        Row of ``values`` where each series starts; the rows between the previous series and this row are missing.
    lengths : ndarray of shape (n_series,)
        Timestamps of each series.
    indexes : tuple of pandas.Index or None
        Time labels of each series; None if it has none.
    padding : int
        Number of rows after each series for its unknown future.
    scaling : Scaling
        Scaling of the values.
    columns : pandas.Index or None, default=None
        Names of the channels, if they have names.
    front : int, default=0
        Number of missing rows before each series, so that windows can start before it.
    units : LocalUnits or None, default=None
        Units of each series, after the transformer; None if all series share one standardization.
    by_window : ndarray of bool of shape (n_series,) or None, default=None
        Whether the windows of each series are also scaled separately; None if none are.
    steps : tuple of Step or None, default=()
        Step of the labels of each series; empty if unknown.
    season : int or None, default=None
        Number of rows in a season, as suggested by the step of the series.
    known : tuple of int, default=()
        Channels that are known covariates: their later rows are known in advance.
    static : Tensor of shape (n_series, n_static) or None, default=None
        Static covariates of each series, standardized.
    ids : tuple of hashable or None, default=()
        Id of each series, None for one without; empty if no series has one.
    ahead : Tensor of shape (n_rows, prediction_length, n_known) or None, default=None
        Known covariates as they were known at each row, for the steps from that row on, standardized; NaN where
        unknown. None means that they are the values of the later rows.
    knowledge : Tensor of int64 of shape (n_rows, n_known) or None, default=None
        Number of steps of the horizon that a student is told, by the row where a context starts; None means all.
    series_weight : ndarray of shape (n_series,) or None, default=None
        What each series counts in losses and errors; None if every window counts alike.
    """

    values: Tensor
    offsets: np.ndarray
    lengths: np.ndarray
    indexes: tuple[pd.Index | None, ...]
    padding: int
    scaling: Scaling
    columns: pd.Index | None = None
    front: int = 0
    units: LocalUnits | None = None
    by_window: np.ndarray | None = None
    steps: tuple[Step | None, ...] = ()
    season: int | None = None
    known: tuple[int, ...] = ()
    static: Tensor | None = None
    ids: tuple[Hashable | None, ...] = ()
    ahead: Tensor | None = None
    knowledge: Tensor | None = None
    series_weight: np.ndarray | None = None

    @classmethod
    def from_series(
        cls,
        series: Sequence[Series],
        scaling: Scaling,
        *,
        padding: int,
        front: int = 0,
        numbers: Sequence[int] | None = None,
        season: int | None = None,
        known: tuple[int, ...] = (),
    ) -> SeriesStore:
        """Standardize series and build one store.

        Parameters
        ----------
        series : sequence of Series
            The series, in original units.
        scaling : Scaling
            The fitted standardization.
        padding : int
            Number of rows to add after each series.
        front : int, default=0
            Number of missing rows to add before each series.
        numbers : sequence of int or None, default=None
            Number of each series in the fit of the scaling, -1 for other series; None means that all are.
        season : int or None, default=None
            Number of rows in a season, as suggested by the step of the series.
        known : tuple of int, default=()
            Channels that are known covariates.

        Returns
        -------
        store : SeriesStore
            The store; it owns its memory.
        """
        lengths = np.array([len(one.values) for one in series], dtype=np.int64)
        around = front + padding
        offsets = (np.concatenate([[0], np.cumsum(lengths + around)[:-1]]) + front).astype(np.int64)
        values = torch.zeros((int((lengths + around).sum()), series[0].values.shape[1]), dtype=torch.float32)
        units, by_window = scaling.store_units([one.values for one in series], numbers)
        if front:
            values[torch.from_numpy((offsets[:, None] - np.arange(1, front + 1)).ravel())] = torch.nan
        for together in _joined(series):
            _standardize(series, together, offsets, values.numpy(), scaling, units)
        return cls(
            values,
            offsets,
            lengths,
            tuple(one.index for one in series),
            padding,
            scaling,
            series[0].columns,
            front,
            units,
            by_window,
            tuple(one.step for one in series),
            season,
            known,
            _stack_static(series),
            tuple(one.id for one in series) if any(one.id is not None for one in series) else (),
            _stack_ahead(series, scaling, units, offsets, len(values), known),
        )

    @cached_property
    def has_missing(self) -> bool:
        """Whether a value, or a row before a series, is missing."""
        return bool(torch.isnan(self.values).any())

    def misses(self, channels: tuple[int, ...]) -> bool:
        """Return whether values of channels are missing inside the series.

        Parameters
        ----------
        channels : tuple of int
            The channels.

        Returns
        -------
        missing : bool
            Rows before a series do not count.
        """
        if not self.has_missing:
            return False
        n_missing = int(torch.isnan(self.values[:, list(channels)]).sum())
        return n_missing > self.front * len(self.offsets) * len(channels)

    def original(self, number: int, n_rows: int) -> np.ndarray:
        """Return the first rows of a series in original units, NaN where missing.

        Parameters
        ----------
        number : int
            Which series.
        n_rows : int
            Number of rows.

        Returns
        -------
        values : ndarray of shape (n_rows, n_channels)
            The original values, up to rounding to float32.
        """
        offset = int(self.offsets[number])
        values = self.values[offset : offset + n_rows].cpu().numpy()
        if self.units is None:
            return self.scaling.to_original(values)
        return self.scaling.to_original(self.units.take(np.array([number])).restore(values[None])[0])

    def ends(self) -> np.ndarray:
        """Return the smallest and the largest observed value of each channel, transformed but not standardized.

        Returns
        -------
        ends : float64 ndarray of shape (2, n_channels)
            NaN for a channel without observed values.
        """
        values, found = self.values.cpu().numpy(), []
        for number, (offset, length) in enumerate(zip(self.offsets, self.lengths, strict=True)):
            rows = values[offset : offset + length]
            own = np.stack([np.fmin.reduce(rows), np.fmax.reduce(rows)]).astype(np.float64)
            found.append(own if self.units is None else self.units.take(np.array([number])).restore(own[None])[0])
        ends = np.stack(found)
        both = np.stack([np.fmin.reduce(ends[:, 0]), np.fmax.reduce(ends[:, 1])])
        return both if self.units is not None else both * self.scaling.scale_ + self.scaling.mean_

    @property
    def has_calendar(self) -> bool:
        """Whether every series has timestamps, which give calendar features."""
        return all(isinstance(index, _CALENDARS) for index in self.indexes)

    @cached_property
    def has_one_calendar(self) -> bool:
        """Whether every series has calendar features of the same frequency."""
        return self.has_calendar and _odd_calendar(self.indexes, self.steps) is None

    @cached_property
    def time(self) -> Tensor | None:
        """Calendar features of every row, (n_rows, n_time_features); None without a calendar."""
        if not self.has_calendar:
            return None
        _check_one_calendar(self.indexes, self.steps)
        parts: list[np.ndarray] = []
        for number, index in enumerate(self.indexes):
            assert index is not None  # has_calendar
            step = _step_of(self.steps, number)
            if self.front:
                offset = None if step is None else step.offset
                parts.append(calendar_features(precede_index(index, self.front, step), frequency=offset))
            parts += calendar_of(index, self.padding, step)
        return torch.from_numpy(np.concatenate(parts).astype(np.float32))

    def to(self, device: torch.device | str) -> SeriesStore:
        """Return the store with its values and calendar on a device.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        store : SeriesStore
            This store, if it is on the device already.
        """
        if self.values.device == torch.device(device):
            return self
        parts = {"values": self.values, "static": self.static, "ahead": self.ahead, "knowledge": self.knowledge}
        moving: dict[str, Any] = {name: None if one is None else one.to(device) for name, one in parts.items()}
        moved = replace(self, **moving)
        if "time" in self.__dict__ and self.time is not None:
            moved.__dict__["time"] = self.time.to(device)
        return moved


def _stack_static(series: Sequence[Series]) -> Tensor | None:
    """Return the static covariates of every series, or None if there are none."""
    rows = [one.static for one in series if one.static is not None]
    return torch.from_numpy(np.stack(rows).astype(np.float32)) if rows else None


def _stack_ahead(
    series: Sequence[Series],
    scaling: Scaling,
    units: LocalUnits | None,
    offsets: np.ndarray,
    n_rows: int,
    known: tuple[int, ...],
) -> Tensor | None:
    """Return what was known ahead at every row of a store, standardized; None if it is what came true."""
    if not known or all(one.ahead is None for one in series):
        return None
    length = next(one.ahead.shape[1] for one in series if one.ahead is not None)
    ahead = torch.full((n_rows, length, len(known)), torch.nan)
    for number, (offset, one) in enumerate(zip(offsets, series, strict=True)):
        if one.ahead is not None:
            own = None if units is None else units.take(np.full(len(one.ahead), number))
            rows = scaling.known_to_standard(one.ahead, known, own)
            ahead[offset : offset + len(rows)] = torch.from_numpy(rows)[: n_rows - offset]
    return ahead


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
    indexes : tuple of pandas.Index or None
        Time labels of the series.
    units : LocalUnits or None, default=None
        Center and unit of each window, if windows are scaled separately.
    observed : Tensor of bool of shape (n_windows, context_length, n_channels) or None, default=None
        Where values are observed; missing values are filled in ``values``. None if nothing is missing.
    steps : tuple of Step or None, default=()
        Step of the labels of each series; empty if unknown.
    known : tuple of int, default=()
        Channels that are known covariates.
    future : Tensor of shape (n_windows, prediction_length, n_known) or None, default=None
        Known covariates over the horizon, in the units of ``values``; unknown values are filled. None without any.
    future_observed : Tensor of bool of shape (n_windows, prediction_length, n_known) or None, default=None
        Which of them are known; None if all are.
    static : Tensor of shape (n_windows, n_static) or None, default=None
        Static covariates of the series of each window, standardized.
    ids : tuple of hashable or None, default=()
        Id of each series; empty if no series has one.
    """

    values: Tensor
    time: Tensor | None
    future_time: Tensor | None
    scaling: Scaling
    series: np.ndarray
    origins: np.ndarray
    indexes: tuple[pd.Index | None, ...]
    units: LocalUnits | None = None
    observed: Tensor | None = None
    steps: tuple[Step | None, ...] = ()
    known: tuple[int, ...] = ()
    future: Tensor | None = None
    future_observed: Tensor | None = None
    static: Tensor | None = None
    ids: tuple[Hashable | None, ...] = ()

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
        return _step_of(self.steps, number)

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
            _check_one_calendar(self.indexes, self.steps)
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


def _step_of(steps: Sequence[Step | None], number: int) -> Step | None:
    return steps[number] if number < len(steps) else None


def _joined(series: Sequence[Series]) -> Iterator[np.ndarray]:
    """Yield numbers of successive series that are standardized at once: there can be thousands of short ones."""
    first, n_rows = 0, 0
    for number, one in enumerate(series):
        alike = one.values.dtype == series[first].values.dtype
        if number > first and (not alike or n_rows + len(one) > _JOINED_ROWS):
            yield np.arange(first, number)
            first, n_rows = number, 0
        n_rows += len(one)
    yield np.arange(first, len(series))


def _standardize(
    series: Sequence[Series],
    numbers: np.ndarray,
    offsets: np.ndarray,
    values: np.ndarray,
    scaling: Scaling,
    units: LocalUnits | None,
) -> None:
    """Write the standardized rows of some series to the places of a store where they start."""
    if len(numbers) == 1:
        one, offset = series[numbers[0]], offsets[numbers[0]]
        name = "its series" if one.id is None else f"series {one.id!r}"
        own = None if units is None else units.take(numbers)
        scaling.standardize_into(one.values, values[offset : offset + len(one)], own, name)
        return
    lengths = np.array([len(series[number]) for number in numbers])
    rows = np.concatenate([series[number].values for number in numbers])
    standard = np.empty(rows.shape, dtype=np.float32)
    try:
        scaling.standardize_into(rows, standard, None if units is None else units.take(np.repeat(numbers, lengths)))
    except ValueError:  # raised again with the name of the series and its row
        for number in numbers:
            _standardize(series, np.array([number]), offsets, values, scaling, units)
        raise
    before = np.cumsum(lengths) - lengths
    values[np.repeat(offsets[numbers] - before, lengths) + np.arange(len(rows))] = standard


def _moments(indexes: Sequence[pd.Index | None], length: int, number: int) -> np.ndarray:
    """Return when each row of a series is; counted from the end of the series if not all series have times."""
    index = indexes[number]
    if not all(isinstance(one, pd.DatetimeIndex) for one in indexes) or not isinstance(index, pd.DatetimeIndex):
        return np.arange(length, dtype=np.float64) - length
    return index.asi8.astype(np.float64) * nanoseconds_of(index)


def _fields_of(indexes: Sequence[pd.Index | None], steps: Sequence[Step | None]) -> list[tuple[str, ...]]:
    """Return the names of the calendar fields of every series."""
    known = [_step_of(steps, number) for number in range(len(indexes))]
    offsets = [None if step is None else step.offset for step in known]
    return [calendar_fields(index, frequency=offset) for index, offset in zip(indexes, offsets, strict=True)]


def _odd_calendar(indexes: Sequence[pd.Index | None], steps: Sequence[Step | None]) -> int | None:
    """Return the first series whose calendar fields differ from those of series 0, if any."""
    fields = _fields_of(indexes, steps)
    return next((number for number, one in enumerate(fields) if one != fields[0]), None)


def _check_one_calendar(indexes: Sequence[pd.Index | None], steps: Sequence[Step | None]) -> None:
    """Raise if every series has a calendar but their frequencies differ."""
    if not all(isinstance(index, _CALENDARS) for index in indexes) or (odd := _odd_calendar(indexes, steps)) is None:
        return
    fields = _fields_of(indexes, steps)
    first, other = (", ".join(fields[number]) or "no field" for number in (0, odd))
    raise ValueError(
        f"a network that reads the calendar needs series of one frequency: the calendar of X[0] has {first}; that of "
        f"X[{odd}] has {other}. Set time_features=False of the network, fit each frequency separately, or resample."
    )


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


@dataclass(frozen=True)
class Windows:
    """Windows of one store, addressed by number.

    Parameters
    ----------
    store : SeriesStore
        The series.
    starts : Tensor of int64 of shape (n_windows,)
        Row of the store where each context starts.
    context_length, prediction_length : int
        Lengths of context and horizon.
    targets : tuple of int
        Channels to forecast.
    known : Tensor of bool of shape (n_windows,) or None, default=None
        Which horizons can be used; None means all.
    """

    store: SeriesStore
    starts: Tensor
    context_length: int
    prediction_length: int
    targets: tuple[int, ...]
    known: Tensor | None = None

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.starts)

    @property
    def n_channels(self) -> int:
        """Number of channels of a context."""
        return self.store.values.shape[1]

    @property
    def n_static(self) -> int:
        """Number of static covariates of a series."""
        return 0 if self.store.static is None else self.store.static.shape[1]

    @cached_property
    def _context_views(self) -> Tensor:
        return self.store.values.unfold(0, self.context_length, 1)

    @property
    def is_plain(self) -> bool:
        """Whether windows are plain views of the store: nothing is missing, and windows are not scaled separately."""
        return not self.store.has_missing and self.store.by_window is None

    @cached_property
    def _units(self) -> LocalUnits | None:
        """Units of every window relative to its series; None if windows are not scaled separately."""
        if self.store.by_window is None:
            return None
        own = self.store.by_window[self.series_of(self.starts.cpu().numpy())]
        center, unit = np.zeros((len(self), self.n_channels)), np.ones((len(self), self.n_channels))
        for numbers in np.array_split(np.flatnonzero(own), -(-max(1, int(own.sum())) // _BLOCK)):
            values = self._context_views[self.starts[torch.from_numpy(numbers)]].transpose(1, 2).cpu().numpy()
            outer = None
            if self.store.units is not None:
                outer = self.store.units.take(self.series_of(self.starts.cpu().numpy()[numbers]))
            units = self.store.scaling.inner_units(values, outer)
            center[numbers], unit[numbers] = units.center, units.unit
        return LocalUnits(center, unit)

    @cached_property
    def weights(self) -> np.ndarray | None:
        """Weight of every window, of mean 1; None if all count alike."""
        if self.store.series_weight is None:
            return None
        return weights_of_windows(self.store.series_weight, self.series_of(self.starts.cpu().numpy()))

    def series_of(self, starts: np.ndarray) -> np.ndarray:
        """Return which series windows belong to.

        Parameters
        ----------
        starts : ndarray of int of shape (n,)
            Rows of the store where their contexts start.

        Returns
        -------
        numbers : ndarray of int of shape (n,)
            Numbers of the series.
        """
        return np.searchsorted(self.store.offsets - self.store.front, starts, side="right") - 1

    def local_units(self, indices: Tensor) -> LocalUnits | None:
        """Return center and unit of some windows after the transformer.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        units : LocalUnits or None
            Units of all channels; None if all series share one standardization.
        """
        if self.store.units is None:
            return None
        units = self.store.units.take(self.series_of(self.starts[indices].cpu().numpy()))
        return units if self._units is None else units.inside(self._units.take(indices.cpu().numpy()))

    @cached_property
    def _horizon_views(self) -> Tensor:
        values = self.store.values[self.context_length :]
        if self.targets != tuple(range(self.n_channels)):
            values = values[:, list(self.targets)]  # one copy of the target channels, not of windows
        return values.unfold(0, self.prediction_length, 1)

    def context_values(self, indices: Tensor) -> Tensor:
        """Return contexts.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        values : Tensor of shape (n, context_length, n_channels)
            Standardized contexts, a transposed view of channel-major memory; missing values are filled.
        """
        values = self._context_views[self.starts[indices]].transpose(1, 2)
        return values if self.is_plain else self._fill(values, indices)

    def _fill(self, values: Tensor, indices: Tensor) -> Tensor:
        """Scale contexts separately, if they are, and fill missing values."""
        rows = values.cpu().numpy()
        if self._units is not None:
            rows = self._units.take(indices.cpu().numpy()).standardize(rows).astype(np.float32)
        filled = np.ascontiguousarray(fill_missing(rows, self.store.scaling.season).transpose(0, 2, 1))
        return torch.from_numpy(filled).to(values.device).transpose(1, 2)

    def horizons(self, indices: Tensor) -> Tensor:
        """Return the true horizons.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        values : Tensor of shape (n, prediction_length, n_targets)
            Standardized horizons, NaN where missing; meaningless where ``known`` is False.
        """
        values = self._horizon_views[self.starts[indices]].transpose(1, 2)
        if self._units is None:
            return values
        units = self._units.take(indices.cpu().numpy()).of_channels(list(self.targets))
        return torch.from_numpy(units.standardize(values.cpu().numpy()).astype(np.float32)).to(values.device)

    @cached_property
    def _future_views(self) -> Tensor:
        return self.store.values[self.context_length :, list(self.store.known)].unfold(0, self.prediction_length, 1)

    def future(self, indices: Tensor, *, told: bool = True) -> tuple[Tensor, Tensor | None]:
        """Return the known covariates over the horizons.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.
        told : bool, default=True
            Whether to leave out what a student is not told, by ``knowledge`` of the store.

        Returns
        -------
        values : Tensor of shape (n, prediction_length, n_known)
            Standardized; unknown values are filled as gaps of contexts are.
        observed : Tensor of bool of the same shape, or None
            Which values are known; None if all are.
        """
        store, starts = self.store, self.starts[indices]
        if store.ahead is None:
            values = self._future_views[starts].transpose(1, 2)
        else:
            values = store.ahead[starts + self.context_length]
        units = None if self._units is None else self._units.take(indices.cpu().numpy()).of_channels(list(store.known))
        if units is not None:
            values = torch.from_numpy(units.standardize(values.cpu().numpy()).astype(np.float32)).to(values.device)
        missing = torch.isnan(values)
        if self.known is not None:  # some horizons end after their series
            missing = missing | self._past_the_end(starts)
        if told and store.knowledge is not None:
            steps = torch.arange(self.prediction_length, device=values.device)[:, None]
            missing = missing | (steps >= store.knowledge[starts][:, None])
        if not bool(missing.any()):
            return values, None
        before = self.context_values(indices)[:, :, list(store.known)]
        return fill_future(before, torch.where(missing, torch.nan, values), store.scaling.season), ~missing

    def _past_the_end(self, starts: Tensor) -> Tensor:
        """Return which steps of horizons lie after the end of their series, (n, prediction_length, 1)."""
        series = self.series_of(starts.cpu().numpy())
        ends = torch.from_numpy(self.store.offsets[series] + self.store.lengths[series]).to(starts.device)
        first = starts + self.context_length
        steps = torch.arange(self.prediction_length, device=starts.device)
        return (first[:, None] + steps >= ends[:, None]).unsqueeze(-1)

    def static(self, indices: Tensor) -> Tensor:
        """Return the static covariates of the series of windows.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        static : Tensor of shape (n, n_static)
            Standardized.
        """
        assert self.store.static is not None  # the spec has static covariates
        numbers = torch.from_numpy(self.series_of(self.starts[indices].cpu().numpy()))
        return self.store.static[numbers.to(self.store.static.device)]

    def observed(self, indices: Tensor) -> Tensor:
        """Return which values of the contexts are observed.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        observed : Tensor of bool of shape (n, context_length, n_channels)
            False where a value is missing.
        """
        return ~torch.isnan(self._context_views[self.starts[indices]].transpose(1, 2))

    def with_whole_truth(self) -> Windows:
        """Return the windows without missing values in their horizon.

        Returns
        -------
        windows : Windows
            The remaining windows; the same object if nothing is missing.
        """
        if not self.store.has_missing:
            return self
        whole = ~torch.isnan(self.store.values[:, list(self.targets)]).any(dim=1)
        counted = torch.cat([torch.zeros(1, dtype=torch.int64), whole.cumsum(0)])
        first = self.starts + self.context_length
        kept = counted[first + self.prediction_length] - counted[first] == self.prediction_length
        return replace(self, starts=self.starts[kept], known=None if self.known is None else self.known[kept])

    def oldest_first(self) -> Windows:
        """Return the windows in order of time over all series.

        Returns
        -------
        windows : Windows
            Ordered by the label of their first horizon row; by its distance from the end of the series if the labels
            are not times. Windows of one series stay in order.
        """
        store, starts = self.store, self.starts.cpu().numpy()
        if len(store.offsets) == 1:
            return self
        series = self.series_of(starts)
        origins = starts - store.offsets[series] + self.context_length
        times = np.empty(len(starts))
        for number in np.unique(series):
            here = series == number
            times[here] = _moments(store.indexes, int(store.lengths[number]), number)[origins[here]]
        order = torch.from_numpy(np.argsort(times, kind="stable"))
        return replace(self, starts=self.starts[order], known=None if self.known is None else self.known[order])

    def context_time(self, indices: Tensor) -> Tensor:
        """Return the calendar features of the contexts.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        features : Tensor of shape (n, context_length, n_time_features)
            Calendar features.
        """
        return self._time_rows(indices, 0, self.context_length)

    def decoder_time(self, indices: Tensor, label_length: int = 0) -> Tensor:
        """Return the calendar features of the last context rows and the horizon.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.
        label_length : int, default=0
            Number of context rows that come first.

        Returns
        -------
        features : Tensor of shape (n, label_length + prediction_length, n_time_features)
            Calendar features.
        """
        return self._time_rows(indices, self.context_length - label_length, label_length + self.prediction_length)

    def _time_rows(self, indices: Tensor, first: int, length: int) -> Tensor:
        time = self.store.time
        if time is None:
            raise ValueError("this series has no calendar: give a DataFrame with a DatetimeIndex or PeriodIndex")
        return time[first:].unfold(0, length, 1)[self.starts[indices]].transpose(1, 2)

    def contexts(self, indices: Tensor, *, with_time: bool = True) -> Contexts:
        """Return the input of a teacher for some windows.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.
        with_time : bool, default=True
            Whether to add calendar features if the series have a calendar of one frequency.

        Returns
        -------
        contexts : Contexts
            Values, calendar and origins, without horizon values.
        """
        timed = with_time and self.store.has_one_calendar
        starts = self.starts[indices].cpu().numpy()
        series = self.series_of(starts)
        observed = future = future_observed = None
        if self.store.has_missing:
            seen = self.observed(indices)
            observed = None if bool(seen.all()) else seen
        if self.store.known:
            future, future_observed = self.future(indices, told=False)
        return Contexts(
            values=self.context_values(indices),
            time=self.context_time(indices) if timed else None,
            future_time=self.decoder_time(indices) if timed else None,
            scaling=self.store.scaling,
            series=series,
            origins=starts - self.store.offsets[series] + self.context_length,
            indexes=self.store.indexes,
            units=self.local_units(indices),
            observed=observed,
            steps=self.store.steps,
            known=self.store.known,
            future=future,
            future_observed=future_observed,
            static=None if self.store.static is None else self.static(indices),
            ids=self.store.ids,
        )

    def to(self, device: torch.device | str) -> Windows:
        """Return the windows with store and addresses on a device.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        windows : Windows
            These windows, if they are on the device already.
        """
        if self.starts.device == torch.device(device):
            return self
        known = None if self.known is None else self.known.to(device)
        return replace(self, store=self.store.to(device), starts=self.starts.to(device), known=known)


@dataclass(frozen=True)
class TrainingWindows:
    """Training windows and, if any, validation windows of ``fit``.

    Parameters
    ----------
    train : Windows
        Windows with targets that end before the first validation row.
    validation : Windows or None
        Windows with the horizon in the validation rows; None without validation.
    """

    train: Windows
    validation: Windows | None

    @cached_property
    def misses_truth(self) -> bool:
        """Whether a target value is missing, so that some horizons are incomplete."""
        return self.train.store.misses(self.train.targets)

    @property
    def known_train(self) -> Windows:
        """The training windows with known truth."""
        if self.train.known is None:
            return self.train
        return replace(self.train, starts=self.train.starts[self.train.known], known=None)


def split_windows(
    store: SeriesStore,
    *,
    context_length: int,
    prediction_length: int,
    targets: tuple[int, ...],
    validation_rows: Sequence[int],
    windows_without_truth: bool = False,
    n_without_truth: int = 0,
    min_observed: int | None = None,
    window_step: int = 1,
) -> TrainingWindows:
    """Split every series into training and validation windows, in time order.

    Training targets end before the first validation row; validation contexts can include training rows.

    Parameters
    ----------
    store : SeriesStore
        The series, with at least ``prediction_length`` rows of padding if ``windows_without_truth``.
    context_length, prediction_length : int
        Lengths of context and horizon.
    targets : tuple of int
        Channels to forecast.
    validation_rows : sequence of int
        Number of rows of each series, at its end, used for validation.
    windows_without_truth : bool, default=False
        Whether training windows may end anywhere in the training rows, their horizon unknown.
    n_without_truth : int, default=0
        Number of series at the end (augmented copies) without any known horizon.
    min_observed : int or None, default=None
        Minimum number of series rows in a context; shorter contexts start before the series. None means
        ``context_length``.
    window_step : int, default=1
        Number of rows between windows, counted back from the end of each series, whatever part of it is held out: a
        forecast after the last row belongs to the same grid.

    Returns
    -------
    windows : TrainingWindows
        The windows; series too short for a window contribute none.
    """
    train, known, validation = [], [], []
    before = 0 if min_observed is None else min(store.front, context_length - min_observed)
    reach = context_length - before + prediction_length
    n_true = len(store.offsets) - n_without_truth
    for number, (offset, length, held_out) in enumerate(
        zip(store.offsets, store.lengths, validation_rows, strict=True)
    ):
        n_train = length - held_out
        n_whole = max(0, n_train - reach + 1)
        n_starts = max(0, n_train - context_length + before + 1) if windows_without_truth else n_whole
        start = offset - before
        skipped = (length + before - context_length) % window_step
        train.append(torch.arange(start + skipped, max(start + skipped, start + n_starts), window_step))
        known.append(train[-1] - start < (n_whole if number < n_true else 0))
        first, end = max(0, n_train - context_length + before), length - reach + 1
        first += (skipped - first) % window_step
        validation.append(torch.arange(start + first, max(start + first, start + end), window_step))
    starts, mask = torch.cat(train), torch.cat(known)
    validation_starts = torch.cat(validation) if any(validation_rows) else torch.empty(0, dtype=torch.int64)
    if store.has_missing:
        useful = _holds_enough(store, starts, context_length, prediction_length, targets)
        kept = useful | ~mask  # windows without truth still have labels
        starts, mask = starts[kept], mask[kept]
        judged = _holds_enough(store, validation_starts, context_length, prediction_length, targets)
        validation_starts = validation_starts[judged]

    def make(starts: Tensor, known: Tensor | None = None) -> Windows:
        return Windows(store, starts, context_length, prediction_length, targets, known)

    return TrainingWindows(
        train=make(starts, None if bool(mask.all()) else mask),
        validation=make(validation_starts) if len(validation_starts) else None,
    )


def _holds_enough(
    store: SeriesStore, starts: Tensor, context_length: int, prediction_length: int, targets: tuple[int, ...]
) -> Tensor:
    """Return which windows have an observed target value both in the context and in the horizon."""
    seen = ~torch.isnan(store.values[:, list(targets)]).all(dim=1)
    counted = torch.cat([torch.zeros(1, dtype=torch.int64), seen.cumsum(0)])
    middle = starts + context_length
    return (counted[middle] > counted[starts]) & (counted[middle + prediction_length] > counted[middle])
