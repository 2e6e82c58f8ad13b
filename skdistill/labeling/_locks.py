"""One process at a time for an entry of the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

__all__ = ["entry_lock"]


@contextmanager
def entry_lock(folder: Path) -> Iterator[None]:
    """Hold an entry for one process; the same process may enter twice.

    Parameters
    ----------
    folder : Path
        The entry.

    Yields
    ------
    None
        Nothing.
    """
    with FileLock(str(folder / ".lock"), is_singleton=True):
        yield
