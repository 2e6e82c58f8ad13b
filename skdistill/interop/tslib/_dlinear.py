"""DLinear of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import rename, stacked
from skdistill.networks._dlinear import DLinear

__all__ = ["convert"]


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of DLinear; see ``Converter``.

    Whether every channel has its own layers is not an option in the research code; it is inferred from the weights.
    """
    individual = "Linear_Seasonal.0.weight" in weights
    n_layers = int(options["enc_in"]) if individual else 0
    table = stacked("seasonal", "Linear_Seasonal", n_layers) | stacked("trend", "Linear_Trend", n_layers)
    return DLinear(int(options.get("moving_avg", 25)), individual=individual), rename(weights, table)
