"""The folder that fits share."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

__all__ = ["LabelCache"]


class LabelCache:
    """The folder in which fits leave labels and fitted teachers for one another.

    Parameters
    ----------
    memory : str, Path, joblib.Memory or None
        The folder; None keeps nothing.
    """

    def __init__(self, memory: Any) -> None:
        location = getattr(memory, "location", memory)
        if location is not None and not isinstance(location, str | Path):
            raise TypeError(f"memory must be a folder, a joblib.Memory or None; got {memory!r}.")
        self.folder = None if location is None else Path(location) / "skdistill"

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
        """
        if self.folder is None:
            return None
        folder = self.folder / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clear(self) -> None:
        """Delete every entry."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
