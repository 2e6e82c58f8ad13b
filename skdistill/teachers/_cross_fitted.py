"""A teacher whose training labels come from copies that did not see the window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor

from skdistill._utils._checks import check_integer
from skdistill.data._labels import Labels
from skdistill.data._windows import Contexts, TrainingWindows, Windows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher

__all__ = ["CrossFittedTeacher"]


class CrossFittedTeacher(BaseTeacher):
    """A teacher that labels each training window by a copy fitted without it.

    The training windows of known truth are cut into ``n_folds`` blocks, in order of time (many series: one after
    another). For each block a copy of the teacher is fitted on the windows that share no row with any window of
    the block, and labels the block. So labels are forecasts of the quality that a student will meet, not
    recollections of the truth. A further copy is fitted on all windows: it is the teacher of ``predict_teacher`` and
    ``compare``, and labels windows of unknown truth. The copies share their seed and the validation windows, which
    serve their early stopping.

    Parameters
    ----------
    teacher : teacher
        What is fitted; inside a forecaster a network or short name stands for a ``TrainedTeacher``. Its parameters
        are reached as ``teacher__parameter``. One that is not trained in ``fit`` has seen no window and is refused.
    n_folds : int, default=3
        Blocks, and copies beside the one fitted on all windows. Purging the windows on both sides of a block takes
        twice ``context_length + prediction_length - 1`` windows from its copy.

    Attributes
    ----------
    teacher_ : teacher
        The copy fitted on all windows.
    fold_teachers_ : list of teacher
        The copy that labels each block.

    References
    ----------
    Cross-fitting is due to Schick (1986), On asymptotically efficient estimation in semiparametric models, and
    became known through Chernozhukov et al. (2018), Double/debiased machine learning (arXiv 1608.00060). The purge
    for overlapping windows is ours.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import CrossFittedTeacher
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     CrossFittedTeacher("dlinear", n_folds=2), "linear", "response",
    ...     context_length=24, prediction_length=6, random_state=0,
    ... ).fit(series)
    >>> len(forecaster.teacher_.fold_teachers_)
    2
    """

    def __init__(self, teacher: Any, *, n_folds: int = 3) -> None:
        self.teacher = teacher
        self.n_folds = n_folds

    @property
    def needs_training(self) -> bool:  # type: ignore[override]
        """Whether the teacher is trained in ``fit``."""
        return self.teacher.needs_training

    def resolve_members(self, resolve_teacher: Callable[..., BaseTeacher]) -> CrossFittedTeacher:
        """Return a copy around what a network or short name stands for."""
        return CrossFittedTeacher(
            resolve_teacher(self.teacher, parameter="teacher of CrossFittedTeacher"), n_folds=self.n_folds
        )

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the teacher does not fit, or needs no folds."""
        check_integer(self.n_folds, "n_folds of CrossFittedTeacher", minimum=2)
        if not self.teacher.needs_training:
            raise ValueError(
                f"teacher of CrossFittedTeacher must be trained in fit; {type(self.teacher).__name__} has its weights "
                "already and would answer alike in every fold: give it to the forecaster without CrossFittedTeacher."
            )
        self.teacher.check(spec)

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label one window as the teacher would, and check that every fold keeps windows."""
        known = windows.known_train
        for block in self._blocks(known):
            if not len(_away_from(known, block)):
                reach = known.context_length + known.prediction_length
                raise ValueError(
                    f"n_folds of CrossFittedTeacher = {self.n_folds} leaves a fold without windows: of the "
                    f"{len(known)} training windows all share rows with one of its {len(block)} windows (each has "
                    f"context_length + prediction_length = {reach} rows). Give more rows, more folds, or a smaller "
                    "context_length."
                )
        return self.teacher.probe(windows)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> CrossFittedTeacher:
        """Fit the teacher on all windows, and a copy without each block.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows for early stopping.
        checkpoint : Path or None, default=None
            Each copy's own file is named after it.
        """

        def file(number: int) -> Path | None:
            return (
                None if checkpoint is None else checkpoint.with_name(f"{checkpoint.stem}-{number}{checkpoint.suffix}")
            )

        known = windows.known_train
        self.teacher_ = clone(self.teacher).fit(windows, file(0))
        self.starts_ = known.starts.cpu().numpy()
        self.offsets_ = known.store.offsets
        self.context_length_ = known.context_length
        self.fold_teachers_ = []
        blocks = self._blocks(known)
        self.fold_ends_ = np.array([block[-1] + 1 for block in blocks])
        for number, block in enumerate(blocks):
            rest = replace(known, starts=known.starts[torch.from_numpy(_away_from(known, block))])
            fold = TrainingWindows(rest, windows.validation)
            self.fold_teachers_.append(clone(self.teacher).fit(fold, file(number + 1)))
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Say what follows each context, by the teacher that was fitted on all windows."""
        return self.teacher_.label(contexts)

    def label_new(self, contexts: Contexts) -> Labels:
        """Say what follows each context of a series that ``fit`` need not have seen.

        Returns
        -------
        labels : Labels
            Those of the teacher that was fitted on all windows.
        """
        return self.teacher_.label_new(contexts)

    def label_training(self, contexts: Contexts) -> Labels:
        """Label training windows, each by the copy that did not see it.

        Returns
        -------
        labels : Labels
            Labels in the order of the contexts.
        """
        folds = self._folds(contexts)
        parts, order = [], []
        for fold in np.unique(folds):
            numbers = np.flatnonzero(folds == fold)
            teacher = self.teacher_ if fold < 0 else self.fold_teachers_[fold]
            parts.append(teacher.label(contexts.take(numbers)))
            order.append(numbers)
        back = torch.from_numpy(np.argsort(np.concatenate(order)))
        return Labels(
            torch.cat([part.forecast for part in parts])[back],
            _join([part.features for part in parts], back),
            _join([part.quantiles for part in parts], back),
            parts[0].quantile_levels,
        )

    def fitted_state(self) -> dict[str, Any]:
        """Return what the copies learned, and which block each of them labels."""
        copies = [one.fitted_state() for one in self.fold_teachers_]
        return {**super().fitted_state(), "teacher_": self.teacher_.fitted_state(), "fold_teachers_": copies}

    def restore_fitted(self, state: Mapping[str, Any]) -> CrossFittedTeacher:
        """Take up what the copies of an equal teacher learned."""
        rest = {name: value for name, value in state.items() if name not in ("teacher_", "fold_teachers_")}
        super().restore_fitted(rest)
        self.teacher_ = clone(self.teacher).restore_fitted(state["teacher_"])
        self.fold_teachers_ = [clone(self.teacher).restore_fitted(learned) for learned in state["fold_teachers_"]]
        return self

    def for_cache_key(self) -> CrossFittedTeacher:
        """Return a copy for the key, around the teacher's own."""
        return CrossFittedTeacher(self.teacher.for_cache_key(), n_folds=self.n_folds)

    def count_parameters(self) -> int | None:
        """Count the parameters of the copy fitted on all windows."""
        return self.teacher_.count_parameters()

    def _blocks(self, known: Windows) -> list[np.ndarray]:
        return [block for block in np.array_split(np.arange(len(known)), self.n_folds) if len(block)]

    def _folds(self, contexts: Contexts) -> np.ndarray:
        """Find the fold of each window; -1 where its truth is unknown."""
        starts = self.offsets_[contexts.series] + contexts.origins - self.context_length_
        numbers = np.searchsorted(self.starts_, starts)
        is_known = self.starts_[np.minimum(numbers, len(self.starts_) - 1)] == starts
        return np.where(is_known, np.searchsorted(self.fold_ends_, numbers, side="right"), -1)


def _away_from(windows: Windows, block: np.ndarray) -> np.ndarray:
    """Return the numbers of the windows that share no row with any window of a block."""
    starts = windows.starts.cpu().numpy()
    reach = windows.context_length + windows.prediction_length
    return np.flatnonzero((starts + reach <= starts[block[0]]) | (starts >= starts[block[-1]] + reach))


def _join(parts: Sequence[Tensor | None], order: Tensor) -> Tensor | None:
    """Put the parts together, in another order; None where there are none."""
    present = [part for part in parts if part is not None]
    return torch.cat(present)[order] if len(present) == len(parts) else None
