"""Inputs, truth and labels of windows for the exact solver, relative to the level of each window."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.networks._solvable_part import SolvablePart
from skdistill.training._batches import LabelSource, WindowDataset
from skdistill.training._moments import Moments, add_up

__all__ = ["Design"]

_BLOCK = 1024  # number of windows gathered at once, at most
_BLOCK_VALUES = 1 << 23  # numbers of a block of inputs, at most


@dataclass(frozen=True)
class Design:
    """What the map of a solvable part reads.

    Parameters
    ----------
    part : SolvablePart
        The part that the network declares.
    module : torch.nn.Module
        The module of that part.
    spec : NetworkSpec
        What it was built for.
    """

    part: SolvablePart
    module: nn.Module
    spec: NetworkSpec

    def blocks(
        self, windows: Windows, labels: LabelSource | None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]]:
        """Yield inputs, truth, labels and weights of blocks of windows.

        Parameters
        ----------
        windows : Windows
            The windows.
        labels : LabelSource or None
            Their labels.

        Yields
        ------
        inputs : ndarray of shape (n, n_targets, width)
            Inputs of the map.
        truth, label : ndarray of shape (n, n_targets, prediction_length)
            Truth and labels minus the level of each window; NaN where missing.
        weight : ndarray of shape (n,) or None
            What each window counts.
        """
        weights = windows.weights
        size = max(1, min(_BLOCK, _BLOCK_VALUES // (self.part.width * len(windows.targets))))
        design = self._exact_design()
        for first in range(0, len(windows), size):
            indices = torch.arange(first, min(first + size, len(windows)))
            inputs, level = self._inputs(windows, indices, design)
            truth = windows.horizons(indices).cpu().double().numpy().transpose(0, 2, 1)
            label = None if labels is None else labels.take(indices).forecast.cpu().double().numpy().transpose(0, 2, 1)
            if level is not None:
                truth = truth - level
                label = None if label is None else label - level
            yield inputs, truth, label, None if weights is None else weights[first : first + size]

    def _exact_design(self) -> nn.Module | None:
        """Return a copy in float64 of what computes the inputs; None if they are rows."""
        if not self.part.n_inputs:
            return None
        design = copy.deepcopy(self.module.get_submodule("design")).double()
        if self.part.level is not None:
            design.register_buffer("level", torch.from_numpy(self.part.level), persistent=False)
        return design

    def _inputs(
        self, windows: Windows, indices: Tensor, design: nn.Module | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the inputs of a block, and the levels (n, n_targets, 1)."""
        if design is not None:
            given, _ = WindowDataset(windows, self.spec).batch(indices)
            with torch.no_grad():
                inputs, level = design(**{name: value.cpu().double() for name, value in given.items()})
            return inputs.numpy(), level.numpy()
        rows = windows.context_values(indices)[:, -self.part.n_rows :, list(windows.targets)]
        contexts = rows.cpu().double().numpy().transpose(0, 2, 1)
        if self.part.level is None:
            return contexts, None
        level = (contexts @ self.part.level)[..., None]
        return contexts - level, level

    def moments(
        self,
        windows: Windows,
        labels: LabelSource | None,
        weights: np.ndarray | None,
        label_weights: np.ndarray | None = None,
    ) -> dict[str, list[Moments]]:
        """Compute moments of inputs with truth and with labels, one per target.

        Parameters
        ----------
        windows : Windows
            Windows with known truth, unless only labels are needed.
        labels : LabelSource or None
            Their labels; None computes only the moments with the truth.
        weights : ndarray of shape (n_windows,) or None
            What each window counts; None means that all count 1.
        label_weights : ndarray of shape (n_windows,) or None, default=None
            What its label counts; None takes the weights of the windows.

        Returns
        -------
        moments : dict of str to list of Moments
            ``"truth"`` and, with labels, ``"teacher_forecast"``.
        """
        names = ["truth"] if labels is None else ["truth", "teacher_forecast"]
        parts: dict[str, list[list[Moments]]] = {name: [[] for _ in windows.targets] for name in names}
        first = 0
        for inputs, truth, label, _ in self.blocks(windows, labels):
            here = slice(first, first + len(inputs))
            weight = None if weights is None else weights[here, None]
            of_label = weight if label_weights is None else label_weights[here, None]
            first += len(inputs)
            for target in range(len(windows.targets)):
                rows = inputs[:, target]
                second = _second(rows, weight)
                parts["truth"][target].append(_joint(rows, truth[:, target], second, weight))
                if label is not None:
                    own = second if label_weights is None else _second(rows, of_label)
                    parts["teacher_forecast"][target].append(_joint(rows, label[:, target], own, of_label))
        return {name: [add_up(one) for one in by_target] for name, by_target in parts.items()}


def _second(rows: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    weighted = rows if weight is None else weight * rows
    return weighted.T @ rows


def _joint(rows: np.ndarray, ahead: np.ndarray, second: np.ndarray, weight: np.ndarray | None) -> Moments:
    """Return the moments of inputs (n, width) and what follows (n, n_steps), with weights (n, 1) of the windows."""
    weighted = ahead if weight is None else weight * ahead
    cross = rows.T @ weighted
    both = np.block([[second, cross], [cross.T, weighted.T @ ahead]])
    count, of_rows = (
        (float(len(rows)), rows.sum(axis=0)) if weight is None else (float(weight.sum()), weight[:, 0] @ rows)
    )
    return Moments(count, np.concatenate([of_rows, weighted.sum(axis=0)]), both, rows.shape[1])
