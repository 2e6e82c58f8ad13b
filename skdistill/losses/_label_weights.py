"""Weights of labels: terms that read labels count the label of each window by its weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from skdistill.losses._inputs import LossInputs
from skdistill.losses._warm_up import WarmUpModule

__all__ = ["Part", "parts_of_equal_weight", "weighted_mean"]

Part = tuple[float, LossInputs]


def parts_of_equal_weight(inputs: LossInputs) -> list[Part]:
    """Split a batch into parts whose labels count the same.

    Parameters
    ----------
    inputs : LossInputs
        One batch, with weights of its labels.

    Returns
    -------
    parts : list of (float, LossInputs)
        The share of each part in the mean over the batch, which is its weight times its fraction of the windows, and
        its windows. Windows with weight 0 are in no part.
    """
    assert inputs.label_weight is not None
    values = torch.unique(inputs.label_weight).tolist()
    n_windows = len(inputs.label_weight)
    if len(values) == 1:
        return [(values[0], inputs)] if values[0] else []
    parts = []
    for value in values:
        if value:
            here = torch.nonzero(inputs.label_weight == value)[:, 0]
            parts.append((value * len(here) / n_windows, LossInputs(*(_take(one, here) for one in inputs))))
    return parts


def weighted_mean(term: nn.Module, parts: Sequence[Part], inputs: LossInputs) -> Tensor:
    """Average a term over the windows of a batch, each with the weight of its label.

    Parameters
    ----------
    term : torch.nn.Module
        A built term, a mean over windows.
    parts : sequence of (float, LossInputs)
        Result of :func:`parts_of_equal_weight`.
    inputs : LossInputs
        The whole batch.

    Returns
    -------
    mean : Tensor
        The sum over all windows of weight times term, divided by the number of windows; 0 if no label counts.
    """
    if isinstance(term, WarmUpModule):  # it counts batches, not their parts
        return weighted_mean(term.inner, parts, inputs) * term.next_share()
    if not parts:
        return inputs.forecast.sum() * 0.0
    return torch.stack([share * term(part) for share, part in parts]).sum()


def _take(value: Any, here: Tensor) -> Any:
    """Take some windows of a tensor, or of tensors in tuples and lists."""
    if isinstance(value, Tensor):
        return value[here.to(value.device)]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_take(one, here) for one in value))
    return type(value)(_take(one, here) for one in value) if isinstance(value, tuple | list) else value
