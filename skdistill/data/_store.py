"""Series in one tensor, standardized."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from skdistill.data._calendar import calendar_features, calendar_of
from skdistill.data._calendar_rows import check_one_calendar, have_calendar, odd_calendar, step_of
from skdistill.data._local_scale import LocalUnits
from skdistill.data._precede import precede_index
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._steps import Step

__all__ = ["SeriesStore"]

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
    indexes : sequence of pandas.Index or None
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
    indexes: Sequence[pd.Index | None]
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
    is_mapped: ClassVar[bool] = False  # whether rows are in files, and may be more than memory

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
        n_missing = int(self._n_missing[list(channels)].sum())
        return n_missing > self.front * len(self.offsets) * len(channels)

    @cached_property
    def _n_missing(self) -> Tensor:
        """Number of missing values of each channel; rows in files are read once, some at a time."""
        return torch.stack([torch.isnan(rows).sum(dim=0) for rows in self.values.split(_JOINED_ROWS)]).sum(dim=0)

    def rows_of(self, number: int) -> slice:
        """Return the rows of ``values`` that a series has.

        Parameters
        ----------
        number : int
            Which series.

        Returns
        -------
        rows : slice
            Those rows.
        """
        first = int(self.offsets[number])
        return slice(first, first + int(self.lengths[number]))

    def left_level(self, targets: Sequence[int], *, far: bool = False) -> Tensor:
        """Return which values have left the level of a target that was constant in training rows.

        Parameters
        ----------
        targets : sequence of int
            The targets.
        far : bool, default=False
            As for :meth:`LocalUnits.left <skdistill.data._local_scale.LocalUnits.left>`.

        Returns
        -------
        left : Tensor of bool of shape (n_rows, n_targets)
            False for series that are scaled by their contexts, and if all targets of all series were constant.
        """
        left = torch.zeros(len(self.values), len(targets), dtype=torch.bool)
        if self.scaling.constant_ is not None:
            constant = [place for place, target in enumerate(targets) if self.scaling.constant_[target]]
            if 0 < len(constant) < len(targets):
                channels = [targets[place] for place in constant]
                level = self.scaling.mean_[None, channels]
                units = LocalUnits(level, np.where(level != 0, np.abs(level), 1.0))
                values = self.values[:, channels].double().cpu().numpy() * self.scaling.scale_[channels] / units.unit
                left[:, constant] = torch.from_numpy(units.left(values[None], far=far)[0])
        if self.units is None or self.scaling.kind != "series":
            return left
        units = self.units.of_channels(list(targets))
        told_none = units.constant().any(axis=1)
        if self.by_window is not None:
            told_none &= ~self.by_window
        for number in np.flatnonzero(told_none).tolist():
            rows = self.rows_of(number)
            values = self.values[rows][:, list(targets)].numpy()[None]
            left[rows] = torch.from_numpy(units.take(np.array([number])).left(values, far=far)[0])
        return left

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
        return have_calendar(self.indexes)

    @cached_property
    def has_one_calendar(self) -> bool:
        """Whether every series has calendar features of the same frequency."""
        return self.has_calendar and odd_calendar(self.indexes, self.steps) is None

    @cached_property
    def time(self) -> Tensor | None:
        """Calendar features of every row, (n_rows, n_time_features); None without a calendar."""
        if not self.has_calendar:
            return None
        check_one_calendar(self.indexes, self.steps)
        parts: list[np.ndarray] = []
        for number, index in enumerate(self.indexes):
            assert index is not None  # has_calendar
            step = step_of(self.steps, number)
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
