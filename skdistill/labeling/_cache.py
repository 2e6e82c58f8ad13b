"""Cache folder that fits share."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

__all__ = ["LabelCache", "read_only_error"]

_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)


class LabelCache:
    """Cache folder in which fits share labels, fitted teachers and students.

    Parameters
    ----------
    memory : str, Path, Memory, joblib.Memory or None
        The folder; None stores nothing.
    """

    def __init__(self, memory: Any) -> None:
        location = getattr(memory, "location", memory)
        if location is not None and not isinstance(location, str | Path):
            raise TypeError(f"memory must be a folder, a skdistill.Memory, a joblib.Memory or None; got {memory!r}.")
        if isinstance(location, str) and "://" in location:
            raise ValueError(
                "memory must be a folder, whose files are mapped into memory: mount the object store, or copy the "
                f"folder there afterwards; got {location!r}."
            )
        self.folder = None if location is None else Path(location) / "skdistill"
        self.allow_pickle = bool(getattr(memory, "allow_pickle", False))

    @property
    def persistent(self) -> bool:
        """Whether anything is stored after ``fit``."""
        return self.folder is not None

    def entry(self, key: str) -> Path | None:
        """Return the folder of an entry; create it if needed.

        Parameters
        ----------
        key : str
            Digest of everything that the entry depends on.

        Returns
        -------
        folder : Path or None
            None without a cache.

        Raises
        ------
        PermissionError
            If the entry does not exist and cannot be created.
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
        """Delete every entry; what cannot be deleted is an error."""
        if self.folder is not None and self.folder.exists():
            shutil.rmtree(self.folder)


def read_only_error(folder: Path, error: OSError) -> OSError:
    """Return the error for an incomplete entry that cannot be written.

    Parameters
    ----------
    folder : Path
        The entry.
    error : OSError
        The error of the operating system.

    Returns
    -------
    error : OSError
        An error with a remedy if the folder is read-only, otherwise the same error.
    """
    if error.errno not in _READ_ONLY:
        return error
    return PermissionError(
        error.errno,
        "memory= cannot be written, and does not contain everything that this fit needs. A read-only folder works if "
        "the same fit (data, teacher, student, loss, seeds, versions, threads, precision) has filled it. Use a folder "
        "that can be written, or memory=None; the entry is",
        str(folder),
    )
