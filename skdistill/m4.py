"""Benchmark and scores of the M4 competition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skdistill._rolled import seasonal_difference
from skdistill._utils._checks import check_integer
from skdistill._utils.numpy_student import read_numbers

__all__ = ["m4_scores", "naive2_forecast"]

_CRITICAL = 1.645  # quantile of the standard normal distribution, two-sided at 90%


def naive2_forecast(series: np.ndarray, season: int, prediction_length: int) -> np.ndarray:
    """Naive2 of the M4 competition: repeat the last value, seasonally adjusted if a test finds a season.

    The series counts as seasonal if the autocorrelation at the season's lag is outside the 90% limits of Bartlett's
    formula. It is then divided by the indices of a classical multiplicative decomposition, its last value is repeated,
    and the forecast is multiplied by the indices.

    Parameters
    ----------
    series : array of shape (n_timestamps,) or (n_timestamps, 1)
        The past values; they must be positive.
    season : int
        Number of rows in a season; 1 means no season.
    prediction_length : int
        Number of rows to forecast.

    Returns
    -------
    forecast : ndarray of shape (prediction_length,)
        The forecast.

    Raises
    ------
    ValueError
        If a value is missing, or a series with a season is not positive.

    References
    ----------
    Makridakis et al. (2020), The M4 competition, benchmark 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.m4 import naive2_forecast
    >>> naive2_forecast(np.tile([1.0, 3.0], 10), season=2, prediction_length=3).round(6)
    array([1., 3., 1.])
    """
    check_integer(season, "season of naive2_forecast")
    check_integer(prediction_length, "prediction_length of naive2_forecast")
    values = _read_series(series, "series of naive2_forecast")
    if not np.isfinite(values).all():
        raise ValueError("series of naive2_forecast must be finite: a missing value hides its season.")
    if not _is_seasonal(values, season):
        return np.full(prediction_length, values[-1])
    if values.min() <= 0:
        raise ValueError(
            f"series of naive2_forecast must be positive to be divided by its season; got {values.min():g}."
        )
    indices = _seasonal_indices(values, season)
    phases = (len(values) + np.arange(prediction_length)) % season
    return values[-1] / indices[(len(values) - 1) % season] * indices[phases]


def m4_scores(forecasts: Any, truth: Any, train: Sequence[np.ndarray], *, season: int) -> pd.Series:
    """Score forecasts of many series as in the M4 competition.

    SMAPE (percent) and MASE are computed series by series and averaged; OWA is the mean of both, each divided by the
    value of Naive2. A value of 1 is as good as the benchmark; lower is better.

    Parameters
    ----------
    forecasts : array of shape (n_series, prediction_length) or list of arrays
        Forecasts in original units.
    truth : array of shape (n_series, prediction_length)
        True values.
    train : sequence of array of shape (n_timestamps,) or (n_timestamps, 1)
        Past values of each series.
    season : int
        Number of rows in a season.

    Returns
    -------
    scores : Series
        ``smape``, ``mase`` and ``owa``.

    Raises
    ------
    ValueError
        If shapes do not match, or a series has no two different values a season apart, so that MASE has no scale.

    References
    ----------
    Makridakis et al. (2020), The M4 competition. The metrics are sktime's.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.m4 import m4_scores
    >>> train = [np.array([1.0, 2.0, 1.0, 2.0, 3.0])]
    >>> float(m4_scores([[3.0, 3.0]], [[4.0, 2.0]], train, season=1)["owa"])
    1.0
    """
    check_integer(season, "season of m4_scores")
    truth = read_numbers(truth, "truth of m4_scores").astype(np.float64, copy=False)
    forecasts = np.stack([_read_series(one, "forecasts of m4_scores") for one in forecasts])
    train = [_read_series(one, "train of m4_scores") for one in train]
    if truth.ndim != 2 or forecasts.shape != truth.shape or len(train) != len(truth):
        raise ValueError(
            "m4_scores needs forecasts and truth of one shape (n_series, prediction_length) and a training series for "
            f"each; got {forecasts.shape}, {truth.shape} and {len(train)} series."
        )
    flat = [place for place, one in enumerate(train) if not seasonal_difference(one[:, None], season)[0] > 0]
    if flat:
        raise ValueError(
            f"MASE has no scale for {len(flat)} of {len(train)} series of train, first {flat[0]}: it has no two "
            f"different values season = {season} rows apart. Leave such series out."
        )
    naive2 = np.stack([naive2_forecast(one, season, truth.shape[1]) for one in train])
    smape, mase = _mean_errors(forecasts, truth, train, season)
    naive2_smape, naive2_mase = _mean_errors(naive2, truth, train, season)
    owa = (smape / naive2_smape + mase / naive2_mase) / 2.0
    return pd.Series({"smape": smape, "mase": mase, "owa": owa})


def _mean_errors(
    forecasts: np.ndarray, truth: np.ndarray, train: Sequence[np.ndarray], season: int
) -> tuple[float, float]:
    from sktime.performance_metrics.forecasting import mean_absolute_percentage_error, mean_absolute_scaled_error

    units = [np.abs(past).max() for past in train]  # of numbers below 2e-16, sktime makes larger ones
    pairs = [(y / unit, f / unit, past / unit) for y, f, past, unit in zip(truth, forecasts, train, units, strict=True)]
    smape = [100.0 * mean_absolute_percentage_error(y, f, symmetric=True) for y, f, _ in pairs]
    mase = [mean_absolute_scaled_error(y, f, y_train=past, sp=season) for y, f, past in pairs]
    return float(np.mean(smape)), float(np.mean(mase))


def _read_series(values: Any, name: str) -> np.ndarray:
    """Return the values of one channel, which may have an axis of its own."""
    found = read_numbers(values, name).astype(np.float64, copy=False)
    if not found.ndim or found.size != max(found.shape) or not found.size:
        raise ValueError(f"{name} must be one channel, of shape (n_timestamps,); got shape {found.shape}.")
    return found.reshape(-1)


def _is_seasonal(values: np.ndarray, season: int) -> bool:
    """Test whether the autocorrelation at the season's lag is significant."""
    if season == 1 or len(values) < 3 * season:
        return False
    centered = values - values.mean()
    variance = centered @ centered
    if variance == 0.0:
        return False
    correlations = np.array([centered[lag:] @ centered[:-lag] for lag in range(1, season + 1)]) / variance
    limit = _CRITICAL * np.sqrt((1.0 + 2.0 * np.square(correlations[:-1]).sum()) / len(values))
    return bool(abs(correlations[-1]) > limit)


def _seasonal_indices(values: np.ndarray, season: int) -> np.ndarray:
    """Average the ratios to a centered moving average by phase, and scale them to mean 1."""
    kernel = np.ones(season) / season
    if season % 2 == 0:  # an even season has no middle row, so two averages half a row apart are averaged
        kernel = np.convolve(kernel, [0.5, 0.5])
    trend = np.convolve(values, kernel, mode="valid")
    start = len(kernel) // 2
    ratios = values[start : start + len(trend)] / trend
    phases = (start + np.arange(len(trend))) % season
    indices = np.bincount(phases, ratios, minlength=season) / np.bincount(phases, minlength=season)
    return indices / indices.mean()
