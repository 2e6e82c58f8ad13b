"""Where a language model is: a local folder or an id on the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

__all__ = ["folders_at_hand", "known_folders", "locate"]

_at_hand: ContextVar[tuple[str, ...]] = ContextVar("folders at hand", default=())


def locate(model: str | Path, owner: str) -> str:
    """Return the absolute path of a folder; anything else that may be a hub id as it is.

    Parameters
    ----------
    model : str or Path
        What the user gave.
    owner : str
        Whose parameter it is, for messages.

    Returns
    -------
    model : str
        An absolute path, or a hub id.

    Raises
    ------
    TypeError
        If it is neither a string nor a path.
    ValueError
        If it names a file.
    FileNotFoundError
        If it can only be a folder, and there is none.

    Examples
    --------
    >>> locate("gpt2", "CALF")
    'gpt2'
    >>> locate("/nowhere/gpt2", "CALF")
    Traceback (most recent call last):
        ...
    FileNotFoundError: model of CALF: there is no folder /nowhere/gpt2. If it has moved, give its new place.
    """
    if not isinstance(model, str | Path):
        raise TypeError(
            f"model of {owner} must be a folder that transformers' save_pretrained wrote, or a hub id; got {model!r} "
            f"of type {type(model).__name__}."
        )
    path = Path(model).expanduser()
    if path.is_dir():
        return str(path.absolute())
    if path.is_file():
        raise ValueError(
            f"model of {owner} must be a folder that transformers' save_pretrained wrote, or a hub id; "
            f"{str(model)!r} is a file. Give its folder, {str(path.parent)!r}."
        )
    if path.is_absolute() or str(model).startswith((".", "~")):
        raise FileNotFoundError(
            f"model of {owner}: there is no folder {path.absolute()}. If it has moved, give its new place."
        )
    return str(model)


@contextmanager
def folders_at_hand(estimator: Any) -> Iterator[None]:
    """Tell what is unpickled inside the block which folders an estimator's parameters name.

    A language model that is gone from where a pickle says is looked for there, by its contents.

    Parameters
    ----------
    estimator : estimator
        An estimator with parameters.

    Yields
    ------
    None
        Nothing.
    """
    values = (one for one in estimator.get_params(deep=True).values() if isinstance(one, str | Path))
    paths = (Path(one).expanduser() for one in values)
    token = _at_hand.set(tuple(dict.fromkeys(str(one.absolute()) for one in paths if one.is_dir())))
    try:
        yield
    finally:
        _at_hand.reset(token)


def known_folders() -> tuple[str, ...]:
    """Return the folders of the surrounding :func:`folders_at_hand`.

    Returns
    -------
    folders : tuple of str
        Absolute paths.
    """
    return _at_hand.get()
