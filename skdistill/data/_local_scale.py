"""Center and unit of single series and windows, from their observed values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill._utils.numpy_student import mean_observed, window_center_and_unit

__all__ = ["LocalUnits", "are_constant", "series_units", "window_units"]

_BLOCK_ROWS = 1 << 18  # rows processed at once, over series of equal length
_ROUNDING = 4.0  # in rounding errors of a value; smaller variation of a window is none


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


def window_units(values: np.ndarray, season: int) -> LocalUnits:
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

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy, whose scaled errors have this unit.

    Examples
    --------
    >>> import numpy as np
    >>> units = window_units(np.array([1.0, 5.0, 2.0, 6.0])[None, :, None], season=2)
    >>> units.center.item(), units.unit.item()
    (4.0, 1.0)
    """
    return LocalUnits(*window_center_and_unit(values, season))


def series_units(series: list[np.ndarray], season: int) -> LocalUnits:
    """Compute center and unit of each series and channel by the rule of :func:`window_units`, centered on all rows.

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
    >>> units = series_units([np.array([[1.0], [3.0]]), np.array([[7.0]])], season=1)
    >>> units.center.ravel(), units.unit.ravel()
    (array([2., 7.]), array([2., 7.]))
    """
    lengths = np.array([len(rows) for rows in series])
    center, unit = np.empty((2, len(series), series[0].shape[1]))
    for length in np.unique(lengths):
        alike = np.flatnonzero(lengths == length)
        for numbers in np.array_split(alike, -(-len(alike) * max(1, int(length)) // _BLOCK_ROWS)):
            rows = np.stack([series[number] for number in numbers])
            center[numbers] = np.nan_to_num(mean_observed(rows))
            unit[numbers] = window_units(rows, season).unit
    return LocalUnits(center, unit)


def are_constant(values: np.ndarray) -> np.ndarray:
    """Return which windows have observed values that are all equal, up to rounding.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Values, NaN where missing.

    Returns
    -------
    constant : ndarray of bool of shape (n_windows, n_channels)
        Also True with a single observed value; False with none.
    """
    rounding = _ROUNDING * float(np.finfo(values.dtype).eps)
    lowest, highest = np.fmin.reduce(values, axis=1), np.fmax.reduce(values, axis=1)
    return np.asarray(highest - lowest <= rounding * np.fmax(np.abs(lowest), np.abs(highest)))
