"""One or two branches of a language model; only the trained weights are saved."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._generators import untouched
from skdistill.networks.calf._adapters import add_adapters, find_targets, norms
from skdistill.networks.calf._language_model import load_language_model, take_word_embeddings
from skdistill.networks.calf._location import locate
from skdistill.networks.calf._positions import position_embeddings

__all__ = ["BranchSource", "LanguageBranches"]


@dataclass(frozen=True)
class BranchSource:
    """Source of the branches, and settings of their adapters.

    Parameters
    ----------
    model : str
        The absolute path of a local folder, or a hub id.
    n_layers : int
        Number of blocks to keep.
    lora_rank : int
        Rank of the adapters.
    lora_alpha : float
        Adapters are scaled by ``lora_alpha / lora_rank``.
    lora_dropout : float
        Share of an adapter's inputs dropped in training.
    lora_targets : tuple of str or None
        Names of the adapted modules; None finds them.
    textual : bool
        Whether there is a textual branch.
    owner : str
        Class of the network, for error messages.
    revision : str or None, default=None
        Branch, tag or commit on the hub.
    """

    model: str
    n_layers: int
    lora_rank: int
    lora_alpha: float
    lora_dropout: float
    lora_targets: tuple[str, ...] | None
    textual: bool
    owner: str
    revision: str | None = None


class LanguageBranches(nn.Module):
    """A temporal branch and, optionally, a textual branch.

    Adapters, norms and position embeddings of the temporal branch are trained, and the position embeddings of the
    textual branch. All other weights are frozen and shared. ``state_dict`` and pickles hold only the trained weights:
    the rest is read again from the source of the language model, and its fingerprint is compared.

    Parameters
    ----------
    source : BranchSource
        Source of the branches.

    Attributes
    ----------
    fingerprint : uint8 Tensor of shape (32,)
        Digest of the frozen weights.
    """

    fingerprint: Tensor

    def __init__(self, source: BranchSource) -> None:
        super().__init__()
        self.source = source
        with torch.device("cpu"):  # weights read from a file cannot be on "meta"
            self.temporal = load_language_model(source.model, source.n_layers, source.owner, source.revision)
            self._word_embeddings: Tensor | None = take_word_embeddings(self.temporal, source.owner)
            targets = find_targets(self.temporal, source.lora_targets, source.owner)
            self.textual = _shared_copy(self.temporal) if source.textual else None
            options: dict[str, Any] = {
                "rank": source.lora_rank,
                "alpha": source.lora_alpha,
                "dropout": source.lora_dropout,
            }
            add_adapters(self.temporal, targets, **options)
        self.requires_grad_(False)
        for parameter in self._trained_parameters():
            parameter.requires_grad_(True)
        self._frozen = frozenset(
            name for name, one in self.named_parameters(remove_duplicate=False) if not one.requires_grad
        )
        self.register_buffer("fingerprint", self.compute_fingerprint())
        self.register_load_state_dict_post_hook(_check_loaded)

    def pop_word_embeddings(self) -> Tensor:
        """Return the word embeddings and drop them.

        Returns
        -------
        table : Tensor of shape (vocabulary_size, hidden_size)
            The embeddings.
        """
        table, self._word_embeddings = self._word_embeddings, None
        if table is None:
            raise RuntimeError("the word embeddings were dropped before")
        return table

    def forward(self, tokens: Tensor, *, textual: bool = False) -> tuple[Tensor, ...]:
        """Run one branch.

        Parameters
        ----------
        tokens : Tensor of shape (n_windows, n_tokens, hidden_size)
            Vectors used in place of word embeddings.
        textual : bool, default=False
            Whether to run the textual branch.

        Returns
        -------
        states : tuple of Tensor of shape (n_windows, n_tokens, hidden_size)
            Input of the first block, and output of every block.
        """
        branch: Any = self.textual if textual else self.temporal
        return branch(inputs_embeds=tokens, output_hidden_states=True).hidden_states

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the trained weights and the buffers.

        Parameters
        ----------
        *args : object
            As in torch.
        **kwargs : object
            As in torch.

        Returns
        -------
        state : dict of Tensor
            Without frozen weights.
        """
        state = super().state_dict(*args, **kwargs)
        prefix = kwargs.get("prefix", "")
        for name in self._frozen:
            state.pop(prefix + name, None)
        return state

    def compute_fingerprint(self) -> Tensor:
        """Digest the frozen weights.

        Returns
        -------
        fingerprint : uint8 Tensor of shape (32,)
            SHA-256, on the CPU.
        """
        found = hashlib.sha256()
        for name, one in sorted(self.named_parameters()):
            if name in self._frozen:
                found.update(one.detach().cpu().contiguous().numpy().data)
        return torch.frombuffer(bytearray(found.digest()), dtype=torch.uint8)

    def _trained_parameters(self) -> Iterator[nn.Parameter]:
        yield from (one for name, one in self.temporal.named_parameters() if "lora_" in name)
        for _, module in (*norms(self.temporal), *position_embeddings(self.temporal)):
            yield from module.parameters()
        if self.textual is not None:
            for _, module in position_embeddings(self.textual):
                yield from module.parameters()

    def __getstate__(self) -> dict[str, Any]:
        """Store the trained weights and the source of the rest."""
        return {
            "source": self.source,
            "weights": {name: one.detach().cpu() for name, one in self.state_dict().items()},
            "training": self.training,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Read the language model again, and put the trained part back."""
        source = state["source"]
        self._restore(replace(source, model=locate(source.model, source.owner)), state)

    def _restore(self, source: BranchSource, state: dict[str, Any]) -> None:
        with untouched():
            self.__init__(source)  # type: ignore[misc]
        self._word_embeddings = None
        self.load_state_dict(state["weights"])
        self.train(state["training"])


def _shared_copy(language_model: nn.Module) -> nn.Module:
    """Copy a model; the copy has its own norms and position embeddings and shares all other weights."""
    own = {
        id(one) for found in (norms, position_embeddings) for _, m in found(language_model) for one in m.parameters()
    }
    shared = {id(one): one for one in language_model.parameters() if id(one) not in own}
    return copy.deepcopy(language_model, shared)


def _check_loaded(module: Any, incompatible_keys: Any) -> None:
    """Accept that frozen weights are not saved, but check that they are unchanged."""
    computed = module.compute_fingerprint()
    if not torch.equal(module.fingerprint.cpu(), computed):
        module.fingerprint = computed
        raise ValueError(
            f"the language model at {module.source.model!r} is not the one that this {module.source.owner} was trained "
            "with: restore the original, or fit again."
        )
    frozen = module._frozen
    missing = incompatible_keys.missing_keys
    missing[:] = [key for key in missing if not any(key == one or key.endswith(f".{one}") for one in frozen)]
