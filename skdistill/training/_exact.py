"""Exact optimum of a linear student if all loss terms are quadratic.

With windows x, forecast W x + b and terms w_k * mean (W x + b - t_k)' M_k (W x + b - t_k), put M = sum w_k M_k,
R = sum w_k M_k C_k and G, with C_k the mean of (t_k - mean) (x - mean)' and G that of (x - mean) (x - mean)'. The
gradient with respect to W vanishes where

    M W G + lambda W = R      for the penalty lambda ||W||^2        (``penalty_on="weights"``),
    M W (G + lambda I) = R    for the penalty lambda tr(W' M W)     (``penalty_on="forecast"``).

With M = U diag(mu) U' and G = V diag(gamma) V' the first is solved by W = U [(U' R V) / (mu_i gamma_j + lambda)] V',
the second by W = M^-1 R (G + lambda I)^-1. If a denominator is 0, the quotient is set to 0, which gives the solution of
smallest norm. The intercept is not penalized: M b = sum w_k M_k mean(t_k) - M W mean(x).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from skdistill.training._moments import Moments

__all__ = [
    "Candidate",
    "ExactProblem",
    "LinearSolution",
    "QuadraticTerm",
    "candidates",
    "mean_squared_error",
    "quotient",
    "residual_moments",
    "semidefinite_eigh",
    "term_values",
]


@dataclass(frozen=True)
class QuadraticTerm:
    """A quadratic loss term as input of the solver.

    Parameters
    ----------
    name : str
        Name of the term in the loss.
    weight : float
        Weight of the term.
    metric : ndarray of shape (prediction_length, prediction_length)
        M_k.
    target : str
        Name of the moments that the forecast is compared with: ``"truth"`` or ``"teacher_forecast"``.
    """

    name: str
    weight: float
    metric: np.ndarray
    target: str


@dataclass(frozen=True)
class LinearSolution:
    """A linear map of shifted contexts.

    Parameters
    ----------
    weight : ndarray of shape (n_groups, prediction_length, context_length)
        One matrix, or one per channel.
    bias : ndarray of shape (n_groups, prediction_length)
        Intercepts.
    """

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Candidate:
    """One point of the grid of weights and penalties.

    Parameters
    ----------
    weights : dict of str to float
        Weight of each term.
    penalty : float
        The penalty.
    mask : ndarray of bool of shape (prediction_length, n_inputs) or None, default=None
        Inputs that each step can read; None means all.
    ties : ndarray of int of shape (prediction_length, n_inputs) or None, default=None
        Numbers of the weights that steps share, -1 for others; None if they share none.
    """

    weights: dict[str, float]
    penalty: float
    mask: np.ndarray | None = field(default=None, compare=False)
    ties: np.ndarray | None = field(default=None, compare=False)


def candidates(
    terms: Sequence[QuadraticTerm],
    penalties: Sequence[float],
    weight_grid: Mapping[str, Sequence[float]],
    masks: Sequence[np.ndarray | None] = (None,),
    ties: Sequence[np.ndarray | None] = (),
) -> list[Candidate]:
    """List the points of the grid; penalties vary fastest, so that one set of weights is solved at once.

    Parameters
    ----------
    terms : sequence of QuadraticTerm
        The terms; their weights are used if the grid has none for them.
    penalties : sequence of float
        The penalties.
    weight_grid : dict of str to sequence of float
        Weights to try, by name of the term.
    masks : sequence of ndarray or None, default=(None,)
        Inputs that each step can read.
    ties : sequence of ndarray or None, default=()
        For each mask, the weights that steps share; empty if they share none.

    Returns
    -------
    candidates : list of Candidate
        All combinations in which at least one weight is positive.
    """
    base = {term.name: term.weight for term in terms}
    combinations = itertools.product(*weight_grid.values())
    weights = [base | dict(zip(weight_grid, values, strict=True)) for values in combinations]
    kept = [one for one in weights if any(one.values())]
    pairs = zip(masks, ties or [None] * len(masks), strict=True)
    return [Candidate(one, penalty, mask, tied) for mask, tied in pairs for one in kept for penalty in penalties]


class ExactProblem:
    """Moments and their factorizations; solving for any weights and penalty is then fast.

    Parameters
    ----------
    moments : dict of str to list of Moments
        For each target (``"truth"``, ``"teacher_forecast"``) the shifted moments of each group of channels,
        all over the same windows.
    terms : sequence of QuadraticTerm
        The terms.
    penalty_on : {"weights", "forecast"}
        What is penalized.
    intercept : bool
        Whether there is an intercept.
    """

    def __init__(
        self,
        moments: Mapping[str, list[Moments]],
        terms: Sequence[QuadraticTerm],
        *,
        penalty_on: str = "weights",
        intercept: bool = True,
    ) -> None:
        self.terms = list(terms)
        self.penalty_on = penalty_on
        n_groups = len(next(iter(moments.values())))
        self.groups = [
            _Group({target: by_group[number] for target, by_group in moments.items()}, intercept)
            for number in range(n_groups)
        ]

    def solve(self, candidate: Candidate) -> LinearSolution:
        """Solve for one candidate.

        Parameters
        ----------
        candidate : Candidate
            Weights and penalty.

        Returns
        -------
        solution : LinearSolution
            The optimum.
        """
        metric = _Metric(self.terms, candidate.weights)
        solved = [group.solve(metric, candidate.penalty, self.penalty_on) for group in self.groups]
        weights = [weight @ group.vectors.T for (weight, _), group in zip(solved, self.groups, strict=True)]
        return LinearSolution(np.stack(weights), np.stack([bias for _, bias in solved]))

    def errors(self, grid: Sequence[Candidate], held_out: list[Moments]) -> np.ndarray:
        """Compute the MSE of every candidate on other windows, from their moments.

        Parameters
        ----------
        grid : sequence of Candidate
            The candidates.
        held_out : list of Moments
            Shifted moments of contexts and truth, one per group of channels.

        Returns
        -------
        errors : ndarray of shape (n_candidates,)
            Mean over windows, steps and channels.
        """
        rotated = [group.rotate(moments) for group, moments in zip(self.groups, held_out, strict=True)]
        count = sum(moments.count for moments in rotated)
        errors = np.empty(len(grid))
        metric: _Metric | None = None
        for number, candidate in enumerate(grid):
            if metric is None or metric.weights != candidate.weights:
                metric = _Metric(self.terms, candidate.weights)
            total = 0.0
            for group, moments in zip(self.groups, rotated, strict=True):
                weight, bias = group.solve(metric, candidate.penalty, self.penalty_on)
                total += moments.count * float(np.trace(residual_moments(weight, bias, moments)))
            errors[number] = total / count / len(bias)
        return errors

    def term_values(self, solution: LinearSolution, moments: Mapping[str, list[Moments]]) -> dict[str, float]:
        """Compute each unweighted term at a solution.

        Parameters
        ----------
        solution : LinearSolution
            The linear map.
        moments : dict of str to list of Moments
            The moments that define the problem.

        Returns
        -------
        values : dict of str to float
            Values by name of the term.
        """
        counts = {term.name: sum(one.count for one in moments[term.target]) for term in self.terms}
        return term_values(self.terms, solution, moments, counts)


def residual_moments(weight: np.ndarray, bias: np.ndarray, moments: Moments) -> np.ndarray:
    """Compute the mean of r r' for the residuals r = W x + b - t.

    Parameters
    ----------
    weight : ndarray of shape (prediction_length, context_length)
        W.
    bias : ndarray of shape (prediction_length,)
        The intercept b.
    moments : Moments
        Moments of x and t.

    Returns
    -------
    residuals : ndarray of shape (prediction_length, prediction_length)
        Symmetric matrix.
    """
    both = np.hstack([weight, -np.eye(len(weight))])
    mean = both @ (moments.first / moments.count)
    crossed = np.outer(bias, mean)
    return both @ (moments.second / moments.count) @ both.T + crossed + crossed.T + np.outer(bias, bias)


def mean_squared_error(solution: LinearSolution, moments: Sequence[Moments]) -> float:
    """Compute the MSE of a map on windows, from their moments.

    Parameters
    ----------
    solution : LinearSolution
        The linear map.
    moments : sequence of Moments
        Shifted moments of contexts and truth, one per group of channels.

    Returns
    -------
    error : float
        Mean over windows, steps and channels.
    """
    total = sum(
        one.count * float(np.trace(residual_moments(weight, bias, one)))
        for weight, bias, one in zip(solution.weight, solution.bias, moments, strict=True)
    )
    return total / sum(one.count for one in moments) / solution.bias.shape[1]


class _Metric:
    """The metric M = sum w_k M_k with its eigenvectors, and the weighted metrics of each target."""

    def __init__(self, terms: Sequence[QuadraticTerm], weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)
        self.by_target: dict[str, np.ndarray] = {}
        for term in terms:
            part = weights[term.name] * term.metric
            self.by_target[term.target] = self.by_target.get(term.target, 0.0) + part
        total = sum(self.by_target.values())
        self.values, self.vectors = semidefinite_eigh(np.asarray(total))
        self.inverse = quotient(np.ones_like(self.values), self.values)


class _Group:
    """Part of the problem for one group of channels: G with its eigenvectors, and the targets in their basis."""

    def __init__(self, moments: Mapping[str, Moments], intercept: bool) -> None:
        any_moments = next(iter(moments.values()))
        size, count = any_moments.context_length, any_moments.count
        self.mean = any_moments.first[:size] / count if intercept else np.zeros(size)
        second = any_moments.second[:size, :size] / count
        self.values, self.vectors = semidefinite_eigh(second - np.outer(self.mean, self.mean))
        self.intercept = intercept
        self.rotated_mean = self.vectors.T @ self.mean
        self.target_means = {
            name: one.first[size:] / count if intercept else np.zeros(len(one.first) - size)
            for name, one in moments.items()
        }
        self.cross = {
            name: (one.second[size:, :size] / count - np.outer(self.target_means[name], self.mean)) @ self.vectors
            for name, one in moments.items()
        }

    def solve(self, metric: _Metric, penalty: float, penalty_on: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the map in the basis of the eigenvectors of G, and the intercept."""
        right = sum(part @ self.cross[target] for target, part in metric.by_target.items())
        inner = metric.vectors.T @ np.asarray(right)
        if penalty_on == "weights":
            inner = quotient(inner, np.outer(metric.values, self.values) + penalty / len(inner))
        else:
            inner = quotient(inner * metric.inverse[:, None], (self.values + penalty)[None, :])
        weight = metric.vectors @ inner
        if not self.intercept:
            return weight, np.zeros(len(weight))
        level = sum(part @ self.target_means[target] for target, part in metric.by_target.items())
        bias = metric.vectors @ (metric.inverse * (metric.vectors.T @ np.asarray(level)))
        return weight, bias - weight @ self.rotated_mean

    def rotate(self, moments: Moments) -> Moments:
        """Transform the contexts of other moments to the basis of the eigenvectors of G."""
        size, second = moments.context_length, moments.second.copy()
        second[:size] = self.vectors.T @ second[:size]
        second[:, :size] = second[:, :size] @ self.vectors
        first = np.concatenate([self.vectors.T @ moments.first[:size], moments.first[size:]])
        return Moments(moments.count, first, second, size)


def semidefinite_eigh(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues, rising, and eigenvectors, as columns; eigenvalues that are 0 up to rounding are set to 0."""
    values, vectors = scipy.linalg.eigh(matrix, check_finite=False)
    floor = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    return np.where(values > floor, values, 0.0), vectors


def quotient(numerator: np.ndarray, denominator: Any) -> np.ndarray:
    """Divide by what is not negative; 0 where it is 0, which gives solutions of smallest norm."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def term_values(
    terms: Sequence[QuadraticTerm],
    solution: LinearSolution,
    moments: Mapping[str, list[Moments]],
    counts: Mapping[str, float],
) -> dict[str, float]:
    """Compute each unweighted term at a solution: its sum over the windows, divided by its count."""
    values = {}
    for term in terms:
        parts = zip(solution.weight, solution.bias, moments[term.target], strict=True)
        total = sum(
            one.count * float((term.metric * residual_moments(weight, bias, one)).sum())
            for weight, bias, one in parts
            if one.count
        )
        values[term.name] = total / counts[term.name]
    return values
