"""Fuse the MLP into two matrices with a ReLU between them."""

from __future__ import annotations

from typing import Any

import numpy as np
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
    per step.

    Parameters
    ----------
    module : torch.nn.Module
        The module of :class:`~skdistill.networks.MLP`, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent or None
        Student with two layers; None if a linear part has one matrix per channel, or if windows are standardized and
        the parts read different rows of the context.
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
        [first, last],
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
    scale = np.ones((n_targets, len(weight)))
    if isinstance(part.norm, nn.BatchNorm1d):
        norm: Any = part.norm  # with weights and statistics
        gain = (norm.weight / (norm.running_var + norm.eps).sqrt()).numpy()[:, None]
        bias = gain * (bias - norm.running_mean.numpy()[:, None]) + norm.bias.numpy()[:, None]
        scale = scale * gain
    return FusedLayer(weight, bias, scale)
