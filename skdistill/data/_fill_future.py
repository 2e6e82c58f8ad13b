"""Filling of known covariates that are not known over the whole horizon."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skdistill._utils.numpy_student import fill_missing

__all__ = ["fill_future"]


def fill_future(context: Tensor, future: Tensor, season: int) -> Tensor:
    """Fill unknown values of horizons from the context and the known steps, as gaps of contexts are.

    Parameters
    ----------
    context : Tensor of shape (n_windows, context_length, n_known)
        Known covariates before the horizon, without missing values.
    future : Tensor of shape (n_windows, prediction_length, n_known)
        Known covariates over the horizon, NaN where unknown.
    season : int
        Number of rows in a season.

    Returns
    -------
    future : Tensor of the same shape
        Unknown values are filled as by :func:`~skdistill._utils.numpy_student.fill_missing`.

    Examples
    --------
    >>> context, future = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, torch.nan])
    >>> fill_future(context[None, :, None], future[None, :, None], season=2).ravel()
    tensor([4., 3.])
    """
    rows = torch.cat([context, future], dim=1).cpu().numpy()
    filled = np.ascontiguousarray(fill_missing(rows, season)[:, context.shape[1] :])
    return torch.from_numpy(filled).to(future)
