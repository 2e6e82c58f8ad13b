"""Batches of windows and labels; a whole batch is gathered by one indexing operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from skdistill.data._labels import LabelSource
from skdistill.data._some_labels import SomeLabels
from skdistill.data._windows import Windows
from skdistill.networks._base import NetworkSpec
from skdistill.networks._inputs import mask_of

__all__ = ["BatchLoader", "LabelSource", "WindowDataset", "label_weights"]

Batch = tuple[dict[str, Tensor], dict[str, Tensor]]

_MOST_SHUFFLED = 1 << 24  # windows of which a pass over some shuffles all; 128 MiB


def label_weights(labels: LabelSource | None, weights: np.ndarray | None) -> np.ndarray | None:
    """Return what the label of each window counts, times the weight of the window.

    Parameters
    ----------
    labels : LabelSource or None
        The labels of all windows.
    weights : ndarray of shape (n_windows,) or None
        Weights of the windows; None means 1.

    Returns
    -------
    weights : ndarray of shape (n_windows,) or None
        None if there are no labels, or all labels count 1.
    """
    if labels is None or labels.weight is None:
        return None
    own = labels.weight.cpu().double().numpy()
    return own if weights is None else own * weights


class WindowDataset(Dataset):
    """Windows with their labels; a batch is gathered on the device of the windows.

    Parameters
    ----------
    windows : Windows
        The windows.
    spec : NetworkSpec
        The problem that the network was built for.
    labels : LabelSource or None, default=None
        The teacher's labels, in the order of the windows.
    context_masks : bool, default=False
        Whether a loss term reads which values of the contexts are observed.
    """

    def __init__(
        self,
        windows: Windows,
        spec: NetworkSpec,
        labels: LabelSource | None = None,
        *,
        context_masks: bool = False,
    ) -> None:
        self.windows = windows
        self.spec = spec
        self.labels = labels
        self.context_masks = context_masks and windows.store.has_missing

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.windows)

    def __getitem__(self, index: int) -> Batch:
        """Return one window, as a batch of one."""
        return self.batch(torch.tensor([index]))

    def batch(self, indices: Tensor) -> Batch:
        """Return a batch.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows, on the CPU.

        Returns
        -------
        inputs : dict of Tensor
            Keyword arguments of the module.
        targets : dict of Tensor
            ``truth`` and, if they exist, ``observed``, ``context_observed``, ``center``, ``unit``, ``known``,
            ``teacher_forecast``, ``teacher_features``, ``teacher_quantiles``, ``label_weight``.
        """
        here = indices.to(self.windows.starts.device)
        inputs = {"context": self.windows.context_values(here)}
        if self.spec.n_time_features:
            inputs["context_time"] = self.windows.context_time(here)
            inputs["decoder_time"] = self.windows.decoder_time(here, self.spec.label_length)
        inputs |= _covariate_inputs(self.windows, here, self.spec)
        targets = {"truth": self.windows.horizons(here)}
        if self.windows.store.has_missing or self.windows.unjudged is not None:
            missing = torch.isnan(targets["truth"])
            if bool(missing.any()):
                targets |= {"truth": torch.where(missing, 0.0, targets["truth"]), "observed": ~missing}
        if self.context_masks:
            targets["context_observed"] = self.windows.observed(here)
        units = self.windows.local_units(here)
        if units is not None:
            units = units.of_channels(list(self.windows.targets))
            for name, values in (("center", units.center), ("unit", units.unit)):
                targets[name] = torch.from_numpy(values[:, None].astype(np.float32)).to(here.device)
        if self.windows.known is not None:
            targets["known"] = self.windows.known[here]
        if self.labels is not None:
            labels = self.labels.take(indices)
            targets["teacher_forecast"] = labels.forecast
            if labels.features is not None:
                targets["teacher_features"] = labels.features
            if labels.quantiles is not None:
                targets["teacher_quantiles"] = labels.quantiles
            if labels.weight is not None:
                targets["label_weight"] = labels.weight
        return inputs, targets


def _covariate_inputs(windows: Windows, indices: Tensor, spec: NetworkSpec) -> dict[str, Tensor]:
    """Return known and static covariates and masks of windows, as far as a network reads them."""
    inputs, told = {}, None
    if spec.known:
        inputs["future"], told = windows.future(indices)
    if spec.n_static:
        inputs["static"] = windows.static(indices)
    if spec.masks:
        inputs["observed"] = windows.observed(indices).float()
        if spec.known:
            inputs["future_observed"] = mask_of(inputs["future"], told)
    return inputs


class BatchLoader:
    """Iterate over a dataset in batches; skorch's ``iterator_train`` and ``iterator_valid``.

    If windows have weights, a shuffled pass draws each window that often on average, so that any loss counts it so. A
    pass in order yields the weights with the targets, as ``weight``. If only some windows have labels, a shuffled pass
    spreads these evenly over the batches.

    Parameters
    ----------
    dataset : WindowDataset
        What to iterate over.
    batch_size : int
        Number of windows of a batch; the last batch can be smaller, and no window is dropped.
    shuffle : bool, default=False
        Whether to shuffle the windows in every pass.
    n_windows : int or None, default=None
        Number of windows of a shuffled pass, drawn anew for each; None takes all.
    **kwargs : object
        Ignored; skorch passes the options of torch's DataLoader.
    """

    def __init__(
        self,
        dataset: WindowDataset,
        batch_size: int,
        shuffle: bool = False,
        n_windows: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.n_windows = len(dataset) if n_windows is None or not shuffle else min(n_windows, len(dataset))

    def __len__(self) -> int:
        """Return the number of batches."""
        return -(-self.n_windows // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Yield one batch after another; the order comes from torch's global generator."""
        weights = self.dataset.windows.weights
        for indices in self._shuffled(weights).split(self.batch_size) if self.shuffle else self._in_order():
            inputs, targets = self.dataset.batch(indices)
            if weights is not None and not self.shuffle:
                targets["weight"] = torch.from_numpy(weights[indices.numpy()].astype(np.float32))
            yield inputs, targets

    def _in_order(self) -> Iterator[Tensor]:
        for first in range(0, self.n_windows, self.batch_size):
            yield torch.arange(first, min(first + self.batch_size, self.n_windows))

    def _shuffled(self, weights: np.ndarray | None) -> Tensor:
        n_windows, labels = len(self.dataset), self.dataset.labels
        is_even = weights is None and not isinstance(labels, SomeLabels)
        if is_even and n_windows > _MOST_SHUFFLED and self.n_windows <= n_windows // 4:
            return _draw_some(n_windows, self.n_windows)
        order = torch.randperm(n_windows)
        if weights is not None:
            order = _drawn(torch.from_numpy(weights))[order]
        if isinstance(labels, SomeLabels):
            order = _spread(order, labels.places >= 0)
        return order[: self.n_windows]


