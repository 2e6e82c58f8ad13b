"""Bounds of forecasts, in original units."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from skdistill._utils._checks import is_real
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._short_series import name_series
from skdistill.data._series import Series

__all__ = ["Bounds", "check_bounds", "clip", "warn_of_ends", "warn_of_truth_outside", "warn_outside"]

Bounds = tuple[float | None, float | None]


def check_bounds(bounds: Any, owner: str) -> Bounds | None:
    """Raise unless bounds are a pair that leaves values between them.

    Parameters
    ----------
    bounds : object
        The parameter ``bounds``: a pair of numbers or None, or None.
    owner : str
        The class that has it, for messages.

    Returns
    -------
    bounds : tuple or None
        The pair as floats; None if both sides are open.

    Raises
    ------
    TypeError, ValueError
        If it is no pair, or the lower bound is not below the upper one.

    Examples
    --------
    >>> check_bounds((0, None), "DistilledForecaster")
    (0.0, None)
    """
    if bounds is None:
        return None
    way_out = "give (low, high), with None where there is no bound: bounds=(0, None) forecasts no negative values"
    pair = isinstance(bounds, Sequence | np.ndarray) and not isinstance(bounds, str) and len(bounds) == 2
    if not pair or not all(one is None or is_real(one) for one in bounds):
        raise TypeError(
            f"bounds of {owner} must be a pair of numbers or None; got {bounds!r}. {way_out[0].upper()}{way_out[1:]}."
        )
    low, high = (None if one is None else float(one) for one in bounds)
    if any(one is not None and not np.isfinite(one) for one in (low, high)):
        raise ValueError(f"bounds of {owner} must be finite; got {bounds!r}: {way_out}.")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"bounds of {owner} must have low < high; got {bounds!r}: {way_out}.")
    return None if low is None and high is None else (low, high)


def clip(values: np.ndarray, bounds: Bounds | None) -> np.ndarray:
    """Set values beyond a bound to the bound.

    Parameters
    ----------
    values : ndarray
        Forecasts or quantiles in original units; NaN stays NaN.
    bounds : tuple or None
        The bounds.

    Returns
    -------
    values : ndarray of the same shape and type
        The same array if there are no bounds.
    """
    return values if bounds is None else np.clip(values, *bounds)


def warn_outside(
    rows: Sequence[np.ndarray],
    bounds: Bounds | None,
    names: Sequence[str],
    owner: str,
    *,
    what: Literal["training values", "values"] = "training values",
) -> None:
    """Warn of values beyond the bounds, which no forecast can reach.

    Parameters
    ----------
    rows : sequence of ndarray of shape (n_timestamps, n_targets)
        Rows of the targets of each series, in original units.
    bounds : tuple or None
        The bounds.
    names : sequence of str
        What to call the series.
    owner : str
        The class that has the parameter.
    what : {"training values", "values"}, default="training values"
        What the rows are: those that are learned from, or others, by which forecasts are judged or calibrated.
    """
    if bounds is None:
        return
    low, high = (-np.inf if bounds[0] is None else bounds[0]), (np.inf if bounds[1] is None else bounds[1])
    n_outside, n_values, first = 0, 0, ""
    for part, name in zip(rows, names, strict=True):
        outside = (part < low) | (part > high)
        n_values += int((~np.isnan(part)).sum())
        if outside.any():
            row, target = (int(axis[0]) for axis in np.nonzero(outside))
            first = first or f"{part[row, target]:g} in row {row} of {name}"
            n_outside += int(outside.sum())
    if n_outside:
        warnings.warn(
            f"{n_outside} of {n_values} {what} of the targets lie outside bounds={bounds} of {owner}, first "
            f"{first}: no forecast reaches them. Check the bounds or the data.",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_truth_outside(series: Sequence[Series], targets: Sequence[int], bounds: Bounds | None, owner: str) -> None:
    """Warn of values beyond the bounds in series by which forecasts are judged or calibrated.

    Parameters
    ----------
    series : sequence of Series
        The series, in original units.
    targets : sequence of int
        Channels that are forecast.
    bounds : tuple or None
        The bounds.
    owner : str
        The class that has the parameter.
    """
    if bounds is None:
        return
    names = [name_series(series, number) if len(series) > 1 else "X" for number in range(len(series))]
    warn_outside([one.values[:, list(targets)] for one in series], bounds, names, owner, what="values")


def warn_of_ends(lowest: np.ndarray, highest: np.ndarray, bounds: Bounds | None, owner: str) -> None:
    """Warn of training values beyond the bounds where only the ends of all values are known.

    Parameters
    ----------
    lowest, highest : ndarray of shape (n_targets,)
        The ends, infinite where a target has no value.
    bounds : tuple or None
        The bounds.
    owner : str
        The class that has the parameter.
    """
    if bounds is None:
        return
    low, high = lowest.min(), highest.max()
    if (bounds[0] is not None and low < bounds[0]) or (bounds[1] is not None and high > bounds[1]):
        warnings.warn(
            f"training values of the targets go from {low:g} to {high:g}, outside bounds={bounds} of {owner}: no "
            "forecast reaches those beyond. Check the bounds or the data.",
            stacklevel=stacklevel_of_user(),
        )
