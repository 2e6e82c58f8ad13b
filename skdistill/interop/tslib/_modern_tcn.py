"""ModernTCN of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import Source, batch_norm, both, column, rename, stacked
from skdistill.networks._modern_tcn import ModernTCN

__all__ = ["convert"]

# layers in every checkpoint that no forecast uses
_UNUSED = (
    "*.downsample_layers.*",
    "*.te_patch.*",
    "*.lat_layer.*",
    "*.smooth_layer.*",
    "*.up_sample_conv.*",
)
_KERNELS, _MERGED = ("lkb_origin", "small_conv"), "lkb_reparam"
_BLOCK = re.compile(r"\bstages\.(\d+)\.blocks\.(\d+)\.")
_PERCEPTRONS = {"units": "ffn1", "channels": "ffn2"}


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of ModernTCN; see ``Converter``.

    Whether large and small kernels are merged into one convolution with a bias is inferred from the weights. The option
    ``small_kernel_merged`` is not used, because the scripts pass ``False``, which the parser reads as true. The numbers
    of stages and blocks come from ``num_blocks`` or, without it, from the weights.
    """
    merged = any(_MERGED in name for name in weights)
    blocks = _as_list(options.get("num_blocks") or _count_blocks(weights))
    n_stages, dims = len(blocks), _as_list(options.get("dims", [256] * 4))
    affine, individual = bool(options.get("affine", 0)), bool(options.get("individual", 0))
    decomposition, normalized = bool(options.get("decomposition", 0)), bool(options.get("revin", 1))
    network = ModernTCN(
        dims[:n_stages],
        n_layers=blocks,
        large_kernel=_as_list(options.get("large_size", [31, 29, 27, 13]))[:n_stages],
        small_kernel=[1] * n_stages if merged else _as_list(options.get("small_size", [5] * 4))[:n_stages],
        feedforward_ratio=int(options.get("ffn_ratio", 2)),
        patch_size=int(options.get("patch_size", 16)),
        patch_stride=int(options.get("patch_stride", 8)),
        downsample_ratio=int(options.get("downsample_ratio", 2)),
        dropout=float(options.get("dropout", 0.1)),
        head_dropout=float(options.get("head_dropout", 0.0)),
        normalization=("revin" if affine else "standard") if normalized else None,
        subtract_last=bool(options.get("subtract_last", 0)),
        individual=individual,
        decomposition=decomposition,
        kernel_size=int(options.get("kernel_size", 25)),
    )
    table: dict[str, Source] = {}
    branches = {"seasonal": "model_res", "trend": "model_trend"} if decomposition else {"seasonal": "model"}
    for ours, theirs in branches.items():
        table |= _entries(ours, theirs, n_stages)
        for stage, n_blocks in enumerate(blocks):
            groups = {"units": int(options["enc_in"]), "channels": dims[stage]}
            for block in range(n_blocks):
                names = f"{ours}.stages.{stage}.{block}", f"{theirs}.stages.{stage}.blocks.{block}"
                table |= _block(*names, groups)
                table |= _merged_kernel(*names) if merged else _two_kernels(*names)
        if individual:
            table |= stacked(f"{ours}.projection", f"{theirs}.head.linears", int(options["enc_in"]))
        else:
            table |= both(f"{ours}.projection", f"{theirs}.head.linear")
        if normalized and affine:
            for kind in ("weight", "bias"):
                table[f"{ours}.normalization.{kind}"] = (f"{theirs}.revin_layer.affine_{kind}", column)
    return network, rename(weights, table, unused=_UNUSED)


def _entries(ours: str, theirs: str, n_stages: int) -> dict[str, Source]:
    """Return the table of weights before each stage; the bias of the patches moves to the mean of the BatchNorm."""
    layers = f"{theirs}.downsample_layers"
    table: dict[str, Source] = {f"{ours}.entries.0.embedding.weight": f"{layers}.0.0.weight"}
    table |= batch_norm(f"{ours}.entries.0.norm", f"{layers}.0.1")
    table[f"{ours}.entries.0.norm.running_mean"] = ((f"{layers}.0.1.running_mean", f"{layers}.0.0.bias"), _minus)
    for stage in range(1, n_stages):
        table |= batch_norm(f"{ours}.entries.{stage}.norm", f"{layers}.{stage}.0")
        table |= both(f"{ours}.entries.{stage}.embedding", f"{layers}.{stage}.1")
    return table


def _block(ours: str, theirs: str, groups: Mapping[str, int]) -> dict[str, Source]:
    """Return the table of weights of a block; grouped convolutions over one step become one linear layer per group."""
    table = batch_norm(f"{ours}.norm", f"{theirs}.norm")
    for part, published in _PERCEPTRONS.items():
        split = partial(_by_group, n_groups=groups[part])
        for layer, inside in (("expand", "pw1"), ("contract", "pw2")):
            for kind in ("weight", "bias"):
                table[f"{ours}.{part}.{layer}.{kind}"] = (f"{theirs}.{published}{inside}.{kind}", split)
    return table


def _two_kernels(ours: str, theirs: str) -> dict[str, Source]:
    table: dict[str, Source] = {}
    for number, kernel in enumerate(_KERNELS):
        table[f"{ours}.time.{number}.conv.weight"] = f"{theirs}.dw.{kernel}.conv.weight"
        table |= batch_norm(f"{ours}.time.{number}.norm", f"{theirs}.dw.{kernel}.bn")
    return table


def _merged_kernel(ours: str, theirs: str) -> dict[str, Source]:
    """Use the merged convolution as the large kernel, with its bias in the BatchNorm; the small kernel is 0."""
    bias = f"{theirs}.dw.{_MERGED}.bias"
    table: dict[str, Source] = {
        f"{ours}.time.0.conv.weight": f"{theirs}.dw.{_MERGED}.weight",
        f"{ours}.time.0.norm.bias": bias,
        f"{ours}.time.1.conv.weight": (bias, _no_kernel),
        f"{ours}.time.1.norm.bias": (bias, torch.zeros_like),
    }
    for number in range(2):
        norm = f"{ours}.time.{number}.norm"
        table |= {f"{norm}.weight": (bias, _undo_epsilon), f"{norm}.running_mean": (bias, torch.zeros_like)}
        table |= {f"{norm}.running_var": (bias, torch.ones_like), f"{norm}.num_batches_tracked": (bias, _no_batches)}
    return table


def _count_blocks(weights: Weights) -> list[int]:
    """Count the blocks of each stage; without any, return the published default."""
    found = {(int(one[1]), int(one[2])) for name in weights if (one := _BLOCK.search(name))}
    stages = [stage for stage, _ in found]
    return [stages.count(stage) for stage in sorted(set(stages))] or [1] * 4


def _no_kernel(bias: Tensor) -> Tensor:
    return torch.zeros(len(bias), 1, 1, dtype=bias.dtype)


def _undo_epsilon(bias: Tensor) -> Tensor:
    """Return the scale for which a BatchNorm with variance 1 does not scale."""
    return torch.full_like(bias, (1 + nn.BatchNorm1d(1).eps) ** 0.5)


def _no_batches(bias: Tensor) -> Tensor:
    return torch.tensor(0)


def _by_group(weight: Tensor, n_groups: int) -> Tensor:
    """Split (n_groups * n_out, n_in, 1) or (n_groups * n_out,) by group."""
    return weight.reshape(n_groups, len(weight) // n_groups, -1)


def _as_list(value: Any) -> list[int]:
    return [int(one) for one in value] if isinstance(value, list | tuple) else [int(value)]


def _minus(mean: Tensor, bias: Tensor) -> Tensor:
    return mean - bias
