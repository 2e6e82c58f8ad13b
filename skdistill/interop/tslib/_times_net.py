"""TimesNet of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill.interop.tslib._calendar import reads_time, step_embedding
from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import both, per_channel, rename
from skdistill.networks._times_net import TimesNet

__all__ = ["convert"]

_CONVOLUTIONS = {"expand": "conv.0", "contract": "conv.2"}


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of TimesNet; see ``Converter``."""
    timed = reads_time(options)
    network = TimesNet(
        int(options.get("d_model", 512)),
        n_layers=int(options.get("e_layers", 2)),
        feedforward_size=int(options.get("d_ff", 2048)),
        n_periods=int(options.get("top_k", 5)),
        n_kernels=int(options.get("num_kernels", 6)),
        dropout=float(options.get("dropout", 0.1)),
        time_features=timed,
    )
    table = step_embedding("embedding", "enc_embedding", options, timed=timed)
    table |= both("horizon", "predict_linear") | both("norm", "layer_norm")
    table |= per_channel(both("projection", "projection"), int(options["enc_in"]))
    for layer in range(network.n_layers):
        for ours, theirs in _CONVOLUTIONS.items():
            for kernel in range(network.n_kernels):
                inside = f"kernels.{kernel}"
                table |= both(f"layers.{layer}.{ours}.{inside}", f"model.{layer}.{theirs}.{inside}")
    unused = ("enc_embedding.position_embedding.pe", "enc_embedding.temporal_embedding.*")
    return network, rename(weights, table, unused=unused if not timed else unused[:1])
