"""Rows that validate, and rows before them that train."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from skdistill.data._series import Series

__all__ = ["count_held_out", "count_training_rows", "count_unobserved_end", "count_validation_rows", "training_values"]


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


def count_held_out(values: np.ndarray, validation_fraction: float | int) -> int:
    """Return the number of rows at the end of a series that are not for training.

    Rows after the last observed target can judge nothing, such as the rows of the horizon with known covariates:
    validation rows are those before them.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps, n_targets)
        Targets of the series, NaN where missing.
    validation_fraction : float or int
        A fraction in [0, 1), or an integer number of rows; 0 keeps all rows for training.

    Returns
    -------
    n_held_out : int
        Number of validation rows and of the rows after them, at most all.

    Examples
    --------
    >>> count_held_out(np.array([[1.0], [2.0], [3.0], [4.0], [np.nan]]), 0.5)
    3
    """
    if not validation_fraction:
        return 0
    n_unobserved = count_unobserved_end(values)
    n_rows = len(values) - n_unobserved
    return n_unobserved + min(n_rows, count_validation_rows(n_rows, validation_fraction))


def count_training_rows(observed: np.ndarray, validation_fraction: float | int) -> int:
    """Return the number of rows of a series before its validation rows, and before what follows the last target.

    Parameters
    ----------
    observed : ndarray of bool of shape (n_timestamps,)
        Whether a target is observed.
    validation_fraction : float or int
        A fraction in [0, 1), or an integer number of rows.

    Returns
    -------
    n_rows : int
        At least 0; of a series without any observed target, all rows before the validation rows.

    Examples
    --------
    >>> observed = np.array([True, True, False, True, False])
    >>> count_training_rows(observed, 1), count_training_rows(observed, 7)
    (3, 0)
    """
    n_rows = _count_to_last(observed)
    return max(0, n_rows - count_validation_rows(n_rows, validation_fraction))


def count_unobserved_end(values: np.ndarray) -> int:
    """Return the number of rows after the last one with an observed value; 0 if none is observed.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps, n_targets)
        Values, NaN where missing.

    Returns
    -------
    n_rows : int
        Number of rows.
    """
    if not len(values) or not np.isnan(values[-1]).all():
        return 0
    return len(values) - _count_to_last(~np.isnan(values).all(axis=1))


def _count_to_last(observed: np.ndarray) -> int:
    """Return the number of rows up to the last observed one; all, if none is observed."""
    seen = np.flatnonzero(observed)
    return int(seen[-1]) + 1 if len(seen) else len(observed)


def training_values(series: Sequence[Series], held_out: Sequence[int]) -> list[np.ndarray]:
    """Return the rows of each series before those that are held out."""
    return [one.values[: len(one) - n_rows] for one, n_rows in zip(series, held_out, strict=True)]
