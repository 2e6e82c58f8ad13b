"""PatchTST of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._rename import batch_norm, both, rename
from skdistill.interop.tslib._transformer import encoder_layers, encoder_options
from skdistill.networks._patchtst import PatchTST

__all__ = ["convert"]

_EMBEDDING, _HEAD = "patch_embedding.value_embedding.weight", "head.linear.weight"


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of PatchTST; see ``Converter``.

    The patches are not an option in the research code. Their size is inferred from the weights. Their distance is 8 if
    this gives the number of patches; otherwise it is ``stride``, or the only distance that gives the number. If several
    distances do, a ValueError is raised.
    """
    network = PatchTST(
        **encoder_options(options), patch_size=weights[_EMBEDDING].shape[1] if _EMBEDDING in weights else 16
    )
    if _HEAD in weights:
        network.patch_stride = _stride(network, options, weights[_HEAD].shape[1] // network.hidden_size)
    table = {"embedding.weight": _EMBEDDING} | encoder_layers(network.n_layers)
    table |= batch_norm("norm", "encoder.norm.1") | both("projection", "head.linear")
    table["projection.weight"] = (_HEAD, partial(_by_patch, width=network.hidden_size))
    return network, rename(weights, table, unused=("patch_embedding.position_embedding.pe",))


def _by_patch(weight: Tensor, width: int) -> Tensor:
    """Reorder weights from unit-major to patch-major order."""
    return weight.unflatten(1, (width, -1)).transpose(1, 2).flatten(1)


def _stride(network: PatchTST, options: Options, n_patches: int) -> int:
    """Return the distances between patches that give a number of patches."""
    length = int(options["seq_len"])
    fitting = [one for one in range(1, length + 1) if (length - network.patch_size) // one + 2 == n_patches]
    likely = [one for one in (8, options.get("stride")) if one in fitting]
    if not likely and len(fitting) > 1:
        raise ValueError(
            f"stride of PatchTST must be given: {fitting[0]} to {fitting[-1]} rows from one patch to the next make the "
            f"{n_patches} patches of the weights. Set options['stride'] to what it was trained with."
        )
    return [*likely, *fitting, 8][0]
