"""TimeMixer of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill._utils._choices import check_choice
from skdistill.interop.tslib._calendar import reads_time, step_embedding
from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import Source, both, column, per_channel, rename
from skdistill.networks._time_mixer import TimeMixer

__all__ = ["convert"]

_DECOMPOSITIONS = {"moving_avg": "moving_average", "dft_decomp": "first_window"}
_UNUSED = (
    "enc_embedding.position_embedding.pe",
    "enc_embedding.temporal_embedding.*",
    "normalize_layers.*",
    "pdm_blocks.*.layer_norm.*",
    "pdm_blocks.*.out_cross_layer.*",
)


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of TimeMixer; see ``Converter``.

    One option is not supported: ``down_sampling_method="conv"``, which draws new weights in every pass. The
    network assigns calendar features to channels as the research code does (``time_by_window=False``).
    """
    method = check_choice(options.get("decomp_method", "moving_avg"), _DECOMPOSITIONS, "decomp_method of TimeMixer")
    pooling = check_choice(options.get("down_sampling_method") or "avg", ("avg", "max"), "down_sampling_method")
    n_layers, n_steps = int(options.get("e_layers", 2)), int(options.get("down_sampling_layers", 0))
    independent, timed = bool(options.get("channel_independence", 1)), reads_time(options)
    normalized = bool(options.get("use_norm", 1))
    network = TimeMixer(
        int(options.get("d_model", 512)),
        n_layers=n_layers,
        feedforward_size=int(options.get("d_ff", 2048)),
        n_scales=n_steps + 1,
        down_sampling_window=int(options.get("down_sampling_window", 1)),
        pooling=pooling,
        kernel_size=int(options.get("moving_avg", 25)),
        decomposition=_DECOMPOSITIONS[method],
        dropout=float(options.get("dropout", 0.1)),
        normalization="revin" if normalized else None,
        channel_independent=independent,
        time_features=timed,
        time_by_window=not independent,
    )
    table = step_embedding("embedding", "enc_embedding", options, timed=timed)
    projection = both("projection", "projection_layer")
    table |= projection if independent else per_channel(projection, int(options["enc_in"]))
    for layer in range(n_layers):
        table |= _block(layer, n_steps, "out_cross_layer" if independent else "cross_layer")
    for scale in range(n_steps + 1):
        table |= both(f"horizon.{scale}", f"predict_layers.{scale}")
        if not independent:
            table |= both(f"trend.{scale}.0", f"out_res_layers.{scale}")
            table |= both(f"trend.{scale}.1", f"regression_layers.{scale}")
        if normalized:
            affine: dict[str, Source] = {
                f"normalizations.{scale}.{kind}": (f"normalize_layers.{scale}.affine_{kind}", column)
                for kind in ("weight", "bias")
            }
            table |= affine
    return network, rename(weights, table, unused=_UNUSED)


def _block(layer: int, n_steps: int, units: str) -> dict[str, Source]:
    """Return the table of weights of a block; the research code counts up-sampling layers from the coarsest scale."""
    ours, theirs = f"blocks.{layer}", f"pdm_blocks.{layer}"
    table: dict[str, Source] = {}
    for part in (0, 2):
        table |= both(f"{ours}.units.{part}", f"{theirs}.{units}.{part}")
        for step in range(n_steps):
            down = f"{theirs}.mixing_multi_scale_season.down_sampling_layers.{step}.{part}"
            up = f"{theirs}.mixing_multi_scale_trend.up_sampling_layers.{n_steps - 1 - step}.{part}"
            table |= both(f"{ours}.down.{step}.{part}", down) | both(f"{ours}.up.{step}.{part}", up)
    return table
