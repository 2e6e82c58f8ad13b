"""Autoformer of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from skdistill.interop.tslib._calendar import reads_time
from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._decomposition_transformer import UNUSED, hyperparameters, transformer_table
from skdistill.interop.tslib._rename import rename
from skdistill.networks._autoformer import Autoformer

__all__ = ["convert"]


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of Autoformer; see ``Converter``."""
    timed, n_heads = reads_time(options), int(options.get("n_heads", 8))
    shared = hyperparameters(options, timed=timed)
    inner = shared["hidden_size"] // n_heads * n_heads
    network = Autoformer(**shared, factor=float(options.get("factor", 1)), attention_size=inner)
    padded = shared["label_length"] + options["pred_len"] > options["seq_len"]
    biases = ((False, False, False), (False, False, True), (False, padded, True))
    return network, rename(weights, transformer_table(options, biases, timed=timed), unused=UNUSED)
