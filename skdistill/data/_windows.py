"""Windows of series: views, never copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from skdistill._utils.numpy_student import fill_missing
from skdistill.data._calendar_rows import have_calendar
from skdistill.data._contexts import Contexts
from skdistill.data._fill_future import fill_future
from skdistill.data._filled_starts import fill_starts
from skdistill.data._local_scale import LocalUnits
from skdistill.data._mapped_store import MappedStore
from skdistill.data._series_weight import weights_of_windows
from skdistill.data._store import SeriesStore
from skdistill.data._wall_clock import nanoseconds_of

__all__ = ["Windows"]

_BLOCK = 4096  # number of windows for which units are computed at once
_PART = 1 << 18  # number of windows of files that are looked at together


def _moments(indexes: Sequence[pd.Index | None], length: int, number: int) -> np.ndarray:
    """Return when each row of a series is; counted from the end of the series if not all series have times."""
    index = indexes[number]
    if not have_calendar(indexes):
        return np.arange(length, dtype=np.float64) - length
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    assert isinstance(index, pd.DatetimeIndex)  # have_calendar
    return index.asi8.astype(np.float64) * nanoseconds_of(index)


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
    unjudged : Tensor of bool of shape (n_windows, n_targets) or None, default=None
        Targets whose true values do not count in each window, as if they were missing; None means none.
    """

    store: SeriesStore
    starts: Tensor
    context_length: int
    prediction_length: int
    targets: tuple[int, ...]
    known: Tensor | None = None
    unjudged: Tensor | None = None

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
        return None if self.store.by_window is None else self._compute_units(self.starts)

    def _compute_units(self, starts: Tensor) -> LocalUnits:
        series = self.series_of(starts.cpu().numpy())
        assert self.store.by_window is not None  # the callers
        own = self.store.by_window[series]
        center, unit = np.zeros((len(starts), self.n_channels)), np.ones((len(starts), self.n_channels))
        for numbers in np.array_split(np.flatnonzero(own), -(-max(1, int(own.sum())) // _BLOCK)):
            values = self._context_views[starts[torch.from_numpy(numbers)]].transpose(1, 2).cpu().numpy()
            outer = None if self.store.units is None else self.store.units.take(series[numbers])
            units = self.store.scaling.inner_units(values, outer)
            center[numbers], unit[numbers] = units.center, units.unit
        return LocalUnits(center, unit)

    def _units_of(self, indices: Tensor) -> LocalUnits | None:
        """Return the units of some windows relative to their series; of files, without those of the others."""
        if self.store.by_window is None:
            return None
        if self.store.is_mapped:
            return self._compute_units(self.starts[indices])
        assert self._units is not None  # by_window
        return self._units.take(indices.cpu().numpy())

    def parts(self) -> Iterator[Windows]:
        """Yield these windows, or, if their series are in files, some at a time.

        Yields
        ------
        windows : Windows
            Successive windows.
        """
        size = _PART if self.store.is_mapped else max(1, len(self))
        for first in range(0, max(1, len(self)), size):
            here = slice(first, first + size)
            whole = first == 0 and size >= len(self)
            yield self if whole else self.take(here)

    def take(self, which: Tensor | slice) -> Windows:
        """Return some of the windows.

        Parameters
        ----------
        which : Tensor of int64 or bool, or slice
            Numbers of the windows, or whether to take each.

        Returns
        -------
        windows : Windows
            Those windows, in the given order.
        """
        known, unjudged = (None if one is None else one[which] for one in (self.known, self.unjudged))
        return replace(self, starts=self.starts[which], known=known, unjudged=unjudged)

    def count_rows(self, marked: Tensor, *, context: bool = True, horizon: bool = True) -> Tensor:
        """Count the marked rows of each window.

        Parameters
        ----------
        marked : Tensor of bool of shape (n_rows,) or (n_rows, n_marks)
            Which rows of the store to count.
        context, horizon : bool, default=True
            Whether the rows of the context and of the horizon count.

        Returns
        -------
        counts : Tensor of int64 of shape (n_windows,) or (n_windows, n_marks)
            Number of marked rows.
        """
        counted = torch.cat([marked.new_zeros((1, *marked.shape[1:]), dtype=torch.int64), marked.cumsum(0)])
        middle = self.starts + self.context_length
        first, end = self.starts if context else middle, middle + self.prediction_length if horizon else middle
        return counted[end] - counted[first]

    def count_series(self) -> int:
        """Count the series that have a window."""
        return len(self.find_series())

    def find_series(self) -> np.ndarray:
        """Return the numbers of the series that have a window, in order."""
        return np.unique(self.series_of(self.starts.cpu().numpy()))

    def hold_targets(self) -> tuple[Tensor, Tensor]:
        """Tell which windows have observed values of each target.

        Returns
        -------
        before, after : Tensor of bool of shape (n_windows, n_targets)
            Whether the context has one, and the horizon.
        """
        seen = ~torch.isnan(self.store.values[:, list(self.targets)])
        return self.count_rows(seen, horizon=False) > 0, self.count_rows(seen, context=False) > 0

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
        inner = self._units_of(indices)
        return units if inner is None else units.inside(inner)

    @cached_property
    def _horizon_views(self) -> Tensor:
        values = self.store.values[self.context_length :]
        if self.targets != tuple(range(self.n_channels)) and not self.store.is_mapped:
            values = values[:, list(self.targets)]  # one copy of the target channels, not of windows
        return values.unfold(0, self.prediction_length, 1)

    def _ahead(self, views: Tensor, starts: Tensor, channels: tuple[int, ...]) -> Tensor:
        """Gather some channels of what follows contexts, (n, prediction_length, n_channels)."""
        if not self.store.is_mapped or channels == tuple(range(views.shape[1])):  # views of these channels alone
            return views[starts].transpose(1, 2)
        return views[starts[:, None], torch.tensor(channels, device=views.device)[None]].transpose(1, 2)

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
        starts = self.starts[indices]
        if self.is_plain:
            return self._context_views[starts].transpose(1, 2)
        values, rest = self._filled_values[0], ~self._are_views(indices)
        if bool(rest.all()):
            return self._fill(self._context_views[starts].transpose(1, 2), indices)
        filled = values.unfold(0, self.context_length, 1)[starts]
        if bool(rest.any()):
            others = self._context_views[starts[rest]].transpose(1, 2)
            filled[rest] = self._fill(others, indices[rest]).transpose(1, 2)
        return filled.transpose(1, 2)

    @cached_property
    def filled(self) -> tuple[Tensor, Tensor]:
        """Values of the store with the rows before series filled, and the windows that are plain views of them.

        The second tensor, of bool, has one entry per window: False where windows are scaled separately or have gaps.
        Of files, rows before series are not filled, and windows that start there are no views.
        """
        return self._filled_values[0], self._find_views(self.starts)

    @cached_property
    def _filled_values(self) -> tuple[Tensor, np.ndarray | None]:
        """Values with the rows before series filled, and from which row on contexts that end there are views."""
        if self.store.by_window is not None:
            return self.store.values, None
        if isinstance(self.store, MappedStore):
            return self.store.values, self.store.plain_from(self.context_length)
        return fill_starts(self.store, self.context_length)

    def _find_views(self, starts: Tensor) -> Tensor:
        complete = self._filled_values[1]
        if complete is None:
            return torch.zeros_like(starts, dtype=torch.bool)
        first = starts.cpu().numpy()
        return torch.from_numpy(first + self.context_length >= complete[self.series_of(first)]).to(starts.device)

    def _are_views(self, indices: Tensor) -> Tensor:
        """Return which of some windows are plain views; of files, without a look at the others."""
        return self._find_views(self.starts[indices]) if self.store.is_mapped else self.filled[1][indices]

    def _fill(self, values: Tensor, indices: Tensor) -> Tensor:
        """Scale contexts separately, if they are, and fill missing values."""
        rows = values.cpu().numpy()
        units = self._units_of(indices)
        if units is not None:
            rows = units.standardize(rows).astype(np.float32)
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
            Standardized horizons, NaN where missing, and for targets without an observed value in the context, which
            are not forecast; meaningless where ``known`` is False.
        """
        values = self._ahead(self._horizon_views, self.starts[indices], self.targets)
        if self._has_unseen_targets:
            contexts = self._context_views[self.starts[indices]][:, list(self.targets)]
            values = torch.where(torch.isnan(contexts).all(dim=-1)[:, None], torch.nan, values)
        if self.unjudged is not None:
            values = torch.where(self.unjudged[indices][:, None], torch.nan, values)
        units = self._units_of(indices)
        if units is None:
            return values
        units = units.of_channels(list(self.targets))
        return torch.from_numpy(units.standardize(values.cpu().numpy()).astype(np.float32)).to(values.device)

    @cached_property
    def _has_unseen_targets(self) -> bool:
        """Whether one of several targets may have no observed value in a context; windows of one have some."""
        return len(self.targets) > 1 and self.store.misses(self.targets)

    @cached_property
    def _future_views(self) -> Tensor:
        values = self.store.values[self.context_length :]
        return (values if self.store.is_mapped else values[:, list(self.store.known)]).unfold(
            0, self.prediction_length, 1
        )

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
            values = self._ahead(self._future_views, starts, store.known)
        else:
            values = store.ahead[starts + self.context_length]
        units = self._units_of(indices)
        if units is not None:
            own = units.of_channels(list(store.known))
            values = torch.from_numpy(own.standardize(values.cpu().numpy()).astype(np.float32)).to(values.device)
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
        """Return the windows without missing values in :meth:`horizons`, whose targets can all be forecast.

        Returns
        -------
        windows : Windows
            The remaining windows; the same object if nothing is missing.
        """
        if not self.store.has_missing or (self.store.is_mapped and not self.store.misses(self.targets)):
            return self
        seen = ~torch.isnan(self.store.values[:, list(self.targets)])
        whole = self.count_rows(seen, context=False) == self.prediction_length
        return self.take((whole & (self.count_rows(seen, horizon=False) > 0)).all(dim=1))

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
        return self.take(torch.from_numpy(np.argsort(times, kind="stable")))

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
        known, unjudged = (None if one is None else one.to(device) for one in (self.known, self.unjudged))
        return replace(self, store=self.store.to(device), starts=self.starts.to(device), known=known, unjudged=unjudged)
