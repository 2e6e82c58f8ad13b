"""LightTS of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import both, rename
from skdistill.networks._light_ts import LightTS

__all__ = ["convert"]

_BLOCKS = {"successive": "layer_1", "spread": "layer_2", "channels": "layer_3"}
_LAYERS = {"expand": "spatial_proj.0", "contract": "spatial_proj.2", "nodes": "channel_proj", "output": "output_proj"}
_ROWS, _WIDTH = "layer_1.spatial_proj.0.weight", "layer_3.spatial_proj.0.weight"


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of LightTS; see ``Converter``.

    With the same options, Time-Series-Library has half the width and a third of the chunk size of TimeDistill. Both are
    inferred from the weights. A context that is no multiple of the chunk size raises a ValueError: Time-Series-Library
    appends zeros to it (TimeDistill refuses it), and the network of skdistill repeats its first row.
    """
    chunk, length = weights[_ROWS].shape[1] if _ROWS in weights else 72, int(options["seq_len"])
    if _ROWS in weights and length % chunk:
        raise ValueError(
            f"seq_len of LightTS must be a multiple of the {chunk} rows of its chunks; got {length}. "
            "Time-Series-Library appends zeros to such contexts and LightTS of skdistill repeats their first row, so "
            "that forecasts would differ: train it with another seq_len."
        )
    network = LightTS(
        weights[_WIDTH].shape[1] if _WIDTH in weights else int(options.get("d_model", 512)), chunk_size=chunk
    )
    table = both("direct", "ar")
    table |= both("successive_weights", "chunk_proj_1") | both("spread_weights", "chunk_proj_2")
    for block, published in _BLOCKS.items():
        for layer, inside in _LAYERS.items():
            table |= both(f"{block}.{layer}", f"{published}.{inside}")
    return network, rename(weights, table)
