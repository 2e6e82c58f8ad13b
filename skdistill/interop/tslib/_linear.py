"""Linear of TimeDistill and LTSF-Linear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from skdistill.interop.tslib._rename import rename, stacked
from skdistill.networks._base import BaseNetwork
from skdistill.networks._linear import Linear

__all__ = ["convert"]


def convert(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[BaseNetwork, dict[str, Tensor]]:
    """Convert options and weights of the research code to those of skdistill.

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
    individual = "Linear.0.weight" in weights
    table = stacked("map", "Linear", int(options["enc_in"]) if individual else 0)
    renamed = {name.removeprefix("map."): weight for name, weight in rename(weights, table).items()}
    return Linear(shift=None, individual=individual), renamed
