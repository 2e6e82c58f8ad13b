"""Rows of covariates over context and horizon, as the networks that read the horizon's covariates share them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["covariate_rows", "for_each_target"]


def covariate_rows(
    context: Tensor,
    future: Tensor | None,
    context_time: Tensor | None,
    decoder_time: Tensor | None,
    n_time_features: int,
    prediction_length: int,
) -> Tensor:
    """Join known covariates and calendar features, over context and horizon.

    Parameters
    ----------
    context : Tensor of shape (n_windows, context_length, n_known)
        Known covariates of the context.
    future : Tensor of shape (n_windows, prediction_length, n_known) or None
        Known covariates of the horizon; None if there are none.
    context_time : Tensor of shape (n_windows, context_length, n_time_features) or None
        Calendar features of the context; None has zeros in their place.
    decoder_time : Tensor of shape (n_windows, n_rows, n_time_features) or None
        Calendar features whose last rows are those of the horizon; None has zeros in their place.
    n_time_features : int
        Number of calendar features that the network was built with.
    prediction_length : int
        Rows of the horizon.

    Returns
    -------
    rows : Tensor of shape (n_windows, context_length + prediction_length, n_known + n_time_features)
        Known covariates, then calendar features.

    Examples
    --------
    >>> import torch
    >>> covariate_rows(torch.zeros(2, 5, 3), torch.ones(2, 4, 3), None, None, 2, 4).shape
    torch.Size([2, 9, 5])
    """
    ahead = context.new_zeros(len(context), prediction_length, 0) if future is None else future
    known = torch.cat([context, ahead], dim=1)
    if not n_time_features:
        return known
    if context_time is None or decoder_time is None:
        return torch.cat([known, known.new_zeros(*known.shape[:2], n_time_features)], dim=2)
    time = torch.cat([context_time, decoder_time[:, -prediction_length:]], dim=1)
    return torch.cat([known, time.to(known.dtype)], dim=2)


def for_each_target(values: Tensor, n_targets: int) -> Tensor:
    """Repeat what all targets of a window share.

    Parameters
    ----------
    values : Tensor of shape (n_windows, ...)
        Values of windows.
    n_targets : int
        Number of targets.

    Returns
    -------
    values : Tensor of shape (n_windows, n_targets, ...)
        The same values for every target, a view.

    Examples
    --------
    >>> import torch
    >>> for_each_target(torch.tensor([[1.0], [2.0]]), 3).squeeze(-1)
    tensor([[1., 1., 1.],
            [2., 2., 2.]])
    """
    return values.unsqueeze(1).expand(-1, n_targets, *values.shape[1:])
