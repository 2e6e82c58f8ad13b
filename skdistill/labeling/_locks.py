"""Locks of cache entries: one fit writes an entry, others wait and log for whom."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from skdistill._utils._atomic import remove_leftovers, write_atomically
from skdistill.labeling._cache import read_only_error

__all__ = ["entry_lock"]

logger = logging.getLogger("skdistill")

_OWNER = "owner.json"
_held = threading.local()  # folders locked by this thread


@contextmanager
def entry_lock(folder: Path, work: str = "makes labels") -> Iterator[None]:
    """Lock an entry for one thread of one process; the lock is reentrant.

    Incomplete files of killed writers are removed.

    Parameters
    ----------
    folder : Path
        The entry.
    work : str, default="makes labels"
        Description of the work, for processes that wait.

    Yields
    ------
    None
        No value.

    Raises
    ------
    PermissionError
        If the folder cannot be written.
    """
    held: set[Path] = _held.__dict__.setdefault("folders", set())
    if folder in held:
        yield
        return
    lock = FileLock(str(folder / ".lock"))
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.warning("waiting for the entry %s of memory=, where %s", folder, _describe_owner(folder))
            lock.acquire()
        except OSError as error:
            raise read_only_error(folder, error) from error
        remove_leftovers(folder)
        _note_owner(folder, work)
        held.add(folder)
        yield
    finally:
        held.discard(folder)
        if lock.is_locked:
            with contextlib.suppress(OSError):
                (folder / _OWNER).unlink()
        lock.release(force=True)


def _note_owner(folder: Path, work: str) -> None:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "work": work, "since": since}
    with contextlib.suppress(OSError):  # disk full: later writes will raise
        write_atomically(folder / _OWNER, json.dumps(owner).encode(), durable=False)


def _describe_owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / _OWNER).read_text())
        return f"process {owner['pid']} on {owner['host']} {owner['work']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process is working"
