"""MICN of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from torch import Tensor

from skdistill.interop.tslib._calendar import reads_time, step_embedding
from skdistill.interop.tslib._converter import Converted, Options, Weights, of_timedistill
from skdistill.interop.tslib._rename import Source, both, linear, per_channel, rename
from skdistill.networks._micn import MICN

__all__ = ["convert"]

_UNUSED = (
    "dec_embedding.position_embedding.pe",
    "dec_embedding.temporal_embedding.*",
    "conv_trans.mic.*.norm2.bias",  # except in the last layer, as the next decomposition subtracts it
)


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of MICN; see ``Converter``.

    Time-Series-Library embeds the calendar features of ``label_len + pred_len`` rows, which only works if ``label_len``
    equals ``seq_len``; then the network reads them. TimeDistill's version never reads them, and has the same weights.
    It is recognized by an option that only its parser has.

    ``conv_kernel``, an argument of the network, is inferred from the weights.
    """
    n_layers = int(options.get("d_layers", 1))
    kernels = _kernels(weights)
    whole = options.get("label_len", 48) == options["seq_len"] and not of_timedistill(options)
    timed = whole and reads_time(options)
    network = MICN(
        int(options.get("d_model", 512)),
        n_layers=n_layers,
        conv_kernels=kernels,
        dropout=float(options.get("dropout", 0.05)),
        time_features=timed,
    )
    table = step_embedding("embedding", "dec_embedding", options, timed=timed) | both("trend", "regression")
    table |= per_channel(both("projection", "conv_trans.projection"), int(options["enc_in"]))
    for layer in range(n_layers):
        table |= _layer(f"layers.{layer}", f"conv_trans.mic.{layer}", len(kernels), last=layer == n_layers - 1)
    return network, rename(weights, table, unused=_UNUSED)


def _kernels(weights: Weights) -> tuple[int, ...]:
    """Infer the kernels of the scales from the weights of the first layer."""
    kernels: list[int] = []
    while (weight := weights.get(f"conv_trans.mic.0.conv.{len(kernels)}.weight")) is not None:
        kernels.append(weight.shape[-1])
    return tuple(kernels) or (12, 16)


def _layer(ours: str, theirs: str, n_scales: int, *, last: bool) -> dict[str, Source]:
    table = both(f"{ours}.scale_norm", f"{theirs}.norm") | both(f"{ours}.merge_norm", f"{theirs}.norm1")
    for scale in range(n_scales):
        parts = {"shorten": "conv", "isometric": "isometric_conv", "lengthen": "conv_trans"}
        for part, published in parts.items():
            table |= both(f"{ours}.scales.{scale}.{part}", f"{theirs}.{published}.{scale}")
    convolutions = {"merge": ("merge", _merge), "expand": ("conv1", linear), "contract": ("conv2", linear)}
    for part, (published, change) in convolutions.items():
        table |= both(f"{ours}.{part}", f"{theirs}.{published}")
        table[f"{ours}.{part}.weight"] = (f"{theirs}.{published}.weight", change)
    table |= both(f"{ours}.norm", f"{theirs}.norm2")
    if not last:
        del table[f"{ours}.norm.bias"]
    return table


def _merge(weight: Tensor) -> Tensor:
    """Convert a convolution over scales (n_out, n_in, n_scales, 1) to a linear layer on concatenated scales."""
    return weight.squeeze(-1).transpose(1, 2).flatten(1)
