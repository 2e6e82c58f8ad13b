"""Use of torch's random generators, which all threads of a process share, by one block at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["RandomStream", "seed_all", "seeded", "untouched"]

# Taken before any other lock of the package, so that no two threads wait for each other.
_LOCK = threading.RLock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside the block and restore them after it.

    Other threads wait at their own block: the generators are shared by the process, so concurrent use would break both
    seeds. Threads therefore train one after the other; use processes to train in parallel.

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
        seed_all(seed)
        yield


def seed_all(seed: int) -> None:
    """Seed as ``torch.manual_seed``, which formats the stack for every kind of device, even if there is none.

    Parameters
    ----------
    seed : int
        The seed of all generators of torch.
    """
    accelerator = getattr(torch, "accelerator", None)  # since torch 2.6
    if accelerator is not None and not accelerator.is_available():
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


class RandomStream:
    """Random numbers of one seed, drawn in several blocks; each block continues where the previous one stopped.

    Only the generator of the CPU continues; those of other devices restart in every block.

    Parameters
    ----------
    seed : int
        The seed.

    Examples
    --------
    >>> import torch
    >>> stream = RandomStream(0)
    >>> with stream.block():
    ...     first = torch.rand(1)
    >>> with stream.block():
    ...     second = torch.rand(1)
    >>> with seeded(0):
    ...     both = torch.rand(1), torch.rand(1)
    >>> both == (first, second)
    True
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._state: torch.Tensor | None = None

    @contextmanager
    def block(self) -> Iterator[None]:
        """Draw from the stream inside the block, as in :func:`seeded`.

        Yields
        ------
        None
            Nothing.
        """
        with seeded(self.seed):
            if self._state is not None:
                torch.set_rng_state(self._state)
            yield
            self._state = torch.get_rng_state()


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
