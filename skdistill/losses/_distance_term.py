"""Terms that measure a distance of the student's forecast: squared, absolute or Huber."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import huber_loss, l1_loss, mse_loss

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._horizon_weights import step_weights
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm
from skdistill.losses._unread import unread_unless
from skdistill.networks._base import NetworkSpec

__all__ = ["DistanceModule", "DistanceTerm"]

_DISTANCES: dict[str, Callable[..., Tensor]] = {"huber": huber_loss, "mae": l1_loss, "mse": mse_loss}


class DistanceTerm(LossTerm):
    """Base class of terms that average a distance, with one weight per step.

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
    """

    elsewhere: ClassVar[Mapping[str, str]] = {"smooth_l1": 'it is loss="huber" here'}

    def __init__(
        self, weight: float = 1.0, *, loss: str = "mse", delta: float = 1.0, horizon_weights: Any = None
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.delta = delta
        self.horizon_weights = horizon_weights

    @abc.abstractmethod
    def make_module(self) -> DistanceModule:
        """Create the module; its distance and weights are set later."""

    def step_weights(self, prediction_length: int) -> Tensor | None:
        """Return the weight of each step.

        Parameters
        ----------
        prediction_length : int
            Steps of a forecast.

        Returns
        -------
        weights : Tensor of shape (prediction_length,) or None
            Weights of mean one; None where all are equal.
        """
        return step_weights(self.horizon_weights, prediction_length, type(self).__name__)

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        owner = type(self).__name__
        check_choice(self.loss, sorted(_DISTANCES), f"loss of {owner}", elsewhere=self.elsewhere)
        check_real(self.delta, f"delta of {owner}", minimum=0.0, include_minimum=False)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the threshold of the Huber loss, where there is none."""
        return unread_unless("delta", "huber", loss=self.loss)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        module = self.make_module()
        module.distance = _DISTANCES[self.loss]
        if self.loss == "huber":
            module.distance = partial(huber_loss, delta=self.delta)
        module.register_buffer("weights", self.step_weights(shapes.prediction_length))
        return module

    def quadratic_form(self, prediction_length: int) -> QuadraticForm | None:
        """Return the term as a quadratic form.

        Returns
        -------
        form : QuadraticForm or None
            Diagonal, with the steps' weights; None unless the distance is the MSE.
        """
        if self.loss != "mse":
            return None
        weights = self.step_weights(prediction_length)
        diagonal = np.ones(prediction_length) if weights is None else weights.double().numpy()
        target = "truth" if "truth" in self.requires else "teacher_forecast"
        return QuadraticForm(np.diag(diagonal / prediction_length), target)


class DistanceModule(nn.Module, abc.ABC):
    """Averages a distance over windows, weighted steps and channels."""

    distance: Callable[..., Tensor]
    weights: Tensor | None

    @abc.abstractmethod
    def forward(self, inputs: LossInputs) -> Tensor:
        """Compute the term."""

    def mean_distance(
        self, forecast: Tensor, target: Tensor, windows: Tensor | None = None, *, observed: Tensor | None = None
    ) -> Tensor:
        """Average the distance.

        Parameters
        ----------
        forecast, target : Tensor of shape (n_windows, n_steps, n_targets)
            The values to compare.
        windows : Tensor of shape (n_windows,) or None, default=None
            Weights of the windows.
        observed : Tensor of bool of the shape of ``target`` or None, default=None
            Which values count; None means all.

        Returns
        -------
        mean : Tensor
            A scalar.
        """
        if observed is not None:
            distances = torch.where(observed, self.distance(forecast, target, reduction="none"), 0.0)
            if self.weights is not None:
                distances = distances * self.weights[:, None]
            return distances.sum() / observed.sum().clamp(min=1)
        if self.weights is None and windows is None:
            return self.distance(forecast, target)
        by_step = self.distance(forecast, target, reduction="none").mean(dim=2)
        if windows is not None:
            by_step = by_step * windows[:, None]
        mean = by_step.mean(dim=0)
        return (mean if self.weights is None else mean * self.weights).mean()
