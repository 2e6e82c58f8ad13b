"""CALF's objective."""

from __future__ import annotations

from collections.abc import Sequence

from skdistill._utils._choices import check_choice
from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._feature_regularization import FeatureRegularization
from skdistill.losses._output_consistency import OutputConsistency
from skdistill.losses._percentage import MASE, SMAPE
from skdistill.losses._supervised import Supervised
from skdistill.losses._unread import unread_unless
from skdistill.networks._base import NetworkSpec

__all__ = ["CrossModal"]

_SUPERVISED = ("mae", "mse", "smooth_l1", "smape", "mase")


class CrossModal(BaseLoss):
    """CALF: truth, agreement of the forecasts of the two branches, and agreement of their hidden states.

    ``L = supervised_weight * L_sup + output_weight * L_output + feature_weight * L_feature``; a weight of 0 drops its
    term. It needs a student with two branches, such as :class:`~skdistill.networks.CALF`. The defaults are those of the
    long-term benchmark. The short-term benchmark uses ``CrossModal(supervised_loss="smape", output_loss="mase",
    feature_loss="smooth_l1", season=...)``.

    Parameters
    ----------
    output_weight : float, default=1.0
        Weight of the output consistency (lambda_1 in the paper).
    feature_weight : float, default=0.01
        Weight of the feature regularization (lambda_2 in the paper).
    supervised_weight : float, default=1.0
        Weight of the truth.
    supervised_loss : {"mae", "mse", "smooth_l1", "smape", "mase"}, default="mae"
        Distance to the truth; smooth L1 is the Huber loss with threshold 1.
    output_loss : {"mae", "mse", "smooth_l1", "mase"}, default="mae"
        Distance between the branches' forecasts.
    feature_loss : {"mae", "mse", "smooth_l1"}, default="mae"
        Distance between the branches' hidden states.
    decay : float, default=0.8
        Each layer counts this factor times as much as the layer after it.
    projection_lr : float, default=1e-4
        Constant learning rate for the projections of the hidden states.
    season : int, default=1
        Number of rows in a season, for ``"mase"``.

    References
    ----------
    CALF (arXiv 2403.07300), total loss.

    Examples
    --------
    >>> from skdistill.losses import CrossModal
    >>> [(name, term.weight) for name, term in CrossModal().named_terms()]
    [('supervised', 1.0), ('output', 1.0), ('features', 0.01)]
    """

    def __init__(
        self,
        output_weight: float = 1.0,
        feature_weight: float = 0.01,
        *,
        supervised_weight: float = 1.0,
        supervised_loss: str = "mae",
        output_loss: str = "mae",
        feature_loss: str = "mae",
        decay: float = 0.8,
        projection_lr: float = 1e-4,
        season: int = 1,
    ) -> None:
        self.output_weight = output_weight
        self.feature_weight = feature_weight
        self.supervised_weight = supervised_weight
        self.supervised_loss = supervised_loss
        self.output_loss = output_loss
        self.feature_loss = feature_loss
        self.decay = decay
        self.projection_lr = projection_lr
        self.season = season

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the season, where nothing is scaled."""
        return unread_unless("season", "mase", supervised_loss=self.supervised_loss, output_loss=self.output_loss)

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the three terms."""
        features = FeatureRegularization(
            self.feature_weight, loss=self.feature_loss, decay=self.decay, lr=self.projection_lr
        )
        return [
            ("supervised", self._supervised()),
            ("output", OutputConsistency(self.output_weight, loss=self.output_loss, season=self.season)),
            ("features", features),
        ]

    def _supervised(self) -> LossTerm:
        name, weight = self.supervised_loss, self.supervised_weight
        check_choice(name, _SUPERVISED, "supervised_loss of CrossModal")
        if name == "smape":
            return SMAPE(weight)
        if name == "mase":
            return MASE(weight, season=self.season)
        return Supervised(weight, loss="huber" if name == "smooth_l1" else name)
