"""Labels: a teacher's forecasts, features and quantiles for windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["LabelSource", "Labels", "joined_labels", "joined_weight"]


@dataclass(frozen=True)
class Labels:
    """Outputs of a teacher for some windows, in standardized units.

    Parameters
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        The teacher's point forecast.
    features : Tensor or None, default=None
        Hidden states: one vector per channel, (n_windows, n_targets, D), or one per channel and
        step or patch, (n_windows, n_targets, T, D).
    quantiles : Tensor of shape (n_windows, n_quantiles, prediction_length, n_targets) or None, default=None
        The teacher's quantile forecasts.
    quantile_levels : tuple of float or None, default=None
        The levels of ``quantiles``, rising.
    weight : Tensor of shape (n_windows,) or None, default=None
        What the label of each window counts in the terms that read labels; 0 is no label. None means 1 everywhere.
    """

    forecast: Tensor
    features: Tensor | None = None
    quantiles: Tensor | None = None
    quantile_levels: tuple[float, ...] | None = None
    weight: Tensor | None = None

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.forecast)


class LabelSource(Protocol):
    """Source of labels: returns the labels of windows by window number."""

    def __len__(self) -> int:
        """Return the number of windows."""

    @property
    def weight(self) -> Tensor | None:
        """What the label of each window counts, (n_windows,); None if all count 1."""

    def take(self, indices: Tensor) -> Labels:
        """Return the labels of some windows.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        labels : Labels
            The labels, with their weights.
        """


def joined_weight(parts: Sequence[LabelSource | Labels]) -> Tensor | None:
    """Return what each label of several parts counts, one part after another.

    Parameters
    ----------
    parts : sequence of LabelSource or Labels
        The parts; the labels of one without weights count 1.

    Returns
    -------
    weight : Tensor of shape (n_windows,) or None
        None if no part has weights.

    Examples
    --------
    >>> import torch
    >>> parts = [Labels(torch.zeros(2, 1, 1)), Labels(torch.zeros(1, 1, 1), weight=torch.tensor([0.5]))]
    >>> joined_weight(parts), joined_weight(parts[:1])
    (tensor([1.0000, 1.0000, 0.5000]), None)
    """
    known = next((one.weight for one in parts if one.weight is not None), None)
    if known is None:
        return None
    return torch.cat([known.new_ones(len(one)) if one.weight is None else one.weight for one in parts])


def joined_labels(parts: Sequence[Labels], order: Tensor | None = None) -> Labels:
    """Return the labels of several parts as one.

    Parameters
    ----------
    parts : sequence of Labels
        The parts; quantiles at the same levels.
    order : Tensor of int64 of shape (n_windows,) or None, default=None
        Where each window is in the parts, one after another; None keeps them so.

    Returns
    -------
    labels : Labels
        Without what one of the parts lacks, but for weights: without them, labels count 1.

    Examples
    --------
    >>> import torch
    >>> parts = [Labels(torch.zeros(2, 1, 1)), Labels(torch.ones(1, 1, 1))]
    >>> joined_labels(parts, torch.tensor([2, 0, 1])).forecast.flatten()
    tensor([1., 0., 0.])
    """

    def ordered(tensor: Tensor) -> Tensor:
        return tensor if order is None else tensor[order.to(tensor.device)]

    def join(tensors: Sequence[Tensor | None]) -> Tensor | None:
        known = [one for one in tensors if one is not None]
        return ordered(torch.cat(known)) if len(known) == len(tensors) else None

    quantiles = join([one.quantiles for one in parts])
    weight = joined_weight(parts)
    return Labels(
        ordered(torch.cat([one.forecast for one in parts])),
        join([one.features for one in parts]),
        quantiles,
        None if quantiles is None else parts[0].quantile_levels,
        None if weight is None else ordered(weight),
    )
