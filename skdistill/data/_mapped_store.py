"""Series in files that are mapped into memory: what is known of all values is known without reading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from skdistill.data._store import SeriesStore

__all__ = ["MappedIndexes", "MappedStore"]

_NEVER = np.iinfo(np.int64).max


class MappedIndexes(Sequence[Any]):
    """Time labels of series, each made when it is asked for.

    Parameters
    ----------
    labels : int64 ndarray of shape (n_rows,)
        Label of each row of a store, as a number.
    offsets, lengths : ndarray of shape (n_series,)
        Where each series starts, and its rows.
    like : Index
        An index of the same type and name, of times or integers.
    """

    def __init__(self, labels: np.ndarray, offsets: np.ndarray, lengths: np.ndarray, like: pd.Index) -> None:
        self.labels = labels
        self.offsets = offsets
        self.lengths = lengths
        self.like = like[:0]

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.offsets)

    def __getitem__(self, number: Any) -> Any:
        """Return the labels of a series."""
        first = int(self.offsets[number])
        rows = np.array(self.labels[first : first + int(self.lengths[number])])
        if not isinstance(self.like, pd.DatetimeIndex):
            return pd.Index(rows, dtype=self.like.dtype, name=self.like.name)
        times = pd.DatetimeIndex(rows.view(f"M8[{self.like.unit}]"), name=self.like.name)
        return times if self.like.tz is None else times.tz_localize("UTC").tz_convert(self.like.tz)


@dataclass(frozen=True)
class MappedStore(SeriesStore):
    """A store whose rows are in files.

    Its series have labels of one type and one step. Windows of it are not looked through as a whole, which would read
    all files into memory, but some at a time.

    Parameters
    ----------
    gaps : ndarray of bool of shape (n_series,)
        Whether a value of the series is missing.
    n_missing : ndarray of int of shape (n_channels,)
        Values that are missing inside the series.
    calendar : Tensor of shape (n_rows, n_time_features) or None
        Calendar features of every row.
    """

    gaps: np.ndarray | None = None
    n_missing: np.ndarray | None = None
    calendar: Tensor | None = None
    is_mapped: ClassVar[bool] = True

    @property
    def has_missing(self) -> bool:
        """Whether a value, or a row before a series, is missing."""
        assert self.gaps is not None  # always given
        return self.front > 0 or bool(self.gaps.any())

    def misses(self, channels: tuple[int, ...]) -> bool:
        """Return whether values of channels are missing inside the series; see :meth:`SeriesStore.misses`."""
        assert self.n_missing is not None  # always given
        return bool(self.n_missing[list(channels)].any())

    def plain_from(self, context_length: int) -> np.ndarray:
        """Return the row at which a context of each series must end to have no missing value; see `fill_starts`."""
        assert self.gaps is not None  # always given
        return np.where(self.gaps, _NEVER, self.offsets + context_length)

    @property
    def has_calendar(self) -> bool:
        """Whether the labels are times."""
        return isinstance(self.indexes[0], pd.DatetimeIndex)

    @property
    def has_one_calendar(self) -> bool:
        """Whether the labels are times: there is one step."""
        return self.has_calendar

    @property
    def time(self) -> Tensor | None:
        """Calendar features of every row, if something reads them."""
        return self.calendar

    def to(self, device: torch.device | str) -> SeriesStore:
        """Return the store with its values and calendar on a device; see :meth:`SeriesStore.to`."""
        moved = super().to(device)
        if moved is self or self.calendar is None:
            return moved
        assert isinstance(moved, MappedStore)  # a copy of this one
        return replace(moved, calendar=self.calendar.to(device))
