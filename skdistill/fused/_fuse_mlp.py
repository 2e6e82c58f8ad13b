"""Fuse the MLP into matrices with ReLUs between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import block_diag
from torch import nn

from skdistill.fused._fused import FusedLayer, FusedStudent
from skdistill.fused._maps import after_moving_average
from skdistill.fused._registry import fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._layers import MeanNormalization, ReversibleNormalization
from skdistill.networks._mlp import _MLPModule

__all__ = ["fuse_mlp"]


@fuses(_MLPModule)
def fuse_mlp(module: Any, spec: NetworkSpec) -> FusedStudent | None:
    """Stack the hidden layers of both parts, and fold all linear operations before them into one matrix.

    With the centered window M x, the learned scale w and shift v of a channel and the window's spread s, a part that
    reads P (M x w / s + v) and has the BatchNorm z -> g z + d gives s relu(...) = relu(g w (W P M) x + s (g (v W P 1 +
    b) + d)). A linear part A x + b, with the level included in A, is relu(A x) - relu(-A x) + b: two more hidden units
    per step. Deeper layers of the two parts form one block-diagonal matrix, and these hidden units pass through them
    unchanged.

    Parameters
    ----------
    module : torch.nn.Module
        The module of :class:`~skdistill.networks.MLP`, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent or None
        Student with one matrix more than hidden layers; None if a linear part has one matrix per channel, or if windows
        are standardized and the parts read different rows of the context.
    """
    length, n_rows, normalization = spec.context_length, module.n_rows, module.normalization
    parts = [module.seasonal] if module.trend is None else [module.seasonal, module.trend]
    learns = isinstance(normalization, ReversibleNormalization)
    if learns and (module.skip is not None or n_rows < length):
        return None
    if module.skip is not None and module.skip.weight.ndim == 3:
        return None
    shift = normalization.bias.numpy() if learns else np.zeros((spec.n_targets, 1))
    factor = normalization.weight.numpy() if learns else np.ones((spec.n_targets, 1))
    weights = [part.hidden.weight.numpy() for part in parts]
    if module.trend is not None:  # one part reads the window minus the moving average, the other the average
        seasonal, trend = (after_moving_average(weight, module.kernel_size) for weight in weights)
        weights = [weights[0] - seasonal, trend]
    hidden = [_fuse_hidden(part, weight, shift, spec.n_targets) for part, weight in zip(parts, weights, strict=True)]
    deeper = [_fuse_deeper(layers, spec.n_targets) for layers in zip(*(part.deeper for part in parts), strict=True)]
    outputs = [part.output.weight.numpy() for part in parts]
    output_bias = sum(part.output.bias.numpy() for part in parts)
    weight = np.concatenate([one.weight for one in hidden])
    if _centers(normalization):
        weight = weight - weight.mean(axis=1, keepdims=True)
    weight = np.pad(weight, ((0, 0), (length - n_rows, 0)))
    if module.skip is not None:
        matrix, steps = _linear_matrix(module.skip, length), np.eye(spec.prediction_length)
        weight = np.concatenate([weight, matrix, -matrix])
        ones = np.ones((spec.n_targets, 2 * len(matrix)))
        hidden.append(FusedLayer(matrix, 0.0 * ones, ones))
        outputs.append(np.concatenate([steps, -steps], axis=1))
        output_bias = output_bias + module.skip.bias.numpy()
        deeper = [_pass_through(layer, 2 * len(matrix)) for layer in deeper]
    scale = factor * np.concatenate([one.scale for one in hidden if one.scale is not None], axis=1)
    first = FusedLayer(
        weight=weight,
        bias=np.concatenate([one.bias for one in hidden], axis=1),
        scale=None if (scale == 1.0).all() else scale,
    )
    undone = 1.0 / (factor + normalization.epsilon**2) if learns else factor
    last = FusedLayer(
        weight=np.concatenate(outputs, axis=1),
        bias=(output_bias - shift) * undone,
        scale=np.repeat(undone, spec.prediction_length, axis=1) if learns else None,
    )
    centered = _centers(normalization) and module.skip is None
    return FusedStudent.of(
        [first, *deeper, last],
        targets=spec.targets,
        n_channels=spec.n_channels,
        level=np.pad(np.full(n_rows, 1.0 / n_rows), (length - n_rows, 0)) if centered else None,
        epsilon=normalization.epsilon if learns else None,
    )


def _centers(normalization: nn.Module) -> bool:
    """Return whether the mean of the window is subtracted."""
    return isinstance(normalization, MeanNormalization | ReversibleNormalization)


def _linear_matrix(skip: Any, length: int) -> np.ndarray:
    """Return a linear part, including its level, as a matrix on whole contexts."""
    weight = (skip.weight if skip.mask is None else skip.weight * skip.mask).numpy()
    matrix = np.zeros((len(weight), length))
    matrix[:, length - skip.n_rows :] = weight
    if skip.level is not None:
        level = np.zeros(length)
        level[length - skip.n_rows :] = skip.level.numpy()
        matrix = matrix + (1.0 - matrix.sum(axis=1, keepdims=True)) * level
    return matrix


def _fuse_hidden(part: Any, weight: np.ndarray, shift: np.ndarray, n_targets: int) -> FusedLayer:
    """Fuse the first matrix of a part with its input map, its biases and its BatchNorm."""
    bias = shift * weight.sum(axis=1) + part.hidden.bias.numpy()  # (n_targets, hidden_size)
    return _after_norm(part.norm, weight, bias)


def _fuse_deeper(layers: tuple[Any, ...], n_targets: int) -> FusedLayer:
    """Fuse one deeper layer of all parts: a block-diagonal matrix."""
    ones = np.ones((n_targets, 1))
    fused = [_after_norm(one.norm, one.hidden.weight.numpy(), ones * one.hidden.bias.numpy()) for one in layers]
    scales = np.concatenate([one.scale for one in fused if one.scale is not None], axis=1)
    return FusedLayer(
        block_diag(*(one.weight for one in fused)),
        np.concatenate([one.bias for one in fused], axis=1),
        None if (scales == 1.0).all() else scales,
    )


def _pass_through(layer: FusedLayer, n_units: int) -> FusedLayer:
    """Add hidden units, already positive, that a layer does not change."""
    n_targets = len(layer.bias)
    return FusedLayer(
        block_diag(layer.weight, np.eye(n_units)),
        np.concatenate([layer.bias, np.zeros((n_targets, n_units))], axis=1),
        None if layer.scale is None else np.concatenate([layer.scale, np.ones((n_targets, n_units))], axis=1),
    )


def _after_norm(norm: Any, weight: np.ndarray, bias: np.ndarray) -> FusedLayer:
    """Fold the BatchNorm after a matrix into scale and bias."""
    scale = np.ones((len(bias), len(weight)))
    if isinstance(norm, nn.BatchNorm1d):
        gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).numpy()[:, None]
        shift = norm.bias.numpy()[:, None] - gain * norm.running_mean.numpy()[:, None]
        bias, scale = gain * bias + shift, scale * gain
    return FusedLayer(weight, bias, scale)
