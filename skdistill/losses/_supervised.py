"""Distance to the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from skdistill.losses._distance_term import DistanceModule, DistanceTerm
from skdistill.losses._inputs import LossInputs

__all__ = ["Supervised"]


class Supervised(DistanceTerm):
    """Distance of the student's forecast to the truth.

    ``mean over windows, steps, channels of w_h * distance(s, y)``, without missing values and windows of unknown truth.
    It is 0 if and only if the forecast is the truth.

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

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import Supervised
    >>> term = Supervised().build(LossShapes(prediction_length=2, n_targets=1))
    >>> term(LossInputs(torch.zeros(1, 2, 1), None, torch.tensor([[[1.0], [2.0]]])))
    tensor(2.5000)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"truth"})
    elsewhere: ClassVar[Mapping[str, str]] = {
        **DistanceTerm.elsewhere,
        "smape": "it is a separate term, skdistill.losses.SMAPE",
        "mase": "it is a separate term, skdistill.losses.MASE, which has a season parameter",
    }

    def make_module(self) -> DistanceModule:
        """Create the module; its distance and weights are set later.

        Returns
        -------
        module : DistanceModule
            Windows of unknown truth are left out.
        """
        return _ToTruth()


class _ToTruth(DistanceModule):
    def forward(self, inputs: LossInputs) -> Tensor:
        forecast, truth, observed = inputs.forecast, inputs.truth, inputs.observed
        if inputs.known is not None:
            forecast, truth = forecast[inputs.known], truth[inputs.known]
            observed = None if observed is None else observed[inputs.known]
            if not len(truth):
                return torch.zeros_like(inputs.forecast[0, 0, 0]) + 0.0 * inputs.forecast.sum()
        return self.mean_distance(forecast, truth, observed=observed)
