"""Training in torch's usual mode, whatever mode it was left in."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

__all__ = ["with_gradients"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


def with_gradients(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Run a function with gradients on, also under ``torch.no_grad`` or ``torch.inference_mode``.

    An interrupt can leave either mode switched on in a process, in which nothing could be trained any more.

    Parameters
    ----------
    function : callable
        The function.

    Returns
    -------
    wrapped : callable
        The same function.
    """

    @functools.wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with torch.inference_mode(mode=False), torch.enable_grad():
            return function(*args, **kwargs)

    return wrapped
