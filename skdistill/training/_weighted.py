"""Exact optimum if labels have weights: truth and labels then have different moments of the contexts.

With windows x (with a 1 appended for the intercept), truth y, labels t and their weights v, the objective

    1 / n * sum over windows and steps of a_h (W_h x - y_h)^2 + v b_h (W_h x - t_h)^2

splits into one ridge problem per step if no term combines steps. Steps at which the terms have the same ratio a_h / b_h
share the matrix of their problem: with the MSE, or the same weights of the steps in all terms, there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg

from skdistill.training._exact import Candidate, LinearSolution, QuadraticTerm, mean_squared_error, residual_moments
from skdistill.training._moments import Moments

__all__ = ["WeightedProblem"]

_DIGITS = 12  # ratios that agree up to rounding are equal


class WeightedProblem:
    """Moments of truth and of weighted labels; the counterpart of :class:`ExactProblem`.

    Parameters
    ----------
    moments : dict of str to list of Moments
        For each target (``"truth"``, ``"teacher_forecast"``) the shifted moments of each group of channels, and under
        ``"windows"`` the number of windows of each group, whatever their labels count.
    terms : sequence of QuadraticTerm
        Terms with diagonal metrics.
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
        self.groups = [
            {term.target: moments[term.target][number] for term in self.terms} for number in range(len(self.counts))
        ]

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
        solved = [
            self._solve_group(group, count, candidate) for group, count in zip(self.groups, self.counts, strict=True)
        ]
        return LinearSolution(np.stack([weight for weight, _ in solved]), np.stack([bias for _, bias in solved]))

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
        values = {}
        for term in self.terms:
            total = 0.0
            for weight, bias, one in zip(solution.weight, solution.bias, moments[term.target], strict=True):
                if one.count:
                    total += one.count * float((term.metric * residual_moments(weight, bias, one)).sum())
            values[term.name] = total / sum(self.counts)
        return values

    def _solve_group(
        self, group: Mapping[str, Moments], count: float, candidate: Candidate
    ) -> tuple[np.ndarray, np.ndarray]:
        n_steps = len(self.terms[0].metric)
        size = next(iter(group.values())).context_length
        diagonals = np.stack([candidate.weights[term.name] * np.diag(term.metric) for term in self.terms])
        totals = diagonals.sum(axis=0)
        ratios = np.round(np.divide(diagonals, totals, out=np.zeros_like(diagonals), where=totals > 0), _DIGITS)
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
                found = self._solve_steps(group, count, ratios[:, steps[0]], steps, here, penalty)
                weight[np.ix_(steps, here)], bias[steps] = found
        return weight, bias

    def _solve_steps(
        self,
        group: Mapping[str, Moments],
        count: float,
        ratios: np.ndarray,
        steps: np.ndarray,
        here: np.ndarray,
        penalty: float | np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (n_steps, n_inputs) and intercepts of steps whose problems share a matrix."""
        shares: dict[str, float] = {}
        for term, ratio in zip(self.terms, ratios, strict=True):
            shares[term.target] = shares.get(term.target, 0.0) + ratio / count
        size = next(iter(group.values())).context_length
        parts = [(share, group[target]) for target, share in shares.items()]
        n = sum(share * one.count for share, one in parts)
        first = np.sum([share * one.first[here] for share, one in parts], axis=0)
        second = np.sum([share * one.second[np.ix_(here, here)] for share, one in parts], axis=0)
        level = np.sum([share * one.first[size + steps] for share, one in parts], axis=0)
        cross = np.sum([share * one.second[np.ix_(size + steps, here)] for share, one in parts], axis=0)
        centered = self.intercept and n > 0
        mean = first / n if centered else np.zeros_like(first)
        height = level / n if centered else np.zeros_like(level)
        values, vectors = scipy.linalg.eigh(second - n * np.outer(mean, mean), check_finite=False)
        floor = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
        below = np.where(values > floor, values, 0.0) + np.broadcast_to(penalty, len(steps))[:, None]
        right = (cross - n * np.outer(height, mean)) @ vectors
        weight = np.divide(right, below, out=np.zeros_like(right), where=below > 0) @ vectors.T
        return weight, height - weight @ mean
