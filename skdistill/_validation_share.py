"""Which share of the rows is held out for validation, where the user leaves it open."""

from __future__ import annotations

from typing import Any

from skdistill._shorthand import resolve_loss, resolve_student
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._resolve import resolve_teacher
from skdistill.training._exactness import is_solved_at_once

__all__ = ["validation_share"]

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
    teacher = None if estimator.teacher is None else resolve_teacher(estimator.teacher)
    if teacher is not None and teacher.reads_validation:
        return True
    if estimator.quantiles is not None:  # they are trained, and calibrated
        return True
    if getattr(estimator, "windows_without_truth", False) or getattr(estimator, "augmentation", None) is not None:
        return True  # truth and labels are known for different windows: no exact solution
    part = resolve_student(estimator.student).solvable_part(spec)
    return part is None or not is_solved_at_once(
        part, resolve_loss(estimator.loss), spec.prediction_length, has_teacher=teacher is not None
    )
