"""The mean of a loss over scales, for losses that are not squared distances."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from skdistill.losses._multi_scale import pool

__all__ = ["mean_over_scales"]


def mean_over_scales(
    difference: Tensor, loss: Callable[[Tensor], Tensor], n_scales: int, window: int, weights: Tensor | None
) -> Tensor:
    """Average a loss of differences over scales. Pooling is linear, so the difference itself is pooled.

    Parameters
    ----------
    difference : Tensor of shape (..., n_steps)
        Differences that the loss is computed on; the last axis is pooled.
    loss : callable
        Elementwise function from differences to losses.
    n_scales : int
        Number of scales, including the original one.
    window : int
        Number of steps averaged into one.
    weights : Tensor of shape (n_steps,) or None
        Weights of mean one, pooled like the differences; None weights all steps equally.

    Returns
    -------
    mean : Tensor
        A scalar.

    Examples
    --------
    >>> import torch
    >>> mean_over_scales(torch.tensor([1.0, -1.0]), torch.abs, 2, 2, None)
    tensor(0.5000)
    """
    means = []
    for scale in range(n_scales):
        if scale:
            if difference.shape[-1] < window:
                break
            difference = pool(difference, window)
            weights = None if weights is None else pool(weights, window)
        values = loss(difference)
        means.append(values.mean() if weights is None else (values * (weights / weights.mean())).mean())
    return torch.stack(means).mean()
