"""Moments that are updated with a series: rows are added and removed without computing anything twice."""

from __future__ import annotations

import numpy as np

from skdistill.training._moments import Moments, run_moments

__all__ = ["RollingMoments"]


class RollingMoments:
    """The moments of all stride-1 windows of a growing or sliding series, in raw units.

    Stored in float64, relative to the mean of the first rows. Mean and scale of the standardization can change, because
    moments can be transformed exactly by any affine map.

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

    def __init__(self, rows: np.ndarray, context_length: int, prediction_length: int) -> None:
        self.context_length = context_length
        self.prediction_length = prediction_length
        self.offset = rows.mean(axis=0)
        self.rows = np.empty((0, rows.shape[1]))
        size = context_length + prediction_length
        self.channels = [Moments(0.0, np.zeros(size), np.zeros((size, size)), context_length) for _ in self.offset]
        self.append(rows)

    def append(self, rows: np.ndarray) -> None:
        """Add rows at the end.

        Parameters
        ----------
        rows : ndarray of shape (n_timestamps, n_channels)
            The rows that follow the current ones.
        """
        size = self.context_length + self.prediction_length
        kept = max(0, len(self.rows) - size + 1)  # the first row that a new window can contain
        self.rows = np.concatenate([self.rows, np.asarray(rows, dtype=np.float64)])
        self.channels = [one + new for one, new in zip(self.channels, self._moments(self.rows[kept:]), strict=True)]

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
        leaving = self._moments(self.rows[: n_rows + size - 1])
        self.channels = [one - old for one, old in zip(self.channels, leaving, strict=True)]
        self.rows = self.rows[n_rows:].copy()

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
        offsets = mean - self.offset
        return [one.affine(float(o), float(s)) for one, o, s in zip(self.channels, offsets, scale, strict=True)]

    def _moments(self, rows: np.ndarray) -> list[Moments]:
        """Compute the moments of all windows of some rows."""
        size = self.context_length + self.prediction_length
        n_windows = len(rows) - size + 1
        empty = Moments(0.0, np.zeros(size), np.zeros((size, size)), self.context_length)
        if n_windows < 1:
            return [empty] * rows.shape[1]
        relative = rows - self.offset
        return [
            run_moments(relative[:, channel], n_windows, self.context_length, self.prediction_length)
            for channel in range(rows.shape[1])
        ]
