"""Distance to the teacher's forecast, with one weight per step of the horizon."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from skdistill._utils._checks import check_real
from skdistill.losses._horizon_weights import ExponentialWeights, step_weights
from skdistill.losses._teacher_forecast import TeacherForecast
from skdistill.networks._base import NetworkSpec

__all__ = ["HorizonWeighted"]


class HorizonWeighted(TeacherForecast):
    """Distance to the teacher's forecast that weights later steps more.

    ``mean over windows, steps, channels of w_h * distance(s, t)`` with ``w_h = exp(tau * h / (H - 1))`` for h from 0 to
    H - 1, rescaled to mean one. With ``tau=0`` the result is bit-identical to :class:`TeacherForecast`. The paper
    rescales the weights to sum one. The released code rescales them to mean one, but never uses them; here they are
    used.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    tau : float, default=1.0
        Growth of the weights over the whole horizon; a negative value favors the first steps. Used only if
        ``horizon_weights`` is None.
    loss : {"mse", "mae", "huber"}, default="mse"
        The distance.
    delta : float, default=1.0
        Error, in standardized units, at which the Huber loss changes from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weights that replace the exponential weights of ``tau``.
    trust : float, default=0.0
        How much more the labels count where the teacher was accurate. A window has weight ``exp(-trust * e / mean e)``,
        where e is the teacher's MSE in that window; weights are rescaled to mean one in the batch. 0 weights all
        windows equally.

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

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the growth of weights, too, where others replace them."""
        unread = super().unread_settings(spec)
        return unread if self.horizon_weights is None else unread | {"tau": "with horizon_weights"}

    def step_weights(self, prediction_length: int) -> Tensor | None:
        """Return how much each step weighs."""
        if self.horizon_weights is not None:
            return super().step_weights(prediction_length)
        return step_weights(ExponentialWeights(self.tau), prediction_length, type(self).__name__)
