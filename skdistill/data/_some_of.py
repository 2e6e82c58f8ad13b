"""A sequence that has only some of its entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["SomeOf"]


class SomeOf(Sequence[Any]):
    """Some entries of a long sequence, at their places; the others are None.

    Parameters
    ----------
    entries : sequence
        The long sequence.
    numbers : iterable of int
        Which entries to take.

    Examples
    --------
    >>> some = SomeOf("abcd", [2])
    >>> len(some), some[2], some[0]
    (4, 'c', None)
    """

    def __init__(self, entries: Sequence[Any], numbers: Iterable[int]) -> None:
        self.length = len(entries)
        self.taken = {number: entries[number] for number in numbers if number < self.length}

    def __len__(self) -> int:
        """Return the length of the long sequence."""
        return self.length

    def __getitem__(self, number: Any) -> Any:
        """Return an entry."""
        if not -self.length <= number < self.length:
            raise IndexError(number)
        return self.taken.get(number % self.length)
