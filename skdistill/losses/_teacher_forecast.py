"""Distance to the teacher's forecast: response distillation."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from skdistill.losses._base import LossInputs
from skdistill.losses._distance_term import DistanceModule, DistanceTerm

__all__ = ["TeacherForecast"]


class TeacherForecast(DistanceTerm):
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

    def make_module(self) -> DistanceModule:
        """Make the module, without its distance and weights.

        Returns
        -------
        module : DistanceModule
            It looks at every window: labels are known for all.
        """
        return _ToTeacher()


class _ToTeacher(DistanceModule):
    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("TeacherForecast needs the teacher's forecast")
        return self.mean_distance(inputs.forecast, inputs.teacher_forecast)
