"""The distillation: fit a teacher, label windows, and train a student on truth and labels.

Every estimator of the package checks and converts, and then calls :func:`distill`.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from torch import Tensor, nn

from skdistill._suggest import suggest
from skdistill._utils._generators import RandomStream, seeded
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._labels import Labels
from skdistill.data._some_labels import SomeLabels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.labeling._estimate import LabelingEstimate, estimate_labeling
from skdistill.labeling._kept_student import train_or_find
from skdistill.labeling._keys import describe_windows, is_unseeded, key_of, student_parts
from skdistill.labeling._run import Labeling, fit_and_label, label_more
from skdistill.losses._base import BaseLoss
from skdistill.losses._objective import (
    build_objective,
    check_loss,
    needs_teacher,
    needs_teacher_features,
    reads_teacher_quantiles,
    warn_of_no_forecast,
    with_quantile_term,
)
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import make_spec, problem_of, with_covariates
from skdistill.networks._quantile_head import build_module
from skdistill.networks._unread import warn_of_unread_settings
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._probe import probe_teacher
from skdistill.teachers._reads_series import find_reads_series
from skdistill.teachers._teacher_name import teacher_name
from skdistill.training._batches import LabelSource
from skdistill.training._exact_fit import Solved, continue_part
from skdistill.training._lone_labels import warn_of_lone_labels
from skdistill.training._settings import TrainingSettings
from skdistill.training._solve import check_solvable, prepare_network, solve_network
from skdistill.training._train import TrainingResult, loss_shapes, train_network

__all__ = ["Distilled", "distill", "distill_more", "dry_run", "settle_teacher"]

logger = logging.getLogger("skdistill")


@dataclass(frozen=True)
class Distilled:
    """Result of a distillation.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student, on the CPU, in evaluation mode.
    spec : NetworkSpec
        The problem it was built for.
    teacher : BaseTeacher or None
        The fitted teacher.
    history : list of dict
        The student's losses by epoch.
    best_epoch : int or None
        The epoch, counted from 1, from which the student's weights are taken; None without validation.
    interrupted : bool
        Whether the user stopped the student's training.
    solved : object or None, default=None
        What an exact student is continued from; None if values were missing.
    is_exact : bool, default=False
        Whether the student was solved exactly.
    """

    student: nn.Module
    spec: NetworkSpec
    teacher: BaseTeacher | None
    history: list[dict[str, Any]]
    best_epoch: int | None
    interrupted: bool
    solved: Any = None
    is_exact: bool = False


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
    labels: LabelSource | None = None,
    told: bool = False,
) -> Distilled:
    """Train a student on the truth and on the labels of a teacher.

    Parameters
    ----------
    windows : TrainingWindows
        Training and validation windows.
    teacher : BaseTeacher or None
        The teacher, not fitted; None trains on the truth only.
    student : BaseNetwork
        The student's network.
    loss : BaseLoss
        The objective.
    settings : TrainingSettings
        Training settings of the student; the teacher has its own settings.
    labeling : Labeling
        Where labels are stored.
    seeds : tuple of int or None
        Seeds of teacher and student; None draws new seeds and shares nothing between fits.
    quantiles : tuple of float or None, default=None
        Levels of the quantiles that the student forecasts; None makes point forecasts only.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, if there are quantiles.
    labels : LabelSource or None, default=None
        Labels of the training windows by a teacher that needs no training; None asks the teacher.
    told : bool, default=False
        Whether the user was told of parameters that nothing reads.

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
    given, made_of = teacher, (student, loss, teacher)
    spec = make_spec(student, windows.train, quantiles=quantiles, point_forecast=point_forecast)
    student.check(spec)
    if teacher is not None:
        teacher = settle_teacher(teacher, teacher_seed, settings, labeling.n_jobs)
        teacher.check(with_covariates(spec, windows.train))
        if labels is None and not needs_teacher(loss) and _learns(teacher):
            teacher = None  # it is left out, and forecasts nothing
    labeling = replace(labeling, choice=replace(labeling.choice, seed=teacher_seed))
    some = teacher is not None and not labeling.choice.is_all
    solvable = partial(check_solvable, student, spec, has_teacher=teacher is not None, windows=windows)
    solvable(loss, weighted_labels=some)
    probe = None if teacher is None else probe_teacher(teacher, windows)
    weighted = some or (probe is not None and probe.weight is not None)
    if weighted:
        solvable(loss, weighted_labels=True)
    if quantiles is not None:
        levels = None if probe is None else probe.quantile_levels
        loss = with_quantile_term(
            loss, quantiles, has_teacher=teacher is not None, teacher_levels=levels, point_forecast=point_forecast
        )
        solvable(loss, weighted_labels=weighted)
    randomness = RandomStream(student_seed)
    with randomness.block():
        module = build_module(student, spec)
    _check_combination(windows, teacher, student, module, spec, loss, probe)
    if not told:
        warn_of_unread_settings(made_of, windows.train)
        warn_of_no_forecast(loss)

    keyed = teacher.for_cache_key() if teacher is not None and labeling.cache.persistent else None
    described = describe_windows(windows)
    if teacher is not None and labels is not None:
        teacher = teacher.fit(windows)
    elif teacher is not None and given is not None and needs_teacher(loss):
        drawn = some and labeling.choice.order == "random"
        shared = labeling.cache.persistent and (seeds is not None or not (drawn or is_unseeded(given.for_cache_key())))
        if labeling.cache.persistent and not shared:
            warnings.warn(_UNSEEDED, stacklevel=stacklevel_of_user())
        key = key_of(keyed, described) if shared else None
        assert probe is not None
        teacher, labels = fit_and_label(teacher, windows, loss, labeling, key, probe, settings.verbose)
    elif teacher is not None:  # no term reads its labels, but it can forecast
        teacher = teacher.fit(windows)

    solved = solve_network(student, module, spec, windows, loss=loss, labels=labels)
    if solved is not None:
        if labels is None:
            _warn_of_idle_grid(student, spec, loss)
        found = {"interrupted": False, "solved": solved.solved, "is_exact": True}
        return Distilled(module.eval(), spec, teacher, solved.history, solved.best_epoch, **found)

    if labels is not None:
        warn_of_lone_labels(loss, labels, settings.batch_size, len(spec.targets))

    def train(checkpoint: Path | None) -> TrainingResult:
        with randomness.block():
            prepare_network(student, module, spec, windows, loss=loss, labels=labels)
            return train_network(
                module,
                spec,
                windows,
                loss=loss,
                labels=labels,
                settings=settings,
                checkpoint=checkpoint,
                description=f"student {type(student).__name__}",
            )

    def build() -> nn.Module:
        with seeded(student_seed):
            return build_module(student, spec)

    folder = None
    if seeds is not None and labeling.cache.persistent:
        parts = (keyed, described, student.for_cache_key(), loss, quantiles, point_forecast, labeling.feature_storage)
        chosen = (labeling.choice.name, len(labels.labels)) if isinstance(labels, SomeLabels) else ()
        folder = labeling.cache.entry(f"student-{key_of(*parts, *chosen, student_parts(settings), student_seed)}")
    result = train_or_find(module, folder, train, build, windows, spec, type(student).__name__)
    return Distilled(module, spec, teacher, result.history, result.best_epoch, result.interrupted)


