"""What of a language model is trained: low-rank adapters, norms, position embeddings."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from skdistill._optional import import_optional

__all__ = ["add_adapters", "find_targets", "norms", "position_embeddings"]


def find_targets(language_model: nn.Module, targets: Sequence[str] | None, owner: str) -> list[str]:
    """Find the modules that get low-rank adapters.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model.
    targets : sequence of str or None
        Last parts of module names; None looks the architecture up in peft's table.
    owner : str
        Whose parameter it is, for messages.

    Returns
    -------
    targets : list of str
        Names that exist in the model.

    Raises
    ------
    ValueError
        If they cannot be found; lists the names of the modules that could be adapted.
    """
    import_optional("peft", extra="llm", purpose=owner)
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as known

    config: Any = language_model.config
    architecture = config.model_type
    wanted = known.get(architecture, []) if targets is None else targets
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    names = _adaptable(language_model)
    missing = [one for one in wanted if one not in names]
    if missing or not wanted:
        why = f"has no {missing}" if missing else f"(architecture {architecture!r}) is not in peft's table of targets"
        raise ValueError(
            f"lora_targets of {owner} must name modules of the language model: {type(language_model).__name__} {why}. "
            f"Its modules: {', '.join(sorted(names))}. Give lora_targets=[...], the attention's projections."
        )
    return wanted


def add_adapters(language_model: nn.Module, targets: Sequence[str], *, rank: int, alpha: float, dropout: float) -> None:
    """Put low-rank adapters into a language model; nothing else changes.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        Changed in place.
    targets : sequence of str
        Last parts of the names of the adapted modules.
    rank : int
        Rank of the update.
    alpha : float
        The update is scaled by ``alpha / rank``.
    dropout : float
        Share of an adapter's inputs dropped in training.
    """
    import peft

    options: dict[str, Any] = {"r": rank, "lora_alpha": alpha, "lora_dropout": dropout}
    config = peft.LoraConfig(target_modules=list(targets), **options)
    with warnings.catch_warnings():  # peft tells that it found the weights of GPT-2 transposed
        warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
        peft.inject_adapter_in_model(config, language_model)


def norms(language_model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Find the normalisation layers, of whatever kind.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model.

    Yields
    ------
    name, module : str, torch.nn.Module
        Each of them.
    """
    for name, module in language_model.named_modules():
        if isinstance(module, nn.LayerNorm) or "norm" in type(module).__name__.lower():
            yield name, module


def position_embeddings(language_model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Find the position embeddings; models with rotary ones have none.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model, without its word embeddings.

    Yields
    ------
    name, module : str, torch.nn.Module
        Each of them.
    """
    config: Any = language_model.config
    for name, module in language_model.named_modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == getattr(config, "max_position_embeddings", -1):
            yield name, module


def _adaptable(language_model: nn.Module) -> set[str]:
    """Name the modules that hold a weight matrix, by the last part of their names."""
    names = set()
    for name, module in language_model.named_modules():
        weight = getattr(module, "weight", None)
        if weight is not None and weight.ndim == 2 and not isinstance(module, nn.Embedding):
            names.add(re.sub(r".*\.", "", name))
    return names
