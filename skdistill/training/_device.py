"""Where tensors live, and how many numbers a module holds."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["count_parameters", "resolve_device"]


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
