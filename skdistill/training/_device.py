"""Devices of tensors, and the number of parameters of a module."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["count_parameters", "resolve_device"]


def resolve_device(device: str | torch.device | None) -> torch.device:
    """Convert ``device`` to an available torch device.

    Parameters
    ----------
    device : str, torch.device or None
        ``"auto"`` and None choose the first GPU, or the CPU if there is no GPU.

    Returns
    -------
    device : torch.device
        The device.

    Raises
    ------
    ValueError
        If the device is unknown or not available.

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
        raise ValueError(f"device={device!r} is not available: torch finds no GPU; use device='auto' or 'cpu'.")
    return resolved


def count_parameters(module: nn.Module) -> int:
    """Return the number of parameters of a module.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    n_parameters : int
        Number of parameters; shared ones count once.

    Examples
    --------
    >>> count_parameters(nn.Linear(3, 2))
    8
    """
    return sum(parameter.numel() for parameter in module.parameters())
