"""Errors that mean that memory ran out."""

from __future__ import annotations

import torch

__all__ = ["is_out_of_memory"]


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the memory of the CPU or of a GPU ran out.

    Parameters
    ----------
    error : BaseException
        The error.

    Returns
    -------
    out_of_memory : bool
        Whether it does.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text
