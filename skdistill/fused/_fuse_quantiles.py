"""A student with quantiles: the fused point forecast, and the head's two matrices beside it."""

from __future__ import annotations

from dataclasses import replace

from skdistill.fused._fused import FusedQuantiles, FusedStudent
from skdistill.fused._registry import fuse, fuses
from skdistill.networks._base import NetworkSpec
from skdistill.networks._quantile_head import QuantileModule

__all__ = ["fuse_quantiles"]


@fuses(QuantileModule)
def fuse_quantiles(module: QuantileModule, spec: NetworkSpec) -> FusedStudent | None:
    """Fuse the network, and fold the window's mean into the head's first matrix, the channels' offsets into its bias.

    Parameters
    ----------
    module : QuantileModule
        The module, in float64.
    spec : NetworkSpec
        What it was built for.

    Returns
    -------
    student : FusedStudent or None
        The network's, with quantiles; None if the network does not fuse.
    """
    student = fuse(module.network, replace(spec, quantiles=None, point_forecast="median"))
    if student is None:
        return None
    assert spec.quantiles is not None  # it has a head
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
