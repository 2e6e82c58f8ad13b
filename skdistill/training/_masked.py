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
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from skdistill.data._windows import Windows
from skdistill.training._batches import LabelSource, label_weights
from skdistill.training._design import Design
from skdistill.training._exact import Candidate, LinearSolution, QuadraticTerm
from skdistill.training._input_scale import InputScale, input_variances

__all__ = ["masked_error", "solve_masked"]


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
    part = design.part
    n_groups = len(windows.targets) if part.individual else 1
    groups = [_Sums(part.width, windows.prediction_length) for _ in range(n_groups)]
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
            group.add(_rows(own_contexts), _rows(truth[:, own]), label_rows, weights_of_rows, counts)
    weights = np.zeros((len(points), n_groups, windows.prediction_length, part.width))
    biases = np.zeros(weights.shape[:3])
    scale = InputScale.of_variances(part, (group.variances(centered=part.intercept) for group in groups))
    for number, (group, divisor) in enumerate(zip(groups, scale.divisors, strict=True)):
        if divisor is not None:
            group.divide(divisor)
        for step in range(windows.prediction_length):
            for mask in part.masks:
                chosen = [place for place, point in enumerate(points) if point.mask is mask]
                solved = group.solve(
                    step,
                    terms,
                    [points[place] for place in chosen],
                    penalty_on=part.penalty_on,
                    intercept=part.intercept,
                    allowed=None if mask is None else np.flatnonzero(mask[step]),
                )
                weights[chosen, number, step], biases[chosen, number, step] = solved
    return [scale.solution(LinearSolution(weight, bias)) for weight, bias in zip(weights, biases, strict=True)]


def masked_error(design: Design, solution: LinearSolution, windows: Windows) -> float:
    """Compute the MSE of a map over the observed truth of windows.

    Parameters
    ----------
    design : Design
        What the map of the solvable part reads.
    solution : LinearSolution
        The map.
    windows : Windows
        Windows; their truth can have missing values.

    Returns
    -------
    error : float
        Mean over the observed values; NaN if there are none.
    """
    total, count = 0.0, 0.0
    for contexts, truth, _, weight in design.blocks(windows, None):
        forecast = contexts @ solution.weight.swapaxes(-1, -2) if len(solution.weight) == 1 else None
        if forecast is None:
            forecast = np.einsum("bcl,chl->bch", contexts, solution.weight)
        squares = np.square(forecast + solution.bias - truth)
        observed = ~np.isnan(squares)
        shares = np.where(observed, 1.0 if weight is None else weight[:, None, None], 0.0)
        total, count = total + float((shares * np.where(observed, squares, 0.0)).sum()), count + float(shares.sum())
    return total / count if count else float("nan")


