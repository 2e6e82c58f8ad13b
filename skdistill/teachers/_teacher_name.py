"""What a teacher is called in messages."""

from __future__ import annotations

from typing import Any

__all__ = ["teacher_name"]


def teacher_name(teacher: Any) -> str:
    """Return the class of a teacher, or of the network that it is.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher.

    Returns
    -------
    name : str
        Its name.
    """
    return type(getattr(teacher, "network", teacher)).__name__
