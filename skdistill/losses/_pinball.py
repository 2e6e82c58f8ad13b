"""Pinball loss: distance of quantiles to the truth."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from skdistill.losses._base import LossTerm
from skdistill.losses._horizon_weights import step_weights
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._multi_scale import check_scales
from skdistill.losses._over_scales import mean_over_scales
from skdistill.losses._unread import unread_at_one_scale
from skdistill.networks._base import NetworkSpec

__all__ = ["Pinball", "pinball_loss"]


def pinball_loss(error: Tensor, levels: Tensor) -> Tensor:
    """Return twice the pinball loss of every quantile.

    ``2 * max(tau * e, (tau - 1) * e)``, where e is truth minus quantile and tau is the level. At the median it is the
    absolute error. Its mean over many evenly spaced levels is the continuous ranked probability score (CRPS).

    Parameters
    ----------
    error : Tensor of shape (..., n_quantiles)
        Truth minus quantile.
    levels : Tensor of shape (n_quantiles,)
        Levels of the quantiles.

    Returns
    -------
    loss : Tensor of the shape of ``error``
        Not negative.

    Examples
    --------
    >>> import torch
    >>> pinball_loss(torch.tensor([1.0, -1.0]), torch.tensor([0.9, 0.9]))
    tensor([1.8000, 0.2000])
    """
    return 2.0 * torch.maximum(levels * error, (levels - 1.0) * error)


class Pinball(LossTerm):
    """Pinball loss of the student's quantiles against the truth.

    ``mean over windows, steps, channels, levels of w_h * 2 * max(tau * e, (tau - 1) * e)`` where e is truth minus
    quantile. Windows of unknown truth are left out. Its expectation is minimal if each quantile is the true quantile.
    For the median only, it is the MAE.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step.
    n_scales : int, default=1
        Number of scales, including the original one. Each scale averages the previous one over ``pooling_window``
        steps; scales without a step are left out. The quantile of an average is not the average of quantiles: if the
        errors of neighboring steps differ in sign, pooled scales pull the outer quantiles inwards. A missing true value
        counts as an error of 0 in its pool.
    pooling_window : int, default=2
        Number of steps averaged into one step of the next scale.

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, Econometrica 46(1).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import Pinball
    >>> term = Pinball().build(LossShapes(prediction_length=1, n_targets=1, quantiles=(0.1, 0.9)))
    >>> forecast, truth = torch.zeros(1, 1, 1), torch.ones(1, 1, 1)
    >>> term(LossInputs(forecast, None, truth, quantiles=torch.tensor([[[[0.0, 1.0]]]])))  # (0.2 + 0) / 2
    tensor(0.1000)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"truth", "student_quantiles"})

    def __init__(
        self, weight: float = 1.0, *, horizon_weights: Any = None, n_scales: int = 1, pooling_window: int = 2
    ) -> None:
        self.weight = weight
        self.horizon_weights = horizon_weights
        self.n_scales = n_scales
        self.pooling_window = pooling_window

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_scales(self.n_scales, self.pooling_window, "Pinball")

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the pooling of further scales, where there is none."""
        return unread_at_one_scale(self.n_scales)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        weights = step_weights(self.horizon_weights, shapes.prediction_length, "Pinball")
        return _PinballModule(self, torch.tensor(shapes.quantiles), weights)


class _PinballModule(nn.Module):
    levels: Tensor
    weights: Tensor | None

    def __init__(self, term: Pinball, levels: Tensor, weights: Tensor | None) -> None:
        super().__init__()
        self.n_scales = term.n_scales
        self.pooling_window = term.pooling_window
        self.register_buffer("levels", levels.unsqueeze(-1))  # (n_quantiles, 1), as time is the last axis
        self.register_buffer("weights", weights)

    def forward(self, inputs: LossInputs) -> Tensor:
        quantiles, truth, observed = inputs.quantiles, inputs.truth, inputs.observed
        if quantiles is None:
            raise ValueError("Pinball needs the student's quantiles")
        if inputs.known is not None:
            quantiles, truth = quantiles[inputs.known], truth[inputs.known]
            observed = None if observed is None else observed[inputs.known]
            if not len(truth):
                return quantiles.sum() * 0.0
        error = truth.unsqueeze(-1) - quantiles
        if observed is not None:  # missing values have error 0 and do not count in the mean
            share = observed.float().mean().clamp(min=1e-12)
            error = torch.where(observed.unsqueeze(-1), error, 0.0) / share
        error = error.permute(0, 2, 3, 1)  # (n_windows, n_targets, n_quantiles, n_steps)
        return mean_over_scales(
            error, lambda one: pinball_loss(one, self.levels), self.n_scales, self.pooling_window, self.weights
        )
