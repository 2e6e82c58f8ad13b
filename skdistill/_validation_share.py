"""Which share of the rows is held out for validation, where the user leaves it open."""

from __future__ import annotations

import warnings
from typing import Any

from skdistill._shorthand import resolve_loss, resolve_student
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.losses._objective import reads_labels
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._resolve import resolve_teacher
from skdistill.training._exactness import is_solved_at_once

__all__ = ["validation_share", "warn_of_unread_rows"]

_USUAL = 0.2


def validation_share(estimator: Any, context_length: int, prediction_length: int, *, n_known: int = 0) -> float | int:
    """Return the fraction or number of rows to hold out.

    Parameters
    ----------
    estimator : BaseDistilled
        The estimator, with checked parameters.
    context_length, prediction_length : int
        Lengths of a window.
    n_known : int, default=0
        Number of channels that are known over the horizon.

    Returns
    -------
    share : float or int
        ``validation_fraction``; for ``"auto"``, 0 if nothing reads validation rows, otherwise 0.2.
    """
    given: Any = estimator.validation_fraction
    if given != "auto":
        return given
    known = tuple(range(1, n_known + 1))
    spec = NetworkSpec(context_length, prediction_length, 1 + n_known, (0,), known=known, season=1)
    return _USUAL if _reads_validation(estimator, spec) else 0


def _reads_validation(estimator: Any, spec: NetworkSpec) -> bool:
    loss = resolve_loss(estimator.loss)
    if estimator.quantiles is not None:  # they are trained, and calibrated
        return True
    has_labels = reads_labels(estimator.teacher, loss)  # without, neither a teacher nor what labels are for is used
    if has_labels:
        if resolve_teacher(estimator.teacher).reads_validation:
            return True
        if getattr(estimator, "windows_without_truth", False) or getattr(estimator, "augmentation", None) is not None:
            return True  # truth and labels are known for different windows: no exact solution
    part = resolve_student(estimator.student).solvable_part(spec)
    return part is None or not is_solved_at_once(part, loss, spec.prediction_length, has_teacher=has_labels)


def warn_of_unread_rows(estimator: Any) -> None:
    """Warn of validation rows that nothing reads; called where the student was solved exactly.

    Parameters
    ----------
    estimator : BaseDistilled
        The fitted estimator.
    """
    part, teacher = resolve_student(estimator.student).solvable_part(estimator.spec_), estimator.teacher_
    if part is None or not part.is_searched or part.selection != "blocks":
        return
    if estimator.validation_fraction != 0 and not (teacher is not None and teacher.reads_validation):
        warnings.warn(
            f"nothing reads the validation rows of {type(estimator).__name__}: {part.owner} with selection='blocks' "
            "chooses on training windows, and learns from these alone. Set validation_fraction=0, so that it learns "
            "from all rows.",
            stacklevel=stacklevel_of_user(),
        )
