"""Tell where teachers do not read what is known in advance."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name

__all__ = ["warn_of_blind_teachers"]


def warn_of_blind_teachers(teachers: Iterable[BaseTeacher], windows: Windows, *, searched: bool = False) -> None:
    """Warn if there are known covariates and teachers do not read them.

    Parameters
    ----------
    teachers : iterable of BaseTeacher
        The teachers.
    windows : Windows
        The training windows.
    searched : bool, default=False
        Whether students without a teacher are tried, too, and the best is chosen.
    """
    if not windows.store.known:
        return
    blind = [teacher_name(teacher) for teacher in teachers if not teacher.reads_known]
    if not blind:
        return
    what, do, their = ("teachers", "do", "their") if len(blind) > 1 else ("teacher", "does", "its")
    way_out = (
        "Set teachers=None, name teachers that read" if searched else "Set teacher=None, choose a teacher that reads"
    )
    warnings.warn(
        f"the {what} {', '.join(blind)} {do} not read the known covariates: {their} forecasts do not follow them, and "
        f"pull those of the student away from them{', where it is chosen with a teacher' if searched else ''}. "
        f"{way_out} them, such as RegressorTeacher or a network with covariates, or set covariates='ignore' if "
        "this is meant.",
        stacklevel=stacklevel_of_user(),
    )
