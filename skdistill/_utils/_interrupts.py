"""Handling of Ctrl-C: defer it where it would break something, and detect it if a library suppresses it."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ParamSpec, TypeVar

__all__ = ["deferred_interrupts", "interrupts_stay", "noticed_interrupts"]

Given = ParamSpec("Given")
Result = TypeVar("Result")


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defer a Ctrl-C inside the block until after it.

    Used for imports: a partly imported library cannot be imported again in the same process.

    Yields
    ------
    None
        Nothing.
    """
    came: list[FrameType | None] = []
    with _handler(lambda number, frame: came.append(frame)) as before:
        yield
    if came and before is not None:
        before(signal.SIGINT, came[0])


@contextmanager
def noticed_interrupts() -> Iterator[Callable[[], bool]]:
    """Count the interrupts inside the block; each is handled as before.

    A KeyboardInterrupt inside a destructor or a callback of C code is printed and lost; the count shows it.

    Yields
    ------
    came : callable
        Function that returns whether there was an interrupt.
    """
    count = 0
    original: list[Any] = []

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        original[0](number, frame)

    with _handler(note) as before:
        original.append(before)
        yield lambda: count > 0


def interrupts_stay(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Raise KeyboardInterrupt where a library makes another error of it, as DuckDB and Arrow do.

    Parameters
    ----------
    function : callable
        A function that calls the library.

    Returns
    -------
    wrapped : callable
        The function.
    """

    @functools.wraps(function)
    def wrapped(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with noticed_interrupts() as came:
            try:
                return function(*args, **kwargs)
            except Exception as error:
                if came():
                    raise KeyboardInterrupt("a library made another error of it") from error
                raise

    return wrapped


@contextmanager
def _handler(
    handler: Callable[[int, FrameType | None], Any],
) -> Iterator[Callable[[int, FrameType | None], Any] | None]:
    """Set the handler of SIGINT in the main thread, where alone interrupts are raised; yield the one before."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield None
        return
    try:
        signal.signal(signal.SIGINT, handler)
        yield before
    finally:
        signal.signal(signal.SIGINT, before)
