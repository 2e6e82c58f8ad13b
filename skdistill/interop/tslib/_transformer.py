"""Shared parts of the transformers of the research code: options and layers of the encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skdistill.interop.tslib._rename import Source, attention, both, linear

__all__ = ["encoder_layers", "encoder_options"]


def encoder_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of the encoder under the names of skdistill.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.

    Returns
    -------
    parameters : dict of str to object
        Constructor parameters.

    Examples
    --------
    >>> encoder_options({"d_model": 16, "d_ff": 32})["feedforward_size"]
    32
    """
    activation = options.get("activation", "gelu")
    return {
        "hidden_size": int(options.get("d_model", 512)),
        "n_layers": int(options.get("e_layers", 2)),
        "n_heads": int(options.get("n_heads", 8)),
        "feedforward_size": int(options.get("d_ff", 2048)),
        "dropout": float(options.get("dropout", 0.1)),
        "activation": "relu" if activation == "relu" else "gelu",  # as in the research code
    }


def encoder_layers(n_layers: int) -> dict[str, Source]:
    """Return the table of weights of the encoder's layers.

    Parameters
    ----------
    n_layers : int
        Number of layers.

    Returns
    -------
    table : dict of str to source
        For ``rename``.

    Examples
    --------
    >>> encoder_layers(1)["layers.0.attention_norm.weight"]
    'encoder.attn_layers.0.norm1.weight'
    """
    table: dict[str, Source] = {}
    for layer in range(n_layers):
        ours, theirs = f"layers.{layer}", f"encoder.attn_layers.{layer}"
        table |= attention(f"{ours}.query_key_value", f"{theirs}.attention")
        table |= both(f"{ours}.attention_output", f"{theirs}.attention.out_projection")
        table |= both(f"{ours}.attention_norm", f"{theirs}.norm1") | both(f"{ours}.feedforward_norm", f"{theirs}.norm2")
        for mine, published in (("expand", "conv1"), ("contract", "conv2")):
            table[f"{ours}.{mine}.weight"] = (f"{theirs}.{published}.weight", linear)
            table[f"{ours}.{mine}.bias"] = f"{theirs}.{published}.bias"
    return table
