"""Windows to fit on, and windows to validate on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from skdistill.data._store import SeriesStore
from skdistill.data._windows import Windows

__all__ = ["TrainingWindows", "judged", "split_windows"]


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
        return replace(self.train.take(self.train.known), known=None)


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
    origins: Sequence[int] | None = None,
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
        Whether training windows may end anywhere in the training rows, their horizon unknown, also in a gap.
    n_without_truth : int, default=0
        Number of series at the end (augmented copies) without any known horizon.
    min_observed : int or None, default=None
        Minimum number of series rows in a context; shorter contexts start before the series. None means
        ``context_length``.
    window_step : int, default=1
        Number of rows between windows, counted back from the origin of each series, whatever part of it is held out:
        the next forecast belongs to the same grid.
    origins : sequence of int or None, default=None
        Row of each series at which the next forecast starts; None means the one after its last row.

    Returns
    -------
    windows : TrainingWindows
        The windows; series too short for a window contribute none.
    """
    train, known, validation = [], [], []
    before = 0 if min_observed is None else min(store.front, context_length - min_observed)
    reach = context_length - before + prediction_length
    n_true = len(store.offsets) - n_without_truth
    for number, (offset, length, held_out, origin) in enumerate(
        zip(store.offsets, store.lengths, validation_rows, store.lengths if origins is None else origins, strict=True)
    ):
        n_train = length - held_out
        n_whole = max(0, n_train - reach + 1)
        n_starts = max(0, min(n_train, origin) - context_length + before + 1)  # contexts end before a horizon of rows
        n_starts = n_starts if windows_without_truth else min(n_starts, n_whole)
        start = offset - before
        skipped = (origin + before - context_length) % window_step
        train.append(torch.arange(start + skipped, max(start + skipped, start + n_starts), window_step))
        known.append(train[-1] - start < (n_whole if number < n_true else 0))
        first, end = max(0, n_train - context_length + before), length - reach + 1
        first += (skipped - first) % window_step
        validation.append(torch.arange(start + first, max(start + first, start + end), window_step))
    mask = torch.cat(known)
    to_fit = Windows(store, torch.cat(train), context_length, prediction_length, targets, mask)
    judging = torch.cat(validation) if any(validation_rows) else torch.empty(0, dtype=torch.int64)
    to_judge = replace(to_fit, starts=judging, known=None)
    if store.has_missing:
        told, true = _hold(to_fit)
        if windows_without_truth:
            to_fit = replace(to_fit, known=mask & true).take(told)
        else:
            to_fit = to_fit.take(torch.where(mask, true, told))  # copies still have labels
        to_judge = to_judge.take(_hold(to_judge)[1])
    if to_fit.known is not None and bool(to_fit.known.all()):
        to_fit = replace(to_fit, known=None)
    return TrainingWindows(train=to_fit, validation=to_judge if len(to_judge) else None)


def judged(validation: Windows) -> Windows:
    """Leave out what has no unit: true values of a target that have left the only value of its training rows.

    Parameters
    ----------
    validation : Windows
        Windows to validate on.

    Returns
    -------
    windows : Windows
        Those in which something is left to judge. Where series have units of their own, windows with such a target are
        left out whole; otherwise only this target is, as one column of many would rule all choices.
    """
    left = validation.store.left_level(validation.targets)
    if not left.any():
        return validation
    found = validation.count_rows(left) > 0
    if validation.store.scaling.kind == "series":
        return validation.take(~found.any(dim=1))
    validation = replace(validation, unjudged=found)
    seen = ~torch.isnan(validation.store.values[:, list(validation.targets)])
    return validation.take((~found & (validation.count_rows(seen, context=False) > 0)).any(dim=1))


def _hold(windows: Windows) -> tuple[Tensor, Tensor]:
    """Return which windows have a target with observed values in the context, and which also in the horizon."""
    before, after = windows.hold_targets()
    return before.any(dim=1), (before & after).any(dim=1)
