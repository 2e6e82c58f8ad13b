"""FEDformer (Fourier version) of TimeDistill and of Time-Series-Library."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from skdistill.interop.tslib._calendar import reads_time
from skdistill.interop.tslib._converter import Converted, Options, Weights
from skdistill.interop.tslib._decomposition_transformer import UNUSED, hyperparameters, transformer_table
from skdistill.interop.tslib._rename import rename
from skdistill.networks._fedformer import FEDformer

__all__ = ["convert"]

# mixers of skdistill -> the first of the published layers that share the mixer
_MIXERS = {
    "encoder_mixer": "encoder.attn_layers.0.attention.inner_correlation",
    "decoder_mixer": "decoder.layers.0.self_attention.inner_correlation",
    "cross_mixer": "decoder.layers.0.cross_attention.inner_correlation",
}
# buffers of skdistill -> where the research code stores the modes, outside its state_dict
_MODES = {
    "encoder_mixer.modes": _MIXERS["encoder_mixer"],
    "decoder_mixer.modes": _MIXERS["decoder_mixer"],
    "cross_mixer.modes": f"{_MIXERS['cross_mixer']}.index_q",
    "cross_mixer.key_modes": f"{_MIXERS['cross_mixer']}.index_kv",
}
_NOT_PROJECTED = (
    "encoder.attn_layers.*.attention.*_projection.weight",
    "decoder.layers.*.*_attention.*_projection.weight",
    "*.inner_correlation.weights*",  # the same tensor in every other layer
)


def convert(options: Options, weights: Weights) -> Converted:
    """Convert a checkpoint of FEDformer (Fourier version); see ``Converter``.

    The random modes are not in the ``state_dict``: pass them as ``options["modes"]``, a mapping from the names below to
    lists of integers. The names are the lists ``index`` of the blocks
    ``encoder.attn_layers.0.attention.inner_correlation`` and ``decoder.layers.0.self_attention.inner_correlation``, and
    the lists of ``decoder.layers.0.cross_attention.inner_correlation.index_q`` and ``.index_kv``. They are only needed
    if ``mode_select`` is "random", the default; otherwise the lowest modes are taken.

    Modes that do not fit the weights, the wavelet version and checkpoints of old versions with complex weights raise a
    ValueError.
    """
    _check_version(options, weights)
    timed = reads_time(options)
    shared = hyperparameters(options, timed=timed)
    table = transformer_table(options, ((True,), (True,), (True, True)), timed=timed)
    for ours, theirs in _MIXERS.items():
        table |= {f"{ours}.real": f"{theirs}.weights1", f"{ours}.imaginary": f"{theirs}.weights2"}
    renamed = rename(weights, table, unused=(*UNUSED, *_NOT_PROJECTED))
    for mixer in _MIXERS:
        parts = renamed.pop(f"{mixer}.real"), renamed.pop(f"{mixer}.imaginary")
        renamed[f"{mixer}.weight"] = torch.stack(parts, dim=-1)
    network = FEDformer(
        **shared,
        n_heads=int(options.get("n_heads", 8)),
        n_modes=max(renamed[f"{mixer}.weight"].shape[-2] for mixer in _MIXERS),
        mode_selection="random" if options.get("mode_select", "random") == "random" else "lowest",
    )
    return network, renamed | _modes(options, network)


def _check_version(options: Options, weights: Weights) -> None:
    """Raise if the weights belong to a different version of the network."""
    version = options.get("version", "fourier")
    if str(version).lower() == "wavelets":
        raise ValueError(f"version of FEDformer must be 'Fourier'; got {version!r}, which has different layers.")
    if any(weight.is_complex() for weight in weights.values()):
        raise ValueError(
            "state_dict of FEDformer must hold real tensors weights1 and weights2; got complex ones, of an old version "
            "of Time-Series-Library whose attention takes the tanh of complex numbers. Train the network again."
        )


def _modes(options: Options, network: FEDformer) -> dict[str, Tensor]:
    """Return the modes of all blocks under the names of skdistill."""
    given = options.get("modes")
    if isinstance(given, Mapping):
        missing = sorted(set(_MODES.values()) - set(given))
        if missing:
            raise ValueError(f"options['modes'] of FEDformer lacks {', '.join(missing)}.")
        return {ours: torch.as_tensor(given[theirs], dtype=torch.int64) for ours, theirs in _MODES.items()}
    if network.mode_selection == "random":
        raise ValueError(
            "FEDformer draws its Fourier modes at random and does not store them in its state_dict: pass them as "
            "options['modes'], a mapping from " + ", ".join(_MODES.values()) + " to lists of integers (the attributes "
            "`index`, `index_q` and `index_kv` of those blocks); or set options['mode_select'] = 'low' if it was "
            "trained so."
        )
    context, decoder = options["seq_len"], options["seq_len"] // 2 + options["pred_len"]
    of_context = ("encoder_mixer.modes", "cross_mixer.key_modes")
    return {name: network.draw(context if name in of_context else decoder) for name in _MODES}
