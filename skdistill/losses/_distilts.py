"""DistilTS's objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skdistill._utils._checks import check_integer
from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._horizon_weighted import HorizonWeighted
from skdistill.losses._supervised import Supervised
from skdistill.losses._temporal_alignment import TemporalAlignment
from skdistill.losses._unread import unread_unless
from skdistill.losses._warm_up import WarmUp
from skdistill.networks._base import NetworkSpec

__all__ = ["DistilTS"]


class DistilTS(BaseLoss):
    """DistilTS: truth, horizon-weighted teacher forecast, and alignment of hidden states over time.

    ``L = supervised_weight * L_sup + prediction_weight * L_horizon + alignment_weight * L_align``: a sum of
    :class:`Supervised`, :class:`HorizonWeighted` and :class:`TemporalAlignment`. For a student without a hidden state
    (DLinear, as published) set ``alignment_weight=0``.

    Parameters
    ----------
    prediction_weight : float, default=0.5
        Weight of the teacher's forecast (alpha in the paper).
    alignment_weight : float, default=0.3
        Weight of the alignment (lambda in the paper); 0 needs no features.
    supervised_weight : float, default=1.0
        Weight of the truth; 0 trains on the teacher only.
    tau : float, default=1.0
        Growth of the weights over the horizon in the teacher's term; 0 weights all steps equally.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weights of the teacher's term that replace the exponential weights of ``tau``.
    prediction_loss : {"mse", "mae", "huber"}, default="mse"
        Distance to the teacher's forecast.
    supervised_loss : {"mse", "mae", "huber"}, default="mse"
        Distance to the truth.
    delta : float, default=1.0
        Error, in standardized units, at which the Huber loss changes from squared to absolute.
    alignment_loss : {"mse", "cosine"}, default="mse"
        Distance between hidden states.
    embedding_size : int, default=256
        Width of the aligner's time embedding.
    warm_up_batches : int, default=1
        Training batches over which ``prediction_weight`` rises to its full value; 1 starts there.

    References
    ----------
    DistilTS (arXiv 2601.12785), total loss.

    Examples
    --------
    >>> from skdistill.losses import DistilTS
    >>> [(name, term.weight) for name, term in DistilTS().named_terms()]
    [('supervised', 1.0), ('prediction', 0.5), ('alignment', 0.3)]
    """

    def __init__(
        self,
        prediction_weight: float = 0.5,
        alignment_weight: float = 0.3,
        *,
        supervised_weight: float = 1.0,
        tau: float = 1.0,
        horizon_weights: Any = None,
        prediction_loss: str = "mse",
        supervised_loss: str = "mse",
        delta: float = 1.0,
        alignment_loss: str = "mse",
        embedding_size: int = 256,
        warm_up_batches: int = 1,
    ) -> None:
        self.prediction_weight = prediction_weight
        self.alignment_weight = alignment_weight
        self.supervised_weight = supervised_weight
        self.tau = tau
        self.horizon_weights = horizon_weights
        self.prediction_loss = prediction_loss
        self.supervised_loss = supervised_loss
        self.delta = delta
        self.alignment_loss = alignment_loss
        self.embedding_size = embedding_size
        self.warm_up_batches = warm_up_batches

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the threshold of the Huber loss, where there is none, and the growth of weights that others replace."""
        losses = {"prediction_loss": self.prediction_loss, "supervised_loss": self.supervised_loss}
        unread = unread_unless("delta", "huber", **losses)
        return unread if self.horizon_weights is None else unread | {"tau": "with horizon_weights"}

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the three terms."""
        check_integer(self.warm_up_batches, "warm_up_batches of DistilTS")
        prediction: LossTerm = HorizonWeighted(
            self.prediction_weight,
            tau=self.tau,
            loss=self.prediction_loss,
            delta=self.delta,
            horizon_weights=self.horizon_weights,
        )
        if self.warm_up_batches > 1:
            prediction = WarmUp(prediction, n_batches=self.warm_up_batches)
        return [
            ("supervised", Supervised(self.supervised_weight, loss=self.supervised_loss, delta=self.delta)),
            ("prediction", prediction),
            (
                "alignment",
                TemporalAlignment(self.alignment_weight, loss=self.alignment_loss, embedding_size=self.embedding_size),
            ),
        ]
