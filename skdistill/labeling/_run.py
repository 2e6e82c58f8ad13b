"""Labeling in a fit: fit the teacher and label, or load both from the cache."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._plausibility._far_labels import FarLabels
from skdistill.data._some_labels import SomeLabels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.labeling._answers import Wanted
from skdistill.labeling._budget import GIB, check_budget, choose_chunk_size, expected_room
from skdistill.labeling._cache import LabelCache
from skdistill.labeling._checkpoints import drop_checkpoints
from skdistill.labeling._chosen import JoinedLabels, find_chosen, label_chosen
from skdistill.labeling._kept_teacher import CHECKPOINTS, fit_teacher, read_teacher
from skdistill.labeling._label_choice import ALL_WINDOWS, LabelChoice
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._locks import entry_lock
from skdistill.labeling._rate import keep_rate, kept_rate, measure_rate
from skdistill.labeling._recompute import RecomputedFeatures
from skdistill.labeling._store import Store, has_store
from skdistill.labeling._stored import StoredLabels
from skdistill.labeling._workers import label_on_workers
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import needs_teacher_features, reads_teacher_quantiles
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._other_windows import warn_of_other_windows
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._batches import LabelSource

__all__ = ["Labeling", "fit_and_label", "label_more"]


@dataclass(frozen=True)
class Labeling:
    """Where and how labels are stored.

    Parameters
    ----------
    cache : LabelCache
        The cache folder, if any.
    label_budget : float
        Most GiB that labels may take.
    feature_storage : {"stored", "recompute"}
        Whether features are stored, or recomputed for every batch.
    n_jobs : int or None, default=None
        Number of workers that label in parallel; None labels in this process, one chunk after another.
    choice : LabelChoice, default=ALL_WINDOWS
        Which windows are labeled; all by default.
    """

    cache: LabelCache
    label_budget: float = 8.0
    feature_storage: str = "stored"
    n_jobs: int | None = None
    choice: LabelChoice = ALL_WINDOWS


def fit_and_label(
    teacher: BaseTeacher,
    windows: TrainingWindows,
    loss: BaseLoss,
    labeling: Labeling,
    key: str | None,
    probe: Labels,
    verbose: int,
) -> tuple[BaseTeacher, LabelSource]:
    """Fit the teacher and label the training windows, or load both from the cache.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, settled but not fitted.
    windows : TrainingWindows
        Training and validation windows.
    loss : BaseLoss
        The objective; it determines what is stored.
    labeling : Labeling
        Where and how labels are stored.
    key : str or None
        Key of the entry; None stores nothing.
    probe : Labels
        Labels with the shapes of later labels.
    verbose : int
        Whether to show a progress bar.

    Returns
    -------
    teacher : BaseTeacher
        The fitted teacher.
    labels : LabelSource
        Labels of the training windows, of the chosen ones if not all are labeled.
    """
    folder = None if key is None else labeling.cache.entry(key)
    task = _Task(teacher, windows, loss, labeling, folder, probe, verbose)
    if folder is None:
        fitted, stored = task.make()
    elif (found := task.find(tell=False)) is not None:
        fitted, stored = found
    else:
        with entry_lock(folder, f"fits the teacher {teacher_name(teacher)} and labels {len(windows.train)} windows"):
            fitted, stored = task.make()
    return fitted, task.for_windows(stored, fitted)


def label_more(
    teacher: BaseTeacher, windows: TrainingWindows, loss: BaseLoss, labeling: Labeling, verbose: int
) -> LabelSource:
    """Label windows of later rows with a fitted teacher; nothing is stored.

    Parameters
    ----------
    teacher : BaseTeacher
        The fitted teacher.
    windows : TrainingWindows
        The windows.
    loss : BaseLoss
        The objective; it determines what is labeled.
    labeling : Labeling
        Which windows are labeled; at least one of them is.
    verbose : int
        Whether to show a progress bar.

    Returns
    -------
    labels : LabelSource
        Labels of the windows, of the chosen ones if not all are labeled.
    """
    choice, train = labeling.choice, windows.train
    if choice.share is not None:
        at_least_one = max(1, round(choice.share * len(train)))
        labeling = replace(labeling, choice=replace(choice, share=None, max_labels=at_least_one))
    probe = teacher.label_new(train.contexts(train.starts.new_zeros(1)))
    task = _Task(teacher, windows, loss, labeling, None, probe, verbose, is_fitted=True)
    _, stored = task.make()
    return task.for_windows(stored, teacher)


class _Task:
    """A teacher, and windows to label."""

    def __init__(
        self,
        teacher: BaseTeacher,
        windows: TrainingWindows,
        loss: BaseLoss,
        labeling: Labeling,
        folder: Path | None,
        probe: Labels,
        verbose: int,
        *,
        is_fitted: bool = False,
    ) -> None:
        self.is_fitted = is_fitted
        self.teacher, self.windows, self.folder, self.probe, self.verbose = teacher, windows, folder, probe, verbose
        self.labeling, self.loss, choice = labeling, loss, labeling.choice
        self.chosen = None if choice.is_all else torch.from_numpy(_counted_first(choice.rank(windows), windows.train))
        self.seconds = 0.0
        n_windows = len(windows.train)
        self.n_labels = None if choice.seconds is not None else choice.count(n_windows)
        with_features, with_quantiles = _choose_arrays(probe, self.n_labels or n_windows, loss, labeling, folder)
        self.wanted = Wanted(with_features and labeling.feature_storage != "recompute", with_quantiles)
        self.forecast_shape = (windows.train.prediction_length, len(windows.train.targets))
        self.allow_pickle = labeling.cache.allow_pickle

    def find(self, *, tell: bool) -> tuple[BaseTeacher, StoredLabels | JoinedLabels] | None:
        """Return the result if it is complete, without a lock and without writing."""
        stored = self._find_labels(tell)
        if stored is None:
            return None
        assert self.folder is not None  # there are labels
        teacher = read_teacher(self.teacher, self.windows, self.folder, allow_pickle=self.allow_pickle, tell=tell)
        return None if teacher is None else (teacher, stored)

    def _find_labels(self, tell: bool) -> StoredLabels | JoinedLabels | None:
        assert self.folder is not None  # the callers
        if self.chosen is not None:
            n_labels = self.n_labels or self._count(kept_rate(self.folder))
            found = (
                None
                if n_labels is None
                else find_chosen(self.folder / self.labeling.choice.name, n_labels, self.forecast_shape, self.wanted)
            )
            self.n_labels = self.n_labels if found is None else n_labels
            return found
        store = Store.open(self.folder, len(self.windows.train), self.forecast_shape, self.wanted, tell=tell)
        return None if store is None else store.labels_if_complete()

    def _count(self, seconds_per_window: float | None) -> int | None:
        if seconds_per_window is None:
            return None
        return self.labeling.choice.count(len(self.windows.train), seconds_per_window)

    def make(self) -> tuple[BaseTeacher, StoredLabels | JoinedLabels]:
        """Fit and label what is missing; the entry must be locked."""
        train, options = self.windows.train, self.labeling
        wanted = {"with_features": self.wanted.features, "with_quantiles": self.wanted.quantiles}
        budget = int(options.label_budget * GIB)
        if self.n_labels is not None and (self.folder is None or not has_store(self.folder)):  # before training
            check_budget(expected_room(self.probe, self.n_labels, **wanted), self.n_labels, budget)
        teacher = self._fit()
        if self.chosen is None:
            n_labels, some = len(train), train
        else:
            if self.n_labels is None:
                self.n_labels = self._count(self._rate(teacher))
            assert self.n_labels is not None  # counted
            n_labels = self.n_labels
            some = train.take(self.chosen)

        ask = self._labeler(teacher)

        def label(indices: Tensor) -> Labels:
            return ask(some.contexts(indices))

        start = time.perf_counter()
        labels = self._label(
            label,
            n_labels,
            **wanted,
            forecast_shape=self.forecast_shape,
            budget=budget,
            chunk_size=choose_chunk_size(self.probe),
            run=None if self.is_fitted else _choose_workers(teacher, some, options.n_jobs),
            progress=self.verbose > 0,
            description=f"labels of {teacher_name(teacher)}",
        )
        self.seconds = time.perf_counter() - start
        return teacher, labels

    def _label(self, label: Callable[[Tensor], Labels], n_labels: int, **options: Any) -> StoredLabels | JoinedLabels:
        if self.chosen is None:
            return label_windows(label, n_labels, folder=self.folder, **options)
        folder = None if self.folder is None else self.folder / self.labeling.choice.name
        return label_chosen(label, n_labels, folder, **options)

    def _labeler(self, teacher: BaseTeacher) -> Callable[[Contexts], Labels]:
        """Return what labels the windows: those of its fit, or later ones."""
        return teacher.label_new if self.is_fitted else teacher.label_training

    def _rate(self, teacher: BaseTeacher) -> float:
        """Return how long the teacher takes for a window; an entry of the cache keeps it, so that later fits agree."""
        kept = None if self.folder is None else kept_rate(self.folder)
        if kept is not None:
            return kept
        assert self.chosen is not None  # the caller
        seconds = measure_rate(self._labeler(teacher), self.windows.train, self.chosen)
        if self.folder is not None:
            keep_rate(self.folder, seconds)
        return seconds

    def for_windows(self, stored: StoredLabels | JoinedLabels, teacher: BaseTeacher) -> LabelSource:
        """Return labels for all windows, as the loss reads them; of chosen ones, with their places."""
        train = self.windows.train
        if self.chosen is None:
            self._warn_if_far(stored, train)
            return self._as_read(stored, teacher, train)
        numbers = self.chosen[: len(stored)]
        if self.verbose:
            tqdm.write(self.tell(len(numbers)))
        some = train.take(numbers)
        self._warn_if_far(stored, some)
        places = torch.full((len(train),), -1)
        places[numbers] = torch.arange(len(numbers))
        weights = train.weights
        count = None if weights is None else float(weights.sum() / weights[numbers.numpy()].sum())
        return SomeLabels(self._as_read(stored, teacher, some), places, count)

    def _warn_if_far(self, stored: StoredLabels | JoinedLabels, windows: Windows) -> None:
        """Warn of labels that outweigh the truth."""
        parts = stored.parts if isinstance(stored, JoinedLabels) else (stored,)
        FarLabels.of([one.forecast for one in parts], windows, stored.weight).warn(teacher_name(self.teacher))

    def _as_read(self, stored: StoredLabels | JoinedLabels, teacher: BaseTeacher, windows: Windows) -> LabelSource:
        """Return labels as the loss reads them: without quantiles, or with features made again."""
        if not reads_teacher_quantiles(self.loss):
            stored = stored.without_quantiles()
        if self.labeling.feature_storage == "recompute" and needs_teacher_features(self.loss):
            return RecomputedFeatures(stored, teacher, windows, are_new=self.is_fitted)
        return stored

    def tell(self, n_labels: int) -> str:
        """Return how many windows have labels, and what labels of all would have cost."""
        n_windows, choice = len(self.windows.train), self.labeling.choice
        how = f"{choice.describe()}, {choice.order}"
        told = f"{teacher_name(self.teacher)} labeled {n_labels} of {n_windows} windows ({how})"
        if not self.seconds:
            return f"{told}; memory had them all"
        whole = self.seconds * n_windows / n_labels
        return f"{told} in {self.seconds:.3g} s; all would have taken about {whole:.3g} s"

    def _fit(self) -> BaseTeacher:
        teacher, windows, folder = self.teacher, self.windows, self.folder
        if self.is_fitted:
            return teacher
        if folder is None:
            fitted = teacher.fit(windows)
            self._check_fitted(fitted)
            return fitted
        kept = read_teacher(teacher, windows, folder, allow_pickle=self.allow_pickle, tell=True)
        if kept is None:
            allow_pickle = self.allow_pickle
            return fit_teacher(teacher, windows, folder, allow_pickle=allow_pickle, check=self._check_fitted)
        drop_checkpoints(folder, CHECKPOINTS)
        return kept

    def _check_fitted(self, teacher: BaseTeacher) -> None:
        """Warn if a teacher that the probe could not try reads the other windows of its batch."""
        if teacher.needs_training and not teacher.labels_alone:
            warn_of_other_windows(teacher.label, self.windows.train, None, teacher_name(teacher))


def _counted_first(numbers: np.ndarray, windows: Windows) -> np.ndarray:
    """Put windows of weight 0, whose labels would count for nothing, behind the others."""
    weights = windows.weights
    return numbers if weights is None else numbers[np.argsort(weights[numbers] == 0, kind="stable")]


def _choose_workers(
    teacher: BaseTeacher, windows: Windows, n_jobs: int | None
) -> Callable[[Sequence[Tensor]], Iterable[Labels]] | None:
    alone = n_jobs in (None, 1) or not teacher.labels_in_parallel
    return None if alone else partial(label_on_workers, teacher, windows, n_jobs)


def _choose_arrays(
    probe: Labels, n_windows: int, loss: BaseLoss, labeling: Labeling, folder: Path | None
) -> tuple[bool, bool]:
    """Store features and quantiles if the loss reads them; in a cache also for later losses, if they fit."""
    with_features = needs_teacher_features(loss)
    with_quantiles = reads_teacher_quantiles(loss) and probe.quantiles is not None
    if folder is None:
        return with_features, with_quantiles
    n_features, n_quantiles = (0 if one is None else one[0].numel() for one in (probe.features, probe.quantiles))
    room = labeling.label_budget * GIB / n_windows - 4 * probe.forecast[0].numel() - 2 * n_quantiles * with_quantiles
    with_features = with_features or 0 < 2 * n_features <= room
    room -= 2 * n_features * with_features
    return with_features, with_quantiles or 0 < 2 * n_quantiles <= room
