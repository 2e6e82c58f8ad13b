"""Fold linear maps of a window into the matrix that follows them."""

from __future__ import annotations

import numpy as np
import torch

from skdistill.networks._layers import moving_average

__all__ = ["after_moving_average"]


def after_moving_average(weight: np.ndarray, kernel_size: int) -> np.ndarray:
    """Fold the moving average with replicated ends into a matrix that is applied after it.

    The average A is linear, so the gradient of (weight row) . (A x) with respect to x is that row of ``weight @ A``.
    The matrix A itself, which has the square of the window length as its size, is never built.

    Parameters
    ----------
    weight : float64 ndarray of shape (..., n_outputs, length)
        The matrix, applied to averaged windows.
    kernel_size : int
        Number of steps of the average.

    Returns
    -------
    weight : float64 ndarray of the same shape
        The matrix, applied to the windows themselves: ``weight @ A``.

    Examples
    --------
    >>> import numpy as np
    >>> 3 * after_moving_average(np.eye(3), kernel_size=3)
    array([[2., 1., 0.],
           [1., 1., 1.],
           [0., 1., 2.]])
    """
    with torch.inference_mode(False), torch.enable_grad():
        rows = torch.from_numpy(np.array(weight, dtype=np.float64)).reshape(1, -1, weight.shape[-1])
        windows = torch.zeros_like(rows, requires_grad=True)
        (folded,) = torch.autograd.grad(moving_average(windows, kernel_size), windows, rows)
    return folded.reshape(weight.shape).numpy()
