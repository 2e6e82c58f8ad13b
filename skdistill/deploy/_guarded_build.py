"""Building a network that a file describes, without believing its sizes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from skdistill._utils._generators import seeded
from skdistill.deploy._files import SavedFileError
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._quantile_head import build_module

__all__ = ["build_with_weights"]

_LEAST_PRODUCT = 20_000_000
_LEAST_PARTS = 1000


def build_with_weights(network: BaseNetwork, spec: NetworkSpec, weights: Mapping[str, Tensor]) -> nn.Module:
    """Build a network and put weights in, once a dry run has shown that they are its weights.

    Parameters
    ----------
    network : BaseNetwork
        The network.
    spec : NetworkSpec
        What to build it for.
    weights : dict of str to Tensor
        Its ``state_dict``.

    Returns
    -------
    module : torch.nn.Module
        The module, in evaluation mode, its weights in the types of the file.

    Raises
    ------
    SavedFileError
        If network and weights do not belong together, or sizes are beyond what the weights explain.
    """
    _check_sizes(network, spec, weights)
    with seeded(0), _limited(_LEAST_PARTS + 50 * len(weights)):
        with torch.device("meta"):
            shapes = {name: tuple(tensor.shape) for name, tensor in build_module(network, spec).state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if shapes != found:
            wrong = sorted(name for name in shapes.keys() | found.keys() if shapes.get(name) != found.get(name))
            raise SavedFileError(f"its weights are not those of {network}: {', '.join(wrong[:5])} differ.")
        module = build_module(network, spec)
    own = module.state_dict()
    mixed = [name for name, tensor in weights.items() if tensor.is_floating_point() != own[name].is_floating_point()]
    if mixed:
        raise SavedFileError(f"its weights have wrong types: {', '.join(sorted(mixed)[:5])}.")
    module.load_state_dict(dict(weights), assign=True)
    return module.eval()


def _check_sizes(network: BaseNetwork, spec: NetworkSpec, weights: Mapping[str, Tensor]) -> None:
    """Refuse sizes whose product goes far beyond the weights, before anything is made from them."""
    sizes = [spec.context_length, spec.prediction_length, spec.n_channels, spec.n_time_features, spec.label_length]
    sizes.append(len(spec.quantiles or ()))
    sizes += _whole_numbers(network)
    largest = sorted(sizes)[-2:]
    allowed = max(_LEAST_PRODUCT, 16 * sum(tensor.numel() for tensor in weights.values()))
    if largest[0] * largest[1] > allowed:
        raise SavedFileError(f"it declares sizes ({largest[0]} and {largest[1]}) that its weights do not explain.")


def _whole_numbers(value: Any) -> list[int]:
    """Collect the whole numbers among parameters, however deep."""
    if isinstance(value, bool | str) or value is None:
        return []
    if isinstance(value, int):
        return [value]
    if isinstance(value, Mapping):
        return [number for one in value.values() for number in _whole_numbers(one)]
    if isinstance(value, list | tuple):
        return [number for one in value for number in _whole_numbers(one)]
    return _whole_numbers(value.get_params(deep=False)) if hasattr(value, "get_params") else []


@contextmanager
def _limited(most: int) -> Iterator[None]:
    """Stop a build in this thread that registers too many parts."""
    thread, count = threading.get_ident(), 0

    def note(*registered: Any) -> None:
        nonlocal count
        if threading.get_ident() == thread:
            count += 1
            if count > most:
                raise SavedFileError(f"its network has more than {most} parts, which its weights do not explain.")

    handles = [
        torch_module.register_module_parameter_registration_hook(note),
        torch_module.register_module_module_registration_hook(note),
        torch_module.register_module_buffer_registration_hook(note),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