def _draw_some(n_windows: int, n_drawn: int) -> Tensor:
    """Draw different windows, at most a quarter of all, in random order; memory is that of the drawn ones."""
    found = np.empty(0, dtype=np.int64)
    while len(found) < n_drawn:
        drawn = torch.randint(n_windows, (2 * n_drawn + 8,)).numpy()
        found = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return torch.from_numpy(found[:n_drawn])


def _drawn(weights: Tensor) -> Tensor:
    """Draw as many windows as there are, each as often as its weight, rounded up or down at random."""
    ends = weights.cumsum(0)
    places = (torch.arange(len(weights), dtype=torch.float64) + torch.rand((), dtype=torch.float64)) / len(weights)
    return torch.searchsorted(ends, places * ends[-1], right=True).clamp(max=len(weights) - 1)


def _spread(order: Tensor, labeled: Tensor) -> Tensor:
    """Spread the labeled windows evenly over a pass; labeled and other windows stay in order among themselves."""
    chosen = labeled[order]
    if bool(chosen.all()):
        return order
    places = torch.empty(len(order), dtype=torch.float64)
    for mask in (chosen, ~chosen):
        n_windows = int(mask.sum())
        places[mask] = (torch.arange(n_windows) + torch.rand((), dtype=torch.float64)) / max(1, n_windows)
    return order[places.argsort(stable=True)]
