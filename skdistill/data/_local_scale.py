"""Units of a series or of a window of its own, from what is observed of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill._utils.numpy_student import mean_observed, window_center_and_unit

__all__ = ["LocalUnits", "series_units", "window_units"]


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
        """Count the windows or series."""
        return len(self.center)

    def take(self, numbers: np.ndarray) -> LocalUnits:
        """Return those of some windows.

        Parameters
        ----------
        numbers : ndarray of int or slice
            Which ones.

        Returns
        -------
        units : LocalUnits
            These, in this order.
        """
        return LocalUnits(self.center[numbers], self.unit[numbers])

    def of_channels(self, channels: list[int]) -> LocalUnits:
        """Return those of some channels.

        Parameters
        ----------
        channels : list of int
            Which ones.

        Returns
        -------
        units : LocalUnits
            These, in this order.
        """
        return LocalUnits(self.center[:, channels], self.unit[:, channels])

    def inside(self, inner: LocalUnits) -> LocalUnits:
        """Return the units of standardizing twice: first by these, then by inner ones.

        Parameters
        ----------
        inner : LocalUnits
            Units of what these have standardized.

        Returns
        -------
        units : LocalUnits
            The same in one step.
        """
        return LocalUnits(self.center + self.unit * inner.center, self.unit * inner.unit)

    def standardize(self, values: np.ndarray) -> np.ndarray:
        """Bring values to standardized units.

        Parameters
        ----------
        values : ndarray of shape (n, n_timestamps, n_channels)
            One window or series a row.

        Returns
        -------
        values : float64 ndarray of the same shape
            Standardized.
        """
        return (values - self.center[:, None]) / self.unit[:, None]

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Undo :meth:`standardize`.

        Parameters
        ----------
        values : ndarray of shape (n, n_timestamps, n_channels)
            Standardized.

        Returns
        -------
        values : float64 ndarray of the same shape
            In the units before.
        """
        return values * self.unit[:, None] + self.center[:, None]


def window_units(values: np.ndarray, season: int) -> LocalUnits:
    """Find center and unit of each window and channel, as the NumPy runtime does.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        NaN means missing.
    season : int
        Rows of a season; 1 means that there is none.

    Returns
    -------
    units : LocalUnits
        Without any observed value: center 0 and unit 1.

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
    """Find center and unit of each series and channel, by the rule of :func:`window_units`, centered on all its rows.

    Parameters
    ----------
    series : list of ndarray of shape (n_timestamps, n_channels)
        Training rows; NaN means missing.
    season : int
        Rows of a season.

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
    parts = []
    for rows in series:
        window = rows[None]
        parts.append(LocalUnits(np.nan_to_num(mean_observed(window)), window_units(window, season).unit))
    return LocalUnits(np.concatenate([one.center for one in parts]), np.concatenate([one.unit for one in parts]))
