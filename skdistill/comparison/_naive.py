"""Baselines that only repeat or extend what they see, and the choice of their seasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skdistill._utils.numpy_student import fill_missing
from skdistill.data._season import seasons_of_series
from skdistill.data._steps import Step

__all__ = ["drift", "find_seasons", "last_value", "seasonal_naive"]

_AS_GOOD = 1.05


def last_value(contexts: np.ndarray, prediction_length: int) -> np.ndarray:
    """Repeat the last observed value of each context.

    Parameters
    ----------
    contexts : ndarray of shape (n_windows, context_length, n_channels)
        NaN means missing.
    prediction_length : int
        Number of rows to forecast.

    Returns
    -------
    forecasts : ndarray of shape (n_windows, prediction_length, n_channels)
        NaN where nothing is observed.

    Examples
    --------
    >>> import numpy as np
    >>> last_value(np.array([1.0, 2.0, np.nan]).reshape(1, 3, 1), 2).ravel()
    array([2., 2.])
    """
    value, _ = _observed_end(contexts)
    return np.repeat(value[:, None], prediction_length, axis=1)


def drift(contexts: np.ndarray, prediction_length: int) -> np.ndarray:
    """Extend the straight line through the first and the last observed value of each context.

    Parameters
    ----------
    contexts : ndarray of shape (n_windows, context_length, n_channels)
        NaN means missing.
    prediction_length : int
        Number of rows to forecast.

    Returns
    -------
    forecasts : ndarray of shape (n_windows, prediction_length, n_channels)
        NaN where nothing is observed; the last value where a single one is.

    References
    ----------
    Hyndman and Athanasopoulos (2021), Forecasting: principles and practice, 5.2: the drift method.

    Examples
    --------
    >>> import numpy as np
    >>> drift(np.array([1.0, np.nan, 3.0, np.nan]).reshape(1, 4, 1), 2).ravel()
    array([5., 6.])
    """
    value, back = _observed_end(contexts)
    first, ahead = _observed_end(contexts[:, ::-1])
    length = contexts.shape[1] - 1 - ahead - back
    slope = (value - first) / np.maximum(length, 1)
    steps = np.arange(1, prediction_length + 1)[None, :, None] + back[:, None]
    return value[:, None] + slope[:, None] * steps


def _observed_end(contexts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the last observed value of each context and channel, and how many rows follow it."""
    back = np.argmax(~np.isnan(contexts[:, ::-1]), axis=1)
    rows = (contexts.shape[1] - 1 - back)[:, None]
    return np.take_along_axis(contexts, rows, axis=1)[:, 0], back


def seasonal_naive(contexts: np.ndarray, season: int, prediction_length: int) -> np.ndarray:
    """Repeat the last season of each context.

    Parameters
    ----------
    contexts : ndarray of shape (n_windows, context_length, n_channels)
        Contexts of at least ``season`` rows; missing values (NaN) are filled from the seasons before.
    season : int
        Number of rows in a season; 1 repeats the last row.
    prediction_length : int
        Number of rows to forecast.

    Returns
    -------
    forecasts : ndarray of shape (n_windows, prediction_length, n_channels)
        The forecasts.

    Examples
    --------
    >>> import numpy as np
    >>> seasonal_naive(np.arange(4.0).reshape(1, 4, 1), 2, 3).ravel()
    array([2., 3., 2.])
    """
    rows = contexts.shape[1] - season + np.arange(prediction_length) % season
    return fill_missing(contexts, season)[:, rows]


def find_seasons(
    values: Sequence[np.ndarray],
    index: pd.Index | None,
    *,
    max_season: int,
    prediction_length: int,
    step: Step | None = None,
) -> list[int]:
    """List the seasons of the seasonal-naive forecasts.

    Parameters
    ----------
    values : sequence of ndarray of shape (n_timestamps, n_channels)
        The series to choose on together, where the step tells no season.
    index : pandas.Index or None
        Time labels of one of them.
    max_season : int
        Longest season allowed.
    prediction_length : int
        Number of rows to forecast.
    step : Step or None, default=None
        Step of the labels; None infers it.

    Returns
    -------
    seasons : list of int
        Every plausible season of the step, the usual one first (a day for hourly data, a week for daily data, ...);
        without one, the season with the smallest error of seasonal-naive forecasts.

    Examples
    --------
    >>> import numpy as np
    >>> index = pd.date_range("2024-01-01", periods=400, freq="h")
    >>> find_seasons([np.zeros((400, 1))], index, max_season=336, prediction_length=24)
    [24, 168]
    """
    seasons = [season for season in seasons_of_series(index, step) or () if season <= max_season]
    return seasons or [_season_of_smallest_error(values, max_season, prediction_length)]


def _season_of_smallest_error(values: Sequence[np.ndarray], max_season: int, prediction_length: int) -> int:
    """Return the season of all series together, in which each counts by its rows; the longest one has it twice."""
    sums, counts = np.zeros((2, max_season + prediction_length + 1))
    for one in values:
        filled = fill_missing(one[None])[0]
        filled = filled[:, np.isfinite(filled).all(axis=0)]  # a channel of NaN tells none
        if filled.size:
            own, n_pairs = _squared_differences(filled, max_lag=min(len(sums), len(filled)) - 1)
            sums[: len(own)] += own
            counts[: len(own)] += n_pairs
    squares = sums[counts > 0] / counts[counts > 0]
    steps = np.arange(prediction_length)
    errors = np.full(max_season + 1, np.inf)
    for candidate in range(1, min(max_season, max(map(len, values)) // 2, len(squares) - 1) + 1):
        lags = candidate * (steps // candidate + 1)
        errors[candidate] = squares[lags[lags < len(squares)]].mean()
    # Multiples of a season are as good as the season, so take the shortest one that is as good as the best.
    return max(1, int(np.argmax(errors <= _AS_GOOD * errors.min() + 1e-9)))


def _squared_differences(values: np.ndarray, max_lag: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum squared differences of rows ``lag`` apart, with standardized channels, by FFT; and count them."""
    scaled = (values - values.mean(axis=0)) / np.where(values.std(axis=0) > 0, values.std(axis=0), 1.0)
    n_rows = len(scaled)
    size = 1 << (2 * n_rows - 1).bit_length()
    spectrum = np.fft.rfft(scaled, size, axis=0)
    products = np.fft.irfft(np.abs(spectrum) ** 2, size, axis=0)[: max_lag + 1].sum(axis=1)
    energy = np.square(scaled).sum(axis=1)
    head = np.concatenate([[0.0], np.cumsum(energy)])
    lags = np.arange(max_lag + 1)
    pairs = head[n_rows - lags] + (head[n_rows] - head[lags])
    return pairs - 2 * products, (n_rows - lags) * scaled.shape[1]
