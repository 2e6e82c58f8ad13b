"""Windows to fit on, and windows to validate on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from skdistill.data._store import SeriesStore
from skdistill.data._windows import Windows

__all__ = ["TrainingWindows", "split_windows"]


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
    """Return which windows have a target with observed values both in the context and in the horizon."""
    seen = ~torch.isnan(store.values[:, list(targets)])
    counted = torch.cat([torch.zeros(1, len(targets), dtype=torch.int64), seen.cumsum(0)])
    middle = starts + context_length
    both = (counted[middle] > counted[starts]) & (counted[middle + prediction_length] > counted[middle])
    return both.any(dim=1)
