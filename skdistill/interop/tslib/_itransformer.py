"""iTransformer of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill.interop.tslib._calendar import reads_time
from skdistill.interop.tslib._converter import Converted, Options, Weights, of_library, of_timedistill
from skdistill.interop.tslib._rename import both, rename
from skdistill.interop.tslib._transformer import encoder_layers, encoder_options
from skdistill.networks._itransformer import ITransformer

__all__ = ["convert"]


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of iTransformer; see ``Converter``.

    TimeDistill and the authors' code have an option ``use_norm``; the iTransformer of Time-Series-Library standardizes
    each window whatever that option, which its parser has for other networks, is.
    """
    normalized = options.get("use_norm", 1) or (of_library(options) and not of_timedistill(options))
    network = ITransformer(
        **encoder_options(options),
        normalization="standard" if normalized else None,
        time_features="auto" if reads_time(options) else False,  # calendar tokens can be left out
    )
    table = both("embedding", "enc_embedding.value_embedding") | encoder_layers(network.n_layers)
    table |= both("norm", "encoder.norm") | both("projection", "projection")
    return network, rename(weights, table)
