"""Exact optimum if each step reads only some rows and no term combines steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.linalg

from skdistill.training._exact import LinearSolution, QuadraticTerm
from skdistill.training._moments import Moments
from skdistill.training._tied import solve_tied

__all__ = ["solve_sparse"]


def solve_sparse(
    moments: Mapping[str, list[Moments]],
    terms: Sequence[QuadraticTerm],
    mask: np.ndarray,
    *,
    penalty: float,
    penalty_on: str,
    intercept: bool,
    weights: Mapping[str, float] | None = None,
    ties: np.ndarray | None = None,
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
    weights : mapping of str to float or None, default=None
        Weight of each term by name; None takes those of the terms.
    ties : ndarray of int of shape (prediction_length, context_length) or None, default=None
        Numbers of the weights that steps share, -1 for others; None if they share none.

    Returns
    -------
    solution : LinearSolution
        The optimum; of smallest norm if it is not unique.
    """
    if weights is not None:
        terms = [replace(term, weight=weights[term.name]) for term in terms]
    n_groups = len(next(iter(moments.values())))
    groups = [{target: parts[number] for target, parts in moments.items()} for number in range(n_groups)]
    solved = [_solve_group(group, terms, mask, penalty, penalty_on, intercept, ties) for group in groups]
    return LinearSolution(np.stack([weight for weight, _ in solved]), np.stack([bias for _, bias in solved]))


def _solve_group(
    moments: Mapping[str, Moments],
    terms: Sequence[QuadraticTerm],
    mask: np.ndarray,
    penalty: float,
    penalty_on: str,
    intercept: bool,
    ties: np.ndarray | None,
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
    if ties is not None:
        divisor = np.where(total > 0, total, 1.0)
        penalties = penalty / steps / divisor if penalty_on == "weights" else np.full(steps, penalty)
        weight = solve_tied(second, cross / divisor[:, None], mask, ties, total, penalties)
        return weight, (target_mean / divisor - weight @ mean) * (total > 0) * intercept
    common, found = np.flatnonzero(mask.all(axis=0)), _Common.none()
    for step in np.flatnonzero(total):
        scaled = penalty / steps / total[step] if penalty_on == "weights" else penalty
        if len(common) and scaled > 0:
            found = found.fitting(second, common, scaled)
            weight[step] = found.solve(second, cross[step] / total[step], mask[step])
        else:
            rows = np.flatnonzero(mask[step])
            system = second[np.ix_(rows, rows)] + scaled * np.eye(len(rows))
            weight[step, rows] = scipy.linalg.lstsq(system, cross[step, rows] / total[step])[0]
        if intercept:
            bias[step] = target_mean[step] / total[step] - weight[step] @ mean
    return weight, bias


@dataclass(frozen=True)
class _Common:
    """Inputs that every step reads, eliminated once: steps then solve only for their other inputs.

    With S the common inputs, B the others of a step and A = G + penalty, the Schur complement A_BB - A_BS A_SS^-1 A_SB
    gives the weights of B, and those of S follow.
    """

    rows: np.ndarray
    penalty: float
    solved: np.ndarray  # A_SS^-1 G_S., for all inputs
    factor: Any

    @classmethod
    def none(cls) -> _Common:
        return cls(np.empty(0, dtype=int), -1.0, np.empty((0, 0)), None)

    def fitting(self, second: np.ndarray, rows: np.ndarray, penalty: float) -> _Common:
        """Return this one if it is for the penalty, otherwise a new one."""
        if penalty == self.penalty:
            return self
        factor = scipy.linalg.cho_factor(second[np.ix_(rows, rows)] + penalty * np.eye(len(rows)), check_finite=False)
        return _Common(rows, penalty, scipy.linalg.cho_solve(factor, second[rows], check_finite=False), factor)

    def solve(self, second: np.ndarray, cross: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Return the weights of a step; 0 for inputs that are not allowed."""
        weight = np.zeros(len(cross))
        others = np.setdiff1d(np.flatnonzero(allowed), self.rows)
        start = scipy.linalg.cho_solve(self.factor, cross[self.rows], check_finite=False)
        if len(others):
            linked = self.solved[:, others]
            schur = second[np.ix_(others, others)] - second[np.ix_(others, self.rows)] @ linked
            right = cross[others] - second[np.ix_(others, self.rows)] @ start
            weight[others] = scipy.linalg.solve(schur + self.penalty * np.eye(len(others)), right, assume_a="pos")
            start = start - linked @ weight[others]
        weight[self.rows] = start
        return weight
