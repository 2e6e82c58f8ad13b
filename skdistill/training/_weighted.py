"""Exact optimum if labels have weights: truth and labels then have different moments of the contexts.

With windows x (with a 1 appended for the intercept), truth y, labels t and their weights v, the objective

    1 / n * sum over windows and steps of a_h (W_h x - y_h)^2 + v b_h (W_h x - t_h)^2

splits into one ridge problem per step if no term combines steps; and into one per direction of U' W if the metrics of
the terms have common orthonormal eigenvectors U, as pooled terms have with the MSE. Steps at which the terms have the
same ratio a_h / b_h share the matrix of their problem: with the MSE, or the same weights of the steps in all terms,
there is one. It is plain weighted least squares in which a labeled window comes twice: with its truth and its label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from skdistill.training._exact import (
    Candidate,
    LinearSolution,
    QuadraticTerm,
    mean_squared_error,
    quotient,
    semidefinite_eigh,
    term_values,
)
from skdistill.training._moments import Moments

__all__ = ["WeightedProblem", "common_basis"]

_DIGITS = 12  # ratios that agree up to rounding are equal
_CLOSE = 1e-9  # of a metric, relative to its largest entry, that is rounding
_MOST_KEPT = 8  # factorizations, which serve all penalties


class WeightedProblem:
    """Moments of truth and of weighted labels; the counterpart of :class:`ExactProblem`.

    Parameters
    ----------
    moments : dict of str to list of Moments
        For each target (``"truth"``, ``"teacher_forecast"``) the shifted moments of each group of channels, and under
        ``"windows"`` the number of windows of each group, whatever their labels count.
    terms : sequence of QuadraticTerm
        Terms whose metrics have common eigenvectors.
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
        self.intercept = intercept
        self.counts = [one.count for one in moments["windows"]]
        basis = common_basis([term.metric for term in self.terms])
        assert basis is not None  # why_not_exact
        self.basis = None if np.array_equal(basis, np.eye(len(basis))) else basis
        self.groups = [
            {term.target: _turn(moments[term.target][number], self.basis) for term in self.terms}
            for number in range(len(self.counts))
        ]
        self.diagonals = {
            term.name: np.diag(term.metric) if self.basis is None else _eigenvalues(term.metric, self.basis)
            for term in self.terms
        }
        self._kept: dict[tuple[object, ...], _Factored] = {}

    def solve(self, candidate: Candidate) -> LinearSolution:
        """Solve for one candidate.

        Parameters
        ----------
        candidate : Candidate
            Weights, penalty and mask.

        Returns
        -------
        solution : LinearSolution
            The optimum.
        """
        solved = [self._solve_group(number, candidate) for number in range(len(self.groups))]
        weights, biases = np.stack([weight for weight, _ in solved]), np.stack([bias for _, bias in solved])
        if self.basis is None:
            return LinearSolution(weights, biases)
        return LinearSolution(self.basis @ weights, biases @ self.basis.T)

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
        return np.array([mean_squared_error(self.solve(candidate), held_out) for candidate in grid])

    def term_values(self, solution: LinearSolution, moments: Mapping[str, list[Moments]]) -> dict[str, float]:
        """Compute each unweighted term at a solution; labels count by their weights.

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
        counts = dict.fromkeys((term.name for term in self.terms), sum(self.counts))
        return term_values(self.terms, solution, moments, counts)

    def _solve_group(self, number: int, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        n_steps = len(self.terms[0].metric)
        size = next(iter(self.groups[number].values())).context_length
        diagonals = np.stack([candidate.weights[term.name] * self.diagonals[term.name] for term in self.terms])
        totals = diagonals.sum(axis=0)
        ratios = np.round(quotient(diagonals, totals), _DIGITS)
        masks = np.ones((n_steps, size), dtype=bool) if candidate.mask is None else candidate.mask
        weight, bias = np.zeros((n_steps, size)), np.zeros(n_steps)
        _, places = np.unique(np.hstack([ratios.T, masks]), axis=0, return_inverse=True)
        for place in range(places.max() + 1):
            steps = np.flatnonzero(places == place)
            if totals[steps[0]] > 0:
                penalty = candidate.penalty
                if self.penalty_on == "weights":
                    penalty = candidate.penalty / n_steps / totals[steps]
                here = np.flatnonzero(masks[steps[0]])
                found = self._solve_steps(number, ratios[:, steps[0]], steps, here, penalty)
                weight[np.ix_(steps, here)], bias[steps] = found
        return weight, bias

    def _solve_steps(
        self, number: int, ratios: np.ndarray, steps: np.ndarray, here: np.ndarray, penalty: float | np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (n_steps, n_inputs) and intercepts of steps whose problems share a matrix."""
        group, count = self.groups[number], self.counts[number]
        shares: dict[str, float] = {}
        for term, ratio in zip(self.terms, ratios, strict=True):
            shares[term.target] = shares.get(term.target, 0.0) + ratio / count
        size = next(iter(group.values())).context_length
        parts = [(share, group[target]) for target, share in shares.items()]
        known = self._factor((number, *shares.items(), here.tobytes()), parts, here)
        level = np.sum([share * one.first[size + steps] for share, one in parts], axis=0)
        cross = np.sum([share * one.second[np.ix_(size + steps, here)] for share, one in parts], axis=0)
        height = level / known.count if self.intercept and known.count > 0 else np.zeros_like(level)
        below = known.values + np.broadcast_to(penalty, len(steps))[:, None]
        right = (cross - known.count * np.outer(height, known.mean)) @ known.vectors
        weight = quotient(right, below) @ known.vectors.T
        return weight, height - weight @ known.mean

    def _factor(self, key: tuple[object, ...], parts: Sequence[tuple[float, Moments]], here: np.ndarray) -> _Factored:
        """Return the common matrix of some steps, factorized once for all penalties."""
        if key not in self._kept:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = _Factored.of(parts, here, self.intercept)
        return self._kept[key]