@dataclass
class _Totals:
    """Sums over rows: of 1, x, x x', t, and t x'."""

    count: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def zeros(cls, n_rows: int) -> _Totals:
        return cls(np.zeros(()), np.zeros(n_rows), np.zeros((n_rows, n_rows)))

    def add(self, contexts: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Add rows with weights, and return the weighted rows."""
        weighted = contexts * weight[:, None]
        self.count += weight.sum()
        self.first += weighted.sum(axis=0)
        self.second += weighted.T @ contexts
        return weighted

    def divide(self, divisor: np.ndarray) -> None:
        """Divide the inputs."""
        self.first /= divisor
        self.second /= np.outer(divisor, divisor)


class _Sums:
    """Sums of one group of channels; a row is one channel of one window."""

    def __init__(self, n_rows: int, n_steps: int) -> None:
        self.whole = _Totals.zeros(n_rows)
        self.labeled: _Totals | None = None  # by the weights of the labels; None if these are those of the windows
        self.absent = _Totals(np.zeros(n_steps), np.zeros((n_steps, n_rows)), np.zeros((n_steps, n_rows, n_rows)))
        self.sums = {name: np.zeros(n_steps) for name in ("truth", "teacher_forecast")}
        self.cross = {name: np.zeros((n_steps, n_rows)) for name in self.sums}

    def add(
        self,
        contexts: np.ndarray,
        truth: np.ndarray,
        label: np.ndarray | None,
        weight: np.ndarray | None = None,
        label_weight: np.ndarray | None = None,
    ) -> None:
        """Add rows (n, n_rows) with their truth (n, n_steps), NaN where missing, labels, and weights of both."""
        weight = np.ones(len(contexts)) if weight is None else weight
        weighted = self.whole.add(contexts, weight)
        counted, of_label = weight, weighted
        if label_weight is not None:
            self.labeled = _Totals.zeros(contexts.shape[1]) if self.labeled is None else self.labeled
            counted, of_label = label_weight, self.labeled.add(contexts, label_weight)
        missing = np.isnan(truth)
        for step in np.flatnonzero(missing.any(axis=0)):
            rows, own = contexts[missing[:, step]], weighted[missing[:, step]]
            self.absent.count[step] += weight[missing[:, step]].sum()
            self.absent.first[step] += own.sum(axis=0)
            self.absent.second[step] += own.T @ rows
        observed = np.where(missing, 0.0, truth)
        self.sums["truth"] += weight @ observed
        self.cross["truth"] += observed.T @ weighted
        if label is not None:
            self.sums["teacher_forecast"] += counted @ label
            self.cross["teacher_forecast"] += label.T @ of_label

    def variances(self, *, centered: bool) -> np.ndarray:
        """Return the variances of the inputs over all windows."""
        return input_variances(self.whole.first, self.whole.second, float(self.whole.count), centered=centered)

    def divide(self, divisor: np.ndarray) -> None:
        """Divide the inputs (n_rows,)."""
        for totals in (self.whole, self.absent, *([] if self.labeled is None else [self.labeled])):
            totals.divide(divisor)
        for cross in self.cross.values():
            cross /= divisor

    def solve(
        self,
        step: int,
        terms: Sequence[QuadraticTerm],
        points: Sequence[Candidate],
        *,
        penalty_on: str,
        intercept: bool,
        allowed: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return weights (n_candidates, n_rows) and biases (n_candidates,) of a step, over the allowed inputs."""
        here = np.arange(len(self.whole.first)) if allowed is None else allowed
        weights = np.zeros((len(points), len(self.whole.first)))
        biases = np.zeros(len(points))
        factored: dict[tuple[float, ...], _Step] = {}
        for number, point in enumerate(points):
            key = tuple(point.weights.values())
            if key not in factored:
                factored[key] = self._step(step, terms, point, intercept, here)
            shares = sum(point.weights[term.name] * term.metric[step, step] for term in terms)
            penalty = point.penalty * shares if penalty_on == "forecast" else point.penalty / len(self.absent.count)
            weights[number, here], biases[number] = factored[key].solve(float(penalty))
        return weights, biases

    def _step(
        self, step: int, terms: Sequence[QuadraticTerm], point: Candidate, intercept: bool, here: np.ndarray
    ) -> _Step:
        n_steps = len(self.absent.count)
        n_observed = n_steps * float(self.whole.count) - self.absent.count.sum()
        count, first, second = 0.0, np.zeros_like(self.whole.first), np.zeros_like(self.whole.second)
        level, cross = 0.0, np.zeros_like(self.whole.first)
        for term in terms:
            share = point.weights[term.name] * term.metric[step, step]
            is_truth = term.target == "truth"
            share = share * (n_steps / max(n_observed, 1.0) if is_truth else 1.0 / float(self.whole.count))
            whole = self.whole if is_truth or self.labeled is None else self.labeled
            count += share * float(whole.count - is_truth * self.absent.count[step])
            first += share * (whole.first - is_truth * self.absent.first[step])
            second += share * (whole.second - is_truth * self.absent.second[step])
            level += share * self.sums[term.target][step]
            cross += share * self.cross[term.target][step]
        return _Step.of(count, first[here], second[np.ix_(here, here)], level, cross[here], intercept)


@dataclass
class _Step:
    """A ridge problem in the basis of its eigenvectors."""

    values: np.ndarray
    vectors: np.ndarray
    right: np.ndarray
    mean: np.ndarray
    level: float

    @classmethod
    def of(
        cls, count: float, first: np.ndarray, second: np.ndarray, level: float, cross: np.ndarray, intercept: bool
    ) -> _Step:
        mean = first / count if intercept and count > 0 else np.zeros_like(first)
        height = level / count if intercept and count > 0 else 0.0
        values, vectors = scipy.linalg.eigh(second - count * np.outer(mean, mean), check_finite=False)
        floor = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
        values = np.where(values > floor, values, 0.0)
        return cls(values, vectors, vectors.T @ (cross - count * height * mean), mean, height)

    def solve(self, penalty: float) -> tuple[np.ndarray, float]:
        """Return the weights and the intercept; of smallest norm if they are not unique."""
        below = self.values + penalty
        inner = np.divide(self.right, below, out=np.zeros_like(self.right), where=below > 0)
        weight = self.vectors @ inner
        return weight, self.level - float(weight @ self.mean)


def _rows(values: np.ndarray) -> np.ndarray:
    """Reshape channels of windows to rows."""
    return values.reshape(-1, values.shape[-1])
