"""Fuse the MLP into matrices with ReLUs between them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.linalg import block_diag
from torch import nn

from skdistill.fused._fuse_linear import linear_extra, linear_matrix
from skdistill.fused._fused import FusedExtra, FusedLayer, FusedStudent
from skdistill.fused._maps import after_moving_average
from skdistill.fused._registry import fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._layers import MeanNormalization, ReversibleNormalization
from skdistill.networks._mlp import _MLPModule

__all__ = ["fuse_mlp"]

_MOST = 1 << 25  # numbers of a first layer with a matrix for each target
_LEAST_FACTOR = 1e-6  # learned scale of a target, by which covariates are divided


@fuses(_MLPModule)
def fuse_mlp(module: Any, spec: NetworkSpec) -> FusedStudent | None:
    """Stack the hidden layers of both parts, and fold all linear operations before them into one matrix.

    With the centered window M x, the learned scale w and shift v of a channel and the window's spread s, a part that
    reads P (M x w / s + v) and has the BatchNorm z -> g z + d gives s relu(...) = relu(g w (W P M) x + s (g (v W P 1 +
    b) + d)). A linear part A x + b, with the level included in A, is relu(A x) - relu(-A x) + b: two more hidden units
    per step. Deeper layers of the two parts form one block-diagonal matrix, and these hidden units pass through them
    unchanged. Covariates are more inputs of the first layer, and their direct part is in the linear one; where windows
    are standardized, the former are multiplied by s, and both are divided by the scales that the layers multiply by.

    Parameters
    ----------
    module : torch.nn.Module
        The module of :class:`~skdistill.networks.MLP`, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent or None
        Student with one matrix more than hidden layers; None if windows are standardized and the parts read different
        rows of the context, or a learned scale is 0, or if a linear part has one matrix per channel, so that the first
        layer has, too, and that is too large.
    """
    length, n_rows, normalization = spec.context_length, module.n_rows, module.normalization
    parts = [module.seasonal] if module.trend is None else [module.seasonal, module.trend]
    learns = isinstance(normalization, ReversibleNormalization)
    if learns and (module.skip is not None or n_rows < length):
        return None
    n_outputs = sum(part.hidden.out_features for part in parts) + 2 * spec.prediction_length
    if _is_individual(module) and spec.n_targets * n_outputs * length > _MOST:
        return None
    shift = normalization.bias.numpy() if learns else np.zeros((spec.n_targets, 1))
    factor = normalization.weight.numpy() if learns else np.ones((spec.n_targets, 1))
    if module.covariates is not None and (np.abs(factor) < _LEAST_FACTOR).any():
        return None
    weights = [part.hidden.weight.numpy() for part in parts]
    if module.trend is not None:  # one part reads the window minus the moving average, the other the average
        seasonal, trend = (after_moving_average(weight, module.kernel_size) for weight in weights)
        weights = [weights[0] - seasonal, trend]
    hidden = [_fuse_hidden(part, weight, shift) for part, weight in zip(parts, weights, strict=True)]
    deeper = [_fuse_deeper(layers, spec.n_targets) for layers in zip(*(part.deeper for part in parts), strict=True)]
    outputs = [part.output.weight.numpy() for part in parts]
    output_bias = sum(part.output.bias.numpy() for part in parts)
    weight = np.concatenate([one.weight for one in hidden])
    if _centers(normalization):
        weight = weight - weight.mean(axis=1, keepdims=True)
    weight = np.pad(weight, ((0, 0), (length - n_rows, 0)))
    if module.skip is not None or _has_direct(module):
        steps = np.eye(spec.prediction_length)
        matrix = np.zeros((len(steps), length)) if module.skip is None else linear_matrix(module.skip, spec)
        own = np.broadcast_to(weight, (*matrix.shape[:-2], *weight.shape))  # by target, where the linear part is
        weight = np.concatenate([own, matrix, -matrix], axis=-2)
        ones = np.ones((spec.n_targets, 2 * len(steps)))
        hidden.append(FusedLayer(matrix, 0.0 * ones, ones))
        outputs.append(np.concatenate([steps, -steps], axis=1))
        output_bias = output_bias if module.skip is None else output_bias + module.skip.bias.numpy()
        deeper = [_pass_through(layer, 2 * len(steps)) for layer in deeper]
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
    student = FusedStudent.of(
        [first, *deeper, last],
        targets=spec.targets,
        n_channels=spec.n_channels,
        level=np.pad(np.full(n_rows, 1.0 / n_rows), (length - n_rows, 0)) if centered else None,
        epsilon=normalization.epsilon if learns else None,
    )
    extra = _extra(module, spec, weight.shape[-2])
    return student.with_extra(_among_spreads(extra, factor, undone, module, spec) if learns and extra else extra)


def _centers(normalization: nn.Module) -> bool:
    """Return whether the mean of the window is subtracted."""
    return isinstance(normalization, MeanNormalization | ReversibleNormalization)


def _has_direct(module: Any) -> bool:
    return module.covariates is not None and module.covariates.direct is not None


def _extra(module: Any, spec: NetworkSpec, n_outputs: int) -> FusedExtra | None:
    """Return the covariates of the hidden units, and of the linear part with the direct one."""
    if module.covariates is None:
        return None
    hidden, direct = _hidden_extra(module.covariates, spec)
    n_covariates, length, horizon = len(spec.covariates), spec.context_length, spec.prediction_length
    outer = (spec.n_targets,) if _is_individual(module) else ()
    weight = np.zeros((*outer, n_outputs, hidden.shape[1]))
    weight[..., : len(hidden), :] = hidden
    interaction = level = None
    if module.skip is not None:
        linear = linear_extra(module.skip, spec)
        if linear is not None:
            own = _all_covariates(linear, spec)
            direct = direct + own
            if linear.interaction is not None:
                level = linear.level
                interaction = np.zeros((*outer, n_outputs, linear.interaction.shape[-1]))
                interaction[..., -2 * horizon :, :] = _both_signs(linear.interaction)
    if module.skip is not None or _has_direct(module):
        weight[..., -2 * horizon :, :] = _both_signs(direct)
    assert weight.shape[-1] == n_covariates * length + len(spec.known) * horizon + spec.n_static
    return FusedExtra(
        weight=weight,
        scale=np.ones(spec.n_targets),
        covariates=spec.covariates,
        known=spec.known,
        n_static=spec.n_static,
        center=np.zeros(spec.n_channels),
        unit=np.ones(spec.n_channels),
        interaction=interaction,
        level=level,
    )


def _among_spreads(
    extra: FusedExtra, factor: np.ndarray, undone: np.ndarray, module: Any, spec: NetworkSpec
) -> FusedExtra:
    """Return the covariates of a student that standardizes windows, whose layers have the scales of each target."""
    n_direct = 2 * spec.prediction_length if _has_direct(module) else 0
    by_spread = np.arange(len(extra.weight)) < len(extra.weight) - n_direct
    scales = np.where(by_spread, factor, factor * undone)  # (n_targets, n_outputs)
    return replace(extra, weight=extra.weight / scales[..., None], by_spread=by_spread)


def _all_covariates(linear: FusedExtra, spec: NetworkSpec) -> np.ndarray:
    """Return the matrix of a linear part on all covariates, of which it may read only some in the context."""
    if linear.covariates == spec.covariates:
        return linear.weight
    length, n_read, outer = spec.context_length, len(linear.covariates), linear.weight.shape[:-1]
    past = np.zeros((*outer, len(spec.covariates), length))
    places = [spec.covariates.index(channel) for channel in linear.covariates]
    past[..., places, :] = linear.weight[..., : n_read * length].reshape(*outer, n_read, length)
    return np.concatenate([past.reshape(*outer, -1), linear.weight[..., n_read * length :]], axis=-1)


def _is_individual(module: Any) -> bool:
    """Return whether each target has a linear part of its own."""
    return module.skip is not None and module.skip.weight.ndim == 3


def _both_signs(matrix: np.ndarray) -> np.ndarray:
    """Return a matrix for the hidden units that are added, and below it for those that are subtracted."""
    return np.concatenate([matrix, -matrix], axis=-2)


def _hidden_extra(covariates: Any, spec: NetworkSpec) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices of covariates on the hidden layer and on the forecast, (n_outputs, n_inputs)."""
    n_rows, horizon, length = covariates.n_rows, spec.prediction_length, spec.context_length
    n_hidden = next(one for one in (covariates.past, covariates.static) if one is not None).weight.shape[0]
    past = _by_channel(covariates.past, covariates.row, n_rows, len(spec.covariates), n_hidden)
    future = _by_channel(covariates.future, covariates.row_ahead, horizon, len(spec.known), n_hidden)
    direct_past, direct = np.zeros((horizon, *past.shape[1:])), np.zeros((horizon, *future.shape[1:]))
    if covariates.direct is not None:
        direct = covariates.direct.weight.numpy()[0][None, :, None] * np.eye(horizon)[:, None]
    past = past - past.mean(axis=-1, keepdims=True)
    places = [spec.covariates.index(channel) for channel in spec.known]
    past[:, places] -= future.sum(axis=-1, keepdims=True) / n_rows
    direct_past[:, places] -= direct.sum(axis=-1, keepdims=True) / n_rows
    static = np.zeros((n_hidden, 0)) if covariates.static is None else covariates.static.weight.numpy()
    matrices = []
    for before, ahead, fixed in ((past, future, static), (direct_past, direct, np.zeros((horizon, spec.n_static)))):
        whole = np.pad(before, ((0, 0), (0, 0), (length - n_rows, 0)))
        matrices.append(np.concatenate([whole.reshape(len(whole), -1), ahead.reshape(len(ahead), -1), fixed], axis=1))
    return matrices[0], matrices[1]


def _by_channel(matrix: Any, row: Any, n_rows: int, n_channels: int, n_hidden: int) -> np.ndarray:
    """Return a matrix that reads projected rows as one on channels, (n_hidden, n_channels, n_rows)."""
    if matrix is None:
        return np.zeros((n_hidden, n_channels, n_rows))
    weight = matrix.weight.numpy().reshape(n_hidden, n_rows, -1)
    if not isinstance(row, nn.Identity):
        weight = weight @ row.weight.numpy()
    return weight.transpose(0, 2, 1)


def _fuse_hidden(part: Any, weight: np.ndarray, shift: np.ndarray) -> FusedLayer:
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
        assert norm.running_var is not None
        assert norm.running_mean is not None
        gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).numpy()[:, None]
        shift = norm.bias.numpy()[:, None] - gain * norm.running_mean.numpy()[:, None]
        bias, scale = gain * bias + shift, scale * gain
    return FusedLayer(weight, bias, scale)
