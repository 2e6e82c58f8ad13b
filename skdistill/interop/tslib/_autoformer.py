"""Autoformer of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from skdistill.interop.tslib._calendar import reads_time
from skdistill.interop.tslib._decomposition_transformer import UNUSED, hyperparameters, transformer_table
from skdistill.interop.tslib._rename import rename
from skdistill.networks._autoformer import Autoformer
from skdistill.networks._base import BaseNetwork

__all__ = ["convert"]


def convert(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[BaseNetwork, dict[str, Tensor]]:
    """Convert options and weights of the research code to those of skdistill.

    Parameters
    ----------
    options : mapping of str to object
        Options under their names in the research code.
    weights : mapping of str to Tensor
        The ``state_dict`` of the checkpoint.

    Returns
    -------
    network : BaseNetwork
        The parameter object.
    renamed : dict of str to Tensor
        The weights under the names of skdistill.
    """
    timed, n_heads = reads_time(options), int(options.get("n_heads", 8))
    shared = hyperparameters(options, timed=timed)
    inner = shared["hidden_size"] // n_heads * n_heads
    network = Autoformer(**shared, factor=float(options.get("factor", 1)), attention_size=inner)
    padded = shared["label_length"] + options["pred_len"] > options["seq_len"]
    biases = ((False, False, False), (False, False, True), (False, padded, True))
    return network, rename(weights, transformer_table(options, biases, timed=timed), unused=UNUSED)
