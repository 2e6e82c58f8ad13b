"""NLinear of TimeDistill and LTSF-Linear."""

from __future__ import annotations

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import rename, stacked
from skdistill.networks._nlinear import NLinear

__all__ = ["convert"]


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of NLinear; see ``Converter``."""
    individual = "Linear.0.weight" in weights
    table = stacked("layer", "Linear", int(options["enc_in"]) if individual else 0)
    return NLinear(individual=individual), rename(weights, table)
