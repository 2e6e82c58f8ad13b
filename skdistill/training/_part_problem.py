"""The problem of a solvable part: which solver its candidates need, and in which units their penalty counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._exact import Candidate, ExactProblem, LinearSolution, QuadraticTerm, mean_squared_error
from skdistill.training._input_scale import InputScale
from skdistill.training._moments import Moments
from skdistill.training._sparse import solve_sparse
from skdistill.training._weighted import WeightedProblem

__all__ = ["PartProblem"]


class PartProblem:
    """The moments of a solvable part, ready to be solved for any candidate.

    Parameters
    ----------
    part : SolvablePart
        The part.
    terms : sequence of QuadraticTerm
        The terms of the loss.
    moments : dict of str to list of Moments
        For each target the shifted moments of each group of channels; with ``"windows"``, the numbers of windows,
        where labels have weights.
    """

    def __init__(
        self, part: SolvablePart, terms: Sequence[QuadraticTerm], moments: Mapping[str, list[Moments]]
    ) -> None:
        self.terms = list(terms)
        self.options: dict[str, Any] = {"penalty_on": part.penalty_on, "intercept": part.intercept}
        self.scale = InputScale.of(part, next(one for name, one in moments.items() if name != "windows"))
        self.moments = self.scale.by_target(moments)
        make = WeightedProblem if "windows" in moments else ExactProblem
        self.dense: ExactProblem | WeightedProblem = make(self.moments, self.terms, **self.options)

    def solve(self, point: Candidate) -> LinearSolution:
        """Solve for one candidate.

        Parameters
        ----------
        point : Candidate
            Weights, penalty and mask.

        Returns
        -------
        solution : LinearSolution
            The optimum.
        """
        return self.scale.solution(self._solve(point))

    def _solve(self, point: Candidate) -> LinearSolution:
        """Solve for the divided inputs."""
        if point.mask is None or isinstance(self.dense, WeightedProblem):
            return self.dense.solve(point)
        return solve_sparse(
            self.moments,
            self.terms,
            point.mask,
            penalty=point.penalty,
            weights=point.weights,
            ties=point.ties,
            **self.options,
        )

    def errors(self, points: Sequence[Candidate], held_out: list[Moments]) -> np.ndarray:
        """Compute the MSE of every candidate on other windows, from their moments.

        Parameters
        ----------
        points : sequence of Candidate
            The candidates.
        held_out : list of Moments
            Shifted moments of contexts and truth, one per group of channels.

        Returns
        -------
        errors : ndarray of shape (n_candidates,)
            Mean over windows, steps and channels.
        """
        held_out = self.scale.moments(held_out)
        if isinstance(self.dense, WeightedProblem):
            return self.dense.errors(points, held_out)
        free = [number for number, point in enumerate(points) if point.mask is None]
        errors = np.empty(len(points))
        errors[free] = self.dense.errors([points[number] for number in free], held_out) if free else np.empty(0)
        for number, point in enumerate(points):
            if point.mask is not None:
                errors[number] = mean_squared_error(self._solve(point), held_out)
        return errors

    def term_values(self, solution: LinearSolution, moments: Mapping[str, list[Moments]]) -> dict[str, float]:
        """Compute each unweighted term at a solution.

        Parameters
        ----------
        solution : LinearSolution
            The map of the inputs themselves.
        moments : dict of str to list of Moments
            The moments that define the problem.

        Returns
        -------
        values : dict of str to float
            Values by name of the term.
        """
        return self.dense.term_values(solution, moments)
