"""Students and teachers that meet the requirements of a loss term, for error messages."""

from __future__ import annotations

from skdistill import teachers
from skdistill.networks._registry import suggest_networks

__all__ = ["suggest"]

_FLAGS = {"teacher_features": "has_features", "teacher_quantiles": "has_quantiles"}


def suggest(need: str) -> list[str]:
    """Return the names of students or teachers that meet a requirement of a loss term.

    Parameters
    ----------
    need : str
        The requirement of the term.

    Returns
    -------
    names : list of str
        Class names, in order.

    Examples
    --------
    >>> suggest("teacher_features")[:2]
    ['Chronos', 'Fracast']
    """
    if need not in _FLAGS:
        return suggest_networks(need)
    public = {name: getattr(teachers, name) for name in dir(teachers)}
    return sorted(name for name, one in public.items() if getattr(one, _FLAGS[need], False))
