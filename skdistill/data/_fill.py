"""What stands in for missing values of a context, from the context alone."""

from __future__ import annotations

import numpy as np

__all__ = ["fill_missing"]

_SHARE_OF_SEASON = 4  # gaps up to a season divided by this are bridged by a straight line


def fill_missing(values: np.ndarray, season: int = 1) -> np.ndarray:
    """Fill the missing values of contexts from the observed ones of the same context and channel.

    A short gap (at most a quarter of a season) is bridged by a straight line. A longer one, or one at either end, takes
    the values a whole number of seasons before and after it, on a straight line between the two where both are
    observed. Where there are none, the line between the nearest observed values is taken, or the nearest one.

    Parameters
    ----------
    values : ndarray of shape (n_windows, n_timestamps, n_channels)
        Contexts; NaN means missing.
    season : int, default=1
        Rows of a season; 1 means that there is none.

    Returns
    -------
    filled : ndarray of the same shape
        The same array where nothing is missing, else a copy. A channel without any observed value in a context is 0
        there.

    Examples
    --------
    >>> import numpy as np
    >>> fill_missing(np.array([1.0, np.nan, 3.0, np.nan])[None, :, None]).ravel()
    array([1., 2., 3., 3.])
    >>> fill_missing(np.array([1.0, 5.0, 1.0, np.nan])[None, :, None], season=2).ravel()
    array([1., 5., 1., 5.])
    """
    missing = np.isnan(values)
    windows = np.flatnonzero(missing.any(axis=(1, 2)))
    if not len(windows):
        return values
    filled = np.array(values)
    filled[windows] = _fill(values[windows], missing[windows], season)
    return filled


def _fill(values: np.ndarray, missing: np.ndarray, season: int) -> np.ndarray:
    line, gap = _line(values, missing)
    if season > 1 and season < values.shape[1]:
        seasonal = _along_phases(values, missing, season)
        bridged = gap <= max(1, season // _SHARE_OF_SEASON)
        line = np.where(bridged | np.isnan(seasonal), line, seasonal)
    return np.nan_to_num(np.where(missing, line, values), copy=False, posinf=np.inf, neginf=-np.inf)


def _line(values: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interpolate along axis 1; also give the number of missing rows in each gap, a large one at the ends."""
    length = values.shape[1]
    here = np.arange(length).reshape(1, -1, *[1] * (values.ndim - 2))
    before = np.maximum.accumulate(np.where(missing, -1, here), axis=1)
    after = np.minimum.accumulate(np.where(missing, length, here)[:, ::-1], axis=1)[:, ::-1]
    first = np.take_along_axis(values, np.maximum(before, 0), axis=1)
    last = np.take_along_axis(values, np.minimum(after, length - 1), axis=1)
    inside = (before >= 0) & (after < length)
    share = (here - before) / np.maximum(after - before, 1)
    line = np.where(inside, first + share * (last - first), np.where(before >= 0, first, last))
    return line, np.where(inside, after - before - 1, length)


def _along_phases(values: np.ndarray, missing: np.ndarray, season: int) -> np.ndarray:
    """Interpolate between values that are whole seasons apart; NaN where there are none."""
    n_windows, length, n_channels = values.shape
    front = -length % season
    padding = ((0, 0), (front, 0), (0, 0))
    padded = np.pad(values, padding, constant_values=np.nan).reshape(n_windows, -1, season, n_channels)
    absent = np.pad(missing, padding, constant_values=True).reshape(padded.shape)
    return _line(padded, absent)[0].reshape(n_windows, -1, n_channels)[:, front:]
