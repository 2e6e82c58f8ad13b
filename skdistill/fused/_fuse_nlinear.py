"""Fuse NLinear into one matrix that includes the last row."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill.fused._fuse_covariate_map import covariate_extra
from skdistill.fused._fused import FusedLayer, FusedStudent
from skdistill.fused._registry import fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._nlinear import _NLinearModule

__all__ = ["fuse_nlinear"]


@fuses(_NLinearModule)
def fuse_nlinear(module: Any, spec: NetworkSpec) -> FusedStudent:
    """Fuse W (x - l) + b + l, with the last row l = e'x, into (W + (1 - W 1) e') x + b.

    Parameters
    ----------
    module : torch.nn.Module
        The module of :class:`~skdistill.networks.NLinear`, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent
        One layer.
    """
    weight = np.array(module.layer.weight.numpy())
    weight[..., -1] += 1.0 - weight.sum(axis=-1)
    layer = FusedLayer(weight, module.layer.bias.numpy())
    student = FusedStudent.of([layer], targets=spec.targets, n_channels=spec.n_channels)
    return student.with_extra(covariate_extra(module.covariates, spec))
