"""Estimate of the cost of labeling."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from skdistill.data._training_windows import TrainingWindows
from skdistill.labeling._budget import GIB, expected_room
from skdistill.teachers._base import BaseTeacher

__all__ = ["LabelingEstimate", "estimate_labeling"]


@dataclass(frozen=True)
class LabelingEstimate:
    """Estimated time and size of the labels of all training windows.

    Parameters
    ----------
    n_windows : int
        Number of windows to label.
    seconds : float or None
        Time on one worker, extrapolated from a sample; None for a teacher that is trained first.
    nbytes : int
        Size of the labels: forecasts in float32; features and quantiles, if the loss reads them, in float16.
    label_budget : float
        Maximum size of the labels in GiB.
    """

    n_windows: int
    seconds: float | None
    nbytes: int
    label_budget: float

    @property
    def fits(self) -> bool:
        """Whether the labels fit into the budget."""
        return self.nbytes <= self.label_budget * GIB

    def __str__(self) -> str:
        """Return the estimate as a sentence."""
        duration = "in a time that is only known after the teacher is trained" if self.seconds is None else ""
        duration = duration or f"in about {self.seconds:.3g} s"
        verdict = "within" if self.fits else "more than"
        return (
            f"{self.n_windows} windows {duration}; {self.nbytes / GIB:.3g} GiB, {verdict} label_budget = "
            f"{self.label_budget:.3g} GiB"
        )


def estimate_labeling(
    teacher: BaseTeacher,
    windows: TrainingWindows,
    *,
    with_features: bool,
    with_quantiles: bool = False,
    label_budget: float,
    n_samples: int,
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

    Returns
    -------
    estimate : LabelingEstimate
        The estimate.
    """
    train = windows.train
    labels, seconds = teacher.probe(windows), None  # the first call also loads the model and warms up
    if not teacher.needs_training:
        teacher = teacher.fit(windows)
        indices = torch.linspace(0, len(train) - 1, min(n_samples, len(train))).long()
        start = time.perf_counter()
        with torch.inference_mode():
            teacher.label(train.contexts(indices))
        seconds = (time.perf_counter() - start) * len(train) / len(indices)
    room = expected_room(labels, len(train), with_features=with_features, with_quantiles=with_quantiles)
    return LabelingEstimate(len(train), seconds, sum(room.values()), label_budget)
