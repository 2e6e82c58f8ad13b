"""Where tensors live, and seeds that leave the rest of the process alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

__all__ = ["count_parameters", "resolve_device", "seeded"]


def resolve_device(device: str | torch.device | None) -> torch.device:
    """Turn ``device=`` into a torch device that exists here.

    Parameters
    ----------
    device : str, torch.device or None
        ``"auto"`` and None choose the first GPU, or the CPU where there is none.

    Returns
    -------
    device : torch.device
        The device.

    Raises
    ------
    ValueError
        If the device is unknown or not on this machine.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device is None or device == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N'; got {device!r}.") from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={device!r} was asked for, but torch sees no GPU here; use device='auto' or 'cpu'.")
    return resolved


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside the block and restore them after it.

    Parameters
    ----------
    seed : int
        The seed.

    Yields
    ------
    None
        Nothing.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def count_parameters(module: nn.Module) -> int:
    """Count the numbers in a module's parameters.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    n_parameters : int
        Their count, shared ones once.

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())
