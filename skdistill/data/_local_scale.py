"""Center and unit of single series and windows, from their observed values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skdistill._utils.numpy_student import are_levels, center_unit_and_variation, mean_observed

__all__ = ["LocalUnits", "series_units", "stacked", "window_units"]

_BLOCK_ROWS = 1 << 18  # rows processed at once, over series of equal length
_SAME = 1e-6  # units, which are a level; the distance of closer values may be rounding, also of float32
_APART = 4e-6  # relative; more than the distance at which a unit is taken for the level
_FAR = 10.0  # units; series and windows seldom vary by more, and rows so far away outweigh all others


@dataclass(frozen=True)
class LocalUnits:
    """Center and unit of windows or series, by channel: standardized = (value - center) / unit.

    Parameters
    ----------
    center, unit : float64 ndarray of shape (n, n_channels)
        One row per window or series; units are positive.

    Examples
    --------
    >>> import numpy as np
    >>> units = LocalUnits(np.array([[10.0]]), np.array([[2.0]]))
    >>> units.standardize(np.array([[[14.0], [6.0]]])).ravel()
    array([ 2., -2.])
    """

    center: np.ndarray
    unit: np.ndarray

    def __len__(self) -> int:
        """Return the number of windows or series."""
        return len(self.center)

    def take(self, numbers: np.ndarray) -> LocalUnits:
        """Return the entries of some windows.

        Parameters
        ----------
        numbers : ndarray of int or slice
            Numbers of the entries.

        Returns
        -------
        units : LocalUnits
            Entries in the given order.
        """
        return LocalUnits(self.center[numbers], self.unit[numbers])

    def of_channels(self, channels: list[int]) -> LocalUnits:
        """Return the entries of some channels.

        Parameters
        ----------
        channels : list of int
            Numbers of the channels.

        Returns
        -------
        units : LocalUnits
            Entries in the given order.
        """
        return LocalUnits(self.center[:, channels], self.unit[:, channels])

    def inside(self, inner: LocalUnits) -> LocalUnits:
        """Return the combined units of standardizing by these units and then by inner units.

        Parameters
        ----------
        inner : LocalUnits
            Units of the values standardized by these.

        Returns
        -------
        units : LocalUnits
            The combined units.
        """
        return LocalUnits(self.center + self.unit * inner.center, self.unit * inner.unit)

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Convert values to standardized units.

        Parameters
        ----------
        values : ndarray of shape (n, n_timestamps, n_channels)
            One window or series per row.

        Returns
        -------
        values : float64 ndarray of the same shape
            Standardized values.
        """
        return (values - self.center[:, None]) / self.unit[:, None]

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Undo :meth:`standardize`.

        Parameters
        ----------
        values : ndarray of shape (n, n_timestamps, n_channels)
            Standardized values.

        Returns
        -------
        values : float64 ndarray of the same shape
            The values in the original units.
        """
        return values * self.unit[:, None] + self.center[:, None]

    def constant(self) -> np.ndarray:
        """Return which channels were constant where the units were computed: their unit is their level, or 1 at 0.

        Returns
        -------
        constant : ndarray of bool of shape (n, n_channels)
            True also for channels without an observed value.
        """
        return are_levels(self.center, self.unit)

    def left(self, values: np.ndarray, *, far: bool = False) -> np.ndarray:
        """Return which later values have left the level of a target that was constant in training rows.

        Such a target, like sales before the first one, told no unit. Its level (or 1) stands for it, and says nothing
        of the size of errors: a window with other values could outweigh all others, or count for nothing. Values that
        have left the level are therefore not judged. Rows to learn from teach in any unit and are left out only where
        they are ``far`` from the level and would outweigh all others.

        Parameters
        ----------
        values : ndarray of shape (n, n_timestamps, n_channels)
            Later values, standardized by these units; NaN where missing.
        far : bool, default=False
            Whether to return only values more than 10 units from the level, in place of all that differ beyond
            rounding.

        Returns
        -------
        left : ndarray of bool of the same shape
            False for channels that were not constant, and where a value is NaN.

        Examples
        --------
        >>> units, values = LocalUnits(np.zeros((1, 1)), np.ones((1, 1))), np.array([0.0, 2.0, 11.0])[None, :, None]
        >>> units.left(values).ravel(), units.left(values, far=True).ravel()
        (array([False,  True,  True]), array([False, False,  True]))
        """
        rounding = np.where(self.center == 0, 0.0, _SAME)
        least = np.where(self.constant(), _FAR if far else rounding, np.inf)
        return np.asarray(np.abs(values) > least[:, None])


def window_units(values: np.ndarray, season: int) -> tuple[LocalUnits, np.ndarray]:
    """Compute center and unit of each window and channel, as in the NumPy runtime.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Values, NaN where missing.
    season : int
        Number of rows in a season; 1 means no season.

    Returns
    -------
    units : LocalUnits
        The units; center 0 and unit 1 if there is no observed value.
    varies : ndarray of bool of shape (n_windows, n_channels)
        False where values are equal up to rounding, or one or none is observed: the unit is the level or 1.

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy, whose scaled errors have this unit.

    Examples
    --------
    >>> import numpy as np
    >>> units, varies = window_units(np.array([1.0, 5.0, 2.0, 6.0])[None, :, None], season=2)
    >>> units.center.item(), units.unit.item(), varies.item()
    (4.0, 1.0, True)
    """
    center, unit, varies = center_unit_and_variation(values, season)
    return LocalUnits(center, unit), varies


def series_units(series: list[np.ndarray], season: int) -> LocalUnits:
    """Compute center and unit of each series and channel by the rule of :func:`window_units`, centered on all rows.

    A unit that is the level stands for constant values. Where the unit of other values happens to be their level, as
    with counts, it is made larger by a few millionths, so that it shows that they vary.

    Parameters
    ----------
    series : list of ndarray of shape (n_timestamps, n_channels)
        Training rows, NaN where missing.
    season : int
        Number of rows in a season.

    Returns
    -------
    units : LocalUnits
        One row per series.

    Examples
    --------
    >>> import numpy as np
    >>> units = series_units([np.array([[1.0], [4.0]]), np.array([[7.0]])], season=1)
    >>> units.center.ravel(), units.unit.ravel()
    (array([2.5, 7. ]), array([3., 7.]))
    """
    center, unit = np.empty((2, len(series), series[0].shape[1]))
    for numbers, rows in stacked(series):
        center[numbers] = np.nan_to_num(mean_observed(rows))
        own, varies = window_units(rows, season)
        by_chance = varies & are_levels(center[numbers], own.unit)
        unit[numbers] = np.where(by_chance, 1 + _APART, 1.0) * own.unit
    return LocalUnits(center, unit)


def stacked(series: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Stack series of equal length, some at a time.

    Parameters
    ----------
    series : sequence of ndarray of shape (n_timestamps, n_channels)
        The series.

    Yields
    ------
    numbers : ndarray of int of shape (n,)
        Which series.
    rows : ndarray of shape (n, n_timestamps, n_channels)
        Their rows.
    """
    lengths = np.array([len(rows) for rows in series])
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        n_parts = -(-len(alike) * max(1, int(length)) // _BLOCK_ROWS)
        for numbers in np.array_split(alike, min(len(alike), n_parts)):
            yield numbers, np.stack([series[number] for number in numbers])
