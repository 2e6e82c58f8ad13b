"""Factors of terms."""

from __future__ import annotations

from torch import Tensor

__all__ = ["times"]


def times(weight: float, value: Tensor) -> Tensor:
    """Multiply, except by 1, which would only cost time, forward and backward.

    Parameters
    ----------
    weight : float
        The factor.
    value : Tensor
        A scalar.

    Returns
    -------
    product : Tensor
        The product.
    """
    return value if weight == 1.0 else weight * value
