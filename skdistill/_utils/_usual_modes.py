"""Work in torch's usual modes, whatever modes a process was left in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import torch

__all__ = ["in_float32", "with_gradients"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


@contextmanager
def in_float32() -> Iterator[None]:
    """Make new tensors float32, also after ``torch.set_default_dtype(torch.float64)``: networks compute in float32.

    Use it as a context or a decorator.

    Yields
    ------
    None
        Nothing.
    """
    before = torch.get_default_dtype()
    if before == torch.float32:
        yield
        return
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def with_gradients(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Run a function with gradients on, also under ``torch.no_grad`` or ``torch.inference_mode``, and in float32.

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
        with torch.inference_mode(mode=False), torch.enable_grad(), in_float32():
            return function(*args, **kwargs)

    return wrapped
