"""NLinear, as TimeDistill and LTSF-Linear have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from skdistill.interop.tslib._rename import rename, stacked
from skdistill.networks._base import BaseNetwork
from skdistill.networks._nlinear import NLinear

__all__ = ["convert"]


def convert(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[BaseNetwork, dict[str, Tensor]]:
    """Turn options and weights of the research code into ours.

    Parameters
    ----------
    options : mapping of str to object
        Options under the research code's names.
    weights : mapping of str to Tensor
        Its ``state_dict``.

    Returns
    -------
    network : BaseNetwork
        The parameter object.
    renamed : dict of str to Tensor
        The weights under our names.
    """
    individual = "Linear.0.weight" in weights
    table = stacked("layer", "Linear", int(options["enc_in"]) if individual else 0)
    return NLinear(individual=individual), rename(weights, table)
