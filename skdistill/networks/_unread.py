"""Tell which parameters of networks, losses and teachers were set and have no effect."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Any

from skdistill._utils._changed_parameters import changed_parameters
from skdistill._utils._says_unread import SaysUnread
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import make_spec, problem_of

__all__ = ["warn_of_unread_settings", "warn_of_unread_settings_for"]


def warn_of_unread_settings(parts: Iterable[Any], windows: Windows) -> None:
    """Warn of parameters that were set and that nothing reads, of parts and of the parts inside them.

    Parameters
    ----------
    parts : iterable of network, loss, teacher or None
        What a forecaster is made of, checked.
    windows : Windows
        The training windows.
    """
    _warn(parts, problem_of(windows), lambda network: make_spec(network, windows))


def warn_of_unread_settings_for(parts: Iterable[Any], spec: NetworkSpec) -> None:
    """Warn as :func:`warn_of_unread_settings` does, where there are no windows, but sums over them.

    Parameters
    ----------
    parts : iterable of network, loss or None
        What a forecaster is made of, checked.
    spec : NetworkSpec
        The problem of the network.
    """
    _warn(parts, spec, lambda network: spec)


def _warn(parts: Iterable[Any], problem: NetworkSpec, spec_of: Callable[[BaseNetwork], NetworkSpec]) -> None:
    named: set[tuple[int, str]] = set()  # by what is around, if not by the part itself
    names: dict[tuple[int, str], list[str]] = {}
    owners: dict[int, Any] = {}
    for owner, name, reason in _unread(parts, problem, spec_of):
        if (id(owner), name) not in named:
            named.add((id(owner), name))
            owners[id(owner)] = owner
            names.setdefault((id(owner), reason), []).append(name)
    for (number, reason), several in names.items():
        owner = owners[number]
        told = changed_parameters(owner, several)
        if told:
            it, has = ("it", "has") if len(told) == 1 else ("them", "have")
            end = "" if reason.endswith(".") else f": leave {it} out."
            warnings.warn(
                f"{', '.join(told)} of {type(owner).__name__} {has} no effect {reason}{end}",
                stacklevel=stacklevel_of_user(),
            )


def _unread(
    parts: Iterable[Any], problem: NetworkSpec, spec_of: Callable[[BaseNetwork], NetworkSpec]
) -> Iterator[tuple[Any, str, str]]:
    """Yield the owner, name and reason of every parameter without effect, first those that a part says."""
    for outer in parts:
        for part in [] if outer is None else [outer, *outer.get_params().values()]:
            if isinstance(part, SaysUnread):
                spec = spec_of(part) if isinstance(part, BaseNetwork) else problem
                for name, reason in part.unread_settings(spec).items():
                    *path, last = name.split("__")
                    yield reduce(getattr, path, part), last, reason
