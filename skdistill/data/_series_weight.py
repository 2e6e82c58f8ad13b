"""What each series of a panel counts in losses and errors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from skdistill._utils._checks import is_real

__all__ = ["check_series_weight", "weights_of_series", "weights_of_windows"]

_KINDS = ("windows", "equal")


def check_series_weight(series_weight: Any, owner: str, *, parameter: str = "series_weight") -> None:
    """Raise unless weights of series are valid.

    Parameters
    ----------
    series_weight : object
        The parameter ``series_weight``.
    owner : str
        The class or function that has it, for messages.
    parameter : str, default="series_weight"
        Its name there.

    Raises
    ------
    TypeError, ValueError
        If it is no kind of weights, or a weight is no number of at least 0.
    """
    if isinstance(series_weight, Mapping):
        for one, weight in series_weight.items():
            if not is_real(weight) or not 0 <= float(weight) < np.inf:
                raise ValueError(
                    f"{parameter} of {owner} must be a number of at least 0 for each series; got {weight!r} for "
                    f"series {one!r}."
                )
    elif not (isinstance(series_weight, str) and series_weight in _KINDS):
        raise ValueError(
            f"series_weight of {owner} must be one of {', '.join(map(repr, _KINDS))}, or a dict from ids of series to "
            f"weights; got {series_weight!r}."
        )


def weights_of_series(series_weight: Any, ids: Sequence[Hashable | None], owner: str) -> np.ndarray | None:
    """Return what each series counts in total.

    Parameters
    ----------
    series_weight : {"windows", "equal"} or mapping of hashable to float
        The parameter; a mapping is read by id, or by position where there are no ids.
    ids : sequence of hashable
        Ids of the series; None where there is none.
    owner : str
        The class or function that has the parameter, for messages.

    Returns
    -------
    weights : ndarray of shape (n_series,) or None
        None if every window counts alike.

    Raises
    ------
    ValueError
        If a series has no weight, or all weights are 0.

    Examples
    --------
    >>> weights_of_series({"a": 2, "b": 1, "closed": 1}, ["a", "b"], "compare")
    array([2., 1.])
    """
    if not isinstance(series_weight, Mapping):
        return np.ones(len(ids)) if series_weight == "equal" else None
    keys = [number if one is None else one for number, one in enumerate(ids)]
    missing = [one for one in keys if one not in series_weight]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"series_weight of {owner} has no weight for series {missing[0]!r}{more}: name every series, or take "
            "series_weight='equal' or 'windows'."
        )
    weights = np.array([float(series_weight[one]) for one in keys])
    if not weights.any():
        raise ValueError(f"series_weight of {owner} is 0 for all {len(ids)} series: give one of them a weight above 0.")
    return weights


def weights_of_windows(weights: np.ndarray | None, numbers: np.ndarray) -> np.ndarray | None:
    """Split what each series counts evenly among its windows.

    Parameters
    ----------
    weights : ndarray of shape (n_series,) or None
        What each series counts in total; None if every window counts alike.
    numbers : ndarray of int of shape (n_windows,)
        Series of each window.

    Returns
    -------
    weights : ndarray of shape (n_windows,) or None
        Weights of mean 1, or all 0 if no window belongs to a series that counts; None if they are all 1.

    Examples
    --------
    >>> weights_of_windows(np.ones(2), np.array([0, 0, 0, 1]))
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    if weights is None or not len(numbers):
        return None
    of_windows = weights[numbers] / np.bincount(numbers, minlength=len(weights))[numbers]
    if not of_windows.any():
        return of_windows
    if np.allclose(of_windows, of_windows[0], rtol=1e-12, atol=0):
        return None
    return of_windows / of_windows.mean()
