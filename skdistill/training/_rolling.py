"""Moments that are updated with a series: rows are added and removed without computing anything twice."""

from __future__ import annotations

import numpy as np

from skdistill.training._moments import Moments, run_moments

__all__ = ["RollingMoments"]

_MOST_ERROR = 1e-11  # of a second moment that updates may leave behind, as a share of the spread of the rows kept


class RollingMoments:
    """The moments of all stride-1 windows of a growing or sliding series, in raw units.

    Stored in float64, relative to the mean of the rows at the last start. Mean and scale of the standardization can
    change, because moments can be transformed exactly by any affine map. A sum keeps the rounding errors of the
    largest values that ever entered, also after they have left: where these are no longer small beside the spread of
    the rows kept, the moments are computed anew from those rows.

    Parameters
    ----------
    rows : ndarray of shape (n_timestamps, n_channels)
        The first rows.
    context_length, prediction_length : int
        Lengths of a window's parts.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(30, 1))
    >>> grown, whole = RollingMoments(rows[:20], 4, 2), RollingMoments(rows, 4, 2)
    >>> grown.append(rows[20:])
    >>> mean, scale = rows.mean(axis=0), rows.std(axis=0)
    >>> ours, theirs = grown.standardized(mean, scale)[0], whole.standardized(mean, scale)[0]
    >>> bool(np.allclose(ours.second, theirs.second, rtol=1e-12, atol=1e-12))
    True
    """

    most_error = _MOST_ERROR

    time: np.ndarray | None = None  # calendar features of the rows, (n_timestamps, n_time_features)

    def __init__(self, rows: np.ndarray, context_length: int, prediction_length: int) -> None:
        self.context_length = context_length
        self.prediction_length = prediction_length
        self.rows = np.asarray(rows, dtype=np.float64).copy()
        self._start()

    def _start(self) -> None:
        """Compute the moments from the rows, relative to their mean."""
        self.offset = _mean(self.rows)
        self.channels = self._moments(slice(None))
        self.error = np.array([self._rounding(one) for one in self.channels])

    def append(self, rows: np.ndarray, time: np.ndarray | None = None) -> None:
        """Add rows at the end.

        Parameters
        ----------
        rows : ndarray of shape (n_timestamps, n_channels)
            The rows that follow the current ones.
        time : ndarray of shape (n_timestamps, n_time_features) or None, default=None
            Their calendar features, if the map reads the calendar.
        """
        size = self.context_length + self.prediction_length
        kept = max(0, len(self.rows) - size + 1)  # the first row that a new window can contain
        self.rows = np.concatenate([self.rows, np.asarray(rows, dtype=np.float64)])
        if self.time is not None and time is not None:
            self.time = np.concatenate([self.time, time])
        entering = self._moments(slice(kept, None))
        self._replace([one + new for one, new in zip(self.channels, entering, strict=True)], entering)

    def forget(self, n_rows: int) -> None:
        """Remove rows at the start, with all windows that contain one of them.

        Parameters
        ----------
        n_rows : int
            Number of rows; at least one window must remain.
        """
        size = self.context_length + self.prediction_length
        if n_rows > len(self.rows) - size:
            raise ValueError(
                f"forget must leave context_length + prediction_length = {size} rows; got {n_rows} of {len(self.rows)}."
            )
        leaving = self._moments(slice(n_rows + size - 1))
        self.rows = self.rows[n_rows:].copy()
        self.time = None if self.time is None else self.time[n_rows:].copy()
        self._replace([one - old for one, old in zip(self.channels, leaving, strict=True)], leaving)

    def _replace(self, channels: list[Moments], change: list[Moments]) -> None:
        """Take updated moments over, and note what the update may have rounded."""
        self.channels = channels
        self.error = self.error + sum(np.array([self._rounding(one) for one in part]) for part in (change, channels))

    def standardized(self, mean: np.ndarray, scale: np.ndarray) -> list[Moments]:
        """Return the moments in standardized units.

        Parameters
        ----------
        mean, scale : ndarray of shape (n_channels,)
            Mean and scale of the standardization.

        Returns
        -------
        moments : list of Moments
            One entry per channel.
        """
        n_windows = self.channels[0].count
        shift = np.finfo(np.float64).eps * n_windows * (mean - self.offset) ** 2  # what the affine map rounds
        spread = n_windows * np.asarray(scale) ** 2
        if not ((self.error + shift) / spread <= _MOST_ERROR).all():  # not: also where a sum is not finite
            self._start()
        offsets = mean - self.offset
        return [one.affine(float(o), float(s)) for one, o, s in zip(self.channels, offsets, scale, strict=True)]

    def _moments(self, where: slice) -> list[Moments]:
        """Compute the moments of all windows of some of the rows."""
        rows, size = self.rows[where], self.context_length + self.prediction_length
        n_windows = len(rows) - size + 1
        empty = Moments(0.0, np.zeros(size), np.zeros((size, size)), self.context_length)
        if n_windows < 1:
            return [empty] * rows.shape[1]
        relative = rows - self.offset
        return [
            run_moments(relative[:, channel], n_windows, self.context_length, self.prediction_length)
            for channel in range(rows.shape[1])
        ]

    def _rounding(self, moments: Moments) -> float | np.ndarray:
        """Bound the rounding error of a sum by its largest entry."""
        return float(np.finfo(np.float64).eps * np.abs(moments.second).max())


def _mean(rows: np.ndarray) -> np.ndarray:
    """Average rows in two passes: the first may round where the level is large."""
    mean = rows.mean(axis=0)
    return np.asarray(mean + (rows - mean).mean(axis=0))
