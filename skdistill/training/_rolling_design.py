"""Moments of a linear map with covariates that are updated with a series."""

from __future__ import annotations

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn

from skdistill.networks._base import NetworkSpec
from skdistill.networks._linear_design import DesignSizes
from skdistill.training._moments import Moments
from skdistill.training._rolling import RollingMoments

__all__ = ["RollingDesign"]

_BLOCK = 1024  # number of windows gathered at once


class RollingDesign(RollingMoments):
    """The moments of the inputs of a linear map, for all stride-1 windows of a growing or sliding series, in raw units.

    Inputs are linear in the rows, so the moments of standardized rows follow from those of raw rows: each input is
    divided by the scale of its channel, and levels are also shifted. Inputs that tell the calendar are in no unit.

    Parameters
    ----------
    rows : ndarray of shape (n_timestamps, n_channels)
        The first rows.
    spec : NetworkSpec
        Lengths and channels.
    design : torch.nn.Module
        The :class:`~skdistill.networks._linear_design.LinearDesign` of the map, in float64.
    time : ndarray of shape (n_timestamps, n_time_features) or None, default=None
        Calendar features of the rows; None if the map reads no calendar.
    """

    def __init__(self, rows: np.ndarray, spec: NetworkSpec, design: nn.Module, time: np.ndarray | None = None) -> None:
        self.spec, self.design, self.time = spec, design, time
        super().__init__(rows, spec.context_length, spec.prediction_length)

    def _moments(self, where: slice) -> list[Moments]:
        """Compute the moments of all windows of some of the rows, one per target."""
        rows, time = self.rows[where], None if self.time is None else self.time[where]
        length, horizon = self.context_length, self.prediction_length
        width, targets = self._sizes.n_inputs, list(self.spec.targets)
        empty = Moments(0.0, np.zeros(width + horizon), np.zeros((width + horizon, width + horizon)), width)
        found = [empty] * len(targets)
        if len(rows) < length + horizon:
            return found
        windows = sliding_window_view(rows - self.offset, length + horizon, axis=0)  # (n, n_channels, size)
        for first in range(0, len(windows), _BLOCK):
            block = windows[first : first + _BLOCK].transpose(0, 2, 1).copy()  # of one window, a view would do
            ahead = None if time is None else time[length + first : length + first + len(block)]
            both = self._inputs_and_truth(block, ahead)
            for number in range(len(targets)):
                values = both[:, number]
                found[number] = found[number] + Moments(
                    float(len(values)), values.sum(axis=0), values.T @ values, width
                )
        return found

    @property
    def _sizes(self) -> DesignSizes:
        return self.design.sizes  # type: ignore[return-value]

    def _inputs_and_truth(self, block: np.ndarray, time: np.ndarray | None) -> np.ndarray:
        """Return inputs and truth minus the level, (n, n_targets, n_inputs + prediction_length).

        ``time`` is the calendar of the first row of each horizon.
        """
        context, ahead = torch.from_numpy(block[:, : self.context_length]), block[:, self.context_length :]
        more = {"future": torch.from_numpy(ahead[:, :, list(self.spec.known)])} if self.spec.known else {}
        if time is not None:
            more["decoder_time"] = torch.from_numpy(time[:, None]).double()
        with torch.no_grad():
            inputs, level = self.design(context, **more)
        truth = ahead[:, :, list(self.spec.targets)].transpose(0, 2, 1) - level.numpy()
        return np.concatenate([inputs.numpy(), truth], axis=-1)

    def standardized(self, mean: np.ndarray, scale: np.ndarray) -> list[Moments]:
        """Return the moments in standardized units.

        Parameters
        ----------
        mean, scale : ndarray of shape (n_channels,)
            Mean and scale of the standardization.

        Returns
        -------
        moments : list of Moments
            One entry per target, of inputs and truth minus the level.
        """
        mean, scale = np.asarray(mean), np.asarray(scale)
        if not self._is_precise(mean - self.offset, scale):
            self._start()
        offset = mean - self.offset
        return [
            self._affine(one, *self._units_of(target, offset, scale))
            for one, target in zip(self.channels, self.spec.targets, strict=True)
        ]

    def _is_precise(self, offset: np.ndarray, scale: np.ndarray) -> bool:
        """Return whether no sum may have lost more to rounding than is small in the units of its own input."""
        count = self.channels[0].count
        for error, target in zip(self.error, self.spec.targets, strict=True):
            shift, unit = self._units_of(target, offset, scale)
            rounded = error + np.finfo(np.float64).eps * count * shift**2  # by updates, and by the affine map
            if not (rounded <= self.most_error * count * unit**2).all():  # not: also where a sum is not finite
                return False
        return True

    def _rounding(self, moments: Moments) -> np.ndarray:
        """Bound the rounding error of the square of every input and step; that of a product is the geometric mean."""
        return np.asarray(np.finfo(np.float64).eps * np.diag(moments.second))

    def _units_of(self, target: int, offset: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return offset and scale of every input and step of a target."""
        sizes, parts = self._sizes, self._sizes.parts()
        width = sizes.n_inputs
        shift, unit = np.zeros(width + self.prediction_length), np.full(width + self.prediction_length, scale[target])
        covariates, known = list(sizes.covariates), list(sizes.known)
        unit[parts["past"]] = np.repeat(scale[covariates], sizes.past_rows)
        unit[parts["future"]] = np.repeat(scale[known], sizes.prediction_length)
        unit[parts["calendar"]] = 1.0
        if sizes.has_level:
            shift[parts["level"]] = offset[target]
            shift[parts["levels"]], unit[parts["levels"]] = offset[covariates], scale[covariates]
            return shift, unit
        shift[parts["own"]] = shift[width:] = offset[target]
        shift[parts["past"]] = np.repeat(offset[covariates], sizes.past_rows)
        shift[parts["future"]] = np.repeat(offset[known], sizes.prediction_length)
        return shift, unit

    @staticmethod
    def _affine(moments: Moments, shift: np.ndarray, unit: np.ndarray) -> Moments:
        """Transform u to (u - shift) / unit."""
        cross = np.outer(shift, moments.first)
        second = moments.second - cross - cross.T + moments.count * np.outer(shift, shift)
        first = (moments.first - moments.count * shift) / unit
        return Moments(moments.count, first, second / np.outer(unit, unit), moments.context_length)
