"""Quantiles of an ensemble of teachers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from skdistill.data._labels import Labels
from skdistill.data._levels import covered_levels, interpolation_matrix

__all__ = ["ensemble_quantiles"]


def ensemble_quantiles(answers: Sequence[Labels], weights: Tensor) -> tuple[Tensor | None, tuple[float, ...] | None]:
    """Average the members' quantiles, or use their forecasts as quantiles if a member has none.

    Parameters
    ----------
    answers : sequence of Labels
        The members' labels of the same windows.
    weights : Tensor of shape (n_members,) or (n_members, n_windows, n_targets)
        Weights of the members; they sum to one.

    Returns
    -------
    quantiles : Tensor of shape (n_windows, n_quantiles, prediction_length, n_targets) or None
        Means of quantiles by level, at the levels of the first member that all members cover; or the sorted forecasts,
        each averaged over the M-th part of the weights around its level. None for a single point forecast.
    levels : tuple of float or None
        Levels of the quantiles.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import Labels
    >>> answers = [Labels(torch.full((1, 1, 1), value)) for value in (3.0, 1.0)]
    >>> quantiles, levels = ensemble_quantiles(answers, torch.tensor([0.5, 0.5]))
    >>> quantiles.ravel(), levels
    (tensor([1., 3.]), (0.25, 0.75))
    """
    grids = [answer.quantile_levels for answer in answers if answer.quantile_levels is not None]
    if len(grids) == len(answers):
        return _mean_quantiles(answers, grids, weights)
    if len(answers) == 1:
        return None, None
    return _quantiles_of_forecasts(torch.stack([answer.forecast for answer in answers]), weights)


def _mean_quantiles(
    answers: Sequence[Labels], grids: Sequence[tuple[float, ...]], weights: Tensor
) -> tuple[Tensor | None, tuple[float, ...] | None]:
    levels = tuple(level for level in grids[0] if all(covered_levels(grid, (level,))[0] for grid in grids))
    if not levels:
        return None, None
    total: Tensor | None = None
    for answer, grid, weight in zip(answers, grids, weights, strict=True):
        assert answer.quantiles is not None
        matrix = torch.tensor(interpolation_matrix(grid, levels), dtype=answer.quantiles.dtype)
        own = weight if weight.ndim == 0 else weight[:, None, None]
        part = own * torch.einsum("kq,bqhc->bkhc", matrix, answer.quantiles)
        total = part if total is None else total + part
    return total, levels


def _quantiles_of_forecasts(forecasts: Tensor, weights: Tensor) -> tuple[Tensor, tuple[float, ...]]:
    """Sort the forecasts (n_members, n_windows, ...); with unequal weights, average each level's share of them.

    Each of the M levels stands for the M-th part of the distribution around it, and its quantile is the mean of that
    part. So a member counts by its weight alone, and the mean of the quantiles is the weighted mean of the forecasts.
    """
    n_members = len(forecasts)
    levels = tuple((number + 0.5) / n_members for number in range(n_members))
    values, order = forecasts.sort(dim=0)
    if bool((weights == weights[0]).all()):
        return values.transpose(0, 1).contiguous(), levels
    by_value = weights[:, None, None, None] if weights.ndim == 1 else weights[:, :, None]
    shares = by_value.expand(values.shape).gather(0, order)
    ends = shares.cumsum(dim=0)
    quantiles = []
    for number in range(n_members):
        first, last = number / n_members, (number + 1) / n_members
        inside = (ends.clamp(max=last) - (ends - shares).clamp(min=first)).clamp(min=0.0)
        quantiles.append((inside * values).sum(dim=0) / inside.sum(dim=0))
    return torch.stack(quantiles, dim=1), levels
