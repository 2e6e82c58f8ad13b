"""Quantile levels: checks, and interpolation between grids of levels."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from numbers import Real
from statistics import NormalDist
from typing import Any

import numpy as np

from skdistill._utils._checks import is_real

__all__ = ["check_quantiles", "covered_levels", "interpolation_matrix"]

_SAME = 1e-6  # closer levels are equal: float32 configs store 0.1 as 0.10000000149


def check_quantiles(quantiles: Any, name: str, *, median_alone: bool = True) -> tuple[float, ...]:
    """Return quantile levels as a tuple, or raise.

    Parameters
    ----------
    quantiles : sequence of float
        The value received.
    name : str
        Parameter and owner: ``"quantiles of DistilledForecaster"``.
    median_alone : bool, default=True
        Whether the median alone is accepted.

    Returns
    -------
    levels : tuple of float
        The levels, rising.

    Raises
    ------
    TypeError
        If it is not a sequence of numbers.
    ValueError
        If it is empty, not rising, or a level is not between 0 and 1.

    Examples
    --------
    >>> check_quantiles([0.1, 0.5, 0.9], "quantiles")
    (0.1, 0.5, 0.9)
    >>> check_quantiles([0.9, 0.1], "quantiles")
    Traceback (most recent call last):
        ...
    ValueError: quantiles must be rising levels between 0 and 1, each once, such as (0.1, 0.5, 0.9); got [0.9, 0.1]: \
0.1 does not come after 0.9. Sort them.
    """
    rule = f"{name} must be rising levels between 0 and 1, each once, such as (0.1, 0.5, 0.9)"
    if isinstance(quantiles, str | bytes | Real) or not isinstance(quantiles, Sequence | np.ndarray):
        raise TypeError(f"{rule}; got {quantiles!r} of type {type(quantiles).__name__}.")
    for level in quantiles:
        if not is_real(level):
            raise TypeError(f"{rule}; got {level!r} of type {type(level).__name__} among them.")
        if not 0.0 < float(level) < 1.0:
            raise ValueError(f"{rule}; got {quantiles!r}: {level!r} is out of range. Levels are shares, not percent.")
    levels = tuple(float(level) for level in quantiles)
    if not levels:
        raise ValueError(f"{rule}; got {quantiles!r}, which has no level. None makes point forecasts only.")
    for low, high in itertools.pairwise(levels):
        if abs(high - low) < _SAME:
            raise ValueError(f"{rule}; got {quantiles!r}: {high:g} comes twice. Name it once.")
        if high < low:
            raise ValueError(f"{rule}; got {quantiles!r}: {high:g} does not come after {low:g}. Sort them.")
    if levels == (0.5,) and not median_alone:
        raise ValueError(
            f"{rule}; got {quantiles!r}, and the median alone is a point forecast: add a level, or set quantiles=None "
            "and train on Supervised(loss='mae')."
        )
    return levels


def covered_levels(known: Sequence[float], wanted: Sequence[float]) -> np.ndarray:
    """Return which levels lie within the range of a grid.

    Parameters
    ----------
    known : sequence of float
        The grid, rising.
    wanted : sequence of float
        The requested levels.

    Returns
    -------
    covered : ndarray of bool of shape (n_wanted,)
        Whether each lies between the first and the last of ``known``.

    Examples
    --------
    >>> covered_levels((0.1, 0.9), (0.05, 0.5, 0.9))
    array([False,  True,  True])
    """
    levels = np.asarray(wanted, dtype=np.float64)
    return (levels >= known[0] - _SAME) & (levels <= known[-1] + _SAME)


def interpolation_matrix(known: Sequence[float], wanted: Sequence[float]) -> np.ndarray:
    """Return the linear map from quantiles at known levels to quantiles at requested levels.

    Between two levels, and beyond the outermost ones, quantiles are linear in the normal score of their level, which is
    exact for normal distributions. Known levels are returned unchanged.

    Parameters
    ----------
    known : sequence of float
        Levels of the known quantiles, rising.
    wanted : sequence of float
        Levels of the requested quantiles.

    Returns
    -------
    matrix : float64 ndarray of shape (n_wanted, n_known)
        Its rows sum to one; beyond the outermost levels it has negative entries. With a single known level, all
        requested levels get its quantile.

    Examples
    --------
    >>> interpolation_matrix((0.1, 0.5, 0.9), (0.1, 0.3)).round(3)
    array([[1.   , 0.   , 0.   ],
           [0.409, 0.591, 0.   ]])
    """
    score = NormalDist().inv_cdf
    scores = np.array([score(float(level)) for level in known])
    matrix = np.zeros((len(wanted), len(known)))
    for row, level in zip(matrix, wanted, strict=True):
        same = np.flatnonzero(np.abs(np.asarray(known) - level) < _SAME)
        if len(same) or len(known) == 1:
            row[same[0] if len(same) else 0] = 1.0
            continue
        right = int(np.clip(np.searchsorted(known, level), 1, len(known) - 1))
        share = (score(float(level)) - scores[right - 1]) / (scores[right] - scores[right - 1])
        row[right - 1 : right + 1] = 1.0 - share, share
    return matrix
