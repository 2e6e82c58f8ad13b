"""iTransformer of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from skdistill.interop.tslib._calendar import reads_time
from skdistill.interop.tslib._rename import both, rename
from skdistill.interop.tslib._transformer import encoder_layers, encoder_options
from skdistill.networks._base import BaseNetwork
from skdistill.networks._itransformer import ITransformer

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
    network = ITransformer(
        **encoder_options(options),
        normalization="standard" if options.get("use_norm", 1) else None,
        time_features="auto" if reads_time(options) else False,  # calendar tokens can be left out
    )
    table = both("embedding", "enc_embedding.value_embedding") | encoder_layers(network.n_layers)
    table |= both("norm", "encoder.norm") | both("projection", "projection")
    return network, rename(weights, table)
