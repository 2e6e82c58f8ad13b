"""TimeDistill's objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdistill._utils._checks import check_real
from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._feature_matching import FeatureMatching
from skdistill.losses._multi_period import MultiPeriod
from skdistill.losses._multi_scale import MultiScale
from skdistill.losses._supervised import Supervised
from skdistill.losses._unread import unread_at_one_scale, unread_unless
from skdistill.networks._base import NetworkSpec

__all__ = ["TimeDistill"]


class TimeDistill(BaseLoss):
    """TimeDistill: truth, and multi-scale and multi-period agreement of forecasts and features.

    ``L = supervised_weight * L_sup + prediction_weight * (multiscale_weight * L_scale +
    multiperiod_weight * L_period) + feature_weight * (the same two on features)``.

    Parameters
    ----------
    prediction_weight : float, default=1.0
        Weight of the prediction level (alpha in the paper: 2 on ETTh1, 1 on ETTh2).
    feature_weight : float, default=1.0
        Weight of the feature level (beta in the paper: 2 on ETTh1, 0.5 on ETTh2); 0 needs no features.
    supervised_weight : float, default=1.0
        Weight of the truth; 0 trains on the teacher only.
    multiscale_weight : float, default=1.0
        Factor of the multi-scale terms of both levels.
    multiperiod_weight : float, default=1.0
        Factor of the multi-period terms of both levels.
    n_scales : int, default=4
        Number of scales, including the original one; scales without a step are left out.
    pooling_window : int, default=2
        Number of steps averaged into one step of the next scale.
    temperature : float, default=0.5
        Amplitudes are divided by it before the softmax over periods.
    amplitude : {"published", "per_length"}, default="published"
        Plain amplitudes, or amplitudes divided by the number of steps.
    supervised_loss : {"mse", "mae", "huber"}, default="mse"
        Distance to the truth.
    delta : float, default=1.0
        Error, in standardized units, at which the Huber loss changes from squared to absolute.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step in the terms that have a step axis: the truth and the multi-scale
        agreement of forecasts.
    trust : float, default=0.0
        How much more labels count where the teacher did well, in forecasts and features: see
        :class:`~skdistill.losses.TeacherForecast`.

    References
    ----------
    TimeDistill (arXiv 2502.15016), total loss.

    Examples
    --------
    >>> from skdistill.losses import TimeDistill
    >>> [(name, term.weight) for name, term in TimeDistill(prediction_weight=2.0).named_terms()]
    [('supervised', 1.0), ('multiscale', 2.0), ('multiperiod', 2.0), ('features', 1.0)]
    """

    def __init__(
        self,
        prediction_weight: float = 1.0,
        feature_weight: float = 1.0,
        *,
        supervised_weight: float = 1.0,
        multiscale_weight: float = 1.0,
        multiperiod_weight: float = 1.0,
        n_scales: int = 4,
        pooling_window: int = 2,
        temperature: float = 0.5,
        amplitude: str = "published",
        supervised_loss: str = "mse",
        delta: float = 1.0,
        horizon_weights: Any = None,
        trust: float = 0.0,
    ) -> None:
        self.prediction_weight = prediction_weight
        self.feature_weight = feature_weight
        self.supervised_weight = supervised_weight
        self.multiscale_weight = multiscale_weight
        self.multiperiod_weight = multiperiod_weight
        self.n_scales = n_scales
        self.pooling_window = pooling_window
        self.temperature = temperature
        self.amplitude = amplitude
        self.supervised_loss = supervised_loss
        self.delta = delta
        self.horizon_weights = horizon_weights
        self.trust = trust

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the threshold of the Huber loss, and the pooling of further scales, where there is none."""
        of_huber = unread_unless("delta", "huber", supervised_loss=self.supervised_loss)
        return of_huber | unread_at_one_scale(self.n_scales)

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the terms with their effective weights."""
        for name in ("prediction_weight", "feature_weight", "multiscale_weight", "multiperiod_weight"):
            check_real(getattr(self, name), f"{name} of TimeDistill", minimum=0.0)
        has_features = self.multiscale_weight > 0 or self.multiperiod_weight > 0
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
                "multiscale",
                MultiScale(
                    self.prediction_weight * self.multiscale_weight,
                    n_scales=self.n_scales,
                    pooling_window=self.pooling_window,
                    horizon_weights=self.horizon_weights,
                    trust=self.trust,
                ),
            ),
            (
                "multiperiod",
                MultiPeriod(
                    self.prediction_weight * self.multiperiod_weight,
                    temperature=self.temperature,
                    amplitude=self.amplitude,
                    trust=self.trust,
                ),
            ),
            (
                "features",
                FeatureMatching(
                    self.feature_weight if has_features else 0.0,
                    multiscale_weight=self.multiscale_weight,
                    multiperiod_weight=self.multiperiod_weight,
                    n_scales=self.n_scales,
                    pooling_window=self.pooling_window,
                    temperature=self.temperature,
                    amplitude=self.amplitude,
                    trust=self.trust,
                ),
            ),
        ]
