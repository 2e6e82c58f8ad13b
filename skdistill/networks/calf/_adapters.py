"""The trained parts of a language model: low-rank adapters and norms."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from torch import nn

from skdistill._utils._optional import import_optional

__all__ = ["add_adapters", "find_targets", "norms"]

# Names of the attention projections that get adapters: query and value, if these are separate modules.
_COMMON_TARGETS = (
    ("q_proj", "v_proj"),
    ("query", "value"),
    ("query_proj", "value_proj"),
    ("q_lin", "v_lin"),
    ("q", "v"),
    ("Wq", "Wv"),
    ("Wqkv",),
    ("qkv_proj",),
    ("query_key_value",),
    ("c_attn",),
    ("att_proj",),
)


def find_targets(language_model: nn.Module, targets: Sequence[str] | None, owner: str) -> list[str]:
    """Return the names of the modules that get low-rank adapters.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model.
    targets : sequence of str or None
        Last parts of module names. None takes the modules that peft lists for the architecture, or else common names.
    owner : str
        Name of the parameter's class, for error messages.

    Returns
    -------
    targets : list of str
        Names that exist in the model.

    Raises
    ------
    TypeError
        If targets are not names.
    ValueError
        If there are none, or they are not found; the message lists the modules that could be adapted.
    """
    names = _adaptable(language_model)
    wanted = _common_targets(language_model, names, owner) if targets is None else _check_targets(targets, owner)
    last_parts = {name.rpartition(".")[-1] for name in names}
    missing = [one for one in wanted if not any(name == one or name.endswith(f".{one}") for name in names)]
    if missing or not wanted:
        config: Any = language_model.config
        unknown = f"(architecture {config.model_type!r}) is not in peft's table of targets and has no common names"
        why = f"has no {missing}" if missing else unknown
        raise ValueError(
            f"lora_targets of {owner} must name modules of the language model: {type(language_model).__name__} {why}. "
            f"Its modules: {', '.join(sorted(last_parts))}. Give lora_targets=[...], the attention's projections."
        )
    return wanted


def add_adapters(language_model: nn.Module, targets: Sequence[str], *, rank: int, alpha: float, dropout: float) -> None:
    """Add low-rank adapters to a language model.

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
    with warnings.catch_warnings():  # peft warns that the weights of GPT-2 are transposed
        warnings.filterwarnings("ignore", message=".*fan_in_fan_out.*")
        peft.inject_adapter_in_model(config, language_model)


def norms(language_model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the normalization layers of any kind.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model.

    Yields
    ------
    name, module : str, torch.nn.Module
        Name and layer.
    """
    for name, module in language_model.named_modules():
        if isinstance(module, nn.LayerNorm) or "norm" in type(module).__name__.lower():
            yield name, module


def _check_targets(targets: Sequence[str], owner: str) -> list[str]:
    """Return one or several given names as a list."""
    rule = f"lora_targets of {owner} must be names of modules, such as ['q_proj', 'v_proj'], or None, which finds them"
    listed = [targets] if isinstance(targets, str) else targets
    if not isinstance(listed, Sequence) or not all(isinstance(one, str) for one in listed):
        raise TypeError(f"{rule}; got {targets!r}.")
    if not all(listed) or not listed:
        raise ValueError(f"{rule}; got {targets!r}.")
    return list(listed)


def _common_targets(language_model: nn.Module, names: set[str], owner: str) -> list[str]:
    """Look up targets in peft's table; if none fit, take the first common names that do."""
    import_optional("peft", extra="llm", purpose=owner)
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as known

    config: Any = language_model.config
    listed = known.get(config.model_type, [])
    last_parts = {name.rpartition(".")[-1] for name in names}
    for wanted in ([listed] if isinstance(listed, str) else listed, *_COMMON_TARGETS):
        if wanted and last_parts.issuperset(wanted):
            return list(wanted)
    return []


def _adaptable(language_model: nn.Module) -> set[str]:
    """Return the names of the modules that have a weight matrix."""
    names = set()
    for name, module in language_model.named_modules():
        weight = getattr(module, "weight", None)
        if weight is not None and weight.ndim == 2 and not isinstance(module, nn.Embedding):
            names.add(name)
    return names
