"""Linear maps of a window as matrices."""

from __future__ import annotations

import numpy as np
import torch

from skdistill.networks._layers import moving_average

__all__ = ["moving_average_matrix"]


def moving_average_matrix(length: int, kernel_size: int) -> np.ndarray:
    """Write the moving average with replicated ends as a matrix.

    Parameters
    ----------
    length : int
        Steps of a window.
    kernel_size : int
        Steps of the average.

    Returns
    -------
    average : float64 ndarray of shape (length, length)
        The average of a window x is ``average @ x``.

    Examples
    --------
    >>> 3 * moving_average_matrix(3, kernel_size=3)
    array([[2., 1., 0.],
           [1., 1., 1.],
           [0., 1., 2.]])
    """
    pulses = torch.eye(length, dtype=torch.float64)[:, None]
    return moving_average(pulses, kernel_size)[:, 0].numpy().T.copy()
