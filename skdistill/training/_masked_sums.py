"""Sums over windows whose truth can be missing: what one ridge problem per step of the horizon is solved from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skdistill.training._exact import Candidate, QuadraticTerm, quotient, semidefinite_eigh
from skdistill.training._input_scale import input_variances
from skdistill.training._moments import Moments

__all__ = ["MaskedSums"]

_TARGETS = ("truth", "teacher_forecast")


@dataclass
class _Totals:
    """Sums over rows: of 1, x and x x'."""

    count: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def zeros(cls, n_rows: int, *steps: int) -> _Totals:
        return cls(np.zeros(steps), np.zeros((*steps, n_rows)), np.zeros((*steps, n_rows, n_rows)))

    @classmethod
    def of(cls, moments: Moments) -> _Totals:
        n = moments.context_length
        return cls(np.array(moments.count, dtype=float), moments.first[:n], moments.second[:n, :n])

    def __add__(self, other: _Totals) -> _Totals:
        return _Totals(self.count + other.count, self.first + other.first, self.second + other.second)

    def add(self, contexts: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Add rows with weights, and return the weighted rows."""
        weighted = contexts * weight[:, None]
        self.count += weight.sum()
        self.first += weighted.sum(axis=0)
        self.second += weighted.T @ contexts
        return weighted


@dataclass
class MaskedSums:
    """Sums over windows of one group of channels, whose truth can be missing; ``+`` adds other windows.

    A row is one channel of one window. With d inputs and n steps, ``absent`` has n d d numbers.

    Parameters
    ----------
    whole : totals
        Of the inputs of all rows.
    labeled : totals or None
        The same by the weights of the labels; None if these are those of the windows.
    absent : totals
        By step, of the rows whose truth is missing there.
    sums, squares, cross : dict of str to ndarray of shape (n_steps,), (n_steps,) and (n_steps, n_inputs)
        Sums of t, t^2 and t x', of the observed truth and of the labels.
    """

    whole: _Totals
    labeled: _Totals | None
    absent: _Totals
    sums: dict[str, np.ndarray]
    squares: dict[str, np.ndarray]
    cross: dict[str, np.ndarray]

    @classmethod
    def zeros(cls, n_inputs: int, n_steps: int) -> MaskedSums:
        """Return the sums of no window.

        Parameters
        ----------
        n_inputs, n_steps : int
            Numbers of inputs and steps.

        Returns
        -------
        sums : MaskedSums
            All are 0.
        """
        return cls(
            _Totals.zeros(n_inputs),
            None,
            _Totals.zeros(n_inputs, n_steps),
            {name: np.zeros(n_steps) for name in _TARGETS},
            {name: np.zeros(n_steps) for name in _TARGETS},
            {name: np.zeros((n_steps, n_inputs)) for name in _TARGETS},
        )

    @classmethod
    def of_complete(cls, moments: Mapping[str, Moments]) -> MaskedSums:
        """Return the sums of windows without a missing value, from their moments.

        Parameters
        ----------
        moments : dict of str to Moments
            By target; with ``"windows"``, the number of windows, where labels have weights.

        Returns
        -------
        sums : MaskedSums
            Nothing is absent.
        """
        of_truth, of_labels = moments.get("truth"), moments.get("teacher_forecast")
        either = of_truth or of_labels
        assert either is not None  # terms read one of them
        n = either.context_length
        new = cls.zeros(n, len(either.first) - n)
        new.whole = _Totals.of(either)
        if "windows" in moments:
            assert of_labels is not None  # they have the weights
            new.labeled = _Totals.of(of_labels)
            if of_truth is None:  # only the number of windows is known of these
                new.whole = _Totals.of(of_labels.times(moments["windows"].count / max(of_labels.count, 1e-300)))
        for name in _TARGETS:
            if name in moments:
                new.sums[name], new.cross[name] = moments[name].first[n:], moments[name].second[n:, :n]
                new.squares[name] = np.diag(moments[name].second)[n:]
        return new

    def __add__(self, other: MaskedSums) -> MaskedSums:
        """Add other windows; where only one of both has weights of labels, labels of the other count 1."""
        one, more = (self.labeled, other.labeled)
        if one is not None or more is not None:
            labeled = (self.whole if one is None else one) + (other.whole if more is None else more)
        return MaskedSums(
            self.whole + other.whole,
            None if one is None and more is None else labeled,
            self.absent + other.absent,
            {name: self.sums[name] + other.sums[name] for name in _TARGETS},
            {name: self.squares[name] + other.squares[name] for name in _TARGETS},
            {name: self.cross[name] + other.cross[name] for name in _TARGETS},
        )

    def count(
        self,
        contexts: np.ndarray,
        truth: np.ndarray,
        label: np.ndarray | None,
        weight: np.ndarray | None = None,
        label_weight: np.ndarray | None = None,
    ) -> None:
        """Count rows.

        Parameters
        ----------
        contexts : ndarray of shape (n, n_inputs)
            Inputs.
        truth, label : ndarray of shape (n, n_steps), label or None
            Truth, NaN where missing, and labels.
        weight, label_weight : ndarray of shape (n,) or None, default=None
            What each row counts, and its label; None means 1, and the same.
        """
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
        self.squares["truth"] += weight @ observed**2
        if label is not None:
            self.sums["teacher_forecast"] += counted @ label
            self.squares["teacher_forecast"] += counted @ label**2
            self.cross["teacher_forecast"] += label.T @ of_label

    @property
    def n_observed(self) -> float:
        """The number of observed values, over all steps."""
        return float(self.absent.count.size * self.whole.count - self.absent.count.sum())

    def squared_errors(self, weight: np.ndarray, bias: np.ndarray, target: str) -> np.ndarray:
        """Sum the squared errors of a map over the observed truth, or over the labels.

        Parameters
        ----------
        weight : ndarray of shape (n_steps, n_inputs)
            Weights of the map.
        bias : ndarray of shape (n_steps,)
            Intercepts.
        target : {"truth", "teacher_forecast"}
            What is forecast.

        Returns
        -------
        totals : ndarray of shape (n_steps,)
            The sums.
        """
        whole = self.whole if target == "truth" or self.labeled is None else self.labeled
        count, first = whole.count, whole.first
        second = np.einsum("hx,hx->h", weight @ whole.second, weight)
        if target == "truth":
            count, first = count - self.absent.count, first - self.absent.first
            second = second - np.einsum("hx,hxy,hy->h", weight, self.absent.second, weight, optimize=True)
        level = np.einsum("hx,hx->h", weight, np.broadcast_to(first, weight.shape))
        cross = np.einsum("hx,hx->h", weight, self.cross[target]) + bias * self.sums[target]
        return np.asarray(second + 2 * bias * level + bias**2 * count - 2 * cross + self.squares[target])

    def variances(self, *, centered: bool) -> np.ndarray:
        """Compute the variances of the inputs over all windows.

        Parameters
        ----------
        centered : bool
            Whether around their means.

        Returns
        -------
        variances : ndarray of shape (n_inputs,)
            The variances.
        """
        return input_variances(self.whole.first, self.whole.second, float(self.whole.count), centered=centered)

    def solve(
        self,
        step: int,
        terms: Sequence[QuadraticTerm],
        points: Sequence[Candidate],
        *,
        penalty_on: str,
        intercept: bool,
        allowed: np.ndarray | None,
        divisor: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Solve a step for several candidates.

        Parameters
        ----------
        step : int
            Its number.
        terms : sequence of QuadraticTerm
            Terms with diagonal metrics.
        points : sequence of Candidate
            Candidate weights and penalties.
        penalty_on : {"weights", "forecast"}
            What the penalty counts.
        intercept : bool
            Whether there is an intercept.
        allowed : ndarray of int or None
            Inputs that the step reads; None means all.
        divisor : ndarray of shape (n_inputs,)
            Units of the inputs, in which the penalty counts.

        Returns
        -------
        weights : ndarray of shape (n_candidates, n_inputs)
            Weights of the divided inputs.
        biases : ndarray of shape (n_candidates,)
            Intercepts.
        """
        here = np.arange(len(self.whole.first)) if allowed is None else allowed
        weights = np.zeros((len(points), len(self.whole.first)))
        biases = np.zeros(len(points))
        factored: dict[tuple[float, ...], _Step] = {}
        for number, point in enumerate(points):
            key = tuple(point.weights.values())
            if key not in factored:
                factored[key] = self._step(step, terms, point, intercept, here, divisor)
            shares = sum(point.weights[term.name] * term.metric[step, step] for term in terms)
            penalty = point.penalty * shares if penalty_on == "forecast" else point.penalty / len(self.absent.count)
            weights[number, here], biases[number] = factored[key].solve(float(penalty))
        return weights, biases

    def _step(
        self,
        step: int,
        terms: Sequence[QuadraticTerm],
        point: Candidate,
        intercept: bool,
        here: np.ndarray,
        divisor: np.ndarray,
    ) -> _Step:
        n_steps = len(self.absent.count)
        n_observed = self.n_observed
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
        first, second, cross = first / divisor, second / np.outer(divisor, divisor), cross / divisor
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
        values, vectors = semidefinite_eigh(second - count * np.outer(mean, mean))
        return cls(values, vectors, vectors.T @ (cross - count * height * mean), mean, height)

    def solve(self, penalty: float) -> tuple[np.ndarray, float]:
        """Return the weights and the intercept; of smallest norm if they are not unique."""
        weight = self.vectors @ quotient(self.right, self.values + penalty)
        return weight, self.level - float(weight @ self.mean)
