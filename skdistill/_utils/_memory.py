"""Memory that runs out: the errors that mean it, and work in parts that are halved where it does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

__all__ = ["in_halved_parts", "is_out_of_memory"]

logger = logging.getLogger("skdistill")

Answer = TypeVar("Answer")


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


def in_halved_parts(
    run: Callable[[int, int], Answer],
    n_items: int,
    size: int,
    *,
    who: str,
    device: torch.device,
    halved: Callable[[int], None] | None = None,
) -> Iterator[Answer]:
    """Run a function over consecutive parts of a batch; where memory runs out, halve this and all later parts.

    Parameters
    ----------
    run : callable
        ``run(start, stop)`` computes the items from ``start`` to ``stop``, the second excluded.
    n_items : int
        Number of items.
    size : int
        Number of items in the first part, 1 or more.
    who : str
        Who is at work, for the line of log that tells of a halving.
    device : torch.device
        Device whose freed memory is given back after an error.
    halved : callable or None, default=None
        Called with the new size after each halving.

    Yields
    ------
    answer : object
        What ``run`` returned, part by part.

    Raises
    ------
    RuntimeError or MemoryError
        What ``run`` raised, if it is another error or the part has one item.
    """
    start = 0
    while start < n_items:
        stop = min(start + size, n_items)
        try:
            answer = run(start, stop)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or stop - start == 1:
                raise
            size = (stop - start) // 2
            logger.warning("%s: %d windows at once ran out of memory; from here on %d", who, stop - start, size)
        else:
            start = stop
            yield answer
            continue
        if halved is not None:
            halved(size)
        if device.type == "cuda":
            torch.cuda.empty_cache()
