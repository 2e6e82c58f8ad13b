"""Limits of known covariates, beyond which a value of the horizon is hardly in the units of ``fit``."""

from __future__ import annotations

from math import inf

__all__ = ["usual_limits"]

_FAR = 8  # times the range of fit; beyond it, a value is in other units
_ROUNDING = 1e-5  # of the size of values, as in float32
_FLAG = (0.0, 1.0)  # of what is or is not, which some programs write as -1


def usual_limits(ends: tuple[float, float] | None) -> tuple[float, float]:
    """Return the least and greatest value that is usual.

    Parameters
    ----------
    ends : tuple of (float, float) or None
        Smallest and largest value so far; None if they are not known.

    Returns
    -------
    limits : tuple of (float, float)
        Infinite where ends are not known or equal but for rounding: of constant covariates, ``fit`` tells.

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
