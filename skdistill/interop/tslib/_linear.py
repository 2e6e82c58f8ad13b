"""Linear of TimeDistill and LTSF-Linear."""

from __future__ import annotations

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import rename, stacked
from skdistill.networks._linear import Linear

__all__ = ["convert"]


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of Linear; see ``Converter``."""
    individual = "Linear.0.weight" in weights
    table = stacked("map", "Linear", int(options["enc_in"]) if individual else 0)
    renamed = {name.removeprefix("map."): weight for name, weight in rename(weights, table).items()}
    return Linear(shift=None, individual=individual), renamed
