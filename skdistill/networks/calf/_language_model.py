"""Read a language model: its configuration, first blocks and word embeddings; and test it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._generators import untouched
from skdistill._utils._optional import import_optional

__all__ = [
    "find_word_embeddings",
    "load_language_model",
    "make_skeleton",
    "read_config",
    "take_word_embeddings",
    "try_out",
]


def read_config(model: str, owner: str, revision: str | None = None) -> Any:
    """Read the configuration of a language model, which is fast.

    Parameters
    ----------
    model : str
        A local folder or a hub id.
    owner : str
        Name of the parameter's class, for error messages.
    revision : str or None, default=None
        Branch, tag or commit on the hub.

    Returns
    -------
    config : transformers.PretrainedConfig
        The configuration.

    Raises
    ------
    OSError, ValueError
        If the model is not found or transformers cannot read it; the message says what to do.
    """
    transformers = import_optional("transformers", extra="llm", purpose=owner)
    config = _read(
        lambda: transformers.AutoConfig.from_pretrained(model, revision=revision or "main", trust_remote_code=False),
        model,
        owner,
    )
    if getattr(config, "is_encoder_decoder", False) or not all(
        isinstance(getattr(config, name, None), int) for name in ("hidden_size", "num_hidden_layers")
    ):
        raise ValueError(
            f"model of {owner} must be one stack of blocks, an encoder or a decoder of text such as GPT-2 or BERT; "
            f"{model!r} is a {type(config).__name__}."
        )
    return config


def make_skeleton(model: str, n_layers: int, owner: str, revision: str | None = None) -> nn.Module:
    """Build the first blocks of a language model without weights, which is a fast way to get names and shapes.

    Parameters
    ----------
    model : str
        A local folder or a hub id.
    n_layers : int
        Number of blocks.
    owner : str
        Name of the parameter's class, for error messages.
    revision : str or None, default=None
        Branch, tag or commit on the hub.

    Returns
    -------
    skeleton : transformers.PreTrainedModel
        The model on the device "meta".

    Raises
    ------
    ValueError
        If the number of blocks cannot be reduced, or transformers cannot build the model.
    """
    transformers = import_optional("transformers", extra="llm", purpose=owner)
    config = read_config(model, owner, revision)
    n_all = config.num_hidden_layers
    try:
        _keep_layers(config, n_layers)
        with untouched(), torch.device("meta"), _quiet(transformers):
            return _auto_class(transformers, config).from_config(config)
    except Exception as error:  # an architecture can raise anything for a size it does not expect
        way_out = f"Set n_layers={n_all}, all of them, or take another model" if n_layers < n_all else "Take another"
        raise ValueError(
            f"n_layers of {owner}: the first {n_layers} of the {n_all} blocks of {model!r}, a {type(config).__name__}, "
            f"cannot be used alone ({_first_line(error)}). {way_out}."
        ) from error


def load_language_model(model: str, n_layers: int, owner: str, revision: str | None = None) -> nn.Module:
    """Load the first blocks of a language model, in float32, frozen.

    Parameters
    ----------
    model : str
        A local folder or a hub id.
    n_layers : int
        Number of blocks.
    owner : str
        Name of the parameter's class, for error messages.
    revision : str or None, default=None
        Branch, tag or commit on the hub.

    Returns
    -------
    language_model : transformers.PreTrainedModel
        Model that takes ``inputs_embeds``, without a pooler.
    """
    transformers = import_optional("transformers", extra="llm", purpose=owner)
    config = read_config(model, owner, revision)
    _keep_layers(config, n_layers)
    config.use_cache = False
    auto = _auto_class(transformers, config)
    with _quiet(transformers):  # transformers would report the weights of the dropped blocks
        loaded = _read(
            lambda: auto.from_pretrained(
                model, config=config, dtype=torch.float32, revision=revision or "main", trust_remote_code=False
            ),
            model,
            owner,
        )
    if getattr(loaded, "pooler", None) is not None:
        loaded.pooler = None
    return loaded.requires_grad_(False)


def find_word_embeddings(language_model: nn.Module, owner: str) -> nn.Embedding:
    """Return the word embeddings of a language model.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        The model.
    owner : str
        Name of the parameter's class, for error messages.

    Returns
    -------
    table : torch.nn.Embedding
        One row per word.

    Raises
    ------
    ValueError
        If it has none, like models of images or sound.
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
    return embeddings


def take_word_embeddings(language_model: nn.Module, owner: str) -> Tensor:
    """Remove and return the word embeddings of a language model that only gets vectors as input.

    Parameters
    ----------
    language_model : transformers.PreTrainedModel
        Changed in place: an empty module replaces the embeddings, as peft asks every model for them.
    owner : str
        Name of the parameter's class, for error messages.

    Returns
    -------
    table : Tensor of shape (n_words, hidden_size)
        The embeddings.
    """
    embeddings = find_word_embeddings(language_model, owner)
    language_model.set_input_embeddings(nn.Identity())  # type: ignore[operator]
    return embeddings.weight.detach()


def try_out(branch: Callable[[Tensor], tuple[Tensor, ...]], *, n_tokens: int, width: int, n_layers: int) -> None:
    """Raise if a language model does not return the expected states for vectors.

    Parameters
    ----------
    branch : callable
        Function that returns the states: input of the first block, and output of every block.
    n_tokens : int
        Number of tokens to test with.
    width : int
        Width of the model.
    n_layers : int
        Number of its blocks.

    Raises
    ------
    ValueError
        The message says what it returned instead.
    """
    tokens = torch.zeros(1, n_tokens, width)
    try:
        with untouched(), torch.inference_mode():
            found = [tuple(state.shape) for state in branch(tokens)]
    except Exception as error:  # an architecture can raise anything for input it does not expect
        raise ValueError(f"it cannot read vectors in place of words ({_first_line(error)})") from error
    if found != [tuple(tokens.shape)] * (n_layers + 1):
        raise ValueError(f"its states have shapes {found} instead of {n_layers + 1} times {tuple(tokens.shape)}")


def _keep_layers(config: Any, n_layers: int) -> None:
    """Set the number of blocks; some architectures do not allow it, not even their own value."""
    if config.num_hidden_layers != n_layers:
        config.num_hidden_layers = n_layers


def _auto_class(transformers: Any, config: Any) -> Any:
    """Return the class that loads only the encoder if there is one, otherwise the class of the bare model."""
    has_encoder = type(config) in transformers.MODEL_FOR_TEXT_ENCODING_MAPPING
    return transformers.AutoModelForTextEncoding if has_encoder else transformers.AutoModel


def _read(load: Callable[[], Any], model: str, owner: str) -> Any:
    try:
        return load()
    except (OSError, ValueError) as error:
        what = f"model of {owner} must be a folder that transformers' save_pretrained wrote, or a hub id"
        if os.path.isdir(model):
            raise ValueError(f"{what}; {model!r} cannot be read ({_first_line(error)}).") from error
        raise OSError(
            f"{what}; there is no folder {model!r}, and it could not be loaded from the hub ({_first_line(error)}). "
            "Without internet, download the model elsewhere and pass its folder."
        ) from error


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Silence the reports and progress bars of transformers while a model loads."""
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
