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
    network = ITransformer(
        **encoder_options(options),
        normalization="standard" if options.get("use_norm", 1) else None,
        time_features="auto" if reads_time(options) else False,  # its calendar tokens may be left out
    )
    table = both("embedding", "enc_embedding.value_embedding") | encoder_layers(network.n_layers)
    table |= both("norm", "encoder.norm") | both("projection", "projection")
    return network, rename(weights, table)
