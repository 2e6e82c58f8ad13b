"""Fuse a student with quantiles: the point forecast, and the two matrices of the quantile head."""

from __future__ import annotations

from dataclasses import replace

from skdistill.fused._fused import FusedQuantiles, FusedStudent
from skdistill.fused._registry import fuse, fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._quantile_head import QuantileModule

__all__ = ["fuse_quantiles"]


@fuses(QuantileModule)
def fuse_quantiles(module: QuantileModule, spec: NetworkSpec) -> FusedStudent | None:
    """Fuse the network; fold the mean of the window and the channel offsets into the quantile head.

    Parameters
    ----------
    module : QuantileModule
        The module, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent or None
        The fused network with quantiles; None if the network cannot be fused.
    """
    student = fuse(module.network, replace(spec, quantiles=None, point_forecast="median"))
    if student is None:
        return None
    assert spec.quantiles is not None  # the student has a quantile head
    head = module.head
    hidden = head.hidden.weight.numpy()
    bias = head.output.bias.unflatten(0, (spec.prediction_length, -1)) + head.channel.unsqueeze(1)
    quantiles = FusedQuantiles(
        levels=spec.quantiles,
        hidden=hidden - hidden.mean(axis=1, keepdims=True),
        hidden_bias=head.hidden.bias.numpy(),
        output=head.output.weight.numpy(),
        output_bias=bias.flatten(1).numpy(),
    )
    return replace(student, quantiles=quantiles)
