"""Units in which the penalty of an exact solution counts the rows of a context.

Rows are standardized over all rows of a series, so that rows less the level of their window usually have a variance
of .1 to 1.5. Where a trend, or another slow movement, makes up most of the spread of the rows, they vary by much less,
and a penalty in units of all rows would shrink to nothing what a window can tell: its season, or what a covariate does
from row to row. Below a variance of .1 the penalty therefore shrinks, until it is as large relative to the variance as
for rows of variance 1. An input divided by d has a weight that is d times as large, so that the ridge problem in the
divided inputs is the one with a penalty of d ** 2 times as much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._exact import LinearSolution
from skdistill.training._moments import Moments

__all__ = ["InputScale", "input_variances", "penalty_share"]

_USUAL = 0.1  # least variance of rows less their level, in standardized units, at which the penalty counts whole
_LEAST = 1e-10  # variance below which the penalty shrinks no further
_ROUNDING = 2.5e-13  # variance of a constant that is rounded to float32, in units of its level


def input_variances(first: np.ndarray, second: np.ndarray, count: float, *, centered: bool) -> np.ndarray:
    """Compute the variance of every input from sums.

    Parameters
    ----------
    first : ndarray of shape (n_inputs,)
        Sums of the inputs.
    second : ndarray of shape (n_inputs, n_inputs)
        Sums of their products.
    count : float
        Number of windows, or the sum of their weights.
    centered : bool
        Whether the mean is subtracted, as an intercept does.

    Returns
    -------
    variances : ndarray of shape (n_inputs,)
        The variances; 0 without windows.
    """
    if count <= 0:
        return np.zeros(len(first))
    squares = np.diag(second) / count
    return np.asarray(np.maximum(squares - np.square(first / count) if centered else squares, 0.0))


def penalty_share(variance: float) -> float:
    """Return the share of its penalty that counts for rows of a variance.

    Parameters
    ----------
    variance : float
        Mean variance of rows less their level, in standardized units.

    Returns
    -------
    share : float
        1 from a variance v of .1 on, and for rows that vary by rounding alone; 100 v ** 2 down to .01, and v below.

    Examples
    --------
    >>> penalty_share(0.5), penalty_share(0.05), penalty_share(0.002)
    (1.0, 0.25, 0.002)
    """
    return min(max(variance, _LEAST, (variance / _USUAL) ** 2), 1.0) if variance > _ROUNDING else 1.0


@dataclass(frozen=True)
class InputScale:
    """Divisors of the inputs of a map, so that a penalty shrinks all of them alike.

    Parameters
    ----------
    divisors : tuple of (ndarray of shape (n_inputs,) or None)
        One entry per group of channels; None divides nothing.
    """

    divisors: tuple[np.ndarray | None, ...]

    @classmethod
    def of(cls, part: SolvablePart, groups: list[Moments]) -> InputScale:
        """Find the divisors from the moments of the training windows.

        Parameters
        ----------
        part : SolvablePart
            The part to solve.
        groups : list of Moments
            Moments of its inputs, one per group of channels.

        Returns
        -------
        scale : InputScale
            The divisors.
        """
        size = part.width
        return cls.of_variances(
            part,
            (
                input_variances(one.first[:size], one.second[:size, :size], one.count, centered=part.intercept)
                for one in groups
            ),
        )

    @classmethod
    def of_variances(cls, part: SolvablePart, variances: Iterable[np.ndarray]) -> InputScale:
        """Find the divisors from the variances of the inputs of every group of channels.

        Parameters
        ----------
        part : SolvablePart
            The part to solve.
        variances : iterable of ndarray of shape (n_inputs,)
            Variance of each input, in standardized units.

        Returns
        -------
        scale : InputScale
            The divisors.
        """
        return cls(tuple(_divisors(part, one) for one in variances))

    def moments(self, groups: list[Moments]) -> list[Moments]:
        """Divide the inputs of moments.

        Parameters
        ----------
        groups : list of Moments
            One entry per group of channels.

        Returns
        -------
        divided : list of Moments
            The moments of the divided inputs.
        """
        pairs = zip(groups, self.divisors, strict=True)
        return [one if divisor is None else _divided(one, divisor) for one, divisor in pairs]

    def by_target(self, moments: Mapping[str, list[Moments]]) -> dict[str, list[Moments]]:
        """Divide the inputs of the moments of every target.

        Parameters
        ----------
        moments : dict of str to list of Moments
            By target; what has no inputs stays.

        Returns
        -------
        divided : dict of str to list of Moments
            The moments of the divided inputs.
        """
        return {
            name: self.moments(groups) if groups[0].context_length else list(groups) for name, groups in moments.items()
        }

    def solution(self, solution: LinearSolution) -> LinearSolution:
        """Return the map of the inputs themselves.

        Parameters
        ----------
        solution : LinearSolution
            A map of the divided inputs.

        Returns
        -------
        solution : LinearSolution
            The map with the same forecasts.
        """
        if all(divisor is None for divisor in self.divisors):
            return solution
        pairs = zip(solution.weight, self.divisors, strict=True)
        weight = [one if divisor is None else one / divisor for one, divisor in pairs]
        return LinearSolution(np.stack(weight), solution.bias)


def _divisors(part: SolvablePart, variances: np.ndarray) -> np.ndarray | None:
    channels = np.zeros(part.width, dtype=int) if part.channels is None else part.channels
    shares = np.ones(part.width)
    for channel in range(channels.max() + 1):
        own = channels == channel
        shares[own] = penalty_share(float(variances[own].mean())) if own.any() else 1.0
    return None if (shares == 1).all() else np.sqrt(shares)


def _divided(moments: Moments, divisor: np.ndarray) -> Moments:
    both = np.ones(len(moments.first))
    both[: moments.context_length] = divisor
    return Moments(moments.count, moments.first / both, moments.second / np.outer(both, both), moments.context_length)
