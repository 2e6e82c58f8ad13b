"""Limits of known covariates, beyond which a value of the horizon is hardly in the units of ``fit``."""

from __future__ import annotations

from math import inf

import numpy as np

__all__ = ["are_small", "are_unusual", "may_count", "of_other_flags", "quick_limits", "usual_limits"]

_FAR = 8  # times the range of fit; beyond it, a value is in other units
_ROUNDING = 1e-5  # of the size of values, as in float32
_MOST_COUNTED = 400  # days of a year, and more
_FEWEST_CODES = 8  # of 1 and 2
_FLAG, _TRUE = (0.0, 1.0), -1.0  # of what is or is not, which some programs write as -1


def usual_limits(ends: tuple[float, float] | None) -> tuple[float, float]:
    """Return the least and greatest value between which all are usual.

    Parameters
    ----------
    ends : tuple of (float, float) or None
        Smallest and largest value so far; None if they are not known.

    Returns
    -------
    limits : tuple of (float, float)
        Infinite where ends are not known or equal but for rounding: of constant covariates, ``fit`` tells. Of a flag, 0
        is the least, and :func:`are_unusual` looks closer.

    Examples
    --------
    >>> usual_limits((10.0, 12.0)), usual_limits((0.0, 1.0)), usual_limits((5.0, 5.0))
    ((-6.0, 28.0), (0.0, 9.0), (-inf, inf))
    """
    if ends is None or ends[1] - ends[0] <= _ROUNDING * max(abs(ends[0]), abs(ends[1])):
        return -inf, inf
    low, high = ends
    far = _FAR * (high - low)
    return low if ends == _FLAG else low - far, high + far


def are_unusual(values: np.ndarray, ends: tuple[float, float], own: tuple[float, float] | None = None) -> np.ndarray:
    """Return which values are hardly in the units of others.

    Parameters
    ----------
    values : ndarray
        The values, NaN where unknown.
    ends : tuple of (float, float)
        Smallest and largest value in ``fit``.
    own : tuple of (float, float) or None, default=None
        Those in the rows so far of a series, which can be of another size; a flag is of none.

    Returns
    -------
    unusual : ndarray of bool
        Of the shape of values; False where unknown.

    Examples
    --------
    >>> are_unusual(np.array([-1.0, -0.01, 2.0, np.nan]), (0.0, 1.0)).tolist()
    [True, False, False, False]
    >>> are_unusual(np.array([30.0]), (1.0, 2.0)), are_unusual(np.array([30.0]), (1.0, 2.0), (20.0, 40.0))
    (array([ True]), array([False]))
    """
    low, high = usual_limits(ends if own is None or ends == _FLAG else (min(ends[0], own[0]), max(ends[1], own[1])))
    if ends == _FLAG:
        low = min(low, -_FAR)
    unusual = (values < low) | (values > high)
    return unusual | (np.abs(values - _TRUE) < _ROUNDING) if ends == _FLAG else unusual


def of_other_flags(values: np.ndarray, ends: tuple[float, float] | None) -> float | None:
    """Return a value of a flag that is written otherwise than in ``fit``.

    Parameters
    ----------
    values : ndarray
        The values, NaN where unknown.
    ends : tuple of (float, float) or None
        Smallest and largest value in ``fit``.

    Returns
    -------
    value : float or None
        One that is hardly in the units of ``fit``, or 2 where all are 1 or 2; None where all may be 0 or 1.

    Examples
    --------
    >>> of_other_flags(np.array([0.0, 100.0]), (0.0, 1.0)), of_other_flags(np.tile([1.0, 2.0], 4), (0.0, 1.0))
    (100.0, 2.0)
    >>> of_other_flags(np.tile([0.0, 1.0, 2.0], 4), (0.0, 1.0)) is None
    True
    """
    if ends != _FLAG:
        return None
    far = are_unusual(values, ends)
    if far.any():
        return float(values[far][0])
    known = values[~np.isnan(values)]
    is_one, is_two = known == 1, known == 2
    are_codes = len(known) >= _FEWEST_CODES and (is_one | is_two).all() and is_one.any() and is_two.any()
    return 2.0 if are_codes else None


def quick_limits(ends: tuple[float, float] | None) -> tuple[float, float]:
    """Return limits between which values are neither unusual nor small.

    Parameters
    ----------
    ends : tuple of (float, float) or None
        Smallest and largest value so far; None if they are not known.

    Returns
    -------
    limits : tuple of (float, float)
        As :func:`usual_limits`, and no less than a fraction of the smallest value, if that is positive.

    Examples
    --------
    >>> quick_limits((8.0, 12.0)), quick_limits((-1.0, 1.0)), quick_limits((0.0, 1.0))
    ((1.0, 44.0), (-17.0, 17.0), (0.0, 1.0))
    """
    if ends == _FLAG:
        return ends
    low, high = usual_limits(ends)
    return (max(low, ends[0] / _FAR), high) if ends is not None and ends[0] > 0 and low > -inf else (low, high)


def are_small(values: np.ndarray, ends: tuple[float, float]) -> bool:
    """Return whether all values are a fraction of the smallest in ``fit``, as in thousands.

    Parameters
    ----------
    values : ndarray
        The values, NaN where unknown.
    ends : tuple of (float, float)
        Smallest and largest value in ``fit``.

    Returns
    -------
    are_small : bool
        False where the smallest is not positive, or one of the values.

    Examples
    --------
    >>> are_small(np.array([0.008, 0.012]), (8.0, 12.0)), are_small(np.array([0.0, 0.012]), (8.0, 12.0))
    (True, False)
    """
    known = values[~np.isnan(values)]
    return bool(len(known) and ends[0] > 0 and known.min() > 0 and known.max() < ends[0] / _FAR)


def may_count(ends: tuple[float, float] | None) -> bool:
    """Return whether values may be the numbers of a cycle, such as days of the week.

    Parameters
    ----------
    ends : tuple of (float, float) or None
        Smallest and largest value so far; None if they are not known.

    Returns
    -------
    may : bool
        True if ends are whole numbers with others between them, or not known.

    Examples
    --------
    >>> may_count((0.0, 6.0)), may_count((0.0, 1.0)), may_count((0.3, 6.2))
    (True, False, False)
    """
    return ends is None or (ends[0] % 1 == 0 and ends[1] % 1 == 0 and 1 < ends[1] - ends[0] < _MOST_COUNTED)
