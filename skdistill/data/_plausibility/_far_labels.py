"""Labels so far from the truth that they decide what is learned: a teacher that explodes, other units, a code."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows

__all__ = ["FarLabels"]

_OUTWEIGHS = 10.0  # times the mean square of the truth, or of a standardized channel
_BLOCK = 1 << 22  # values at once


@dataclass(frozen=True)
class FarLabels:
    """How far away labels lie, by step and target, in standardized units. Those of several parts add up.

    Parameters
    ----------
    n_labels : int, default=0
        Number of labels that count.
    squares : ndarray of shape (prediction_length, n_targets) or float, default=0.0
        Sums of the squares of labels.
    truth, n_truth : ndarray of shape (prediction_length, n_targets) or float, default=0.0
        Sums of the squares of true values beside labels that are far away, and their numbers.
    farthest : float, default=0.0
        The largest absolute value of a label.
    """

    n_labels: int = 0
    squares: np.ndarray | float = 0.0
    truth: np.ndarray | float = 0.0
    n_truth: np.ndarray | float = 0.0
    farthest: float = 0.0

    @classmethod
    def of(cls, forecasts: Sequence[Tensor], windows: Windows, weight: Tensor | None = None) -> FarLabels:
        """Look at the labels of windows.

        Parameters
        ----------
        forecasts : sequence of Tensor of shape (n, prediction_length, n_targets)
            Labels, in parts, of all windows.
        windows : Windows
            The windows.
        weight : Tensor of shape (n_windows,) or None, default=None
            What each label counts; None if all count alike.

        Returns
        -------
        found : FarLabels
            Without sums of the truth where labels are no farther away than values of a standardized channel.
        """
        counts = np.ones(len(windows), dtype=bool)
        for one in (None if weight is None else weight.cpu().numpy(), windows.weights):
            counts &= True if one is None else one > 0
        counted = torch.from_numpy(np.flatnonzero(counts))
        if not len(counted):
            return cls()
        size = max(1, _BLOCK // (windows.prediction_length * len(windows.targets)))
        squares, farthest, first = np.zeros((windows.prediction_length, len(windows.targets))), 0.0, 0
        for forecast in forecasts:
            for block in forecast.split(size):
                own = counts[first : first + len(block)]
                values = block if own.all() else block[torch.from_numpy(own).to(block.device)]
                if len(values):
                    squares += values.square().sum(dim=0, dtype=torch.float64).cpu().numpy()
                    farthest = max(farthest, float(values.abs().max()))
                first += len(block)
        found = cls(len(counted), squares, farthest=farthest)
        if not (squares > _OUTWEIGHS * len(counted)).any():
            return found
        truth, n_truth = np.zeros_like(squares), np.zeros_like(squares)
        for some in counted.split(size):
            values = windows.horizons(some).cpu().double().numpy()
            known = ~np.isnan(values) if windows.known is None else windows.known[some].cpu().numpy()[:, None, None]
            known = known & ~np.isnan(values)
            truth += np.where(known, np.square(values), 0.0).sum(axis=0)
            n_truth += known.sum(axis=0)
        return cls(len(counted), squares, truth, n_truth, farthest)

    def __add__(self, other: FarLabels) -> FarLabels:
        """Add other labels."""
        return FarLabels(
            self.n_labels + other.n_labels,
            self.squares + other.squares,
            self.truth + other.truth,
            self.n_truth + other.n_truth,
            max(self.farthest, other.farthest),
        )

    def warn(self, teacher: str) -> None:
        """Warn if labels count for more than the truth.

        Parameters
        ----------
        teacher : str
            Name of the teacher.
        """
        if not self.n_labels:
            return
        usual = np.maximum(1.0, self.truth / np.maximum(self.n_truth, 1))
        times = np.atleast_2d(self.squares / self.n_labels / usual)
        step, target = (int(place) for place in np.unravel_index(times.argmax(), times.shape))
        if times[step, target] <= _OUTWEIGHS:
            return
        warnings.warn(
            f"labels of the teacher {teacher} lie far from the truth, up to {self.farthest:.3g} standardized units "
            f"from the center: at step {step + 1} of target {target}, their mean square is "
            f"{times[step, target]:.3g} times that of the truth, so that they decide what the student learns. "
            "Look at predict_teacher: take another teacher, or other settings of it; forecasts given as labels need "
            "the units of the series, and no code such as -9999 where one is missing.",
            stacklevel=stacklevel_of_user(),
        )
