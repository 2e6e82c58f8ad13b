"""The Theta method for many contexts at once."""

from __future__ import annotations

import numpy as np

from skdistill._utils.numpy_student import mean_observed

__all__ = ["theta_forecast"]

_SMOOTHING = np.array([0.01, 0.03, *np.arange(0.06, 1.0, 0.06), 0.99])  # parameters tried in each context
_SIGNIFICANT = 1.645  # normal quantile of the test for a season
_LEAST_FACTOR = 0.01  # a season with a smaller factor is left out
_BLOCK = 2048  # contexts processed at once


def theta_forecast(contexts: np.ndarray, season: int, prediction_length: int) -> np.ndarray:
    """Forecast every context by the standard Theta method.

    Parameters
    ----------
    contexts : ndarray of shape (n_contexts, n_timestamps)
        Values; NaN before the first observed value only.
    season : int
        Number of rows in a season; 1 means no season.
    prediction_length : int
        Number of steps.

    Returns
    -------
    forecasts : float64 ndarray of shape (n_contexts, prediction_length)
        The forecasts; NaN for a context without values.

    Examples
    --------
    >>> import numpy as np
    >>> theta_forecast(np.array([[4.0, 4.0, 4.0]]), season=1, prediction_length=2)
    array([[4., 4.]])
    """
    forecasts = np.empty((len(contexts), prediction_length))
    for first in range(0, len(contexts), _BLOCK):
        block = slice(first, first + _BLOCK)
        with np.errstate(divide="ignore", invalid="ignore"):  # where a value is missing, or a kind of season not meant
            forecasts[block] = _forecast(np.asarray(contexts[block], dtype=np.float64), season, prediction_length)
    return forecasts


def _forecast(values: np.ndarray, season: int, n_steps: int) -> np.ndarray:
    factors, multiplies = _seasonal_factors(values, season)
    n_rows = values.shape[1]
    past = factors[:, (np.arange(n_rows) - n_rows) % season]
    future = factors[:, np.arange(n_steps) % season]
    n_observed = (~np.isnan(values)).sum(axis=1)
    plain = np.where(multiplies[:, None], values / past, values - past)
    level, smoothing = _smooth(plain)
    # Half the slope of a straight line, from the smoothed level on: the mean of the two theta lines.
    ahead = np.arange(n_steps) + ((1.0 - (1.0 - smoothing) ** n_observed) / smoothing)[:, None]
    line = level[:, None] + 0.5 * _slope(plain)[:, None] * ahead
    return np.where(multiplies[:, None], line * future, line + future)


def _seasonal_factors(values: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Decompose classically where a season is significant: factors of the phases after each context, and their kind."""
    positive = np.nanmin(values, axis=1, initial=np.inf) > 0
    flat = np.where(positive[:, None], 1.0, np.zeros((len(values), season)))
    if season == 1 or values.shape[1] < 2 * season:
        return flat, positive
    weights = np.ones(season + 1 - season % 2) / season
    if season % 2 == 0:
        weights[[0, -1]] /= 2
    half = len(weights) // 2
    trend = np.full_like(values, np.nan)
    trend[:, half:-half] = np.lib.stride_tricks.sliding_window_view(values, len(weights), axis=1) @ weights
    rest = np.where(positive[:, None], values / trend, values - trend)
    front = -values.shape[1] % season
    by_phase = np.pad(rest, ((0, 0), (front, 0)), constant_values=np.nan).reshape(len(values), -1, season)
    factors = mean_observed(by_phase)
    mean = factors.mean(axis=1, keepdims=True)
    factors = np.where(positive[:, None], factors / mean, factors - mean)
    usable = np.isfinite(factors).all(axis=1) & ~(positive & (factors < _LEAST_FACTOR).any(axis=1))
    usable &= _has_season(values, season)
    return np.where(usable[:, None], factors, flat), positive


def _has_season(values: np.ndarray, season: int) -> np.ndarray:
    """Test the autocorrelation at the lag of a season, as the M3 competition did."""
    n_observed = (~np.isnan(values)).sum(axis=1)
    centered = np.nan_to_num(values - mean_observed(values)[:, None])
    power = (centered**2).sum(axis=1)
    power = np.where(power > 0, power, np.inf)
    lags = [(centered[:, lag:] * centered[:, :-lag]).sum(axis=1) / power for lag in range(1, season + 1)]
    spread = np.sqrt((1.0 + 2.0 * np.square(lags[:-1]).sum(axis=0)) / np.maximum(1, n_observed))
    return (np.abs(lags[-1]) > _SIGNIFICANT * spread) & (n_observed >= 2 * season)


def _smooth(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smooth exponentially, with the parameter of the least squared error one step ahead: last level, parameter."""
    level = np.full((len(values), len(_SMOOTHING)), np.nan)
    squares = np.zeros_like(level)
    for column in values.T:
        error = column[:, None] - level
        level = np.where(np.isnan(level), column[:, None], level + _SMOOTHING * error)
        squares += np.nan_to_num(error) ** 2
    best = squares.argmin(axis=1)
    return level[np.arange(len(level)), best], _SMOOTHING[best]


def _slope(values: np.ndarray) -> np.ndarray:
    """Return the slope of the straight line through the observed values."""
    rows = np.where(np.isnan(values), np.nan, np.arange(values.shape[1]))
    rows = np.nan_to_num(rows - mean_observed(rows)[:, None])
    squares = (rows**2).sum(axis=1)
    return (rows * np.nan_to_num(values)).sum(axis=1) / np.where(squares > 0, squares, np.inf)
