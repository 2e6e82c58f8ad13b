"""Response distillation: truth and teacher forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._supervised import Supervised
from skdistill.losses._teacher_forecast import TeacherForecast
from skdistill.losses._unread import unread_unless
from skdistill.networks._base import NetworkSpec

__all__ = ["Response"]


class Response(BaseLoss):
    """Distance to the truth plus distance to the teacher's forecast.

    ``supervised_weight * distance(s, y) + prediction_weight * MSE(s, t)``.

    Parameters
    ----------
    prediction_weight : float, default=1.0
        Weight of the teacher's forecast.
    supervised_weight : float, default=1.0
        Weight of the truth; 0 trains on the teacher only.
    supervised_loss : {"mse", "mae", "huber"}, default="mse"
        Distance to the truth.
    delta : float, default=1.0
        Error, in standardized units, at which the Huber loss changes from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step, in both terms.
    trust : float, default=0.0
        How much more labels count where the teacher was accurate; see :class:`~skdistill.losses.TeacherForecast`.

    References
    ----------
    Hinton et al. (2015), Distilling the knowledge in a neural network (arXiv 1503.02531).

    Examples
    --------
    >>> from skdistill.losses import Response
    >>> [(name, term.weight) for name, term in Response(prediction_weight=0.5).named_terms()]
    [('supervised', 1.0), ('prediction', 0.5)]
    """

    def __init__(
        self,
        prediction_weight: float = 1.0,
        *,
        supervised_weight: float = 1.0,
        supervised_loss: str = "mse",
        delta: float = 1.0,
        horizon_weights: Any = None,
        trust: float = 0.0,
    ) -> None:
        self.prediction_weight = prediction_weight
        self.supervised_weight = supervised_weight
        self.supervised_loss = supervised_loss
        self.delta = delta
        self.horizon_weights = horizon_weights
        self.trust = trust

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the threshold of the Huber loss, where there is none."""
        return unread_unless("delta", "huber", supervised_loss=self.supervised_loss)

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the two terms."""
        return [
            (
                "supervised",
                Supervised(
                    self.supervised_weight,
                    loss=self.supervised_loss,
                    delta=self.delta,
                    horizon_weights=self.horizon_weights,
                ),
            ),
            (
                "prediction",
                TeacherForecast(self.prediction_weight, horizon_weights=self.horizon_weights, trust=self.trust),
            ),
        ]
