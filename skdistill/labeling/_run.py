"""Labeling in a fit: fit the teacher and label, or load both from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import joblib
import torch
from torch import Tensor

from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.labeling._answers import Wanted
from skdistill.labeling._budget import GIB, check_budget, choose_chunk_size, expected_room
from skdistill.labeling._cache import LabelCache
from skdistill.labeling._kept_teacher import fit_teacher, read_teacher
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._locks import entry_lock
from skdistill.labeling._recompute import RecomputedFeatures
from skdistill.labeling._store import Store, has_store
from skdistill.labeling._stored import StoredLabels
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import needs_teacher_features, reads_teacher_quantiles
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._batches import LabelSource

__all__ = ["Labeling", "fit_and_label"]


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
    """

    cache: LabelCache
    label_budget: float = 8.0
    feature_storage: str = "stored"
    n_jobs: int | None = None


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
        Labels of the training windows.
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
    if not reads_teacher_quantiles(loss):
        stored = stored.without_quantiles()
    if labeling.feature_storage == "recompute" and needs_teacher_features(loss):
        return fitted, RecomputedFeatures(stored, fitted, windows.train)
    return fitted, stored


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
    ) -> None:
        self.teacher, self.windows, self.folder, self.probe, self.verbose = teacher, windows, folder, probe, verbose
        self.labeling = labeling
        with_features, with_quantiles = _choose_arrays(probe, len(windows.train), loss, labeling, folder)
        self.wanted = Wanted(with_features and labeling.feature_storage != "recompute", with_quantiles)
        self.forecast_shape = (windows.train.prediction_length, len(windows.train.targets))
        self.allow_pickle = labeling.cache.allow_pickle

    def find(self, *, tell: bool) -> tuple[BaseTeacher, StoredLabels] | None:
        """Return the result if it is complete, without a lock and without writing."""
        assert self.folder is not None
        store = Store.open(self.folder, len(self.windows.train), self.forecast_shape, self.wanted, tell=tell)
        stored = None if store is None else store.labels_if_complete()
        if stored is None:
            return None
        teacher = read_teacher(self.teacher, self.windows, self.folder, allow_pickle=self.allow_pickle, tell=tell)
        return None if teacher is None else (teacher, stored)

    def make(self) -> tuple[BaseTeacher, StoredLabels]:
        """Fit and label what is missing; the entry must be locked."""
        train, options = self.windows.train, self.labeling
        wanted = {"with_features": self.wanted.features, "with_quantiles": self.wanted.quantiles}
        budget = int(options.label_budget * GIB)
        if self.folder is None or not has_store(self.folder):  # check before a teacher is trained
            check_budget(expected_room(self.probe, len(train), **wanted), len(train), budget)
        teacher = self._fit()

        def label(indices: Tensor) -> Labels:
            return teacher.label_training(train.contexts(indices))

        return teacher, label_windows(
            label,
            len(train),
            folder=self.folder,
            **wanted,
            forecast_shape=self.forecast_shape,
            budget=budget,
            chunk_size=choose_chunk_size(self.probe),
            run=_choose_workers(teacher, train, options.n_jobs),
            progress=self.verbose > 0,
            description=f"labels of {teacher_name(teacher)}",
        )

    def _fit(self) -> BaseTeacher:
        teacher, windows, folder = self.teacher, self.windows, self.folder
        if folder is None:
            return teacher.fit(windows)
        kept = read_teacher(teacher, windows, folder, allow_pickle=self.allow_pickle, tell=True)
        return fit_teacher(teacher, windows, folder, allow_pickle=self.allow_pickle) if kept is None else kept


def _choose_workers(
    teacher: BaseTeacher, windows: Windows, n_jobs: int | None
) -> Callable[[Sequence[Tensor]], Iterable[Labels]] | None:
    alone = n_jobs in (None, 1) or not teacher.labels_in_parallel
    return None if alone else partial(_label_in_parallel, teacher, windows, n_jobs)


def _label_in_parallel(
    teacher: BaseTeacher, windows: Windows, n_jobs: int | None, chunks: Sequence[Tensor]
) -> Iterable[Labels]:
    """Label chunks on the workers of joblib's backend; workers get contexts, never the whole series."""
    tasks = (joblib.delayed(_label_contexts)(teacher, windows.contexts(indices)) for indices in chunks)
    return joblib.Parallel(n_jobs=n_jobs, return_as="generator")(tasks)


def _label_contexts(teacher: BaseTeacher, contexts: Contexts) -> Labels:
    with torch.inference_mode():
        return teacher.label_training(contexts)


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
