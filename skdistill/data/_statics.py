"""Units of static covariates, so that a forecaster that was fitted before can read those of other series."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._usual_limits import are_unusual

__all__ = ["Statics", "joined_static", "warn_of_static_units"]


@dataclass(frozen=True)
class Statics:
    """Names and units of the static numbers of series.

    Parameters
    ----------
    names : tuple of hashable or None
        A name for each number; None if columns have no names.
    center, unit : ndarray of shape (n_static,)
        By which they are standardized.

    Examples
    --------
    >>> import numpy as np
    >>> Statics(("size",), np.array([10.0]), np.array([2.0])).restore(np.array([[1.5]]))
    array([[13.]])
    """

    names: tuple[Hashable, ...] | None
    center: np.ndarray
    unit: np.ndarray

    def restore(self, standard: np.ndarray) -> np.ndarray:
        """Return static numbers in original units.

        Parameters
        ----------
        standard : ndarray of shape (..., n_static)
            Standardized.

        Returns
        -------
        numbers : ndarray of the same shape
            The numbers; the mean over series where one is missing.
        """
        return standard * self.unit + self.center


def joined_static(
    before: np.ndarray | None, now: np.ndarray | None, statics: Statics | None, name: str
) -> np.ndarray | None:
    """Return the static numbers of a series that goes on, and raise if one changes.

    Parameters
    ----------
    before, now : ndarray of shape (n_static,) or None
        Standardized numbers of the rows so far and of the rows that follow; 0 where missing.
    statics : Statics or None
        Their names and units.
    name : str
        Name of the series, for the message.

    Returns
    -------
    numbers : ndarray of shape (n_static,) or None
        Those that are known of either.

    Raises
    ------
    ValueError
        If a number that is known of both differs.

    Examples
    --------
    >>> joined_static(np.array([1.5, 0.0]), np.array([0.0, 2.0]), None, "X").tolist()
    [1.5, 2.0]
    """
    if before is None or now is None:
        return now if before is None else before
    changed = (before != 0) & (now != 0) & ~np.isclose(before, now, rtol=1e-6, atol=0.0)
    if changed.any():
        number = int(np.argmax(changed))
        which, old, new = "", before, now
        if statics is not None:
            which = "" if statics.names is None else f" {statics.names[number]!r}"
            old, new = statics.restore(before), statics.restore(now)
        raise ValueError(
            f"static covariate{which} changes within {name}: it is {old[number]:g} in the rows so far and "
            f"{new[number]:g} in the rows that follow. Give it as it was, or NaN; a column that changes is a past "
            "covariate, or a known one: fit again without it in static_covariates."
        )
    return np.where(before != 0, before, now)


def warn_of_static_units(
    static: np.ndarray,
    statics: Statics,
    ranges: Sequence[tuple[float, float] | None],
    name_of: Callable[[int], str],
    *,
    of_table: bool = False,
) -> None:
    """Warn of static covariates far outside those of ``fit``, as in other units, or codes of missing values.

    Parameters
    ----------
    static : ndarray of shape (n_series, n_static)
        Standardized numbers.
    statics : Statics
        Their names and units.
    ranges : sequence of (float, float) or None
        Smallest and largest value of each in ``fit``; empty where it is not known.
    name_of : callable
        Names the series of a number.
    of_table : bool, default=False
        Whether they are columns of a table of windows, in which nothing may be missing.
    """
    kind, way_out = ("covariate", "") if of_table else ("static covariate", " Write NaN where it is missing.")
    for place, ends in enumerate(ranges):
        if ends is None:
            continue
        values = static[:, place] * statics.unit[place] + statics.center[place]  # 0 of a flag comes back as -1e-17
        far = np.flatnonzero(are_unusual(values, ends)).tolist()
        if far:
            name = place if statics.names is None else statics.names[place]
            more = f" (and of {len(far) - 1} more)" if len(far) > 1 else ""
            warnings.warn(
                f"the {kind} {name!r} of {name_of(far[0])}{more} is {values[far[0]]:g}, and was between "
                f"{ends[0]:g} and {ends[1]:g} in fit: are its units or codes others? Forecasts follow it as far as it "
                f"goes.{way_out}",
                stacklevel=stacklevel_of_user(),
            )
