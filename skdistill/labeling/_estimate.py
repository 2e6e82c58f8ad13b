"""Estimate of the cost of labeling."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from skdistill.data._training_windows import TrainingWindows
from skdistill.labeling._budget import GIB, expected_room
from skdistill.labeling._label_choice import ALL_WINDOWS, LabelChoice
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._probe import probe_teacher

__all__ = ["LabelingEstimate", "estimate_labeling"]


@dataclass(frozen=True)
class LabelingEstimate:
    """Estimated time and size of the labels of the training windows.

    Parameters
    ----------
    n_windows : int
        Number of windows to label.
    seconds : float or None
        Time on one worker, extrapolated from a sample; None for a teacher that is trained first.
    nbytes : int
        Size of the labels: forecasts and, if the loss reads them, quantiles in float32, and features in float16.
    label_budget : float
        Maximum size of the labels in GiB.
    n_all : int or None, default=None
        Number of training windows, if not all are labeled.
    """

    n_windows: int
    seconds: float | None
    nbytes: int
    label_budget: float
    n_all: int | None = None

    @property
    def seconds_of_all(self) -> float | None:
        """Time for labels of all training windows; None for a teacher that is trained first."""
        if self.seconds is None or self.n_all is None:
            return self.seconds
        return self.seconds * self.n_all / self.n_windows

    @property
    def fits(self) -> bool:
        """Whether the labels fit into the budget."""
        return self.nbytes <= self.label_budget * GIB

    def __str__(self) -> str:
        """Return the estimate as a sentence."""
        duration = "in a time that is only known after the teacher is trained" if self.seconds is None else ""
        duration = duration or f"in about {self.seconds:.3g} s"
        verdict = "within" if self.fits else "more than"
        windows = f"{self.n_windows} windows"
        if self.n_all is not None:
            windows = f"{self.n_windows} of {self.n_all} windows"
            duration += "" if self.seconds_of_all is None else f" (all of them: {self.seconds_of_all:.3g} s)"
        return (
            f"{windows} {duration}; {self.nbytes / GIB:.3g} GiB, {verdict} label_budget = {self.label_budget:.3g} GiB"
        )


def estimate_labeling(
    teacher: BaseTeacher,
    windows: TrainingWindows,
    *,
    with_features: bool,
    with_quantiles: bool = False,
    label_budget: float,
    n_samples: int,
    choice: LabelChoice = ALL_WINDOWS,
) -> LabelingEstimate:
    """Label a few windows and extrapolate.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher, with its settings but not fitted.
    windows : TrainingWindows
        The windows of the problem.
    with_features : bool
        Whether features would be stored.
    with_quantiles : bool, default=False
        Whether quantiles would be stored.
    label_budget : float
        Maximum size of the labels in GiB.
    n_samples : int
        Number of windows to label.
    choice : LabelChoice, default=ALL_WINDOWS
        Which windows would be labeled; all by default.

    Returns
    -------
    estimate : LabelingEstimate
        The estimate.
    """
    train = windows.train
    n_windows = None if choice.seconds is not None else choice.count(len(train))
    labels, rate = probe_teacher(teacher, windows), None  # the first call also loads the model and warms up
    if not teacher.needs_training:
        teacher = teacher.fit(windows)
        indices = torch.linspace(0, len(train) - 1, min(n_samples, len(train))).long()
        start = time.perf_counter()
        with torch.inference_mode():
            teacher.label(train.contexts(indices))
        rate = (time.perf_counter() - start) / len(indices)
    if n_windows is None:
        n_windows = len(train) if rate is None else choice.count(len(train), rate)
    room = expected_room(labels, n_windows, with_features=with_features, with_quantiles=with_quantiles)
    n_all = None if choice.is_all else len(train)
    return LabelingEstimate(
        n_windows, None if rate is None else rate * n_windows, sum(room.values()), label_budget, n_all
    )
