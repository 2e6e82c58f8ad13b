"""The flow: windows, a fitted teacher, its labels, and a student trained on both.

Every estimator of the package checks and converts, and then calls :func:`distill`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor, nn

from skdistill._utils._digest import digest
from skdistill._utils._generators import RandomStream, seeded
from skdistill._utils._moved_folders import load_with_folders
from skdistill._utils._user_line import stacklevel_of_user
from skdistill._version import __version__
from skdistill.data._labels import Labels
from skdistill.data._windows import Contexts, TrainingWindows, Windows
from skdistill.labeling._estimate import LabelingEstimate, estimate_labeling
from skdistill.labeling._store import (
    LabelCache,
    StoredLabels,
    check_budget,
    entry_lock,
    expected_room,
    has_store,
    label_windows,
)
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import (
    build_objective,
    check_loss,
    needs_teacher,
    needs_teacher_features,
    reads_teacher_quantiles,
    with_quantile_term,
)
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._quantile_head import build_module
from skdistill.teachers._base import BaseTeacher
from skdistill.training._batches import LabelSource
from skdistill.training._inputs import make_spec
from skdistill.training._settings import TrainingSettings
from skdistill.training._solve import check_solvable, prepare_network, solve_network
from skdistill.training._train import loss_shapes, train_network

__all__ = ["Distilled", "Labeling", "distill", "dry_run"]

logger = logging.getLogger("skdistill")

_GIB = 1 << 30
_CHUNK_SIZE = 512  # windows that are labeled at once
_CHUNK_BYTES = 128 << 20  # unless their labels would take more than this


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


@dataclass(frozen=True)
class Distilled:
    """What distillation leaves behind.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student, on the CPU, in evaluation mode.
    spec : NetworkSpec
        What it was built for.
    teacher : BaseTeacher or None
        The fitted teacher.
    history : list of dict
        The student's losses by epoch.
    best_epoch : int or None
        The epoch, counted from 1, whose weights the student has; None without validation.
    interrupted : bool
        Whether the user stopped the student's training.
    """

    student: nn.Module
    spec: NetworkSpec
    teacher: BaseTeacher | None
    history: list[dict[str, Any]]
    best_epoch: int | None
    interrupted: bool


def distill(
    windows: TrainingWindows,
    *,
    teacher: BaseTeacher | None,
    student: BaseNetwork,
    loss: BaseLoss,
    settings: TrainingSettings,
    labeling: Labeling,
    seeds: tuple[int, int] | None,
    quantiles: tuple[float, ...] | None = None,
    point_forecast: str = "median",
) -> Distilled:
    """Train a student on the truth and on what a teacher says.

    Parameters
    ----------
    windows : TrainingWindows
        Training and validation windows.
    teacher : BaseTeacher or None
        The teacher, not fitted; None trains on the truth alone.
    student : BaseNetwork
        The student's network.
    loss : BaseLoss
        The objective.
    settings : TrainingSettings
        How the student is trained; the teacher has settings of its own.
    labeling : Labeling
        Where labels are kept.
    seeds : tuple of int or None
        Seeds of teacher and student; None draws fresh ones and shares nothing between fits.
    quantiles : tuple of float or None, default=None
        Levels of the quantiles that the student forecasts; None asks for its point forecast alone.
    point_forecast : {"median", "mean"}, default="median"
        What its point forecast is, beside quantiles.

    Returns
    -------
    distilled : Distilled
        Student, teacher and history.
    """
    check_loss(loss)
    if seeds is None:
        teacher_seed, student_seed = np.random.default_rng().integers(2**31 - 1, size=2).tolist()
    else:
        teacher_seed, student_seed = seeds
    given = teacher
    spec = make_spec(student, windows.train, quantiles=quantiles, point_forecast=point_forecast)
    student.check(spec)
    if teacher is not None:
        teacher = _settle(teacher, teacher_seed, settings)
        teacher.check(spec)
    check_solvable(student, spec, loss, has_teacher=teacher is not None, windows=windows)
    probe = None if teacher is None else _probe(teacher, windows, spec)
    if quantiles is not None:
        levels = None if probe is None else probe.quantile_levels
        loss = with_quantile_term(
            loss, quantiles, has_teacher=teacher is not None, teacher_levels=levels, point_forecast=point_forecast
        )
        check_solvable(student, spec, loss, has_teacher=teacher is not None, windows=windows)
    randomness = RandomStream(student_seed)
    with randomness.block():
        module = build_module(student, spec)
    _check_combination(windows, teacher, student, module, spec, loss, probe)

    keyed = teacher.for_cache_key() if teacher is not None and labeling.cache.persistent else None
    labels: LabelSource | None = None
    if teacher is not None and given is not None and needs_teacher(loss):
        shared = labeling.cache.persistent and (seeds is not None or not _unseeded(given.for_cache_key()))
        if labeling.cache.persistent and not shared:
            warnings.warn(_UNSEEDED, stacklevel=stacklevel_of_user())
        key = digest(_versions(), keyed, _describe(windows)) if shared else None
        assert probe is not None
        teacher, labels = _fit_and_label(teacher, windows, loss, labeling, key, probe, settings.verbose)

    solved = solve_network(student, module, spec, windows, loss=loss, labels=labels)
    if solved is not None:
        return Distilled(module.eval(), spec, teacher, solved.history, solved.best_epoch, interrupted=False)
    folder = None
    if seeds is not None and labeling.cache.persistent:
        key = digest(_versions(), keyed, _describe(windows), student.for_cache_key(), loss)
        if quantiles is not None:
            key = digest(key, quantiles, point_forecast)
        folder = labeling.cache.entry(f"student-{digest(key, settings, student_seed)}")
    with randomness.block():
        prepare_network(student, module, spec, windows, loss=loss, labels=labels)
        result = train_network(
            module,
            spec,
            windows,
            loss=loss,
            labels=labels,
            settings=settings,
            checkpoint=None if folder is None else folder / "checkpoint.pt",
            description=f"student {type(student).__name__}",
        )
    if folder is not None and not result.interrupted:
        (folder / "checkpoint.pt").unlink(missing_ok=True)
    return Distilled(module.cpu().eval(), spec, teacher, result.history, result.best_epoch, result.interrupted)


def dry_run(
    windows: TrainingWindows,
    *,
    teacher: BaseTeacher,
    loss: BaseLoss,
    settings: TrainingSettings,
    labeling: Labeling,
    n_samples: int,
) -> LabelingEstimate:
    """Estimate what labeling will cost, without labeling more than a few windows.

    Parameters
    ----------
    windows : TrainingWindows
        Training and validation windows.
    teacher : BaseTeacher
        The teacher, not fitted.
    loss : BaseLoss
        The objective, which says whether features are stored.
    settings : TrainingSettings
        What the teacher takes from the forecaster: device, verbosity.
    labeling : Labeling
        Where labels would be kept.
    n_samples : int
        Windows to label for it.

    Returns
    -------
    estimate : LabelingEstimate
        Time and room.
    """
    teacher = _settle(teacher, 0, settings)
    train = windows.train
    teacher.check(NetworkSpec(train.context_length, train.prediction_length, train.n_channels, train.targets))
    return estimate_labeling(
        teacher,
        windows,
        with_features=needs_teacher_features(loss) and labeling.feature_storage == "stored",
        with_quantiles=reads_teacher_quantiles(loss),
        label_budget=labeling.label_budget,
        n_samples=n_samples,
    )


def _probe(teacher: BaseTeacher, windows: TrainingWindows, spec: NetworkSpec) -> Labels:
    """Ask what labels will look like."""
    try:
        labels = teacher.probe(windows)
    except AttributeError as error:
        raise TypeError(
            f"{_name(teacher)} failed when it was asked for one window before its fit: {error}. If label needs what "
            f"fit learns, set needs_training = True, or override probe."
        ) from error
    _check_forecast_shape(labels, spec, teacher)
    return labels


def _check_combination(
    windows: TrainingWindows,
    teacher: BaseTeacher | None,
    student: BaseNetwork,
    module: nn.Module,
    spec: NetworkSpec,
    loss: BaseLoss,
    probe: Labels | None,
) -> None:
    """Build the objective once with meaningless weights, so that what does not fit fails before training."""
    with seeded(0):
        labels = None if probe is None else _OneWindow(probe)
        shapes = loss_shapes(module, spec, windows.train, labels)
        build_objective(
            loss,
            shapes,
            has_teacher=teacher is not None,
            student_name=type(student).__name__,
            teacher_name="None" if teacher is None else _name(teacher),
        )


def _chunk_size(probe: Labels) -> int:
    """Return how many windows to label at once: few where each has many features, to bound memory."""
    tensors = (probe.forecast, probe.features, probe.quantiles)
    per_window = 4 * sum(one[0].numel() for one in tensors if one is not None)
    return max(1, min(_CHUNK_SIZE, _CHUNK_BYTES // per_window))


def _check_forecast_shape(labels: Labels, spec: NetworkSpec, teacher: BaseTeacher) -> None:
    steps, targets = labels.forecast.shape[1:]
    if steps != spec.prediction_length:
        raise ValueError(
            f"the teacher {_name(teacher)} forecasts {steps} steps, but prediction_length is {spec.prediction_length}: "
            "make them equal."
        )
    if targets != spec.n_targets:
        raise ValueError(
            f"the teacher {_name(teacher)} forecasts {targets} channels, but there are {spec.n_targets} targets."
        )


def _fit_and_label(
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
    budget = int(labeling.label_budget * _GIB)
    with nullcontext() if folder is None else entry_lock(folder):
        if folder is None or not has_store(folder):  # before a teacher is trained in vain
            room = expected_room(probe, len(train), with_features=with_features, with_quantiles=with_quantiles)
            check_budget(room, len(train), budget)
        teacher = _fit_teacher(teacher, windows, folder)

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
            chunk_size=_chunk_size(probe),
            run=_choose_workers(teacher, train, labeling.n_jobs),
            progress=verbose > 0,
            description=f"labels of {_name(teacher)}",
        )
    if not reads_teacher_quantiles(loss):
        stored = stored.without_quantiles()
    if recompute and needs_teacher_features(loss):
        return teacher, _RecomputedFeatures(stored, teacher, train)
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


def _fit_teacher(teacher: BaseTeacher, windows: TrainingWindows, folder: Path | None) -> BaseTeacher:
    if folder is None or not teacher.keeps_what_fit_learned:
        return teacher.fit(windows)
    path = folder / "teacher.joblib"
    if path.is_file():
        try:
            return load_with_folders(path, teacher)
        except Exception as error:
            logger.warning("the teacher kept in %s cannot be read (%s) and is fitted anew", path, error)
    checkpoint = folder / "teacher-checkpoint.pt"
    teacher = teacher.fit(windows, checkpoint)
    temporary = path.with_suffix(".tmp")
    joblib.dump(teacher, temporary)
    temporary.replace(path)
    for leftover in folder.glob("teacher-checkpoint*"):
        leftover.unlink()
    return teacher


def _choose_arrays(
    probe: Labels, n_windows: int, loss: BaseLoss, labeling: Labeling, folder: Path | None
) -> tuple[bool, bool]:
    """Store features and quantiles if the loss reads them; in a lasting folder also for later losses, if they fit."""
    with_features = needs_teacher_features(loss)
    with_quantiles = reads_teacher_quantiles(loss) and probe.quantiles is not None
    if folder is None:
        return with_features, with_quantiles
    n_features, n_quantiles = (0 if one is None else one[0].numel() for one in (probe.features, probe.quantiles))
    room = labeling.label_budget * _GIB / n_windows - 4 * probe.forecast[0].numel() - 2 * n_quantiles * with_quantiles
    with_features = with_features or 0 < 2 * n_features <= room
    room -= 2 * n_features * with_features
    return with_features, with_quantiles or 0 < 2 * n_quantiles <= room


def _settle(teacher: BaseTeacher, seed: int, settings: TrainingSettings) -> BaseTeacher:
    """Copy a teacher and fill in what it takes from the forecaster: seeds, device, verbosity."""
    teacher = clone(teacher)
    generator = np.random.RandomState(seed)
    inherited = {"device": settings.device, "verbose": settings.verbose}
    for name, value in sorted(teacher.get_params(deep=True).items()):
        last = name.split("__")[-1]
        if value is None and last == "random_state":
            teacher.set_params(**{name: int(generator.randint(2**31 - 1))})
        elif value is None and last in inherited:
            teacher.set_params(**{name: inherited[last]})
    return teacher


_UNSEEDED = "memory shares no teacher and no labels between fits while random_state is None: set random_state=0, say."


def _unseeded(teacher: BaseTeacher) -> bool:
    params = teacher.get_params(deep=True)
    return any(name.split("__")[-1] == "random_state" and value is None for name, value in params.items())


def _describe(windows: TrainingWindows) -> tuple[Any, ...]:
    """List all of the data and the split that a label can depend on."""
    train, store = windows.train, windows.train.store
    return (
        store.values,
        store.offsets,
        store.lengths,
        list(store.indexes),
        store.scaling,
        train.starts,
        train.known,
        None if windows.validation is None else windows.validation.starts,
        (train.context_length, train.prediction_length, train.targets),
    )


def _versions() -> tuple[str, ...]:
    return (__version__, torch.__version__, np.__version__)


def _name(teacher: BaseTeacher) -> str:
    inner = getattr(teacher, "network", teacher)
    return type(inner).__name__


class _OneWindow:
    """Labels of one window, for the dry run."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return 1

    def take(self, indices: Tensor) -> Labels:
        return self.labels


class _RecomputedFeatures:
    """Stored forecasts, and features from a teacher pass a batch."""

    def __init__(self, stored: StoredLabels, teacher: BaseTeacher, windows: Windows) -> None:
        self.stored = stored
        self.teacher = teacher
        self.windows = windows

    def __len__(self) -> int:
        return len(self.stored)

    def take(self, indices: Tensor) -> Labels:
        fresh = self.teacher.recompute_features(self.windows.contexts(indices))
        features = None if fresh is None else fresh.clone()
        stored = self.stored.take(indices)
        return Labels(stored.forecast, features, stored.quantiles, stored.quantile_levels)
