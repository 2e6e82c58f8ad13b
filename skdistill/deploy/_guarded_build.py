"""Build a network described in a file, with checks of its sizes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

from skdistill._utils._document import SavedFileError
from skdistill._utils._generators import seeded
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._quantile_head import build_module

__all__ = ["build_with_weights"]

_LEAST_PRODUCT = 20_000_000
_LEAST_PARTS = 1000
_LEAST_SIZE = 1 << 16


def build_with_weights(
    network: BaseNetwork, spec: NetworkSpec, weights: Mapping[str, Tensor], *, double: bool = False
) -> nn.Module:
    """Build a network and load weights, after a dry run has checked that they match.

    Parameters
    ----------
    network : BaseNetwork
        The network.
    spec : NetworkSpec
        The problem to build it for.
    weights : dict of str to Tensor
        The ``state_dict`` of the network.
    double : bool, default=False
        Whether its weights are in float64, as for a regressor.

    Returns
    -------
    module : torch.nn.Module
        The module, in evaluation mode.

    Raises
    ------
    SavedFileError
        If network and weights do not match, weights are not finite, or sizes are larger than the weights explain.
    """
    _check_sizes(network, spec, weights)
    unread = [
        name
        for name, asked, reads in (
            ("known covariates", bool(spec.known), network.reads_known),
            ("static covariates", bool(spec.n_static), network.reads_static),
            ("masks", spec.masks, network.reads_masks),
        )
        if asked and not reads
    ]
    if unread:
        raise SavedFileError(f"it declares {' and '.join(unread)}, which {type(network).__name__} does not read.")
    infinite = [name for name, one in weights.items() if one.is_floating_point() and not one.isfinite().all()]
    if infinite:
        raise SavedFileError(f"its weights are not finite: {', '.join(sorted(infinite)[:5])}.")
    with seeded(0), _limited(_LEAST_PARTS + 50 * len(weights)):
        with torch.device("meta"):
            shapes = {name: tuple(tensor.shape) for name, tensor in build_module(network, spec).state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if shapes != found:
            wrong = sorted(name for name in shapes.keys() | found.keys() if shapes.get(name) != found.get(name))
            raise SavedFileError(f"its weights are not those of {network}: {', '.join(wrong[:5])} differ.")
        module = build_module(network, spec)
    if double:
        module = module.double()
    own = module.state_dict()
    mixed = [name for name, tensor in weights.items() if tensor.dtype != own[name].dtype]
    if mixed:
        raise SavedFileError(f"its weights have wrong types: {', '.join(sorted(mixed)[:5])}.")
    module.load_state_dict(dict(weights), assign=True)
    for name, part in module.named_modules():
        variance = getattr(part, "running_var", None)
        if variance is not None and not (variance >= 0).all():
            raise SavedFileError(f"its weights are invalid: a variance of {name} is negative.")
    return module.eval()


def _check_sizes(network: BaseNetwork, spec: NetworkSpec, weights: Mapping[str, Tensor]) -> None:
    """Raise for sizes (or products of sizes) far larger than the weights, before anything is built."""
    own = [spec.context_length, spec.prediction_length, spec.n_time_features, spec.label_length]
    own += [len(spec.quantiles or ()), *_whole_numbers(network)]
    n_weights = sum(tensor.numel() for tensor in weights.values())
    if max(own) > max(_LEAST_SIZE, n_weights):
        raise SavedFileError(f"it declares a size ({max(own)}) that its weights do not explain.")
    largest = sorted([*own, spec.n_channels])[-2:]
    if largest[0] * largest[1] > max(_LEAST_PRODUCT, 16 * n_weights):
        raise SavedFileError(f"it declares sizes ({largest[0]} and {largest[1]}) that its weights do not explain.")


def _whole_numbers(value: Any) -> list[int]:
    """Collect the integers among parameters, at any depth."""
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
    """Stop a build in this thread if it registers too many parts."""
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
