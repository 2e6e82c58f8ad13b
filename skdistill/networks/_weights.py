"""Read weights from memory or a file, and load them into a module."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from skdistill.networks._custom_network import _OwnModule

__all__ = ["load_weights", "read_state_dict"]


def read_state_dict(source: Mapping[str, Tensor] | str | Path, *, owner: str) -> Mapping[str, Tensor]:
    """Return weights, from memory or from a file.

    Parameters
    ----------
    source : dict of Tensor, str or Path
        The weights or their file: ``.safetensors``, or any file that ``torch.load(weights_only=True)`` reads. A
        training checkpoint with exactly one mapping of tensors, such as ``{"state_dict": ..., "epoch": 3}``, is
        accepted, too.
    owner : str
        Parameter and class, for error messages.

    Returns
    -------
    state_dict : dict of Tensor
        The weights.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    TypeError
        If the source, or the content of the file, is not a dict of tensors.
    """
    content: Any = source
    if isinstance(source, str | Path):
        path = Path(source)
        if not path.is_file():
            raise FileNotFoundError(f"{owner}: there is no file {path}.")
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    content = _unwrapped(content)
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise TypeError(
            f"{owner} must be a dict of tensors or a file that holds one; "
            f"got {type(content).__name__}. For a module, pass module.state_dict()."
        )
    return content


def _unwrapped(content: Any) -> Any:
    """Return the only mapping of names to tensors in a training checkpoint; anything else unchanged."""
    if not isinstance(content, Mapping) or any(isinstance(value, Tensor) for value in content.values()):
        return content
    inside = [value for value in content.values() if isinstance(value, Mapping) and _are_weights(value)]
    return inside[0] if len(inside) == 1 else content


def _are_weights(value: Mapping[Any, Any]) -> bool:
    return bool(value) and all(isinstance(name, str) and isinstance(one, Tensor) for name, one in value.items())


def load_weights(module: nn.Module, state_dict: Mapping[str, Tensor], *, owner: str) -> None:
    """Load weights into a module, or raise an error that names all that do not fit.

    Parameters
    ----------
    module : torch.nn.Module
        The module; changed in place.
    state_dict : dict of Tensor
        The weights. For a user's module, their names can be those of the module or those inside ``CustomNetwork``.
    owner : str
        Parameter and class, for error messages.

    Raises
    ------
    ValueError
        If weights are missing, unexpected or have the wrong shape.
    """
    module = _module_named(module, state_dict)
    own = module.state_dict()
    problems = [f"missing {name!r} of shape {tuple(own[name].shape)}" for name in own if name not in state_dict]
    problems += [f"unexpected {name!r}" for name in state_dict if name not in own]
    problems += [
        f"{name!r} has shape {tuple(state_dict[name].shape)} instead of {tuple(own[name].shape)}"
        for name in own
        if name in state_dict and state_dict[name].shape != own[name].shape
    ]
    if problems:
        raise ValueError(
            f"{owner} does not fit the network built for this problem: {'; '.join(problems)}. "
            "Check the network's hyperparameters, context_length, prediction_length and the number of channels."
        )
    module.load_state_dict(state_dict)


def _module_named(module: nn.Module, state_dict: Mapping[str, Tensor]) -> nn.Module:
    """Return the module that the names belong to: a user's module, or its wrapper in ``CustomNetwork``."""
    if not isinstance(module, _OwnModule):
        return module
    return max(module.module, module, key=lambda one: len(one.state_dict().keys() & state_dict.keys()))
