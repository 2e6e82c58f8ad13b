"""Labels of some of the windows: as many as were made, and where each window has its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from skdistill.data._labels import Labels, LabelSource

__all__ = ["SomeLabels"]


@dataclass(frozen=True)
class SomeLabels:
    """Labels of some of the windows; a window without a label takes no room.

    A label counts for the windows around it that have none, so that all labels together count as much as those of all
    windows would.

    Parameters
    ----------
    labels : LabelSource
        The labels that there are, in any order.
    places : Tensor of int64 of shape (n_windows,)
        Number of each window's label among them; -1 for a window without one.
    count : float or None, default=None
        What each label counts; None means the number of windows divided by the number of labels.
    """

    labels: LabelSource
    places: Tensor
    count: float | None = None

    def __len__(self) -> int:
        """Return the number of windows, with and without labels."""
        return len(self.places)

    @cached_property
    def weight(self) -> Tensor | None:
        """What the label of each window counts, 0 where there is none; None if all count 1."""
        labeled = self.places >= 0
        own = self.labels.weight
        if own is None and bool(labeled.all()):
            return None
        count = len(labeled) / max(1, int(labeled.sum())) if self.count is None else self.count
        weight = torch.zeros(len(self.places))
        weight[labeled] = count if own is None else count * own.cpu()[self.places[labeled]]
        return weight

    @property
    def nbytes(self) -> int:
        """Size of the labels in bytes."""
        return self.labels.nbytes  # type: ignore[attr-defined]

    def take(self, indices: Tensor) -> Labels:
        """Return the labels of some windows.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        labels : Labels
            Their labels, zeros of weight 0 where there is none.
        """
        here = indices.cpu()
        places = self.places[here]
        labeled = places >= 0
        if self.weight is None:
            return self.labels.take(places)
        n_labeled = int(labeled.sum())
        taken = self.labels.take(places[labeled] if n_labeled else places.new_zeros(1))  # for their shapes

        def spread(values: Tensor | None) -> Tensor | None:
            if values is None:
                return None
            full = values.new_zeros(len(here), *values.shape[1:])
            full[labeled.to(values.device)] = values[:n_labeled]
            return full

        forecast = spread(taken.forecast)
        assert forecast is not None
        weight = self.weight[here].to(forecast.device)
        return Labels(forecast, spread(taken.features), spread(taken.quantiles), taken.quantile_levels, weight)

    def to(self, device: torch.device | str) -> SomeLabels:
        """Return the labels on a device.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        labels : SomeLabels
            The labels on the device; their places stay on the CPU.
        """
        return replace(self, labels=self.labels.to(device))  # type: ignore[attr-defined]
