"""torch's random generators, which all threads of a process share: one block at a time uses them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["seeded", "untouched"]

# Taken before any other lock of the package, so that no two threads wait for each other.
_LOCK = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside the block and restore them after it.

    Other threads wait at their own block: the generators are the process's, and numbers that two of them drew would be
    those of neither seed. So threads train one after the other; use processes to train side by side.

    Parameters
    ----------
    seed : int
        The seed.

    Yields
    ------
    None
        Nothing.
    """
    with _LOCK, torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


@contextmanager
def untouched() -> Iterator[None]:
    """Restore torch's generator of the CPU after a block whose numbers do not matter.

    Yields
    ------
    None
        Nothing.
    """
    with _LOCK, torch.random.fork_rng(devices=[]):
        yield
