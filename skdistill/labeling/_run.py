"""Labeling in a fit: the teacher is fitted and asked, or both are found where an earlier fit left them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import joblib
import torch
from torch import Tensor

from skdistill.data._labels import Labels
from skdistill.data._windows import Contexts, TrainingWindows, Windows
from skdistill.labeling._budget import GIB, check_budget, choose_chunk_size, expected_room
from skdistill.labeling._cache import LabelCache
from skdistill.labeling._kept_teacher import fit_teacher
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._locks import entry_lock
from skdistill.labeling._recompute import RecomputedFeatures
from skdistill.labeling._store import has_store
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import needs_teacher_features, reads_teacher_quantiles
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._batches import LabelSource

__all__ = ["Labeling", "fit_and_label"]


@dataclass(frozen=True)
class Labeling:
    """Where and how labels are kept.

    Parameters
    ----------
    cache : LabelCache
        The folder that outlasts ``fit``, if any.
    label_budget : float
        Most GiB that labels may take.
    feature_storage : {"stored", "recompute"}
        Whether features are labeled once, or anew for every batch.
    n_jobs : int or None, default=None
        Workers that label at once; None labels here, one chunk after another.
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
    """Fit the teacher and label the training windows, or find both where an earlier fit left them."""
    folder = None if key is None else labeling.cache.entry(key)
    train = windows.train
    recompute = labeling.feature_storage == "recompute"
    with_features, with_quantiles = _choose_arrays(probe, len(train), loss, labeling, folder)
    with_features = with_features and not recompute
    budget = int(labeling.label_budget * GIB)
    with nullcontext() if folder is None else entry_lock(folder):
        if folder is None or not has_store(folder):  # before a teacher is trained in vain
            room = expected_room(probe, len(train), with_features=with_features, with_quantiles=with_quantiles)
            check_budget(room, len(train), budget)
        teacher = fit_teacher(teacher, windows, folder)

        def label(indices: Tensor) -> Labels:
            return teacher.label_training(train.contexts(indices))

        stored = label_windows(
            label,
            len(train),
            folder=folder,
            with_features=with_features,
            with_quantiles=with_quantiles,
            forecast_shape=(train.prediction_length, len(train.targets)),
            budget=budget,
            chunk_size=choose_chunk_size(probe),
            run=_choose_workers(teacher, train, labeling.n_jobs),
            progress=verbose > 0,
            description=f"labels of {teacher_name(teacher)}",
        )
    if not reads_teacher_quantiles(loss):
        stored = stored.without_quantiles()
    if recompute and needs_teacher_features(loss):
        return teacher, RecomputedFeatures(stored, teacher, train)
    return teacher, stored


def _choose_workers(
    teacher: BaseTeacher, windows: Windows, n_jobs: int | None
) -> Callable[[Sequence[Tensor]], Iterable[Labels]] | None:
    return None if n_jobs in (None, 1) else partial(_label_in_parallel, teacher, windows, n_jobs)


def _label_in_parallel(
    teacher: BaseTeacher, windows: Windows, n_jobs: int | None, chunks: Sequence[Tensor]
) -> Iterable[Labels]:
    """Label chunks on the workers of joblib's backend; they get contexts, never the whole series."""
    tasks = (joblib.delayed(_label_contexts)(teacher, windows.contexts(indices)) for indices in chunks)
    return joblib.Parallel(n_jobs=n_jobs, return_as="generator")(tasks)


def _label_contexts(teacher: BaseTeacher, contexts: Contexts) -> Labels:
    with torch.inference_mode():
        return teacher.label_training(contexts)


def _choose_arrays(
    probe: Labels, n_windows: int, loss: BaseLoss, labeling: Labeling, folder: Path | None
) -> tuple[bool, bool]:
    """Store features and quantiles if the loss reads them; in a lasting folder also for later losses, if they fit."""
    with_features = needs_teacher_features(loss)
    with_quantiles = reads_teacher_quantiles(loss) and probe.quantiles is not None
    if folder is None:
        return with_features, with_quantiles
    n_features, n_quantiles = (0 if one is None else one[0].numel() for one in (probe.features, probe.quantiles))
    room = labeling.label_budget * GIB / n_windows - 4 * probe.forecast[0].numel() - 2 * n_quantiles * with_quantiles
    with_features = with_features or 0 < 2 * n_features <= room
    room -= 2 * n_features * with_features
    return with_features, with_quantiles or 0 < 2 * n_quantiles <= room
