"""Which students and teachers have what a loss term needs, for messages."""

from __future__ import annotations

from skdistill import teachers
from skdistill.networks._registry import suggest_networks

__all__ = ["suggest"]

_FLAGS = {"teacher_features": "has_features", "teacher_quantiles": "has_quantiles"}


def suggest(need: str) -> list[str]:
    """Name the students or teachers that have what a loss term needs.

    Parameters
    ----------
    need : str
        What the term requires.

    Returns
    -------
    names : list of str
        Their classes, in order.

    Examples
    --------
    >>> suggest("teacher_features")[:2]
    ['Chronos', 'Moirai']
    """
    if need not in _FLAGS:
        return suggest_networks(need)
    public = {name: getattr(teachers, name) for name in dir(teachers)}
    return sorted(name for name, one in public.items() if getattr(one, _FLAGS[need], False))
