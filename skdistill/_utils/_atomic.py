"""Atomic writes of files, and allocation of disk space in advance."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "append_line",
    "naming_full_disk",
    "remove_leftovers",
    "replacing",
    "reserve",
    "write_atomically",
]

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: str | os.PathLike[str], data: bytes, *, durable: bool = True) -> None:
    """Write a file that appears complete or not at all.

    The temporary file next to it has a unique name in every thread, process and container. If a writer is killed, the
    next writer of the same file removes its temporary file.

    Parameters
    ----------
    path : str or Path
        The file; an older one is replaced, a link is followed.
    data : bytes
        The content.
    durable : bool, default=True
        Whether to wait until the bytes are on the disk.

    Raises
    ------
    OSError
        If the disk is full; the message has the path and the size, and no file remains.
    """
    target = Path(path).resolve() if os.path.lexists(path) else Path(path)
    remove_leftovers(target.parent, target.name)
    with _temporary_beside(target) as (descriptor, temporary):
        reserve(descriptor, len(data), target)
        with naming_full_disk(target, len(data)), os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, target)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Replace a file by another that is written in the block, or leave it where that fails.

    Parameters
    ----------
    path : str or Path
        The file; a link is followed.

    Yields
    ------
    temporary : Path
        The file to write, beside it; as for :func:`write_atomically`.

    Raises
    ------
    OSError
        If the disk is full; the message has the path and the size so far.
    """
    target = Path(path).resolve() if os.path.lexists(path) else Path(path)
    remove_leftovers(target.parent, target.name)
    with _temporary_beside(target) as (descriptor, temporary):
        try:
            yield temporary
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise _room_error(target, os.fstat(descriptor).st_size, error, at_least=True) from error
        os.replace(temporary, target)


@contextlib.contextmanager
def naming_full_disk(path: Path, size: int, *, at_least: bool = False) -> Iterator[None]:
    """Raise the error of :func:`_room_error` where the block finds the disk full.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Bytes that it needs.
    at_least : bool, default=False
        Whether it needs more than that.

    Yields
    ------
    None
        Nothing.
    """
    try:
        yield
    except OSError as error:
        raise (_room_error(path, size, error, at_least=at_least) if error.errno in _FULL else error) from error


def append_line(path: Path, line: str) -> None:
    """Append to a text file.

    Parameters
    ----------
    path : Path
        The file.
    line : str
        What to append, with its ends of lines.

    Raises
    ------
    OSError
        If the disk is full; the message has the path and the size.
    """
    with naming_full_disk(path, len(line)), path.open("a") as file:
        file.write(line)


def remove_leftovers(folder: Path, name: str = "") -> None:
    """Remove the temporary files of killed writers; those of running writers are locked, and stay.

    Parameters
    ----------
    folder : Path
        The folder.
    name : str, default=""
        Name of the target file; empty for any.
    """
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for leftover in folder.glob(f".{glob_escape(name) if name else '*'}.*.tmp"):
            with contextlib.suppress(OSError):
                descriptor = os.open(leftover, os.O_RDWR)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    leftover.unlink()
                finally:
                    os.close(descriptor)


def glob_escape(name: str) -> str:
    """Return a pattern that matches a name alone."""
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)


def reserve(descriptor: int, size: int, path: Path) -> None:
    """Allocate disk space for a file, so that later writes do not fail.

    Parameters
    ----------
    descriptor : int
        The open file, which grows to ``size`` bytes.
    size : int
        Bytes.
    path : Path
        Its path, for the message.

    Raises
    ------
    OSError
        If there is no such room, with the path and the size.
    """
    if not size:
        return
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
            return
    except OSError as error:
        if error.errno in _FULL:
            raise _room_error(path, size, error) from error
    with naming_full_disk(path, size):  # where blocks cannot be reserved, zeros take them
        for start in range(0, size, 1 << 20):
            os.pwrite(descriptor, bytes(min(1 << 20, size - start)), start)


def _room_error(path: Path, size: int, error: OSError, *, at_least: bool = False) -> OSError:
    """Return the error for a file that needs ``size`` bytes, or more, and does not fit on its disk."""
    left = ""
    with contextlib.suppress(OSError, AttributeError):
        disk = os.statvfs(path.parent)
        left = f", and {disk.f_bavail * disk.f_frsize:,} are free"
    return OSError(
        error.errno,
        f"{os.strerror(error.errno or 0)}: the file needs {'more than ' * at_least}{size:,} bytes{left}",
        str(path),
    )


@contextlib.contextmanager
def _temporary_beside(target: Path) -> Iterator[tuple[int, Path]]:
    """Open a locked file with a unique name; remove it unless it was moved."""
    while True:
        temporary = target.parent / f".{target.name}.{uuid.uuid4().hex}.tmp"
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)  # the umask applies, as with open()
        try:
            if fcntl is not None:
                with contextlib.suppress(OSError):  # a file system without locks
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            if not os.fstat(descriptor).st_nlink:  # taken for a leftover before it was locked
                continue
            try:
                yield descriptor, temporary
            finally:
                with contextlib.suppress(OSError):
                    if os.path.samestat(os.fstat(descriptor), os.stat(temporary)):
                        os.unlink(temporary)
            return
        finally:
            os.close(descriptor)
