"""Ensemble of teachers with weights learned from the validation error."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import nnls

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._ensemble import EnsembleTeacher
from skdistill.teachers._held_out import LinearStudent, forecast_windows, rows_of, spread_windows

__all__ = ["AdaptiveEnsemble", "best_shares"]

_RIDGE = 1e-9  # keeps the quadratic program solvable if members agree, relative to their errors


class AdaptiveEnsemble(EnsembleTeacher):
    """Weighted mean of several teachers' forecasts; the weights minimize the validation error of a student.

    The weights w on the simplex minimize the mean squared error, on the validation windows without missing truth, of

    * ``judge="student"``: a linear student distilled from the ensemble. It is the exact solution of the weighted mean
      of two errors: the MSE to the truth, with weight 1, and that to the ensemble's labels, with weight
      ``prediction_weight``. This solution is linear in the labels, so the student of a mixture is the mixture of the
      students of the members. Its validation error is a quadratic function of w, and the two nested problems are
      solved together, exactly;
    * ``judge="teacher"``: the ensemble's forecast itself; its error is also quadratic in w.

    A member that does not help gets the weight 0. Each member labels windows twice: once to learn the weights (at most
    ``max_windows`` training windows), and once for the labels of the student.

    Parameters
    ----------
    teachers : list of (str, teacher)
        Named members; inside a forecaster a network or short name stands for a ``TrainedTeacher``. Their parameters are
        set as ``teacher__name__parameter``.
    judge : {"student", "teacher"}, default="student"
        Whose validation error is minimized.
    prediction_weight : float, default=1.0
        Weight of the teacher in the linear student's objective; the truth has 1. With ``judge="teacher"`` there is
        none, and another value gives a warning.
    max_windows : int, default=2048
        Maximum number of training windows, spread evenly, for the linear student, and of validation windows for the
        weights.

    Attributes
    ----------
    weights_ : ndarray of shape (n_teachers,)
        Weight of each member; they sum to one.
    validation_mse_ : ndarray of shape (n_teachers,)
        Validation error with each member alone, in standardized units.
    teachers_ : list of teacher
        The fitted members.

    Notes
    -----
    Choosing weights is model selection, so it uses validation rows. These are then used three times (early stopping of
    the members, the weights, early stopping of the student), and the validation error of the result is the more
    optimistic the more members there are. Test rows are never used.

    The distillation method LightTS (not the network of that name) learns the weights on the validation error while it
    trains its student, a classifier. Here, labels are made once, before the student is trained. The student used to
    learn the weights is therefore a linear student, which needs no training; its level (the mean of its last season)
    and its penalty are those of :class:`~skdistill.networks.Linear`. The penalty counts beside the mean of both errors,
    and beside their sum in the objective of a student: the judge is ``Linear(penalty=0.1 * (1 + prediction_weight))``.
    All channels and windows share the weights. Validation windows count alike here, whatever
    ``series_weight`` of the forecaster is.

    References
    ----------
    Campos et al. (2023), LightTS: Lightweight time series classification with adaptive ensemble distillation
    (arXiv 2302.12721).

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.teachers import AdaptiveEnsemble, Theta, TrainedTeacher
    >>> series = make_multiseasonal(400, 2, seasons=(12,), random_state=0)
    >>> network = TrainedTeacher("dlinear", lr=0.01)
    >>> forecaster = DistilledForecaster(
    ...     AdaptiveEnsemble([("theta", Theta(season=12)), ("network", network)]), "linear", "response",
    ...     context_length=24, prediction_length=6, random_state=0,
    ... ).fit(series)
    >>> round(float(forecaster.teacher_.weights_.sum()), 6)
    1.0
    """

    reads_validation = True  # shares are learned there
    needs_validation = True

    def __init__(
        self,
        teachers: Sequence[tuple[str, Any]],
        *,
        judge: str = "student",
        prediction_weight: float = 1.0,
        max_windows: int = 2048,
    ) -> None:
        self.teachers = teachers
        self.judge = judge
        self.prediction_weight = prediction_weight
        self.max_windows = max_windows

    @property
    def weights(self) -> Sequence[float] | None:  # type: ignore[override]
        """Weights of the members; None (equal weights) before they are learned."""
        return self.weights_.tolist() if hasattr(self, "weights_") else None

    @property
    def scale_free(self) -> bool:  # type: ignore[override]
        """False: shares depend on the validation windows."""
        return False

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the members or the settings do not fit."""
        super().check(spec)
        check_choice(self.judge, ("student", "teacher"), "judge of AdaptiveEnsemble")
        check_real(self.prediction_weight, "prediction_weight of AdaptiveEnsemble", minimum=0.0, include_minimum=False)
        check_integer(self.max_windows, "max_windows of AdaptiveEnsemble", minimum=2)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the weight in the objective of the linear student, where there is none."""
        return {"prediction_weight": "with judge='teacher', which fits no student"} if self.judge == "teacher" else {}

    def probe(self, windows: TrainingWindows) -> Labels:
        """Combine the probes of the members, and check that there are validation windows."""
        if windows.validation is None:
            raise ValueError(
                "AdaptiveEnsemble learns its weights on validation windows, and there are none: set "
                "validation_fraction, or use EnsembleTeacher with your own weights."
            )
        return super().probe(windows)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> AdaptiveEnsemble:
        """Fit the members one after another, then learn their weights.

        Parameters
        ----------
        windows : TrainingWindows
            Training windows, and validation windows on which the weights are learned.
        checkpoint : Path or None, default=None
            A file; each member uses its own file with a name derived from it.
        """
        assert windows.validation is not None  # probe
        validation = windows.validation.with_whole_truth()
        if not len(validation):
            raise ValueError(
                "AdaptiveEnsemble learns its weights on validation windows of whole truth, and there are none: "
                "raise validation_fraction, or use EnsembleTeacher with your own weights."
            )
        student = None if self.judge == "teacher" else self._student(windows)
        super().fit(windows, checkpoint)
        held_out = spread_windows(validation, self.max_windows)
        truth = rows_of(validation.horizons(held_out))
        if student is None:
            answers = [forecast_windows(member, validation, held_out, training=False) for member in self.teachers_]
        else:
            answers = self._student_forecasts(student, validation, held_out)
        judged = ~np.isnan(truth)
        residuals = np.stack([(answer - truth)[judged] for answer in answers])
        products = residuals @ residuals.T / residuals.shape[1]
        self.weights_ = best_shares(products)
        self.validation_mse_ = np.diag(products).copy()
        return self

    def _student(self, windows: TrainingWindows) -> LinearStudent:
        """Return the linear student that learns from each member in turn."""
        reason = "judge='student' of AdaptiveEnsemble judges members by a linear student"
        return LinearStudent.of(windows, self.max_windows, reason, "set judge='teacher'")

    def _student_forecasts(
        self, student: LinearStudent, validation: Windows, held_out: torch.Tensor
    ) -> list[np.ndarray]:
        """Forecast the validation windows with the linear student of each member."""
        share = self.prediction_weight / (1.0 + self.prediction_weight)
        answers = []
        for member in self.teachers_:
            labels = forecast_windows(member, student.train, student.numbers, training=True)
            answers.append(student.forecast(validation, held_out, (1.0 - share) * student.truth + share * labels))
        return answers


def best_shares(products: np.ndarray) -> np.ndarray:
    """Minimize w' products w over the simplex.

    With v the minimizer of ``v' products v / 2 - sum(v)`` over non-negative v, which is a least-squares problem, w is v
    divided by its sum, because both satisfy the same optimality conditions.

    Parameters
    ----------
    products : ndarray of shape (n_teachers, n_teachers)
        Mean products of the members' errors.

    Returns
    -------
    shares : ndarray of shape (n_teachers,)
        Non-negative weights with sum one.

    Examples
    --------
    >>> import numpy as np
    >>> best_shares(np.diag([1.0, 3.0]))  # independent errors: inversely to their variances
    array([0.75, 0.25])
    """
    size = len(products)
    scale = np.trace(products) / size
    if not scale > 0:  # all members are perfect
        return np.full(size, 1.0 / size)
    values, vectors = np.linalg.eigh(products / scale + _RIDGE * np.eye(size))
    roots = np.sqrt(np.clip(values, _RIDGE, None))
    factor = roots[:, None] * vectors.T  # factor' factor = products
    shares, _ = nnls(factor, (vectors.T @ np.ones(size)) / roots)
    return shares / shares.sum()
