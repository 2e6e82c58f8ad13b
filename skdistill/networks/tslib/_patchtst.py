"""PatchTST of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from skdistill.networks._base import BaseNetwork
from skdistill.networks._patchtst import PatchTST
from skdistill.networks.tslib._rename import batch_norm, both, rename
from skdistill.networks.tslib._transformer import encoder_layers, encoder_options

__all__ = ["convert"]

_EMBEDDING = "patch_embedding.value_embedding.weight"


def convert(options: Mapping[str, Any], weights: Mapping[str, Tensor]) -> tuple[BaseNetwork, dict[str, Tensor]]:
    """Turn options and weights of the research code into ours.

    Parameters
    ----------
    options : mapping of str to object
        Options under the research code's names. The patches are no option there: their size is read off the weights,
        and their distance is 8 unless ``stride`` says otherwise.
    weights : mapping of str to Tensor
        Its ``state_dict``.

    Returns
    -------
    network : BaseNetwork
        The parameter object.
    renamed : dict of str to Tensor
        The weights under our names.
    """
    parameters = encoder_options(options)
    network = PatchTST(
        **parameters,
        patch_size=weights[_EMBEDDING].shape[1] if _EMBEDDING in weights else 16,
        patch_stride=int(options.get("stride", 8)),
    )
    table = {"embedding.weight": _EMBEDDING} | encoder_layers(network.n_layers)
    table |= batch_norm("norm", "encoder.norm.1") | both("projection", "head.linear")
    table["projection.weight"] = ("head.linear.weight", partial(_by_patch, width=network.hidden_size))
    return network, rename(weights, table, unused=("patch_embedding.position_embedding.pe",))


def _by_patch(weight: Tensor, width: int) -> Tensor:
    """Order what one unit of all patches after the other was by patch."""
    return weight.unflatten(1, (width, -1)).transpose(1, 2).flatten(1)
