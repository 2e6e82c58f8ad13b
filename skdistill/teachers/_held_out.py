"""Forecasts of held-out windows, by members of an ensemble and by a linear student."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.networks._linear import Linear
from skdistill.teachers._base import BaseTeacher
from skdistill.training._input_scale import penalty_share

__all__ = ["LinearStudent", "forecast_windows", "rows_of", "spread_windows"]

_CHUNK_SIZE = 512  # windows labeled at once
_PENALTY = 0.1  # penalty of the linear student, the default of Linear


def spread_windows(windows: Windows, most: int) -> Tensor:
    """Choose evenly spaced windows.

    Parameters
    ----------
    windows : Windows
        The windows.
    most : int
        Maximum number.

    Returns
    -------
    numbers : Tensor of int64 of shape (n,)
        Numbers of the windows, rising.
    """
    return torch.from_numpy(np.unique(np.linspace(0, len(windows) - 1, min(most, len(windows))).astype(np.int64)))


def rows_of(values: Tensor) -> np.ndarray:
    """Reshape windows and channels to rows.

    Parameters
    ----------
    values : Tensor of shape (n, length, n_targets)
        Values of windows.

    Returns
    -------
    rows : float64 ndarray of shape (n * n_targets, length)
        One row per channel of a window.
    """
    return values.transpose(1, 2).reshape(-1, values.shape[1]).double().cpu().numpy()


def forecast_windows(member: BaseTeacher, windows: Windows, numbers: Tensor, *, training: bool) -> np.ndarray:
    """Label windows with a teacher.

    Parameters
    ----------
    member : BaseTeacher
        The fitted teacher.
    windows : Windows
        The windows.
    numbers : Tensor of int64 of shape (n,)
        Numbers of the windows to label.
    training : bool
        Whether the windows are those that it was fitted on.

    Returns
    -------
    forecasts : ndarray of shape (n * n_targets, prediction_length)
        Point forecasts in standardized units.
    """
    ask = member.label_training if training else member.label
    with torch.inference_mode():
        return np.concatenate([rows_of(ask(windows.contexts(part)).forecast) for part in numbers.split(_CHUNK_SIZE)])


class LinearStudent:
    """The linear student on some training windows, for any targets; level and penalty are the defaults of ``Linear``.

    Parameters
    ----------
    train : Windows
        Training windows of known truth.
    numbers : Tensor of int64 of shape (n,)
        Numbers of those to fit on.
    """

    def __init__(self, train: Windows, numbers: Tensor) -> None:
        self.train, self.numbers = train, numbers
        self.level = Linear().level(train.context_length, train.store.season)
        self.contexts, self.levels = self._shifted(train, numbers)
        self.truth = rows_of(train.horizons(numbers))

    @classmethod
    def of(cls, windows: TrainingWindows, most: int, reason: str, otherwise: str) -> LinearStudent:
        """Choose training windows of whole truth for a student.

        Parameters
        ----------
        windows : TrainingWindows
            The windows of ``fit``.
        most : int
            Maximum number.
        reason, otherwise : str
            Why there is a student, and what can be done without it, for the message.

        Returns
        -------
        student : LinearStudent
            The student.

        Raises
        ------
        ValueError
            If a target is missing in every training window.
        """
        train = windows.known_train.with_whole_truth()
        if not len(train):
            raise ValueError(f"{reason}, and no training window has a whole truth to fit it on: {otherwise}.")
        return cls(train, spread_windows(train, most))

    def forecast(self, windows: Windows, numbers: Tensor, targets: np.ndarray) -> np.ndarray:
        """Fit by ridge regression, with an unpenalized intercept, and forecast other windows.

        Parameters
        ----------
        windows : Windows
            The windows to forecast.
        numbers : Tensor of int64 of shape (n_new,)
            Their numbers.
        targets : ndarray of shape (n * n_targets, prediction_length)
            What to learn for the training windows: truth, labels, or a mixture.

        Returns
        -------
        forecasts : ndarray of shape (n_new * n_targets, prediction_length)
            The forecasts.
        """
        new, new_levels = self._shifted(windows, numbers)
        shifted = targets - self.levels
        center, mean = self.contexts.mean(axis=0), shifted.mean(axis=0)
        centered = self.contexts - center
        gram = centered.T @ centered / len(centered)
        gram += _PENALTY * penalty_share(float(np.diag(gram).mean())) * np.eye(len(gram))
        weight = np.linalg.solve(gram, centered.T @ (shifted - mean) / len(centered))
        return (new - center) @ weight + mean + new_levels

    def _shifted(self, windows: Windows, numbers: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return contexts of the targets minus their level, and the levels."""
        rows = rows_of(windows.context_values(numbers)[..., list(windows.targets)])
        levels = np.zeros((len(rows), 1)) if self.level is None else (rows @ self.level)[:, None]
        return rows - levels, levels
