"""Exact optimum if part of the truth is missing: each step of the horizon uses the windows in which it is observed.

With windows x (with a 1 appended for the intercept), targets t and o = 1 where the truth is observed, the objective

    w / n_observed * sum over windows and steps of v o m_h (W_h x - t_h)^2  +  terms of the labels, over all windows

(v is the weight of a window, n_observed the sum of v o over windows and steps; labels can have their own weights)
splits into one problem per step, because no term combines steps. Each step is a ridge problem with its own moments:
those of all windows minus those of the windows in which the step is missing. The cost therefore depends on the number
of missing values.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill.data._windows import Windows
from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._batches import LabelSource, label_weights
from skdistill.training._design import Design
from skdistill.training._exact import Candidate, LinearSolution, QuadraticTerm
from skdistill.training._input_scale import InputScale
from skdistill.training._masked_sums import MaskedSums

__all__ = [
    "error_of_sums",
    "solve_masked",
    "solve_masked_sums",
    "sum_masked",
    "term_values_of_sums",
]


def solve_masked(
    design: Design,
    terms: Sequence[QuadraticTerm],
    points: Sequence[Candidate],
    windows: Windows,
    labels: LabelSource | None,
) -> list[LinearSolution]:
    """Solve for every candidate.

    Parameters
    ----------
    design : Design
        What the map of the solvable part reads.
    terms : sequence of QuadraticTerm
        Terms with diagonal metrics.
    points : sequence of Candidate
        Candidate weights and penalties.
    windows : Windows
        Training windows, with missing values in the truth.
    labels : LabelSource or None
        Labels of all windows by the teacher; None without a teacher.

    Returns
    -------
    solutions : list of LinearSolution
        One per candidate; a step that is never observed or labeled is forecast by the level.

    References
    ----------
    Hoerl and Kennard (1970), Ridge regression; missing targets are left out of the sums.
    """
    return solve_masked_sums(design.part, terms, points, sum_masked(design, windows, labels))


def sum_masked(design: Design, windows: Windows, labels: LabelSource | None) -> list[MaskedSums]:
    """Add up what the problems of all steps need.

    Parameters
    ----------
    design : Design
        What the map of the solvable part reads.
    windows : Windows
        Windows, with missing values in the truth.
    labels : LabelSource or None
        Labels of all windows by the teacher; None without a teacher.

    Returns
    -------
    groups : list of MaskedSums
        One per group of channels.
    """
    part = design.part
    n_groups = len(windows.targets) if part.individual else 1
    groups = [MaskedSums.zeros(part.width, windows.prediction_length) for _ in range(n_groups)]
    own_weights = label_weights(labels, windows.weights)
    first = 0
    for contexts, truth, label, weight in design.blocks(windows, labels):
        counted = None if own_weights is None else own_weights[first : first + len(contexts)]
        first += len(contexts)
        for number, group in enumerate(groups):
            own = slice(None) if n_groups == 1 else slice(number, number + 1)
            label_rows = None if label is None else _rows(label[:, own])
            own_contexts = contexts[:, own]
            n_own = own_contexts.shape[1]
            weights_of_rows = None if weight is None else np.repeat(weight, n_own)
            counts = None if counted is None else np.repeat(counted, n_own)
            group.count(_rows(own_contexts), _rows(truth[:, own]), label_rows, weights_of_rows, counts)
    return groups


def solve_masked_sums(
    part: SolvablePart, terms: Sequence[QuadraticTerm], points: Sequence[Candidate], groups: Sequence[MaskedSums]
) -> list[LinearSolution]:
    """Solve for every candidate, from sums over windows.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    terms : sequence of QuadraticTerm
        Terms with diagonal metrics.
    points : sequence of Candidate
        Candidate weights and penalties.
    groups : sequence of MaskedSums
        One per group of channels.

    Returns
    -------
    solutions : list of LinearSolution
        One per candidate.
    """
    n_steps = len(groups[0].absent.count)
    weights = np.zeros((len(points), len(groups), n_steps, part.width))
    biases = np.zeros(weights.shape[:3])
    scale = InputScale.of_variances(part, (group.variances(centered=part.intercept) for group in groups))
    for number, (group, divisor) in enumerate(zip(groups, scale.divisors, strict=True)):
        for step in range(n_steps):
            for mask in part.masks:
                chosen = [place for place, point in enumerate(points) if point.mask is mask]
                solved = group.solve(
                    step,
                    terms,
                    [points[place] for place in chosen],
                    penalty_on=part.penalty_on,
                    intercept=part.intercept,
                    allowed=None if mask is None else np.flatnonzero(mask[step]),
                    divisor=np.ones(part.width) if divisor is None else divisor,
                )
                weights[chosen, number, step], biases[chosen, number, step] = solved
    return [scale.solution(LinearSolution(weight, bias)) for weight, bias in zip(weights, biases, strict=True)]


def error_of_sums(groups: Sequence[MaskedSums], solution: LinearSolution) -> float:
    """Compute the MSE of a map over the observed truth of windows, from their sums.

    Parameters
    ----------
    groups : sequence of MaskedSums
        One per group of channels.
    solution : LinearSolution
        The map.

    Returns
    -------
    error : float
        Mean over the observed values; NaN if there are none.
    """
    total, count = _squared_errors(groups, solution, "truth").sum(), sum(one.n_observed for one in groups)
    return max(float(total), 0.0) / count if count else float("nan")  # rounding can leave less than 0


def term_values_of_sums(
    groups: Sequence[MaskedSums], terms: Sequence[QuadraticTerm], solution: LinearSolution
) -> dict[str, float]:
    """Compute each unweighted term at a solution.

    Parameters
    ----------
    groups : sequence of MaskedSums
        One per group of channels.
    terms : sequence of QuadraticTerm
        Terms with diagonal metrics.
    solution : LinearSolution
        The map.

    Returns
    -------
    values : dict of str to float
        Values by name of the term.
    """
    n_observed, count = sum(one.n_observed for one in groups), sum(float(one.whole.count) for one in groups)
    values = {}
    for term in terms:
        errors = _squared_errors(groups, solution, term.target)
        each = len(errors) / max(n_observed, 1.0) if term.target == "truth" else 1.0 / count
        values[term.name] = float(np.diag(term.metric) @ errors) * each
    return values


def _squared_errors(groups: Sequence[MaskedSums], solution: LinearSolution, target: str) -> np.ndarray:
    """Return the sums of squared errors of each step, over all groups."""
    parts = zip(groups, solution.weight, solution.bias, strict=True)
    return np.sum([one.squared_errors(weight, bias, target) for one, weight, bias in parts], axis=0)


def _rows(values: np.ndarray) -> np.ndarray:
    """Reshape channels of windows to rows."""
    return values.reshape(-1, values.shape[-1])
