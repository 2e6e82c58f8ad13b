"""TSMixer of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import Source, both, column, rename
from skdistill.networks._ts_mixer import TSMixer

__all__ = ["convert"]


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of TSMixer; see ``Converter``.

    TimeDistill's version normalizes windows, Time-Series-Library's does not. The version is inferred from the weights.
    """
    normalized = "revin_layer.affine_weight" in weights
    n_layers = int(options.get("e_layers", 2))
    network = TSMixer(
        int(options.get("d_model", 512)),
        n_layers=n_layers,
        dropout=float(options.get("dropout", 0.1)),
        normalization="revin" if normalized else None,
    )
    table = both("projection", "projection")
    for layer in range(n_layers):
        for ours, theirs in (("time", "temporal"), ("channel", "channel")):
            for part in (0, 2):
                table |= both(f"blocks.{layer}.{ours}.{part}", f"model.{layer}.{theirs}.{part}")
    if normalized:
        affine: dict[str, Source] = {
            f"normalization.{kind}": (f"revin_layer.affine_{kind}", column) for kind in ("weight", "bias")
        }
        table |= affine
    return network, rename(weights, table)
