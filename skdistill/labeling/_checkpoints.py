"""Checkpoints of trainings that came to their end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["drop_checkpoints"]


def drop_checkpoints(folder: Path, name: str) -> None:
    """Delete the checkpoints of what is stored, also those of a fit that was killed before it came to that.

    Parameters
    ----------
    folder : Path
        The entry; one of another user, or one that is only read, keeps them.
    name : str
        What their file names start with.
    """
    for leftover in folder.glob(f"{name}*"):
        with suppress(OSError):
            leftover.unlink()
