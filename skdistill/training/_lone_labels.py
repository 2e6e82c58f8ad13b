"""Terms that compare the windows of a batch, where batches have one label each."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._labels import LabelSource
from skdistill.losses._base import BaseLoss

__all__ = ["warn_of_lone_labels"]


def warn_of_lone_labels(loss: BaseLoss, labels: LabelSource, batch_size: int, n_targets: int) -> None:
    """Warn of terms that compare windows if most labels have none to be compared with in their batch.

    Parameters
    ----------
    loss : BaseLoss
        The loss.
    labels : LabelSource
        The labels of all windows. Those of different weight are never compared.
    batch_size : int
        Number of windows of a batch.
    n_targets : int
        Number of targets.
    """
    terms = [(name, term.compares_windows(n_targets)) for name, term in loss.named_terms() if term.weight]
    told = [f"{parameter} of the loss term {name!r}" for name, several in terms for parameter in several]
    if not told or (n_alike := _alike(len(labels), labels.weight, batch_size)) >= 2:
        return
    of_weights = "" if labels.weight is None else ", a larger share of labels, or a teacher whose labels count alike"
    warnings.warn(
        f"{' and '.join(told)} {'has' if len(told) == 1 else 'have'} little effect: windows of a batch are compared "
        f"whose labels count the same, which are {n_alike:.2g} on average of batch_size={batch_size}. Choose a larger "
        f"batch_size{of_weights}, or leave the parameter out.",
        stacklevel=stacklevel_of_user(),
    )


def _alike(n_windows: int, weight: Tensor | None, batch_size: int) -> float:
    """Return how many windows of a batch count the same as a labeled window in it, itself included, on average."""
    batch_size = min(batch_size, n_windows)
    if weight is None:
        return batch_size
    values, counts = torch.unique(weight, return_counts=True)
    of_value = counts[values != 0].double()
    if not len(of_value):
        return 0.0
    alike = (of_value * batch_size / n_windows).clamp(min=1.0)
    return float((alike * of_value).sum() / of_value.sum())
