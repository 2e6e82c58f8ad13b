"""Fuse linear students into one matrix that includes the shift."""

from __future__ import annotations

import numpy as np

from skdistill.fused._fused import FusedLayer, FusedStudent
from skdistill.fused._registry import fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._linear import LinearModule

__all__ = ["fuse_linear"]


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
    weight = module.weight.numpy() if module.mask is None else (module.weight * module.mask).numpy()
    if module.level is not None:
        weight = weight + (1.0 - weight.sum(axis=-1, keepdims=True)) * module.level.numpy()
    padding = [(0, 0)] * (weight.ndim - 1) + [(spec.context_length - module.n_rows, 0)]
    layer = FusedLayer(np.pad(weight, padding), module.bias.numpy())
    return FusedStudent.of([layer], targets=spec.targets, n_channels=spec.n_channels)
