"""Tell where teachers do not read what is known in advance."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._windows import Windows
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._teacher_name import teacher_name

__all__ = ["warn_of_blind_teachers"]


def warn_of_blind_teachers(
    teachers: Iterable[BaseTeacher], windows: Windows, *, searched: bool = False, of_table: bool = False
) -> None:
    """Warn if there are known covariates, or those of the windows of a table, and teachers do not read them.

    Parameters
    ----------
    teachers : iterable of BaseTeacher
        The teachers.
    windows : Windows
        The training windows.
    searched : bool, default=False
        Whether students without a teacher are tried, too, and the best is chosen.
    of_table : bool, default=False
        Whether the windows are rows of a table: what is static is then known of each window.
    """
    if not windows.store.known and not of_table:
        return
    blind = [teacher_name(one) for one in teachers if not (one.reads_static if of_table else one.reads_known)]
    if not blind:
        return
    what, do, their = ("teachers", "do", "their") if len(blind) > 1 else ("teacher", "does", "its")
    way_out = (
        "Set teachers=None, name teachers that read" if searched else "Set teacher=None, choose a teacher that reads"
    )
    which = "columns of n_covariates" if of_table else "known covariates"
    end = "." if of_table else ", or set covariates='ignore' if this is meant."
    warnings.warn(
        f"the {what} {', '.join(blind)} {do} not read the {which}: {their} forecasts do not follow them, and "
        f"pull those of the student away from them{', where it is chosen with a teacher' if searched else ''}. "
        f"{way_out} them, such as RegressorTeacher or a network with covariates{end}",
        stacklevel=stacklevel_of_user(),
    )
