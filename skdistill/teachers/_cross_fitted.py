"""Cross-fitting: each training window is labeled by a copy of the teacher that was not trained on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from skdistill._utils._checks import check_integer
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels, joined_labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher

__all__ = ["CrossFittedTeacher"]


class CrossFittedTeacher(BaseTeacher):
    """Teacher that labels each training window with a copy fitted without it.

    The training windows of known truth are split into ``n_folds`` blocks, in time order (with many series, one series
    after another). For each block, a copy of the teacher is fitted on the windows that share no row with any window of
    the block, and labels the block. Labels are then out-of-sample forecasts, not memorized truth. Another copy is
    fitted on all windows: ``predict_teacher`` and ``compare`` use it, and it labels windows of unknown truth. All
    copies use the same seed, and the same validation windows for early stopping.

    Parameters
    ----------
    teacher : teacher
        The teacher to fit; inside a forecaster, a network or short name stands for a ``TrainedTeacher``. Its parameters
        are set as ``teacher__parameter``. A teacher that is not trained in ``fit`` raises an error, because it needs no
        cross-fitting.
    n_folds : int, default=3
        Number of blocks, and of copies in addition to the one fitted on all windows. The purge on both sides of a block
        removes twice ``context_length + prediction_length - 1`` windows from the training of its copy.

    Attributes
    ----------
    teacher_ : teacher
        The copy fitted on all windows.
    fold_teachers_ : list of teacher
        The copy that labels each block.

    References
    ----------
    Schick (1986), On asymptotically efficient estimation in semiparametric models, for cross-fitting; Chernozhukov et
    al. (2018), Double/debiased machine learning (arXiv 1608.00060). The purge of overlapping windows is an addition of
    skdistill.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import CrossFittedTeacher, TrainedTeacher
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     CrossFittedTeacher(TrainedTeacher("dlinear", lr=0.01), n_folds=2), "linear", "response",
    ...     context_length=24, prediction_length=6, random_state=0,
    ... ).fit(series)
    >>> len(forecaster.teacher_.fold_teachers_)
    2
    """

    def __init__(self, teacher: Any, *, n_folds: int = 3) -> None:
        self.teacher = teacher
        self.n_folds = n_folds

    @property
    def reads_validation(self) -> bool:  # type: ignore[override]
        """Whether ``fit`` reads the validation windows."""
        return self.teacher.reads_validation

    @property
    def needs_validation(self) -> bool:  # type: ignore[override]
        """Whether ``fit`` of the teacher needs validation windows."""
        return self.teacher.needs_validation

    @property
    def reads_known(self) -> bool:  # type: ignore[override]
        """Whether the teacher reads known covariates."""
        return self.teacher.reads_known

    @property
    def reads_static(self) -> bool:  # type: ignore[override]
        """Whether the teacher reads static covariates."""
        return self.teacher.reads_static

    @property
    def reads_calendar(self) -> bool:  # type: ignore[override]
        """Whether the teacher reads the calendar."""
        return self.teacher.reads_calendar

    @property
    def needs_training(self) -> bool:  # type: ignore[override]
        """Whether the teacher is trained in ``fit``."""
        return self.teacher.needs_training

    @property
    def labels_alone(self) -> bool:  # type: ignore[override]
        """Whether each label of the teacher is known to depend on its own context alone."""
        return self.teacher.labels_alone

    def resolve_members(self, resolve_teacher: Callable[..., BaseTeacher]) -> CrossFittedTeacher:
        """Return a copy in which a network or short name is replaced by a teacher."""
        return CrossFittedTeacher(
            resolve_teacher(self.teacher, parameter="teacher of CrossFittedTeacher"), n_folds=self.n_folds
        )

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the teacher does not fit the problem, or needs no folds."""
        check_integer(self.n_folds, "n_folds of CrossFittedTeacher", minimum=2)
        if not self.teacher.needs_training:
            raise ValueError(
                f"teacher of CrossFittedTeacher must be trained in fit; {type(self.teacher).__name__} has its weights "
                "already and would be the same in every fold: pass it to the forecaster without CrossFittedTeacher."
            )
        if (n_folds := self.teacher.get_params(deep=False).get("n_folds")) is not None:
            owner = type(self.teacher).__name__
            or_none = "" if isinstance(self.teacher, CrossFittedTeacher) else ", or set its n_folds=None"
            raise ValueError(
                f"n_folds={n_folds} of {owner} has no effect inside CrossFittedTeacher, which labels each block by a "
                f"copy fitted on the others, too: pass {owner} to the forecaster without CrossFittedTeacher{or_none}."
            )
        self.teacher.check(spec)

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label one window as the teacher would, and check that every fold has training windows."""
        self.check_blocks(windows)
        return self.teacher.probe(windows)

    def check_blocks(self, windows: TrainingWindows, owner: str = "CrossFittedTeacher", or_none: str = "") -> None:
        """Raise if a block leaves no windows to fit a copy on.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows.
        owner : str, default="CrossFittedTeacher"
            Name of the teacher that has ``n_folds``, for the error.
        or_none : str, default=""
            A further way out, for the error.
        """
        known = windows.known_train
        if self.n_folds > len(known):
            raise ValueError(
                f"n_folds of {owner} must be at most the {len(known)} training windows; got {self.n_folds}: take fewer "
                f"folds, or give more rows{or_none}."
            )
        for block in self._blocks(known):
            if not len(_away_from(known, block)):
                reach = known.context_length + known.prediction_length
                raise ValueError(
                    f"n_folds of {owner} = {self.n_folds} leaves a fold without windows: of the {len(known)} training "
                    f"windows all share rows with one of its {len(block)} windows (each has context_length + "
                    f"prediction_length = {reach} rows). Use more rows, more folds, or a smaller context_length"
                    f"{or_none}."
                )

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> CrossFittedTeacher:
        """Fit the teacher on all windows, and a copy without each block.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows for early stopping.
        checkpoint : Path or None, default=None
            A file; each copy uses its own file with a name derived from it.
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
            rest = known.take(torch.from_numpy(_away_from(known, block)))
            fold = TrainingWindows(rest, windows.validation)
            self.fold_teachers_.append(clone(self.teacher).fit(fold, file(number + 1)))
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Label contexts with the teacher fitted on all windows."""
        return self.teacher_.label(contexts)

    def label_new(self, contexts: Contexts) -> Labels:
        """Forecast after each context of any series, also of series not used in ``fit``.

        Returns
        -------
        labels : Labels
            Labels of the teacher fitted on all windows.
        """
        return self.teacher_.label_new(contexts)

    def label_training(self, contexts: Contexts) -> Labels:
        """Label training windows, each with the copy that was not trained on it.

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
        return joined_labels(parts, back)

    def fitted_state(self) -> dict[str, Any]:
        """Return the fitted state of the copies, and the block that each of them labels."""
        copies = [one.fitted_state() for one in self.fold_teachers_]
        return {**super().fitted_state(), "teacher_": self.teacher_.fitted_state(), "fold_teachers_": copies}

    def restore_fitted(self, state: Mapping[str, Any]) -> CrossFittedTeacher:
        """Restore the fitted state of an equal teacher."""
        rest = {name: value for name, value in state.items() if name not in ("teacher_", "fold_teachers_")}
        super().restore_fitted(rest)
        self.teacher_ = clone(self.teacher).restore_fitted(state["teacher_"])
        self.fold_teachers_ = [clone(self.teacher).restore_fitted(learned) for learned in state["fold_teachers_"]]
        return self

    def for_cache_key(self) -> CrossFittedTeacher:
        """Return a copy for the cache key, with the teacher's own copy inside."""
        return CrossFittedTeacher(self.teacher.for_cache_key(), n_folds=self.n_folds)

    def count_parameters(self) -> int | None:
        """Count the parameters of the copy fitted on all windows."""
        return self.teacher_.count_parameters()

    def _blocks(self, known: Windows) -> list[np.ndarray]:
        return [block for block in np.array_split(np.arange(len(known)), self.n_folds) if len(block)]

    def _folds(self, contexts: Contexts) -> np.ndarray:
        """Return the fold of each window; -1 if its truth is unknown."""
        starts = self.offsets_[contexts.series] + contexts.origins - self.context_length_
        numbers = np.searchsorted(self.starts_, starts)
        is_known = self.starts_[np.minimum(numbers, len(self.starts_) - 1)] == starts
        return np.where(is_known, np.searchsorted(self.fold_ends_, numbers, side="right"), -1)


def _away_from(windows: Windows, block: np.ndarray) -> np.ndarray:
    """Return the numbers of the windows that share no row with any window of a block."""
    starts = windows.starts.cpu().numpy()
    reach = windows.context_length + windows.prediction_length
    return np.flatnonzero((starts + reach <= starts[block[0]]) | (starts >= starts[block[-1]] + reach))
