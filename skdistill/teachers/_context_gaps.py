"""Values in the gaps of contexts, for models that read them beside, or without, a mask."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["before_first", "fill_with_mean", "fill_with_mean_before"]


def before_first(context: Tensor) -> Tensor:
    """Return which rows lie before the first observed one, where the series had not started.

    Parameters
    ----------
    context : Tensor of shape (n_series, n_steps)
        Past values, NaN where not observed.

    Returns
    -------
    answer : Tensor of bool of shape (n_series, n_steps)
        True before the first observed value.
    """
    return (~torch.isnan(context)).cumsum(dim=1) == 0


def fill_with_mean(context: Tensor) -> Tensor:
    """Fill gaps with the mean of the observed values of the series.

    Parameters
    ----------
    context : Tensor of shape (n_series, n_steps)
        Past values, NaN where not observed.

    Returns
    -------
    filled : Tensor of shape (n_series, n_steps)
        Values without NaN, which shift and scale with the observed ones.
    """
    mean = torch.nanmean(context.double(), dim=1, keepdim=True).nan_to_num().to(context.dtype)
    return torch.where(torch.isnan(context), mean, context)


def fill_with_mean_before(context: Tensor) -> Tensor:
    """Fill gaps with the mean of the rows before them, and rows before the first observed one with 0.

    This is the causal mean of uni2ts: in the mean, a gap counts as the last value before it.

    Parameters
    ----------
    context : Tensor of shape (n_series, n_steps)
        Past values, NaN where not observed.

    Returns
    -------
    filled : Tensor of shape (n_series, n_steps)
        Values without NaN, which shift and scale with the observed ones.
    """
    observed, early = ~torch.isnan(context), before_first(context)
    rows = torch.arange(context.shape[1], device=context.device).expand_as(context)
    latest = torch.where(observed, rows, 0).cummax(dim=1).values
    carried = torch.where(early, 0.0, context.double().gather(1, latest))
    sums, counts = carried.cumsum(dim=1) - carried, (~early).long().cumsum(dim=1) - (~early).long()
    mean = (sums / counts.clamp_min(1)).to(context.dtype)
    return torch.where(observed, context, torch.where(early, 0.0, mean))
