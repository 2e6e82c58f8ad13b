"""DLinear of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from skdistill.interop.tslib._rename import rename, stacked
from skdistill.networks._base import BaseNetwork
from skdistill.networks._dlinear import DLinear

__all__ = ["convert"]


def convert(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[BaseNetwork, dict[str, Tensor]]:
    """Convert options and weights of the research code to those of skdistill.

    Whether every channel has its own layers is not an option in the research code; it is inferred from the weights.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.
    weights : mapping of str to Tensor
        The ``state_dict`` of the checkpoint.

    Returns
    -------
    network : BaseNetwork
        The parameter object.
    renamed : dict of str to Tensor
        The weights under the names of skdistill.
    """
    individual = "Linear_Seasonal.0.weight" in weights
    n_layers = int(options["enc_in"]) if individual else 0
    table = stacked("seasonal", "Linear_Seasonal", n_layers) | stacked("trend", "Linear_Trend", n_layers)
    return DLinear(int(options.get("moving_avg", 25)), individual=individual), rename(weights, table)
