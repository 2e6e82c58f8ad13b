"""The moments that solve a part of a network, computed from windows and labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from skdistill.data._labels import Labels
from skdistill.data._windows import Windows
from skdistill.losses._base import BaseLoss
from skdistill.networks._base import NetworkSpec
from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._batches import LabelSource, label_weights
from skdistill.training._design import Design
from skdistill.training._exact import Candidate, QuadraticTerm, candidates
from skdistill.training._exactness import check_grid, quadratic_terms
from skdistill.training._moments import Moments, add_up, label_moments, truth_moments
from skdistill.training._part_problem import PartProblem

__all__ = ["LabelSubset", "PartMoments"]


@dataclass(frozen=True)
class PartMoments:
    """The part to solve, and the computation of its moments from windows.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    terms : list of QuadraticTerm
        The terms of the loss.
    design : Design
        The inputs of the part.
    """

    part: SolvablePart
    terms: list[QuadraticTerm]
    design: Design

    @classmethod
    def of(
        cls, part: SolvablePart, module: nn.Module, spec: NetworkSpec, loss: BaseLoss, *, has_teacher: bool
    ) -> PartMoments:
        """Prepare the moments of a part whose loss is quadratic."""
        named = list(check_grid(part, loss))
        terms = quadratic_terms(loss, spec.prediction_length, has_teacher=has_teacher, named=named)
        assert not isinstance(terms, str)  # why_not_exact
        return cls(part, terms, Design(part, module, spec))

    @property
    def candidates(self) -> list[Candidate]:
        """All combinations of weights, penalties and masks."""
        part = self.part
        return candidates(self.terms, list(part.penalties), part.weight_grid, part.masks, part.ties)

    def counts_labels(self, labels: LabelSource | None) -> bool:
        """Return whether labels that are read count by window, so that steps cannot share weights."""
        return labels is not None and labels.weight is not None and any(one.target != "truth" for one in self.terms)

    def problem(self, moments: dict[str, list[Moments]]) -> PartProblem:
        return PartProblem(self.part, self.terms, moments)

    def moments(
        self, windows: Windows, labels: LabelSource | None, weights: np.ndarray | None = None
    ) -> dict[str, list[Moments]]:
        """Compute the moments that the terms need; windows have their own weights, if none are given.

        If labels have weights, their moments count them, and ``"windows"`` has the number of windows.
        """
        weights = windows.weights if weights is None else weights
        parts: dict[str, list[Moments]] = {}
        targets = {term.target for term in self.terms}
        of_labels = label_weights(labels, weights) if "teacher_forecast" in targets else None
        if of_labels is not None:
            count = float(len(windows) if weights is None else weights.sum())
            parts["windows"] = self.sum([Moments(count, np.empty(0), np.empty((0, 0)), 0) for _ in windows.targets])
        if self.part.n_inputs:
            known = labels if "teacher_forecast" in targets else None
            both = self.design.moments(windows, known, weights, of_labels)
            return parts | {
                target: self.sum(both[target]) for target in ("truth", "teacher_forecast") if target in targets
            }
        if "truth" in targets:
            parts["truth"] = self.truth(windows, weights)
        if "teacher_forecast" in targets:
            assert labels is not None  # quadratic_terms
            known = labels

            def moments_of_labels(some: Windows, numbers: np.ndarray | None) -> list[Moments]:
                return label_moments(some, known if numbers is None else LabelSubset(known, numbers), self.part.n_rows)

            counted = weights if of_labels is None else of_labels
            parts["teacher_forecast"] = self.group(_weighted(moments_of_labels, windows, counted))
        return parts

    def truth(self, windows: Windows, weights: np.ndarray | None = None) -> list[Moments]:
        """Compute the moments of contexts and truth."""
        weights = windows.weights if weights is None else weights
        if self.part.n_inputs:
            return self.sum(self.design.moments(windows, None, weights)["truth"])
        return self.group(_weighted(lambda some, _: truth_moments(some, self.part.n_rows), windows, weights))

    def group(self, moments: list[Moments]) -> list[Moments]:
        return self.sum([one.shifted(self.part.level) for one in moments])

    def sum(self, moments: list[Moments]) -> list[Moments]:
        return moments if self.part.individual else [add_up(moments)]


def _weighted(
    compute: Callable[[Windows, np.ndarray | None], list[Moments]], windows: Windows, weights: np.ndarray | None
) -> list[Moments]:
    """Add up the moments of windows of equal weight."""
    if weights is None:
        return compute(windows, None)
    total: list[Moments] | None = None
    values, places = np.unique(weights, return_inverse=True)
    for place, weight in enumerate(values):
        if not weight and len(values) > 1:
            continue
        numbers = np.flatnonzero(places == place)
        part = [one.times(float(weight)) for one in compute(windows.take(torch.from_numpy(numbers)), numbers)]
        total = part if total is None else [one + other for one, other in zip(total, part, strict=True)]
    assert total is not None  # there are windows
    return total


class LabelSubset:
    """Labels of some of the windows."""

    def __init__(self, labels: LabelSource, numbers: np.ndarray) -> None:
        self.labels = labels
        self.numbers = torch.from_numpy(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def weight(self) -> Tensor | None:
        weight = self.labels.weight
        return None if weight is None else weight[self.numbers]

    def take(self, indices: Tensor) -> Labels:
        return self.labels.take(self.numbers[indices])
