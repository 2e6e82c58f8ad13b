"""Docstrings of overriding and forwarding methods: missing sections are copied from the method that defines them."""

from __future__ import annotations

import inspect
import re
from types import FunctionType
from typing import ClassVar

__all__ = ["ContractDocs"]

_HEADINGS = ("Parameters", "Returns", "Yields", "Raises", "See Also", "Notes", "References", "Examples")
_INHERITED = ("Parameters", "Returns", "Yields", "Raises")
_HEADING = re.compile(rf"^({'|'.join(_HEADINGS)})\n-+\n", re.MULTILINE)


class ContractDocs:
    r"""Completes the docstrings of overriding and forwarding methods.

    An overriding method describes in one or two lines what it does. The sections Parameters, Returns, Yields and Raises
    that it omits are copied from the overridden method; its own sections replace them. A class whose methods forward to
    those of another class names it as ``_forwards_to``; the sections then come from there.

    Examples
    --------
    >>> class Contract(ContractDocs):
    ...     def area(self, side):
    ...         "Measure an area.\n\nParameters\n----------\nside : float\n    Length of a side."
    >>> class Square(Contract):
    ...     def area(self, side):
    ...         "Multiply a side by itself."
    >>> Square.area.__doc__.splitlines()[2:]
    ['Parameters', '----------', 'side : float', '    Length of a side.']
    """

    _forwards_to: ClassVar[type | None] = None

    def __init_subclass__(cls, **options: object) -> None:
        """Complete the docstrings of the methods that a subclass defines."""
        super().__init_subclass__(**options)
        for name, method in vars(cls).items():
            if isinstance(method, FunctionType) and method.__doc__ and not name.startswith("_"):
                contract = _overridden(cls, name)
                if contract is not None:
                    method.__doc__ = _complete(method.__doc__, contract)


def _overridden(cls: type, name: str) -> str | None:
    """Return the docstring of the method that a class overrides, or that its method forwards to."""
    other = vars(cls).get("_forwards_to")
    for base in [*cls.__mro__[1:], *(() if other is None else other.__mro__)]:
        if name in vars(base) and (text := vars(base)[name].__doc__) is not None:
            return str(text)
    return None


def _complete(own: str, contract: str) -> str:
    """Add the sections that a docstring leaves out, in their usual order."""
    ours, theirs = _sections(own), _sections(contract)
    inherited = {heading: text for heading, text in theirs.items() if heading in _INHERITED and heading not in ours}
    if not inherited:
        return own
    both = {**ours, **inherited}
    parts = [both[""]]
    parts += [f"{heading}\n{'-' * len(heading)}\n{both[heading]}" for heading in _HEADINGS if heading in both]
    return "\n\n".join(parts)


def _sections(text: str) -> dict[str, str]:
    """Split a docstring by its headings; the text before them has an empty heading."""
    head, *rest = _HEADING.split(inspect.cleandoc(text))
    return {"": head.rstrip(), **{rest[n]: rest[n + 1].rstrip() for n in range(0, len(rest), 2)}}
