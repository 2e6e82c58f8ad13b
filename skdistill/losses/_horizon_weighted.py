"""Distance to the teacher's forecast, with a weight a step of the horizon."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from skdistill._utils._checks import check_real
from skdistill.losses._horizon_weights import ExponentialWeights, step_weights
from skdistill.losses._teacher_forecast import TeacherForecast

__all__ = ["HorizonWeighted"]


class HorizonWeighted(TeacherForecast):
    """Distance to the teacher's forecast that counts later steps more.

    ``mean over windows, steps, channels of w_h * distance(s, t)`` with
    ``w_h = exp(tau * h / (H - 1))`` for h = 0 .. H - 1, rescaled to mean one. ``tau=0`` is
    :class:`TeacherForecast`, to the bit. The paper rescales to sum one, its release to mean one
    and then never passes the weights on; here they act.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    tau : float, default=1.0
        Growth of the weights over the whole horizon; negative favors the first steps. Read where
        ``horizon_weights`` is None.
    loss : {"mse", "mae", "huber"}, default="mse"
        The distance.
    delta : float, default=1.0
        Error, in standardized units, at which Huber's loss turns from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Other weights, in place of the exponential ones of ``tau``.
    trust : float, default=0.0
        How much more the labels count where the teacher did well: a window weighs ``exp(-trust * e / mean e)``,
        rescaled to mean one in the batch, with the teacher's MSE e to the truth there. 0 weighs all alike.

    References
    ----------
    DistilTS (arXiv 2601.12785), horizon-weighted objective.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import HorizonWeighted
    >>> term = HorizonWeighted().build(LossShapes(prediction_length=2, n_targets=1))
    >>> zeros, late = torch.zeros(1, 2, 1), torch.tensor([[[0.0], [1.0]]])
    >>> term(LossInputs(zeros, None, truth=zeros, teacher_forecast=late))  # e / (1 + e), not 1 / 2
    tensor(0.7311)
    """

    def __init__(
        self,
        weight: float = 1.0,
        *,
        tau: float = 1.0,
        loss: str = "mse",
        delta: float = 1.0,
        horizon_weights: Any = None,
        trust: float = 0.0,
    ) -> None:
        super().__init__(weight, loss=loss, delta=delta, horizon_weights=horizon_weights, trust=trust)
        self.tau = tau

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_real(self.tau, "tau of HorizonWeighted")

    def step_weights(self, prediction_length: int) -> Tensor | None:
        """Return how much each step weighs."""
        if self.horizon_weights is not None:
            return super().step_weights(prediction_length)
        return step_weights(ExponentialWeights(self.tau), prediction_length, type(self).__name__)
