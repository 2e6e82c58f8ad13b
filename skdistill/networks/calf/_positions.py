"""Position embeddings of a language model, and the number of tokens they cover."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from torch import nn

__all__ = ["position_embeddings", "position_limit"]

_MARKS = ("position", "wpe")


def position_embeddings(language_model: nn.Module) -> Iterator[tuple[str, nn.Embedding]]:
    """Yield the tables of position embeddings; models with rotary or relative positions have none.

    A table is an embedding with a row for every position, or a few more, that has "position" or "wpe" in its name or in
    the name of its class.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model.

    Yields
    ------
    name, table : str, torch.nn.Embedding
        Each of them.
    """
    least = _declared_limit(language_model) or 1
    for name, module in language_model.named_modules():
        names = (re.sub(r".*\.", "", name).lower(), type(module).__name__.lower())
        if (
            isinstance(module, nn.Embedding)
            and module.num_embeddings >= least
            and any(mark in one for mark in _MARKS for one in names)
        ):
            yield name, module


def position_limit(language_model: nn.Module) -> int | None:
    """Return the number of tokens that a model has positions for.

    In tables with a padding row, as in RoBERTa, positions start after that row.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model; its weights are not read.

    Returns
    -------
    limit : int or None
        None if there is no limit, or the model does not declare one.
    """
    declared = _declared_limit(language_model)
    padded = (table for _, table in position_embeddings(language_model) if table.padding_idx is not None)
    limits = [table.num_embeddings - table.padding_idx - 1 for table in padded]  # type: ignore[operator]
    return min([*limits, *([] if declared is None else [declared])], default=None)


def _declared_limit(language_model: nn.Module) -> int | None:
    """Return the limit in the configuration; a number that is not positive means no limit."""
    config: Any = language_model.config
    declared = getattr(config, "max_position_embeddings", None)
    return declared if isinstance(declared, int) and declared > 0 else None
