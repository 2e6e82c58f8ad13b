"""Distillation of distributions: truth and teacher quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._pinball import Pinball
from skdistill.losses._quantile_distance import QuantileDistance
from skdistill.losses._supervised import Supervised
from skdistill.losses._unread import unread_at_one_scale, unread_unless
from skdistill.networks._base import NetworkSpec

__all__ = ["QuantileDistill"]


class QuantileDistill(BaseLoss):
    """Pinball loss to the truth, distance to the teacher's quantiles, and the point forecast's error.

    ``L = pinball_weight * L_pinball + quantile_weight * L_quantiles + supervised_weight * L_sup``: a sum of
    :class:`Pinball`, :class:`QuantileDistance` and :class:`Supervised`. If the teacher has no quantiles, only its point
    forecast is used, as a label of the student's point forecast. Without a teacher the second term is dropped.

    Parameters
    ----------
    quantile_weight : float, default=0.1
        Weight of the teacher's quantiles; tune it between 0.03 (for a weak teacher) and 1.
    pinball_weight : float, default=1.0
        Weight of the pinball loss between quantiles and truth.
    supervised_weight : float, default=0.0
        Weight of the error of the point forecast. The pinball loss of the median already trains it; where 0.5 is no
        level of the student, its absolute errors are added.
    order : {1, 2}, default=2
        Absolute (1) or squared (2) distances between quantiles.
    n_scales : int, default=1
        Number of scales of the distance between quantiles, including the original one; scales without a step are
        left out.
    pooling_window : int, default=2
        Number of steps averaged into one step of the next scale.
    supervised_loss : {"mse", "mae", "huber"}, default="mse"
        Distance of the point forecast to the truth.
    delta : float, default=1.0
        Error, in standardized units, at which the Huber loss changes from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step, in all terms.

    Examples
    --------
    >>> from skdistill.losses import QuantileDistill
    >>> [(name, term.weight) for name, term in QuantileDistill().named_terms()]
    [('pinball', 1.0), ('quantiles', 0.1), ('supervised', 0.0)]
    """

    def __init__(
        self,
        quantile_weight: float = 0.1,
        *,
        pinball_weight: float = 1.0,
        supervised_weight: float = 0.0,
        order: int = 2,
        n_scales: int = 1,
        pooling_window: int = 2,
        supervised_loss: str = "mse",
        delta: float = 1.0,
        horizon_weights: Any = None,
    ) -> None:
        self.quantile_weight = quantile_weight
        self.pinball_weight = pinball_weight
        self.supervised_weight = supervised_weight
        self.order = order
        self.n_scales = n_scales
        self.pooling_window = pooling_window
        self.supervised_loss = supervised_loss
        self.delta = delta
        self.horizon_weights = horizon_weights

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name what belongs to the distance of the point forecast or to further scales, where there is none."""
        of_point = unread_unless("delta", "huber", supervised_loss=self.supervised_loss)
        if not self.supervised_weight:  # as by default
            of_point = dict.fromkeys(("supervised_loss", "delta"), "with supervised_weight=0")
        return of_point | unread_at_one_scale(self.n_scales)

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the three terms."""
        return [
            ("pinball", Pinball(self.pinball_weight, horizon_weights=self.horizon_weights)),
            (
                "quantiles",
                QuantileDistance(
                    self.quantile_weight,
                    order=self.order,
                    point_teacher="median",
                    horizon_weights=self.horizon_weights,
                    n_scales=self.n_scales,
                    pooling_window=self.pooling_window,
                ),
            ),
            (
                "supervised",
                Supervised(
                    self.supervised_weight,
                    loss=self.supervised_loss,
                    delta=self.delta,
                    horizon_weights=self.horizon_weights,
                ),
            ),
        ]
