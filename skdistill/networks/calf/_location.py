"""Location of a language model: a local folder or an id on the hub."""

from __future__ import annotations

from pathlib import Path

__all__ = ["locate"]


def locate(model: str | Path, owner: str) -> str:
    """Return the absolute path of a folder; a possible hub id is returned unchanged.

    Parameters
    ----------
    model : str or Path
        Value of the parameter.
    owner : str
        Name of the parameter's class, for error messages.

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
        If it can only be a folder and does not exist.

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
