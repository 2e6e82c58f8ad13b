"""Teacher forecast term: distance to the teacher's forecast (response distillation)."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from skdistill._utils._checks import check_real
from skdistill.losses._distance_term import DistanceModule, DistanceTerm
from skdistill.losses._inputs import LossInputs, QuadraticForm
from skdistill.losses._trust import window_trust

__all__ = ["TeacherForecast"]


class TeacherForecast(DistanceTerm):
    """Distance of the student's forecast to the teacher's.

    ``mean over windows, steps, channels of w_h * distance(s, t)``; 0 if and only if they agree. With the MSE, ``MSE(s,
    y) + a * MSE(s, t)`` has ``1 + a`` times the gradient of the MSE to the mixed target ``(y + a t) / (1 + a)``.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    loss : {"mse", "mae", "huber"}, default="mse"
        The distance.
    delta : float, default=1.0
        Error, in standardized units, at which the Huber loss changes from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step.
    trust : float, default=0.0
        How much more the labels count where the teacher was accurate. A window has weight ``exp(-trust * e / mean e)``,
        where e is the teacher's MSE in that window; weights are rescaled to mean one in the batch. 0 weights all
        windows equally.

    References
    ----------
    Hinton et al. (2015), Distilling the knowledge in a neural network (arXiv 1503.02531), for
    regression.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import TeacherForecast
    >>> term = TeacherForecast().build(LossShapes(prediction_length=2, n_targets=1))
    >>> zeros, ones = torch.zeros(1, 2, 1), torch.ones(1, 2, 1)
    >>> term(LossInputs(zeros, None, truth=zeros, teacher_forecast=ones))
    tensor(1.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(
        self,
        weight: float = 1.0,
        *,
        loss: str = "mse",
        delta: float = 1.0,
        horizon_weights: Any = None,
        trust: float = 0.0,
    ) -> None:
        super().__init__(weight, loss=loss, delta=delta, horizon_weights=horizon_weights)
        self.trust = trust

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_real(self.trust, f"trust of {type(self).__name__}", minimum=0.0)

    def quadratic_form(self, prediction_length: int) -> QuadraticForm | None:
        """Return the term as a quadratic form.

        Returns
        -------
        form : QuadraticForm or None
            Diagonal, with the weights of the steps; None unless the distance is the MSE and all windows have equal
            weight.
        """
        return None if self.trust else super().quadratic_form(prediction_length)

    def make_module(self) -> DistanceModule:
        """Create the module; its distance and weights are set later.

        Returns
        -------
        module : DistanceModule
            It uses every window, because all windows have labels.
        """
        return _ToTeacher(self.trust)


class _ToTeacher(DistanceModule):
    def __init__(self, trust: float) -> None:
        super().__init__()
        self.trust = trust

    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("TeacherForecast needs the teacher's forecast")
        return self.mean_distance(inputs.forecast, inputs.teacher_forecast, window_trust(inputs, self.trust))
