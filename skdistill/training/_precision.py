"""Arithmetic of networks in training: bfloat16 products of float32 weights."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["in_float32", "warn_of_slow_precision"]


def in_float32(output: Any) -> Any:
    """Return what a network returned, with all its floating-point tensors in float32.

    Parameters
    ----------
    output : Tensor, named tuple, tuple, list, dict or other object
        What a network returned, or a part of it.

    Returns
    -------
    output : object
        The same structure.

    Examples
    --------
    >>> import torch
    >>> in_float32((torch.ones(1, dtype=torch.bfloat16), None))
    (tensor([1.]), None)
    """
    if isinstance(output, Tensor):
        return output.float() if output.is_floating_point() else output
    if isinstance(output, tuple):
        parts = [in_float32(part) for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    if isinstance(output, list):
        return [in_float32(part) for part in output]
    if isinstance(output, dict):
        return {name: in_float32(part) for name, part in output.items()}
    return output


def warn_of_slow_precision(precision: str, device: torch.device) -> None:
    """Warn if a device only imitates the arithmetic that is asked for.

    Parameters
    ----------
    precision : {"float32", "bfloat16"}
        What is asked for.
    device : device
        Where a network trains.
    """
    if precision == "float32" or _has_bfloat16(device):
        return
    warnings.warn(
        f"training_precision={precision!r} saves no time here: the device {device.type!r} has no bfloat16 arithmetic "
        "and imitates it. Leave it out.",
        stacklevel=stacklevel_of_user(),
    )


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type != "cpu":
        return True
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # torch was built without oneDNN
        return False
