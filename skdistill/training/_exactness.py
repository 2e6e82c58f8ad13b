"""Which parts and losses have an exact solution, and why others have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from skdistill._utils._checks import check_real
from skdistill._utils._choices import check_choice
from skdistill.data._training_windows import TrainingWindows
from skdistill.losses._base import BaseLoss, LossSum
from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._exact import QuadraticTerm
from skdistill.training._quadratic_form import MOST_ROWS, quadratic_form
from skdistill.training._weighted import common_basis

__all__ = ["check_grid", "is_solved_at_once", "quadratic_part", "quadratic_terms", "why_not_exact"]


def quadratic_terms(
    loss: BaseLoss, prediction_length: int, *, has_teacher: bool, named: Sequence[str] = ()
) -> list[QuadraticTerm] | str:
    """Convert a loss to quadratic terms, or return the name of a term that is not quadratic.

    Parameters
    ----------
    loss : BaseLoss
        The objective.
    prediction_length : int
        Steps of a forecast.
    has_teacher : bool
        Whether there are labels; without labels, terms that read them are dropped.
    named : sequence of str, default=()
        Terms to include even if their weight is 0, because a grid sets their weights.

    Returns
    -------
    terms : list of QuadraticTerm or str
        The terms; or the name and class of the first term that is not quadratic.
    """
    terms = []
    for name, term in loss.named_terms():
        if term.weight == 0 and name not in named:
            continue
        if not has_teacher and any(need.startswith("teacher") for need in term.requires):
            continue
        form = quadratic_form(name, term, prediction_length)
        if form is None:
            return f"{name!r} ({type(term).__name__})"
        terms.append(QuadraticTerm(name, float(term.weight), form.metric, form.target))
    return terms


def quadratic_part(
    loss: BaseLoss, windows: TrainingWindows, *, has_teacher: bool, weighted_labels: bool = False
) -> LossSum:
    """Return the terms of a loss that are quadratic forms of the forecast.

    Parameters
    ----------
    loss : BaseLoss
        The objective.
    windows : TrainingWindows
        Training and validation windows.
    has_teacher : bool
        Whether there are labels; without labels, terms that read them are dropped.
    weighted_labels : bool, default=False
        Whether labels count by window; pooled terms of labels are then dropped, too.

    Returns
    -------
    part : LossSum
        The quadratic terms, under their names.

    Raises
    ------
    ValueError
        If none of them has a positive weight.
    """
    length = windows.train.prediction_length
    forms = [(name, term, quadratic_form(name, term, length)) for name, term in loss.named_terms()]
    terms = [
        (name, term)
        for name, term, form in forms
        if form is not None and (form.target == "truth" or not weighted_labels or _is_diagonal(form.metric))
    ]
    if not any(
        term.weight and (has_teacher or not any(need.startswith("teacher") for need in term.requires))
        for _, term in terms
    ):
        raise ValueError(
            f"{type(loss).__name__} has no quadratic term of positive weight, for which a linear part could be solved: "
            "add Supervised(), or leave linear_skip out."
        )
    return LossSum(terms)


def why_not_exact(
    part: SolvablePart,
    loss: BaseLoss,
    *,
    has_teacher: bool,
    windows: TrainingWindows,
    weighted_labels: bool = False,
) -> str | None:
    """Return the reason why a solvable part cannot be solved exactly.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    loss : BaseLoss
        The objective.
    has_teacher : bool
        Whether there are labels.
    windows : TrainingWindows
        Training and validation windows.
    weighted_labels : bool, default=False
        Whether labels count by window.

    Returns
    -------
    reason : str or None
        The reason and what to do about it; None if the part can be solved.
    """
    terms = _terms_to_solve(part, loss, windows.train.prediction_length, has_teacher=has_teacher)
    if isinstance(terms, str):
        return terms
    if part.width + windows.train.prediction_length > MOST_ROWS:
        raise ValueError(
            f"context_length + prediction_length must be at most {MOST_ROWS} for an exact solution, which needs the "
            f"moments of each pair of rows; {part.owner} reads {part.width} and forecasts "
            f"{windows.train.prediction_length}. Take a smaller context_length, or last_rows= of {part.owner}."
        )
    targets = {term.target for term in terms}
    if len(targets) > 1 and windows.train.known is not None:
        return (
            "with windows_without_truth or augmentation, truth and labels are known for different windows. Leave both "
            "out."
        )
    if part.is_searched and part.selection == "blocks" and windows.train.known is not None:
        return (
            "with windows_without_truth or augmentation, blocks would also be judged by windows whose truth is not "
            "known: set selection='validation'."
        )
    reason = why_not_by_step(part, terms, misses_truth=windows.misses_truth, weighted_labels=weighted_labels)
    if reason is not None:
        return reason
    if part.is_searched and part.selection == "validation" and windows.validation is None:
        return (
            "there are no validation windows to choose among several penalties or weights: set validation_fraction, "
            "or selection='blocks'."
        )
    return None


def why_not_by_step(
    part: SolvablePart, terms: Sequence[QuadraticTerm], *, misses_truth: bool, weighted_labels: bool
) -> str | None:
    """Return the reason why each step cannot have windows, or weights of labels, of its own.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    terms : sequence of QuadraticTerm
        The terms of the loss.
    misses_truth : bool
        Whether a target value is missing.
    weighted_labels : bool
        Whether labels count by window.

    Returns
    -------
    reason : str or None
        The reason and what to do about it; None if there is none.
    """
    diagonal = all(_is_diagonal(term.metric) for term in terms)
    if any(mask is not None for mask in part.masks) and not diagonal:
        return (
            "sparse_season, known_band and known_weights need terms that treat steps separately; a pooled term does "
            "not. Leave one of them out (known_band=None, known_weights='own')."
        )
    counts_labels = weighted_labels and any(term.target == "teacher_forecast" for term in terms)
    if part.is_tied and (misses_truth or counts_labels):
        why = "values of the targets are missing" if misses_truth else "labels count by window"
        return f"{why}, and steps cannot share weights then. Set known_weights='own'."
    if counts_labels and common_basis([term.metric for term in terms]) is None:
        return (
            "labels count by window or are of some windows only, and a pooled term needs equal weights of the steps in "
            "the other terms. Leave the pooled term or horizon_weights out, or label all windows alike."
        )
    if misses_truth:
        if not diagonal:
            return "values of the targets are missing, and a pooled term needs all steps of a pool. Leave it out."
        if part.is_searched and part.selection == "blocks":
            return "values of the targets are missing: set selection='validation'."
    return None


def is_solved_at_once(part: SolvablePart, loss: BaseLoss, prediction_length: int, *, has_teacher: bool) -> bool:
    """Return whether one exact solution is the whole training, whatever is missing, so that nothing is validated.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    loss : BaseLoss
        The objective.
    prediction_length : int
        Steps of a forecast.
    has_teacher : bool
        Whether there are labels.

    Returns
    -------
    at_once : bool
        False if the part is trained, is not the whole network, or is chosen among candidates, and for terms that pool
        steps, which cannot be solved where values are missing.
    """
    if not part.is_whole or part.is_searched or part.is_tied:
        return False
    terms = _terms_to_solve(part, loss, prediction_length, has_teacher=has_teacher)
    return not isinstance(terms, str) and all(_is_diagonal(term.metric) for term in terms)


def _terms_to_solve(
    part: SolvablePart, loss: BaseLoss, prediction_length: int, *, has_teacher: bool
) -> list[QuadraticTerm] | str:
    """Return the terms that a part is solved for, or the reason why it cannot be, whatever the windows are."""
    if part.solver == "gradient":
        return "solver='gradient' is set."
    grid = check_grid(part, loss)
    terms = quadratic_terms(loss, prediction_length, has_teacher=has_teacher, named=list(grid))
    if isinstance(terms, str):
        return (
            f"the loss term {terms} is not a quadratic form of the forecast. Use the loss 'response' with trust=0, or "
            "terms such as MultiScale with weight 0 for the others."
        )
    return terms


def _is_diagonal(metric: np.ndarray) -> bool:
    return not np.count_nonzero(metric - np.diag(np.diag(metric)))


def check_grid(part: SolvablePart, loss: BaseLoss) -> Mapping[str, Sequence[float]]:
    """Return the grid of weights, checked against the terms of the loss."""
    grid = part.weight_grid
    names = [name for name, _ in loss.named_terms()]
    for name, weights in grid.items():
        check_choice(name, names, f"weight_grid of {part.owner}")
        if np.isscalar(weights) or not len(weights):
            raise ValueError(
                f"weight_grid of {part.owner} must have at least one weight for {name!r}; got {weights!r}."
            )
        for weight in weights:
            check_real(weight, f"weight_grid[{name!r}] of {part.owner}", minimum=0.0)
    return grid
