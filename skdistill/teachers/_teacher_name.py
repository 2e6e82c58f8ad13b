"""Name of a teacher in messages."""

from __future__ import annotations

from typing import Any

__all__ = ["teacher_name"]


def teacher_name(teacher: Any) -> str:
    """Return the class name of a teacher, or of its network.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher.

    Returns
    -------
    name : str
        The name.
    """
    return type(getattr(teacher, "network", teacher)).__name__
