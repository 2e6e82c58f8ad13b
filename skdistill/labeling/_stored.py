"""Labels of all training windows, in memory or mapped from files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from skdistill.data._labels import Labels

__all__ = ["StoredLabels", "stored_labels"]


@dataclass(frozen=True)
class StoredLabels:
    """Labels of all training windows.

    Parameters
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        Forecasts, float32.
    features : Tensor or None, default=None
        Hidden states, float16 if their range allows it.
    quantiles : Tensor of shape (n_windows, n_quantiles, prediction_length, n_targets) or None, default=None
        Quantiles at the teacher's levels, float32.
    quantile_levels : tuple of float or None, default=None
        The levels of the quantiles.
    weight : Tensor of shape (n_windows,) or None, default=None
        What each label counts, float32; None if all count 1.
    """

    forecast: Tensor
    features: Tensor | None = None
    quantiles: Tensor | None = None
    quantile_levels: tuple[float, ...] | None = None
    weight: Tensor | None = None

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.forecast)

    @property
    def nbytes(self) -> int:
        """Size of the labels in bytes."""
        parts = (self.forecast, self.features, self.quantiles, self.weight)
        return sum(one.numel() * one.element_size() for one in parts if one is not None)

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
        here = indices.to(self.forecast.device)
        features = None if self.features is None else self.features[here].float()
        quantiles = None if self.quantiles is None else self.quantiles[here].float()
        weight = None if self.weight is None else self.weight[here]
        return Labels(self.forecast[here], features, quantiles, self.quantile_levels, weight)

    def to(self, device: torch.device | str) -> StoredLabels:
        """Return the labels on a device.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        labels : StoredLabels
            The labels on the device.
        """
        features = None if self.features is None else self.features.to(device)
        quantiles = None if self.quantiles is None else self.quantiles.to(device)
        weight = None if self.weight is None else self.weight.to(device)
        return replace(self, forecast=self.forecast.to(device), features=features, quantiles=quantiles, weight=weight)

    def first(self, n_windows: int) -> StoredLabels:
        """Return the labels of the first windows.

        Parameters
        ----------
        n_windows : int
            How many.

        Returns
        -------
        labels : StoredLabels
            A view of them.
        """
        features = None if self.features is None else self.features[:n_windows]
        quantiles = None if self.quantiles is None else self.quantiles[:n_windows]
        weight = None if self.weight is None else self.weight[:n_windows]
        return replace(self, forecast=self.forecast[:n_windows], features=features, quantiles=quantiles, weight=weight)

    def without_quantiles(self) -> StoredLabels:
        """Return the labels without quantiles.

        Returns
        -------
        labels : StoredLabels
            The same forecasts and features.
        """
        return replace(self, quantiles=None, quantile_levels=None)


def stored_labels(tensors: Mapping[str, Tensor], levels: tuple[float, ...] | None) -> StoredLabels:
    """Make labels of the arrays of a store.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        ``forecast`` and, if they are stored, ``features``, ``quantiles``, ``weight``.
    levels : tuple of float or None
        The levels of the quantiles.

    Returns
    -------
    labels : StoredLabels
        The labels.
    """
    return StoredLabels(
        tensors["forecast"], tensors.get("features"), tensors.get("quantiles"), levels, tensors.get("weight")
    )
