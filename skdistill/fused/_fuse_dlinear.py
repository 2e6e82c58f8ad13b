"""Fuse DLinear into one matrix that includes the moving average."""

from __future__ import annotations

from typing import Any

from skdistill.fused._fuse_covariate_map import covariate_extra
from skdistill.fused._fused import FusedLayer, FusedStudent
from skdistill.fused._maps import after_moving_average
from skdistill.fused._registry import fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._dlinear import _DLinearModule

__all__ = ["fuse_dlinear"]


@fuses(_DLinearModule)
def fuse_dlinear(module: Any, spec: NetworkSpec) -> FusedStudent:
    """Fuse S (x - A x) + T A x, with the moving average A, into (S + (T - S) A) x.

    Parameters
    ----------
    module : torch.nn.Module
        The module of :class:`~skdistill.networks.DLinear`, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent
        One layer.
    """
    seasonal, trend = module.seasonal.weight.numpy(), module.trend.weight.numpy()
    weight = seasonal + after_moving_average(trend - seasonal, module.kernel_size)
    layer = FusedLayer(weight, (module.seasonal.bias + module.trend.bias).numpy())
    student = FusedStudent.of([layer], targets=spec.targets, n_channels=spec.n_channels)
    return student.with_extra(covariate_extra(module.covariates, spec))
