"""Work in torch's usual modes, whatever modes a process was left in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import ParamSpec, TypeVar

import torch

__all__ = ["in_float32", "inference", "with_gradients"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


_DEVICES = ("cpu", "cuda")  # whose arithmetic torch.autocast can change


@contextmanager
def _without_autocast() -> Iterator[None]:
    """Compute in the types of tensors, also within ``torch.autocast``."""
    with ExitStack() as stack:
        for device in _DEVICES:
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


@contextmanager
def in_float32() -> Iterator[None]:
    """Make new tensors float32, and compute in it, after ``torch.set_default_dtype`` and within ``torch.autocast``.

    Use it as a context or a decorator.

    Yields
    ------
    None
        Nothing.
    """
    before = torch.get_default_dtype()
    with _without_autocast():
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(before)


@contextmanager
def inference() -> Iterator[None]:
    """Ask a module, without gradients and in the types of its weights, also within ``torch.autocast``.

    Yields
    ------
    None
        Nothing.
    """
    with torch.inference_mode(), _without_autocast():
        yield


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
