"""Labels of all training windows, in memory or mapped from files."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from skdistill.data._labels import Labels

__all__ = ["StoredLabels"]


@dataclass(frozen=True)
class StoredLabels:
    """Labels of all training windows.

    Parameters
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        Forecasts, float32.
    features : Tensor or None, default=None
        Hidden states, float16 where their range allows.
    quantiles : Tensor of shape (n_windows, n_quantiles, prediction_length, n_targets) or None, default=None
        Quantiles at the teacher's own levels, float16 where their range allows.
    quantile_levels : tuple of float or None, default=None
        Those levels.
    """

    forecast: Tensor
    features: Tensor | None = None
    quantiles: Tensor | None = None
    quantile_levels: tuple[float, ...] | None = None

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.forecast)

    @property
    def nbytes(self) -> int:
        """Room that the labels take."""
        parts = (self.forecast, self.features, self.quantiles)
        return sum(one.numel() * one.element_size() for one in parts if one is not None)

    def take(self, indices: Tensor) -> Labels:
        """Gather a batch.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        labels : Labels
            Their labels, float32.
        """
        here = indices.to(self.forecast.device)
        features = None if self.features is None else self.features[here].float()
        quantiles = None if self.quantiles is None else self.quantiles[here].float()
        return Labels(self.forecast[here], features, quantiles, self.quantile_levels)

    def to(self, device: torch.device | str) -> StoredLabels:
        """Return the labels on a device.

        Parameters
        ----------
        device : torch.device or str
            Where to put them.

        Returns
        -------
        labels : StoredLabels
            The labels there.
        """
        features = None if self.features is None else self.features.to(device)
        quantiles = None if self.quantiles is None else self.quantiles.to(device)
        return replace(self, forecast=self.forecast.to(device), features=features, quantiles=quantiles)

    def without_quantiles(self) -> StoredLabels:
        """Return the labels that are read where no loss term asks for quantiles.

        Returns
        -------
        labels : StoredLabels
            The same forecasts and features.
        """
        return replace(self, quantiles=None, quantile_levels=None)
