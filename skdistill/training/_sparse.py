"""Exact optimum if each step reads only some rows and no term combines steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg

from skdistill.training._exact import LinearSolution, QuadraticTerm
from skdistill.training._moments import Moments

__all__ = ["solve_sparse"]


def solve_sparse(
    moments: Mapping[str, list[Moments]],
    terms: Sequence[QuadraticTerm],
    mask: np.ndarray,
    *,
    penalty: float,
    penalty_on: str,
    intercept: bool,
) -> LinearSolution:
    """Solve every step of the horizon separately, over the rows it may read.

    Parameters
    ----------
    moments : dict of str to list of Moments
        For each target, the shifted moments of each group of channels.
    terms : sequence of QuadraticTerm
        Terms with diagonal metrics.
    mask : ndarray of bool of shape (prediction_length, context_length)
        The rows each step may read.
    penalty : float
        The penalty.
    penalty_on : {"weights", "forecast"}
        What is penalized.
    intercept : bool
        Whether there is one.

    Returns
    -------
    solution : LinearSolution
        The optimum; of smallest norm if it is not unique.
    """
    n_groups = len(next(iter(moments.values())))
    groups = [{target: parts[number] for target, parts in moments.items()} for number in range(n_groups)]
    solved = [_solve_group(group, terms, mask, penalty, penalty_on, intercept) for group in groups]
    return LinearSolution(np.stack([weight for weight, _ in solved]), np.stack([bias for _, bias in solved]))


def _solve_group(
    moments: Mapping[str, Moments],
    terms: Sequence[QuadraticTerm],
    mask: np.ndarray,
    penalty: float,
    penalty_on: str,
    intercept: bool,
) -> tuple[np.ndarray, np.ndarray]:
    any_moments = next(iter(moments.values()))
    size, count, steps = any_moments.context_length, any_moments.count, len(mask)
    mean = any_moments.first[:size] / count if intercept else np.zeros(size)
    second = any_moments.second[:size, :size] / count - np.outer(mean, mean)
    total = np.sum([term.weight * np.diag(term.metric) for term in terms], axis=0)
    weight, bias = np.zeros(mask.shape), np.zeros(steps)
    target_mean, cross = np.zeros(steps), np.zeros((steps, size))
    for term in terms:
        one, share = moments[term.target], term.weight * np.diag(term.metric)
        level = one.first[size:] / count if intercept else np.zeros(steps)
        target_mean += share * level
        cross += share[:, None] * (one.second[size:, :size] / count - np.outer(level, mean))
    for step in range(steps):
        if not total[step]:
            continue
        rows = np.flatnonzero(mask[step])
        scaled = penalty / steps / total[step] if penalty_on == "weights" else penalty
        system = second[np.ix_(rows, rows)] + scaled * np.eye(len(rows))
        weight[step, rows] = scipy.linalg.lstsq(system, cross[step, rows] / total[step])[0]
        if intercept:
            bias[step] = target_mean[step] / total[step] - weight[step] @ mean
    return weight, bias
