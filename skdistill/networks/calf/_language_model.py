"""Reading a language model: its configuration, its first blocks, its word embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._optional import import_optional

__all__ = ["load_language_model", "position_limit", "read_config", "take_word_embeddings"]


def read_config(model: str, owner: str) -> Any:
    """Read a language model's configuration, which costs little.

    Parameters
    ----------
    model : str
        A local folder or a hub id.
    owner : str
        Whose parameter it is, for messages.

    Returns
    -------
    config : transformers.PretrainedConfig
        The configuration.

    Raises
    ------
    OSError, ValueError
        If there is no such model, or it is none that transformers can read; says what to do.
    """
    transformers = import_optional("transformers", extra="llm", purpose=owner)
    config = _read(lambda: transformers.AutoConfig.from_pretrained(model), model, owner)
    if getattr(config, "is_encoder_decoder", False) or not all(
        isinstance(getattr(config, name, None), int) for name in ("hidden_size", "num_hidden_layers")
    ):
        raise ValueError(
            f"model of {owner} must be one stack of blocks, an encoder or a decoder of text such as GPT-2 or BERT; "
            f"{model!r} is a {type(config).__name__}."
        )
    return config


def position_limit(config: Any) -> int | None:
    """Return how many tokens a model has positions for.

    Parameters
    ----------
    config : transformers.PretrainedConfig
        The configuration.

    Returns
    -------
    limit : int or None
        None if it does not say.
    """
    return getattr(config, "max_position_embeddings", None)


def load_language_model(model: str, n_layers: int, owner: str) -> nn.Module:
    """Load the first blocks of a language model, in float32, frozen.

    Parameters
    ----------
    model : str
        A local folder or a hub id.
    n_layers : int
        How many blocks.
    owner : str
        Whose parameter it is, for messages.

    Returns
    -------
    language_model : transformers.PreTrainedModel
        Takes ``inputs_embeds``; without a pooler.
    """
    transformers = import_optional("transformers", extra="llm", purpose=owner)
    config = read_config(model, owner)
    config.num_hidden_layers = n_layers
    config.use_cache = False
    with _quiet(transformers):  # it would report the weights of the blocks that are left out
        loaded = _read(
            lambda: transformers.AutoModel.from_pretrained(model, config=config, dtype=torch.float32), model, owner
        )
    if getattr(loaded, "pooler", None) is not None:
        loaded.pooler = None
    return loaded.requires_grad_(False)


def take_word_embeddings(language_model: nn.Module, owner: str) -> Tensor:
    """Take the word embeddings out of a language model that is only ever given vectors.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        Changed: it has none afterwards.
    owner : str
        Whose parameter it is, for messages.

    Returns
    -------
    table : Tensor of shape (n_words, hidden_size)
        The embeddings.

    Raises
    ------
    ValueError
        If it has none, as models of images or sound.
    """
    try:
        embeddings = language_model.get_input_embeddings()  # type: ignore[operator]
    except (AttributeError, NotImplementedError):
        embeddings = None
    if not isinstance(embeddings, nn.Embedding):
        raise ValueError(
            f"model of {owner} must have word embeddings, and {type(language_model).__name__} has none: give a "
            "language model such as GPT-2 or BERT."
        )
    language_model.set_input_embeddings(None)  # type: ignore[operator]
    return embeddings.weight.detach()


def _read(load: Callable[[], Any], model: str, owner: str) -> Any:
    try:
        return load()
    except (OSError, ValueError) as error:
        what = f"model of {owner} must be a folder that transformers' save_pretrained wrote, or a hub id"
        if os.path.isdir(model):
            raise ValueError(f"{what}; {model!r} cannot be read ({_first_line(error)}).") from error
        raise OSError(
            f"{what}; there is no folder {model!r}, and it could not be had from the hub ({_first_line(error)}). "
            "Without internet, download the model elsewhere and give its folder."
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Keep transformers' reports and bars away while a model loads."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
