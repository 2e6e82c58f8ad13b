"""Exact optimum if steps share the weights of known covariates, by their distance from the step.

Every step h has its own weights w_h of the inputs x that all steps read, and v of its known values f_h, shared by all:
forecast = w_h x + v f_h. With A = G + penalty, S the inputs x and c_h the moments of inputs and target, w_h = A_SS^-1
(c_hS - A_Sf v), so that v solves the sum over steps of the Schur complements,

    sum_h m_h (A_ff - A_fS A_SS^-1 A_Sf) v = sum_h m_h (c_hf - A_fS A_SS^-1 c_hS).

This is the optimum of the same objective among such maps; a weight that h steps share is penalized h times.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

__all__ = ["solve_tied"]


def solve_tied(
    second: np.ndarray, cross: np.ndarray, mask: np.ndarray, ties: np.ndarray, shares: np.ndarray, penalties: np.ndarray
) -> np.ndarray:
    """Solve all steps together.

    Parameters
    ----------
    second : ndarray of shape (n_inputs, n_inputs)
        Centered second moments G of the inputs.
    cross : ndarray of shape (prediction_length, n_inputs)
        Centered moments c of inputs and target of each step.
    mask : ndarray of bool of shape (prediction_length, n_inputs)
        Inputs that each step reads.
    ties : ndarray of int of shape (prediction_length, n_inputs)
        Number of the shared weight of an input; -1 for weights of the step alone.
    shares : ndarray of shape (prediction_length,)
        Weight m of each step in the objective.
    penalties : ndarray of shape (prediction_length,)
        Penalty of each step, in units of its objective.

    Returns
    -------
    weight : ndarray of shape (prediction_length, n_inputs)
        The weights; 0 where a step does not read.

    References
    ----------
    Restricted least squares, by partitioned regression (Frisch and Waugh 1933, Lovell 1963).
    """
    weight = np.zeros(mask.shape)
    shared = np.asarray(mask & (ties >= 0))
    read = np.flatnonzero(shared.any(axis=0))
    n_shared = int(ties.max()) + 1
    system, right = np.zeros((n_shared, n_shared)), np.zeros(n_shared)
    kept = {}
    problems: dict[tuple[float, bytes], _Own] = {}
    for step in np.flatnonzero(shares):
        own = mask[step] & (ties[step] < 0)
        key = (float(penalties[step]), own.tobytes())
        if key not in problems:
            problems[key] = _Own(second, np.flatnonzero(own), read, float(penalties[step]))
        problem, places = problems[key], np.flatnonzero(shared[step])
        kept[step] = problem, places
        numbers = ties[step, places]
        np.add.at(system, np.ix_(numbers, numbers), shares[step] * problem.schur_of(places))
        np.add.at(right, numbers, shares[step] * problem.right_of(cross[step], places))
    common = scipy.linalg.lstsq(system, right)[0]
    for step, (problem, places) in kept.items():
        weight[step, places] = common[ties[step, places]]
        weight[step, problem.rows] = problem.solve(cross[step], places, weight[step, places])
    return weight


class _Own:
    """Inputs whose weights belong to one step, eliminated for all steps that read the same ones."""

    def __init__(self, second: np.ndarray, rows: np.ndarray, others: np.ndarray, penalty: float) -> None:
        self.rows, self.others = rows, others
        system = second[np.ix_(rows, rows)] + penalty * np.eye(len(rows))
        self.linked = second[np.ix_(rows, self.others)]
        self.solved = _solve(system, np.hstack([self.linked, np.eye(len(rows))]))
        self.inverse, self.solved = self.solved[:, len(self.others) :], self.solved[:, : len(self.others)]
        self.schur = second[np.ix_(self.others, self.others)] - self.linked.T @ self.solved
        self.schur += penalty * np.eye(len(self.others))

    def schur_of(self, places: np.ndarray) -> np.ndarray:
        here = np.searchsorted(self.others, places)
        return self.schur[np.ix_(here, here)]

    def right_of(self, cross: np.ndarray, places: np.ndarray) -> np.ndarray:
        here = np.searchsorted(self.others, places)
        return cross[places] - self.solved[:, here].T @ cross[self.rows]

    def solve(self, cross: np.ndarray, places: np.ndarray, shared: np.ndarray) -> np.ndarray:
        here = np.searchsorted(self.others, places)
        return self.inverse @ cross[self.rows] - self.solved[:, here] @ shared


def _solve(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve a system that is singular at most without a penalty; then the solution of smallest norm is taken."""
    try:
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(system, check_finite=False), right, check_finite=False)
    except scipy.linalg.LinAlgError:
        return scipy.linalg.lstsq(system, right)[0]
