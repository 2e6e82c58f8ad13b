"""Errors for unknown names and values."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

__all__ = ["check_choice"]

Choice = TypeVar("Choice")


def check_choice(
    value: Choice, choices: Iterable[Choice], parameter: str, *, elsewhere: Mapping[str, str] | None = None
) -> Choice:
    """Return ``value`` if it is one of ``choices``; otherwise raise and suggest the nearest choice.

    Parameters
    ----------
    value : object
        The value received.
    choices : iterable
        The allowed values.
    parameter : str
        Name of the parameter, with its owner: ``"loss of Supervised"``.
    elsewhere : mapping of str to str or None, default=None
        Hints for values that have another name.

    Returns
    -------
    value : object
        The value, unchanged.

    Raises
    ------
    ValueError
        If the value is not among the choices.

    Examples
    --------
    >>> check_choice("mse", ["mse", "huber"], "loss of Supervised")
    'mse'
    >>> check_choice("hubre", ["mse", "huber"], "loss of Supervised")
    Traceback (most recent call last):
        ...
    ValueError: loss of Supervised must be one of 'mse', 'huber'; got 'hubre'. Did you mean 'huber'?
    """
    choices = list(choices)
    if any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        return value
    names = {str(choice).lower(): choice for choice in choices}
    near = difflib.get_close_matches(str(value).lower(), names, n=1)
    hint = f" Did you mean {names[near[0]]!r}?" if near else ""
    told = (elsewhere or {}).get(str(value).lower())
    hint = hint if told is None else f" {told[0].upper()}{told[1:]}."
    raise ValueError(f"{parameter} must be one of {', '.join(map(repr, choices))}; got {value!r}.{hint}")