@dataclass(frozen=True)
class _Factored:
    """Moments of the contexts, with the eigenvectors of their covariance."""

    count: float
    mean: np.ndarray
    values: np.ndarray
    vectors: np.ndarray

    @classmethod
    def of(cls, parts: Sequence[tuple[float, Moments]], here: np.ndarray, intercept: bool) -> _Factored:
        n = sum(share * one.count for share, one in parts)
        first = np.sum([share * one.first[here] for share, one in parts], axis=0)
        second = np.sum([share * one.second[np.ix_(here, here)] for share, one in parts], axis=0)
        mean = first / n if intercept and n > 0 else np.zeros_like(first)
        return cls(n, mean, *semidefinite_eigh(second - n * np.outer(mean, mean)))


def common_basis(metrics: Sequence[np.ndarray]) -> np.ndarray | None:
    """Find orthonormal vectors that are eigenvectors of all metrics.

    Parameters
    ----------
    metrics : sequence of ndarray of shape (prediction_length, prediction_length)
        Symmetric matrices.

    Returns
    -------
    basis : ndarray of shape (prediction_length, prediction_length) or None
        The vectors as columns, the steps themselves if all metrics are diagonal; None if there is no such basis.

    Examples
    --------
    >>> import numpy as np
    >>> common_basis([np.diag([1.0, 2.0]), np.eye(2)])
    array([[1., 0.],
           [0., 1.]])
    >>> common_basis([np.diag([1.0, 2.0]), np.ones((2, 2))]) is None
    True
    """
    if all(_is_diagonal(metric, 0.0) for metric in metrics):
        return np.eye(len(metrics[0]))
    units = [metric / (np.abs(metric).max() or 1.0) for metric in metrics]
    factors = np.sqrt(2.0 + np.arange(len(units)))  # no rational relation that could hide an eigenvector
    _, basis = scipy.linalg.eigh(np.tensordot(factors, units, axes=1), check_finite=False)
    return basis if all(_is_diagonal(basis.T @ unit @ basis, _CLOSE) for unit in units) else None


def _is_diagonal(matrix: np.ndarray, tolerance: float) -> bool:
    return bool((np.abs(matrix - np.diag(np.diag(matrix))) <= tolerance).all())


def _eigenvalues(metric: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return np.maximum(np.sum(basis * (metric @ basis), axis=0), 0.0)


def _turn(moments: Moments, basis: np.ndarray | None) -> Moments:
    """Express what follows the context in another basis."""
    if basis is None:
        return moments
    size, second = moments.context_length, moments.second.copy()
    second[size:] = basis.T @ second[size:]
    second[:, size:] = second[:, size:] @ basis
    first = np.concatenate([moments.first[:size], basis.T @ moments.first[size:]])
    return Moments(moments.count, first, second, size)
