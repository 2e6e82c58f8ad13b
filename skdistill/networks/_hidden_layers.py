"""Find layers of a module that torch does not see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

__all__ = ["check_hidden_layers"]


def check_hidden_layers(module: nn.Module) -> None:
    """Raise if a module keeps trainable layers in a plain list, tuple or dict.

    Such layers are neither trained nor moved to a device nor part of ``state_dict``. Frozen ones are kept so on
    purpose.

    Parameters
    ----------
    module : torch.nn.Module
        A built network.

    Raises
    ------
    ValueError
        The message names the layer and where it is kept.
    """
    seen = {id(one) for one in module.parameters()}
    for part in module.modules():
        for name, value in vars(part).items():
            if name.startswith("_") or not isinstance(value, list | tuple | dict):
                continue
            for kept in _parts_in(value):
                found = kept.parameters() if isinstance(kept, nn.Module) else [kept]
                if any(one.requires_grad and id(one) not in seen for one in found):
                    raise ValueError(
                        f"{type(part).__name__} keeps {type(kept).__name__} in the {type(value).__name__} {name!r}, "
                        "where torch does not find it: it would be neither trained nor saved. Use nn.ModuleList, "
                        "nn.ModuleDict or nn.ParameterList; or requires_grad_(False) if it shall stay as it is."
                    )


def _parts_in(value: Any) -> Iterator[nn.Module | nn.Parameter]:
    if isinstance(value, nn.Module | nn.Parameter):
        yield value
    elif isinstance(value, list | tuple | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _parts_in(one)
