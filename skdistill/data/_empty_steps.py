"""Steps of a horizon without known covariates between others that have some: a plan of promotions alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["warn_of_empty_steps"]

_MOST_EMPTY = 0.1  # of the rows so far; where more are empty, fit has told, or values come every so many rows


def warn_of_empty_steps(
    future: np.ndarray, rows_of: Callable[[int], np.ndarray | None], name_of: Callable[[int, int], str]
) -> None:
    """Warn of steps without known covariates before others with some, if the rows so far have them.

    Parameters
    ----------
    future : ndarray of shape (n_series, prediction_length, n_known)
        Known covariates over the horizon, NaN where unknown.
    rows_of : callable
        Returns the known covariates of the rows so far, (n_timestamps, n_known), of the series of a number; None if
        they are arrays, which say step by step what is unknown.
    name_of : callable
        Names the step of a number, the second argument, of the series of a number.
    """
    empty = np.isnan(future).all(axis=2)
    if not empty.any():
        return
    later = np.logical_or.accumulate(~empty[:, ::-1], axis=1)[:, ::-1]
    between = empty & later
    for number in np.flatnonzero(between.any(axis=1)).tolist():
        rows = rows_of(number)
        if rows is None or not len(rows) or np.isnan(rows).all(axis=1).mean() > _MOST_EMPTY:
            between[number] = False
    if not between.any():
        return
    number, step = (int(axis[0]) for axis in np.nonzero(between))
    warnings.warn(
        f"{int(between.sum())} rows of the horizon have no known covariates, and later ones have some, first that of "
        f"{name_of(number, step)}: they count as unknown, and are filled from the values around them. If a row that is "
        "not there means that nothing is planned, such as no promotion, give it with 0.",
        stacklevel=stacklevel_of_user(),
    )
