"""Which teacher, of one with members, is fitted on the rows of each series, or not fitted at all."""

from __future__ import annotations

from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._provenance import members_of

__all__ = ["find_reads_series", "find_untrained"]


def find_reads_series(teacher: BaseTeacher | None) -> BaseTeacher | None:
    """Return the first teacher, or member of one, that is fitted on the rows of each series.

    Parameters
    ----------
    teacher : BaseTeacher or None
        The teacher, fitted or not.

    Returns
    -------
    found : BaseTeacher or None
        None if there is none.
    """
    if teacher is None or teacher.reads_series:
        return teacher
    members = members_of(teacher.get_params(deep=False), BaseTeacher)
    return next((found for found in map(find_reads_series, members) if found is not None), None)


def find_untrained(teacher: BaseTeacher | None) -> BaseTeacher | None:
    """Return the first teacher, or member of one, that learns nothing in fit, such as a foundation model.

    Parameters
    ----------
    teacher : BaseTeacher or None
        The teacher, fitted or not.

    Returns
    -------
    found : BaseTeacher or None
        None if there is none.
    """
    members = [] if teacher is None else list(members_of(teacher.get_params(deep=False), BaseTeacher))
    if teacher is None or not members:
        return None if teacher is None or teacher.needs_training else teacher
    return next((found for found in map(find_untrained, members) if found is not None), None)
