"""Number of rows that validate."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["count_validation_rows"]


def count_validation_rows(n_rows: int, validation_fraction: float | int) -> int:
    """Return the number of validation rows at the end of a series.

    Parameters
    ----------
    n_rows : int
        Number of timestamps of the series.
    validation_fraction : float or int
        A fraction in [0, 1), or an integer number of rows.

    Returns
    -------
    n_validation : int
        Number of validation rows.

    Examples
    --------
    >>> count_validation_rows(11520, 0.25)
    2880
    >>> count_validation_rows(11520, 96)
    96
    """
    if isinstance(validation_fraction, int | np.integer):
        return int(validation_fraction)
    return math.floor(round(n_rows * float(validation_fraction), 6))
