"""Center and unit of covariates, if series or windows are scaled separately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skdistill._utils.numpy_student import covariate_center_and_unit
from skdistill.data._local_scale import LocalUnits, stacked

__all__ = ["CovariateUnits"]


@dataclass(frozen=True)
class CovariateUnits:
    """How channels that are no targets are scaled, if series or windows are scaled separately.

    A channel that is only 0 and 1 in training has one center and unit for all series: the unit of a rare event would
    otherwise depend on how often it was in a window. Any other channel is centered on the mean of its series or
    window, in units of the standard deviation around it, or of that over all training rows where it is constant.

    Parameters
    ----------
    channels : tuple of int
        Channels that are no targets.
    shared : ndarray of bool of shape (n_channels,)
        Which channels have one center and unit for all series.
    center, unit : ndarray of shape (n_channels,)
        Mean and standard deviation over all training rows.
    """

    channels: tuple[int, ...]
    shared: np.ndarray
    center: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(
        cls, rows: Sequence[np.ndarray], targets: tuple[int, ...], center: np.ndarray, unit: np.ndarray
    ) -> CovariateUnits:
        """Find the channels that are only 0 and 1.

        Parameters
        ----------
        rows : sequence of ndarray of shape (n_timestamps, n_channels)
            Training rows of every series, in original units.
        targets : tuple of int
            Channels that are targets.
        center, unit : ndarray of shape (n_channels,)
            Mean and standard deviation over all training rows, after the transformer.

        Returns
        -------
        units : CovariateUnits
            The units.
        """
        channels = tuple(one for one in range(len(center)) if one not in targets)
        shared = np.zeros(len(center), dtype=bool)
        shared[list(channels)] = True
        for part in rows:
            shared &= ((part == 0) | (part == 1) | np.isnan(part)).all(axis=0)
        return cls(channels, shared, center, unit)

    def of_series(self, series: Sequence[np.ndarray], units: LocalUnits) -> LocalUnits:
        """Replace the units of covariates of series.

        Parameters
        ----------
        series : sequence of ndarray of shape (n_timestamps, n_channels)
            Transformed values of each series.
        units : LocalUnits
            Units of all channels by the rule of targets.

        Returns
        -------
        units : LocalUnits
            With other units of covariates.
        """
        center, unit = units.center.copy(), units.unit.copy()
        for numbers, rows in stacked(series):
            own = self.of_windows(rows, units.take(numbers))
            center[numbers], unit[numbers] = own.center, own.unit
        return LocalUnits(center, unit)

    def of_windows(self, windows: np.ndarray, units: LocalUnits, outer: LocalUnits | None = None) -> LocalUnits:
        """Replace the units of covariates of windows.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, n_timestamps, n_channels)
            Transformed values, NaN where missing.
        units : LocalUnits
            Units of all channels by the rule of targets.
        outer : LocalUnits or None, default=None
            Units by which the windows are standardized already.

        Returns
        -------
        units : LocalUnits
            With other units of covariates.
        """
        center, unit = units.center.copy(), units.unit.copy()
        whole = LocalUnits(np.broadcast_to(self.center, center.shape), np.broadcast_to(self.unit, unit.shape))
        if outer is not None:
            whole = LocalUnits((whole.center - outer.center) / outer.unit, whole.unit / outer.unit)
        places = list(self.channels)
        own_center, own_unit = covariate_center_and_unit(
            windows[:, :, places], whole.center[:, places], whole.unit[:, places]
        )
        center[:, places] = np.where(self.shared[places], whole.center[:, places], own_center)
        unit[:, places] = np.where(self.shared[places], whole.unit[:, places], own_unit)
        return LocalUnits(center, unit)
