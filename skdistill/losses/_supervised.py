"""Distance to the truth."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from skdistill._checks import check_real
from skdistill._choices import check_choice
from skdistill.losses._base import LossInputs, LossShapes, LossTerm
from skdistill.losses._distances import DISTANCES, make_distance, weighted_mean
from skdistill.losses._horizon_weights import step_weights

__all__ = ["Supervised"]


class Supervised(LossTerm):
    """Distance of the student's forecast to the truth.

    ``mean over windows, steps, channels of w_h * distance(s, y)``, windows of unknown truth left out;
    0 if and only if the forecast is the truth.

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

    Examples
    --------
    >>> import torch
    >>> from skdistill.losses import LossInputs, LossShapes, Supervised
    >>> term = Supervised().build(LossShapes(prediction_length=2, n_targets=1))
    >>> term(LossInputs(torch.zeros(1, 2, 1), None, torch.tensor([[[1.0], [2.0]]])))
    tensor(2.5000)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"truth"})

    def __init__(
        self, weight: float = 1.0, *, loss: str = "mse", delta: float = 1.0, horizon_weights: Any = None
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.delta = delta
        self.horizon_weights = horizon_weights

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.loss, DISTANCES, "loss of Supervised")
        check_real(self.delta, "delta of Supervised", minimum=0.0, include_minimum=False)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term.

        Parameters
        ----------
        shapes : LossShapes
            What is known of student and labels.

        Returns
        -------
        module : torch.nn.Module
            From :class:`LossInputs` to a scalar.
        """
        weights = step_weights(self.horizon_weights, shapes.prediction_length, "Supervised")
        return _SupervisedModule(make_distance(self.loss, self.delta), weights)


class _SupervisedModule(nn.Module):
    weights: Tensor | None

    def __init__(self, distance: Any, weights: Tensor | None) -> None:
        super().__init__()
        self.distance = distance
        self.register_buffer("weights", weights)

    def forward(self, inputs: LossInputs) -> Tensor:
        forecast, truth = inputs.forecast, inputs.truth
        if inputs.known is not None:
            forecast, truth = forecast[inputs.known], truth[inputs.known]
            if not len(truth):
                return torch.zeros_like(inputs.forecast[0, 0, 0]) + 0.0 * inputs.forecast.sum()
        return weighted_mean(self.distance, forecast, truth, self.weights)
