"""Tell where a teacher does not read what is known in advance."""

from __future__ import annotations

import warnings

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name

__all__ = ["warn_of_blind_teacher"]


def warn_of_blind_teacher(teacher: BaseTeacher, windows: Windows) -> None:
    """Warn if there are known covariates and the teacher does not read them.

    Parameters
    ----------
    teacher : BaseTeacher
        The teacher.
    windows : Windows
        The training windows.
    """
    if not windows.store.known or teacher.reads_known:
        return
    warnings.warn(
        f"the teacher {teacher_name(teacher)} does not read the known covariates: its forecasts do not follow them, "
        "and pull those of the student away from them. Set teacher=None, choose a teacher that reads them, such as "
        "RegressorTeacher or a network with covariates, or set covariates='ignore' if this is meant.",
        stacklevel=stacklevel_of_user(),
    )
