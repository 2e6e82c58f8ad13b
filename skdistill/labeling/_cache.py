"""The folder that fits share, entry by entry."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

__all__ = ["LabelCache", "read_only_error"]

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class LabelCache:
    """The folder in which fits leave labels, fitted teachers and students for one another.

    Parameters
    ----------
    memory : str, Path, Memory, joblib.Memory or None
        The folder; None keeps nothing.
    """

    def __init__(self, memory: Any) -> None:
        location = getattr(memory, "location", memory)
        if location is not None and not isinstance(location, str | Path):
            raise TypeError(f"memory must be a folder, a skdistill.Memory, a joblib.Memory or None; got {memory!r}.")
        self.folder = None if location is None else Path(location) / "skdistill"
        self.allow_pickle = bool(getattr(memory, "allow_pickle", False))

    @property
    def persistent(self) -> bool:
        """Whether anything outlasts ``fit``."""
        return self.folder is not None

    def entry(self, key: str) -> Path | None:
        """Return the folder of an entry, made if need be.

        Parameters
        ----------
        key : str
            Digest of all that the entry depends on.

        Returns
        -------
        folder : Path or None
            None without a cache.

        Raises
        ------
        PermissionError
            If there is no such entry, and none can be made.
        """
        if self.folder is None:
            return None
        folder = self.folder / key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if folder.is_dir():
                return folder
            raise read_only_error(folder, error) from error
        return folder

    def clear(self) -> None:
        """Delete every entry."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def read_only_error(folder: Path, error: OSError) -> OSError:
    """Make the error for an entry that is not complete and cannot be written.

    Parameters
    ----------
    folder : Path
        The entry.
    error : OSError
        What the operating system said.

    Returns
    -------
    error : OSError
        With the way out, where the folder is read-only; else the same.
    """
    if error.errno not in _READ_ONLY:
        return error
    return PermissionError(
        error.errno,
        "memory= cannot be written, and does not hold all that this fit needs. A folder serves read-only where the "
        "same fit (data, teacher, student, loss, seeds, versions, threads) has filled it. Give a folder that can be "
        "written, or memory=None; the entry is",
        str(folder),
    )