def distill_more(
    module: nn.Module,
    spec: NetworkSpec,
    windows: Windows,
    *,
    teacher: BaseTeacher | None,
    student: BaseNetwork,
    loss: BaseLoss,
    settings: TrainingSettings,
    labeling: Labeling,
    seed: int,
    solved: Solved | None,
) -> TrainingResult:
    """Label new windows, and train a student on from where it is.

    Parameters
    ----------
    module : torch.nn.Module
        The trained student; it is changed.
    spec : NetworkSpec
        The problem it was built for.
    windows : Windows
        The new windows, in the units of the earlier ones.
    teacher : BaseTeacher or None
        The fitted teacher; None trains on the truth only.
    student : BaseNetwork
        The student's network.
    loss : BaseLoss
        The objective.
    settings : TrainingSettings
        Training settings; nothing is validated.
    labeling : Labeling
        Which windows are labeled.
    seed : int
        Seed of the student.
    solved : Solved or None
        What an exact student is continued from; None trains by gradient descent.

    Returns
    -------
    result : TrainingResult
        The history of this training.
    """
    labels = None
    if teacher is not None and needs_teacher(loss):
        labels = label_more(teacher, TrainingWindows(windows, None), loss, labeling, settings.verbose)
    if spec.quantiles is not None:
        levels = None if labels is None else labels.take(windows.starts.new_zeros(1)).quantile_levels
        loss = with_quantile_term(
            loss,
            spec.quantiles,
            has_teacher=labels is not None,
            teacher_levels=levels,
            point_forecast=spec.point_forecast,
        )
    if solved is not None:
        part = student.solvable_part(spec)
        assert part is not None  # it was solved
        return continue_part(part, part.of(module), spec, windows, loss=loss, labels=labels, solved=solved)
    with seeded(seed):
        result = train_network(
            module,
            spec,
            TrainingWindows(windows, None),
            loss=loss,
            labels=labels,
            settings=settings,
            description=f"student {type(student).__name__}",
            goes_on=True,
        )
    module.cpu().eval()
    return result


