"""What fits told, kept in the cache beside what they learned, so that those who find it are told, too."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skdistill._utils._atomic import write_atomically
from skdistill._utils._plain_files import pack, place_of, read_plain
from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["keep_words", "noted_words", "read_words", "tell_words"]

_FILE = "words.safetensors"


@contextmanager
def noted_words() -> Iterator[list[str]]:
    """Note what is told, each text once, and tell it all the same.

    Yields
    ------
    words : list of str
        The warnings of the block, as they come.
    """
    words: list[str] = []
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note_and_show(message: Warning | str, category: type[Warning], *details: Any, **more: Any) -> None:
            if category is UserWarning and str(message) not in words:
                words.append(str(message))
            show(message, category, *details, **more)

        warnings.showwarning = note_and_show
        yield words


def keep_words(folder: Path, words: list[str]) -> None:
    """Store what a fit told; nothing if it told nothing.

    Parameters
    ----------
    folder : Path
        The entry of the cache.
    words : list of str
        Its warnings.
    """
    if words:
        write_atomically(folder / _FILE, pack({"words": words}, place=place_of(folder / _FILE)))
    else:
        (folder / _FILE).unlink(missing_ok=True)


def read_words(folder: Path) -> list[str]:
    """Read what the fit told that made an entry.

    Parameters
    ----------
    folder : Path
        The entry of the cache.

    Returns
    -------
    words : list of str
        Its warnings; none if it told nothing.

    Raises
    ------
    SavedFileError
        If the file is damaged.
    """
    try:
        return list(read_plain(folder / _FILE)["words"])
    except FileNotFoundError:
        return []


def tell_words(words: list[str]) -> None:
    """Warn again of what a fit told.

    Parameters
    ----------
    words : list of str
        Its warnings.
    """
    for one in words:
        warnings.warn(one, stacklevel=stacklevel_of_user())
