"""Fuse linear students into one matrix that includes the shift."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.fused._fused import FusedExtra, FusedLayer, FusedStudent
from skdistill.fused._registry import fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._linear import LinearModule

__all__ = ["fuse_linear", "linear_extra", "linear_matrix"]


@fuses(LinearModule)
def fuse_linear(module: LinearModule, spec: NetworkSpec) -> FusedStudent:
    """Fuse W (x - m) + b + m, with the level m = l'x, into (W + (1 - W 1) l') x + b.

    Parameters
    ----------
    module : LinearModule
        The module, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent
        One layer.
    """
    student = FusedStudent.of(
        [FusedLayer(linear_matrix(module, spec), module.bias.numpy())], targets=spec.targets, n_channels=spec.n_channels
    )
    return student.with_extra(linear_extra(module, spec))


def _weight(module: Any) -> np.ndarray:
    return (module.weight if module.mask is None else module.weight * module.mask).numpy()


def _on_whole_context(weight: np.ndarray, n_rows: int, length: int) -> np.ndarray:
    """Add columns of 0 for the rows that a matrix does not read."""
    return np.pad(weight, [(0, 0)] * (weight.ndim - 1) + [(length - n_rows, 0)])


def linear_matrix(module: Any, spec: NetworkSpec) -> np.ndarray:
    """Return the matrix of a linear map on the whole context of its target, including the level.

    Parameters
    ----------
    module : LinearModule
        The module, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    matrix : ndarray of shape (prediction_length, context_length) or (n_targets, prediction_length, context_length)
        The matrix.
    """
    weight, kept = _weight(module), 1.0
    if module.design is not None:
        parts = module.design.sizes.parts()
        kept = 1.0 + weight[..., parts["level"]].sum(axis=-1, keepdims=True)
        weight = weight[..., parts["own"]]
    if module.level is not None:
        weight = weight + (kept - weight.sum(axis=-1, keepdims=True)) * module.level.numpy()
    return _on_whole_context(weight, module.n_rows, spec.context_length)


def linear_extra(module: Any, spec: NetworkSpec) -> FusedExtra | None:
    """Return the covariates of a linear map, including their levels.

    Parameters
    ----------
    module : LinearModule
        The module, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    extra : FusedExtra or None
        In standardized units; None without covariates.
    """
    if module.design is None:
        return None
    sizes, weight = module.design.sizes, _weight(module)
    parts = {name: weight[..., place] for name, place in sizes.parts().items()}
    outer = weight.shape[:-1]
    past = parts["past"].reshape(*outer, len(sizes.covariates), sizes.past_rows)
    future = parts["future"].reshape(*outer, len(sizes.known), sizes.prediction_length)
    past_matrix = _on_whole_context(past, sizes.past_rows, spec.context_length)
    if sizes.has_level:
        levels = parts["levels"] - past.sum(axis=-1)
        levels[..., module.design.known] -= future.sum(axis=-1)
        past_matrix = past_matrix + levels[..., None] * _on_whole_context(
            module.level.numpy(), module.n_rows, spec.context_length
        )
    flat = [one.reshape(*outer, -1) for one in (past_matrix, future)]
    interaction, level = _products(module, parts, spec)
    return FusedExtra(
        weight=np.concatenate([*flat, parts["static"]], axis=-1),
        scale=np.ones(spec.n_targets),
        covariates=sizes.covariates,
        known=sizes.known,
        n_static=sizes.n_static,
        center=np.zeros(spec.n_channels),
        unit=np.ones(spec.n_channels),
        interaction=interaction,
        level=level,
    )


def _products(
    module: Any, parts: dict[str, np.ndarray], spec: NetworkSpec
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return the weights of products with static covariates, (..., n_static * n), and the n sums of rows in them."""
    sizes = module.design.sizes
    weights, sums = [], []
    if sizes.has_level and sizes.n_static:
        weights.append(parts["static_level"][..., None])
        sums.append(module.level.numpy()[None])
    if sizes.static_season:
        weights.append(parts["static_season"].reshape(*parts["static_season"].shape[:-1], sizes.n_static, -1))
        level = module.level.numpy() if sizes.has_level else 0.0
        sums.append(np.eye(module.n_rows)[-sizes.static_season :] - level)
    if not weights:
        return None, None
    rows = _on_whole_context(np.concatenate(sums), module.n_rows, spec.context_length)
    whole = np.concatenate(weights, axis=-1)
    return whole.reshape(*whole.shape[:-2], -1), rows
