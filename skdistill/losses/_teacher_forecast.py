"""Distance to the teacher's forecast: response distillation."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from skdistill._checks import check_real
from skdistill._choices import check_choice
from skdistill.losses._base import LossInputs, LossShapes, LossTerm
from skdistill.losses._distances import DISTANCES, make_distance, weighted_mean
from skdistill.losses._horizon_weights import step_weights

__all__ = ["TeacherForecast"]


class TeacherForecast(LossTerm):
    """Distance of the student's forecast to the teacher's.

    ``mean over windows, steps, channels of w_h * distance(s, t)``; 0 if and only if they agree. With
    the MSE, ``MSE(s, y) + a * MSE(s, t)`` has ``1 + a`` times the gradient of the MSE to the mixed
    target ``(y + a t) / (1 + a)``.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    loss : {"mse", "mae", "huber"}, default="mse"
        The distance.
    delta : float, default=1.0
        Error, in standardised units, at which Huber's loss turns from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step.

    References
    ----------
    Hinton et al. (2015), Distilling the knowledge in a neural network (arXiv 1503.02531), for
    regression.

    Examples
    --------
    >>> import torch
    >>> from skdistill.losses import LossInputs, LossShapes, TeacherForecast
    >>> term = TeacherForecast().build(LossShapes(prediction_length=2, n_targets=1))
    >>> zeros, ones = torch.zeros(1, 2, 1), torch.ones(1, 2, 1)
    >>> term(LossInputs(zeros, None, truth=zeros, teacher_forecast=ones))
    tensor(1.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(
        self, weight: float = 1.0, *, loss: str = "mse", delta: float = 1.0, horizon_weights: Any = None
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.delta = delta
        self.horizon_weights = horizon_weights

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.loss, DISTANCES, "loss of TeacherForecast")
        check_real(self.delta, "delta of TeacherForecast", minimum=0.0, include_minimum=False)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term.

        Parameters
        ----------
        shapes : LossShapes
            What is known of student and labels.

        Returns
        -------
        module : torch.nn.Module
            From :class:`LossInputs` to a scalar.
        """
        weights = step_weights(self.horizon_weights, shapes.prediction_length, "TeacherForecast")
        return _TeacherForecastModule(make_distance(self.loss, self.delta), weights)


class _TeacherForecastModule(nn.Module):
    weights: Tensor | None

    def __init__(self, distance: Any, weights: Tensor | None) -> None:
        super().__init__()
        self.distance = distance
        self.register_buffer("weights", weights)

    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("TeacherForecast needs the teacher's forecast")
        return weighted_mean(self.distance, inputs.forecast, inputs.teacher_forecast, self.weights)