def _learns(teacher: BaseTeacher) -> bool:
    """Return whether a teacher, or a member of one, learns from the rows in fit: weights, shares, or each series."""
    return teacher.needs_training or teacher.needs_validation or find_reads_series(teacher) is not None


def _warn_of_idle_grid(student: BaseNetwork, spec: NetworkSpec, loss: BaseLoss) -> None:
    """Warn of weights to try for terms that read labels, if there are none."""
    part = student.solvable_part(spec)
    grid = {} if part is None else part.weight_grid
    reading = {name for name, term in loss.named_terms() if any(one.startswith("teacher") for one in term.requires)}
    idle = [name for name in grid if name in reading]
    if idle:
        warnings.warn(
            f"weight_grid of {type(student).__name__} has no effect on {', '.join(map(repr, idle))}, which reads "
            "labels: there are none. Give a teacher, or leave it out.",
            stacklevel=stacklevel_of_user(),
        )


def dry_run(
    windows: TrainingWindows,
    *,
    teacher: BaseTeacher,
    loss: BaseLoss,
    settings: TrainingSettings,
    labeling: Labeling,
    n_samples: int,
) -> LabelingEstimate:
    """Estimate the cost of labeling from a few windows.

    Parameters
    ----------
    windows : TrainingWindows
        Training and validation windows.
    teacher : BaseTeacher
        The teacher, not fitted.
    loss : BaseLoss
        The objective; it determines whether features are stored.
    settings : TrainingSettings
        Settings that the teacher takes from the forecaster: device, verbosity.
    labeling : Labeling
        Where labels would be stored.
    n_samples : int
        Number of windows to label.

    Returns
    -------
    estimate : LabelingEstimate
        Time and size.
    """
    given, teacher = teacher, settle_teacher(teacher, 0, settings, labeling.n_jobs)
    train = windows.train
    teacher.check(problem_of(train))
    warn_of_unread_settings([given], train)
    return estimate_labeling(
        teacher,
        windows,
        choice=labeling.choice,
        with_features=needs_teacher_features(loss) and labeling.feature_storage == "stored",
        with_quantiles=reads_teacher_quantiles(loss),
        label_budget=labeling.label_budget,
        n_samples=n_samples,
    )


def _check_combination(
    windows: TrainingWindows,
    teacher: BaseTeacher | None,
    student: BaseNetwork,
    module: nn.Module,
    spec: NetworkSpec,
    loss: BaseLoss,
    probe: Labels | None,
) -> None:
    """Build the objective once with meaningless weights, so that errors are raised before training."""
    with seeded(0):
        labels = None if probe is None else _OneWindow(probe)
        shapes = loss_shapes(module, spec, windows.train, labels)
        build_objective(
            loss,
            shapes,
            has_teacher=teacher is not None,
            student_name=type(student).__name__,
            teacher_name="None" if teacher is None else teacher_name(teacher),
            suggest=suggest,
        )


def settle_teacher(
    teacher: BaseTeacher, seed: int, settings: TrainingSettings, n_jobs: int | None = None
) -> BaseTeacher:
    """Copy a teacher and set what it takes from the forecaster: seed, device, verbosity, workers.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher that the user gave.
    seed : int
        Seed of its seeds.
    settings : TrainingSettings
        Device and verbosity of the forecaster.
    n_jobs : int or None, default=None
        Workers of the forecaster.

    Returns
    -------
    teacher : BaseTeacher
        The copy, not fitted.
    """
    teacher = clone(teacher)
    generator = np.random.RandomState(seed)
    inherited = {"device": settings.device, "verbose": settings.verbose}
    if "n_jobs" in (own := teacher.get_params(deep=False)) and own["n_jobs"] is None:
        teacher.set_params(n_jobs=n_jobs)
    for name, value in sorted(teacher.get_params(deep=True).items()):
        last = name.split("__")[-1]
        if value is None and last == "random_state":
            teacher.set_params(**{name: int(generator.randint(2**31 - 1))})
        elif value is None and last in inherited:
            teacher.set_params(**{name: inherited[last]})
    return teacher


_UNSEEDED = "memory shares no teacher and no labels between fits while random_state is None: set an integer."


class _OneWindow:
    """Labels of one window, for the dry run."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return 1

    @property
    def weight(self) -> Tensor | None:
        return self.labels.weight

    def take(self, indices: Tensor) -> Labels:
        return self.labels
