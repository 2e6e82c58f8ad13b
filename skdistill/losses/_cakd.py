"""CAKD's objective."""

from __future__ import annotations

from collections.abc import Sequence

from skdistill.losses._adversarial_features import AdversarialFeatures
from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._contrastive_features import ContrastiveFeatures
from skdistill.losses._supervised import Supervised
from skdistill.losses._teacher_forecast import TeacherForecast

__all__ = ["CAKD"]


class CAKD(BaseLoss):
    """CAKD: truth, the teacher's forecast, and hidden states aligned per window and in distribution.

    ``L = supervised_weight * MSE(s, y) + prediction_weight * MSE(s, t) + contrastive_weight * L_contrastive +
    adversarial_weight * L_adversarial``.

    Parameters
    ----------
    prediction_weight : float, default=1.0
        Weight of the teacher's forecast.
    contrastive_weight : float, default=0.1
        Weight of :class:`~skdistill.losses.ContrastiveFeatures`.
    adversarial_weight : float, default=0.1
        Weight of :class:`~skdistill.losses.AdversarialFeatures`.
    supervised_weight : float, default=1.0
        Weight of the truth; 0 trains on the teacher only.
    temperature : float, default=0.1
        Similarities of the contrastive term are divided by it.
    projection_size : int, default=64
        Width of the contrastive term's projections.
    hidden_size : int, default=64
        Width of the discriminator.

    Notes
    -----
    Written from the description in the paper, not from the authors' code. The weights of the two feature terms were
    chosen here: at the start of training on standardized series, these terms are about as large as the error of the
    forecast, or smaller. Tune them. The two terms list what else was chosen.

    References
    ----------
    Xu et al. (2022), Contrastive adversarial knowledge distillation for deep model compression in time-series
    regression tasks (doi 10.1016/j.neucom.2021.04.139).

    Examples
    --------
    >>> from skdistill.losses import CAKD
    >>> [(name, term.weight) for name, term in CAKD().named_terms()]
    [('supervised', 1.0), ('prediction', 1.0), ('contrastive', 0.1), ('adversarial', 0.1)]
    """

    def __init__(
        self,
        prediction_weight: float = 1.0,
        contrastive_weight: float = 0.1,
        adversarial_weight: float = 0.1,
        *,
        supervised_weight: float = 1.0,
        temperature: float = 0.1,
        projection_size: int = 64,
        hidden_size: int = 64,
    ) -> None:
        self.prediction_weight = prediction_weight
        self.contrastive_weight = contrastive_weight
        self.adversarial_weight = adversarial_weight
        self.supervised_weight = supervised_weight
        self.temperature = temperature
        self.projection_size = projection_size
        self.hidden_size = hidden_size

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the four terms."""
        return [
            ("supervised", Supervised(self.supervised_weight)),
            ("prediction", TeacherForecast(self.prediction_weight)),
            (
                "contrastive",
                ContrastiveFeatures(
                    self.contrastive_weight, temperature=self.temperature, projection_size=self.projection_size
                ),
            ),
            ("adversarial", AdversarialFeatures(self.adversarial_weight, hidden_size=self.hidden_size)),
        ]
