"""Steps of a horizon without known covariates between others that have some: a plan of promotions alone."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["are_usual_gaps", "warn_of_empty_steps"]

_NOW_AND_THEN = 0.05  # of all stretches of rows so far


def are_usual_gaps(before: np.ndarray, n_gaps: int, n_steps: int) -> bool:
    """Return whether rows so far have as many gaps now and then, as at weekends, or nearly everywhere.

    Parameters
    ----------
    before : ndarray of bool of shape (n_timestamps,)
        Whether a row so far is one.
    n_gaps, n_steps : int
        Number of gaps in so many steps in turn.

    Returns
    -------
    are_usual : bool
        Of rows before the first that is none, nothing is asked, unless too few come after it.

    Examples
    --------
    >>> weekends = np.arange(100) % 7 > 4
    >>> are_usual_gaps(weekends, 2, 3), are_usual_gaps(weekends, 4, 7), are_usual_gaps(weekends[:2], 1, 3)
    (True, False, False)
    >>> are_usual_gaps(np.arange(8) < 7, 1, 2)
    True
    """
    since = before[int(np.argmin(before)) :]
    if len(since) < n_steps:
        return bool(before.mean() >= n_gaps / n_steps)
    counts = np.convolve(since, np.ones(n_steps, dtype=np.int64), mode="valid")
    return bool((counts >= n_gaps).mean() >= _NOW_AND_THEN)


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
        rows, steps = rows_of(number), (int(one[number].sum()) for one in (between, later))
        if rows is None or not len(rows) or are_usual_gaps(np.isnan(rows).all(axis=1), *steps):
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
