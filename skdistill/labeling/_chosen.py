"""Labels of chosen windows: a folder of parts, which grows if more windows are wanted later."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skdistill.data._labels import Labels, joined_labels, joined_weight
from skdistill.labeling._answers import Wanted
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._store import Store
from skdistill.labeling._stored import StoredLabels

__all__ = ["JoinedLabels", "find_chosen", "label_chosen"]

Label = Callable[[Tensor], Labels]
Run = Callable[[Sequence[Tensor]], Iterable[Labels]]


@dataclass(frozen=True)
class JoinedLabels:
    """Labels of several stores, one after another.

    Parameters
    ----------
    parts : tuple of StoredLabels
        The stores.
    """

    parts: tuple[StoredLabels, ...]

    def __len__(self) -> int:
        """Return the number of windows."""
        return int(self._ends[-1])

    @cached_property
    def _ends(self) -> Tensor:
        return torch.tensor([len(part) for part in self.parts]).cumsum(0)

    @property
    def weight(self) -> Tensor | None:
        """What each label counts; None if all count 1."""
        return joined_weight(self.parts)

    @property
    def nbytes(self) -> int:
        """Size of the labels in bytes."""
        return sum(part.nbytes for part in self.parts)

    def take(self, indices: Tensor) -> Labels:
        """Return a batch.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        labels : Labels
            The labels, in float32.
        """
        if len(self.parts) == 1:
            return self.parts[0].take(indices)
        here = indices.cpu()
        owner = torch.searchsorted(self._ends, here, right=True)
        order = owner.argsort(stable=True)
        first = torch.cat([self._ends.new_zeros(1), self._ends[:-1]])
        taken = [part.take(here[owner == number] - first[number]) for number, part in enumerate(self.parts)]
        return joined_labels(taken, order.argsort())

    def to(self, device: torch.device | str) -> JoinedLabels:
        """Return the labels on a device.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        labels : JoinedLabels
            The labels on the device.
        """
        return JoinedLabels(tuple(part.to(device) for part in self.parts))

    def without_quantiles(self) -> JoinedLabels:
        """Return the labels without quantiles.

        Returns
        -------
        labels : JoinedLabels
            The same forecasts and features.
        """
        return JoinedLabels(tuple(part.without_quantiles() for part in self.parts))


def find_chosen(folder: Path, n_labels: int, forecast_shape: tuple[int, int], wanted: Wanted) -> JoinedLabels | None:
    """Return the first labels of an order if all are there, without a lock and without writing.

    Parameters
    ----------
    folder : Path
        The folder of this order.
    n_labels : int
        How many.
    forecast_shape : tuple of int
        ``(prediction_length, n_targets)`` of the forecasts.
    wanted : Wanted
        What they must contain in addition to forecasts.

    Returns
    -------
    labels : JoinedLabels or None
        The labels.
    """
    parts, covered = [], 0
    for first, stop in _ranges(folder):
        if first != covered or covered >= n_labels:
            continue
        store = Store.open(folder / f"{first}-{stop}", stop - first, forecast_shape, wanted, tell=False)
        needed = min(stop, n_labels) - first
        labels = None if store is None else store.labels_if_complete(needed)
        if labels is None:
            return None
        parts.append(labels.first(needed))
        covered = stop
    return JoinedLabels(tuple(parts)) if covered >= n_labels else None


def label_chosen(
    label: Label,
    n_labels: int,
    folder: Path | None,
    run: Run | None,
    forecast_shape: tuple[int, int],
    **options: Any,
) -> JoinedLabels:
    """Label the first windows of an order; those that have labels already are not labeled again.

    Parameters
    ----------
    label : callable
        Function from places in the order to labels.
    n_labels : int
        How many.
    folder : Path or None
        The folder of this order, in an entry that is locked; None keeps labels for this process only.
    run : callable or None
        As of :func:`label_windows`, for places in the order.
    forecast_shape : tuple of int
        ``(prediction_length, n_targets)`` of the forecasts.
    **options : object
        Passed to :func:`label_windows`.

    Returns
    -------
    labels : JoinedLabels
        The labels, in the order.
    """
    if folder is None:
        return JoinedLabels((label_windows(label, n_labels, run=run, forecast_shape=forecast_shape, **options),))
    ranges, covered = [], 0
    for first, stop in _ranges(folder):
        if first == covered < n_labels:
            ranges.append((first, stop))
            covered = stop
    if covered < n_labels:
        ranges.append((covered, n_labels))
    parts = []
    for first, stop in ranges:
        needed = min(stop, n_labels) - first
        part = folder / f"{first}-{stop}"
        part.mkdir(parents=True, exist_ok=True)
        labels = label_windows(
            _shifted(label, first),
            stop - first,
            run=None if run is None else _run_shifted(run, first),
            folder=part,
            n_needed=needed,
            forecast_shape=forecast_shape,
            **options,
        )
        parts.append(labels.first(needed))
    return JoinedLabels(tuple(parts))


def _ranges(folder: Path) -> list[tuple[int, int]]:
    """Return the parts of a folder, by their first place."""
    found = [re.fullmatch(r"(\d+)-(\d+)", one.name) for one in folder.glob("*-*")]
    return sorted((int(one[1]), int(one[2])) for one in found if one)


def _shifted(label: Label, first: int) -> Label:
    return lambda places: label(places + first)


def _run_shifted(run: Run, first: int) -> Run:
    return lambda chunks: run([places + first for places in chunks])
