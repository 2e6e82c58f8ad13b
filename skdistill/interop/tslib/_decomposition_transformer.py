"""Shared parts of the conversions of Autoformer and FEDformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skdistill.interop.tslib._calendar import step_embedding
from skdistill.interop.tslib._rename import Source, both, linear, per_channel

__all__ = ["UNUSED", "hyperparameters", "transformer_table"]

# Position tables are computed. Biases without effect on the forecast are left out (see Projections).
UNUSED = (
    "*_embedding.position_embedding.pe",
    "*_embedding.temporal_embedding.*",
    "encoder.attn_layers.*.attention.*_projection.bias",
    "decoder.layers.*.self_attention.*_projection.bias",
    "decoder.layers.*.cross_attention.*_projection.bias",
    "*.norm.layernorm.bias",
)
_NAMES = ("query", "key", "value")


def hyperparameters(options: Mapping[str, Any], *, timed: bool) -> dict[str, Any]:
    """Return the hyperparameters that both networks have.

    The research code takes the last ``label_len`` rows by a slice, which is the whole context if ``label_len`` is 0 or
    larger than the context.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.
    timed : bool
        Whether the network reads calendar features.

    Returns
    -------
    parameters : dict of str to object
        Hyperparameters under the names of skdistill.

    Raises
    ------
    ValueError
        If the research code gives the one calendar row of the horizon to every row that the decoder reads.

    Examples
    --------
    >>> hyperparameters({"d_model": 8, "seq_len": 96}, timed=False)["label_length"]
    48
    """
    length, n_labels = int(options["seq_len"]), int(options.get("label_len", 48))
    if timed and n_labels == 0 and int(options["pred_len"]) == 1:
        raise ValueError(
            "label_len of from_tslib must be at least 1 where pred_len is 1 and the network reads the calendar; got 0: "
            "the research code then gives the calendar of the forecast's row to all rows of the context, which "
            "skdistill does not. Train it with another label_len."
        )
    return {
        "hidden_size": int(options.get("d_model", 512)),
        "n_layers": int(options.get("e_layers", 2)),
        "n_decoder_layers": int(options.get("d_layers", 1)),
        "feedforward_size": int(options.get("d_ff", 2048)),
        "kernel_size": int(options.get("moving_avg", 25)),
        "dropout": float(options.get("dropout", 0.1)),
        "activation": "relu" if options.get("activation", "gelu") == "relu" else "gelu",
        "label_length": min(n_labels or length, length),
        "time_features": timed,
    }


def transformer_table(
    options: Mapping[str, Any], biases: Sequence[tuple[bool, ...]], *, timed: bool
) -> dict[str, Source]:
    """Return the table of weights of encoder and decoder, except those of the mixers.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.
    biases : sequence of three tuples of bool
        For encoder, decoder and cross attention: whether query and memory projections have biases in skdistill.
    timed : bool
        Whether the network reads calendar features.

    Returns
    -------
    table : dict of str to (str or (str, callable))
        Table for :func:`~skdistill.interop.tslib._rename.rename`.
    """
    encoder, decoder, cross = biases
    n_channels = int(options["enc_in"])
    table = per_channel(both("projection", "decoder.projection"), n_channels)
    for part in ("encoder", "decoder"):
        table |= step_embedding(f"{part}_embedding", f"{part[:3]}_embedding", options, timed=timed)
        table[f"{part}_norm.weight"] = f"{part}.norm.layernorm.weight"
    for layer in range(int(options.get("e_layers", 2))):
        ours, theirs = f"encoder.{layer}", f"encoder.attn_layers.{layer}"
        table |= _feedforward(ours, theirs)
        table |= _attention(f"{ours}.attention", f"{theirs}.attention", encoder, output_bias=False)
    for layer in range(int(options.get("d_layers", 1))):
        ours, theirs = f"decoder.{layer}", f"decoder.layers.{layer}"
        table |= _feedforward(ours, theirs)
        table |= per_channel({f"{ours}.trend.weight": f"{theirs}.projection.weight"}, n_channels)
        table |= _attention(f"{ours}.attention", f"{theirs}.self_attention", decoder, output_bias=True)
        table |= _attention(f"{ours}.cross_attention", f"{theirs}.cross_attention", cross, output_bias=True)
    return table


def _feedforward(ours: str, theirs: str) -> dict[str, Source]:
    parts = {"expand": "conv1", "contract": "conv2"}
    return {f"{ours}.feedforward.{part}.weight": (f"{theirs}.{name}.weight", linear) for part, name in parts.items()}


def _attention(ours: str, theirs: str, biases: tuple[bool, ...], *, output_bias: bool) -> dict[str, Source]:
    table = both(f"{ours}.output", f"{theirs}.out_projection")
    if not output_bias:
        del table[f"{ours}.output.bias"]
    places = ["query", *(f"memory.{number}" for number in range(len(biases) - 1))]
    for place, name, bias in zip(places, _NAMES, biases, strict=False):
        table[f"{ours}.{place}.weight"] = f"{theirs}.{name}_projection.weight"
        if bias:
            table[f"{ours}.{place}.bias"] = f"{theirs}.{name}_projection.bias"
    return table
