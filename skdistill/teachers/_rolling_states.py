"""Rolling forecasts of a fitted statistical forecaster: its state at every row, and forecasts from each, without refit.

A forecaster of sktime keeps the fitted object of the library behind it. That object has filtered its state through the
training rows, or filters it again for a price far below that of a fit. The functions here read forecasts from every
origin off that state. Each returns None for a forecaster of another kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import inv_boxcox

__all__ = ["roll_states"]


def roll_states(forecaster: Any, values: np.ndarray, origins: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Forecast from many origins of the rows that a forecaster was fitted on, with its parameters as they are.

    Parameters
    ----------
    forecaster : sktime forecaster
        Fitted on ``values``.
    values : ndarray of shape (n_timestamps,)
        The rows of its fit, none missing.
    origins : ndarray of int of shape (n_origins,)
        Numbers of rows before the horizons, from 1 to ``n_timestamps``.
    n_steps : int
        Number of rows to forecast.

    Returns
    -------
    forecasts : ndarray of shape (n_origins, n_steps) or None
        Each depends on parameters of all rows, and on the state after the rows before its origin. None if the state of
        such a forecaster cannot be read.
    """
    for roll in (_theta, _holt_winters, _ets, _state_space, _forward):
        forecasts = roll(forecaster, values, origins, n_steps)
        if forecasts is not None:
            return forecasts
    return None


def _theta(forecaster: Any, values: np.ndarray, origins: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Forecast with sktime's Theta: exponential smoothing with half of a trend, without the season."""
    results = _results(forecaster)
    if not hasattr(results, "params") or not {"trend_", "drift_", "deseasonalizer_"} <= set(vars(forecaster)):
        return None
    alpha = float(forecaster.initial_level_)
    ahead = np.arange(1, n_steps + 1)
    grown = 0.0 if np.isclose(alpha, 0.0) else (1 - (1 - alpha) ** origins[:, None]) / alpha
    forecasts = np.asarray(results.level)[origins - 1, None] + forecaster.trend_ * (ahead + grown)
    if forecaster.deseasonalizer_ is None:
        return forecasts
    factors = np.asarray(forecaster.deseasonalizer_.seasonal_)
    factors = factors[(origins[:, None] + ahead - 1) % len(factors)]
    return forecasts * factors if forecaster.deseasonalizer_.model == "multiplicative" else forecasts + factors


def _holt_winters(forecaster: Any, values: np.ndarray, origins: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Forecast with statsmodels' ``holtwinters``, behind sktime's ExponentialSmoothing."""
    results = _results(forecaster)
    params = getattr(results, "params", None)
    if not isinstance(params, dict) or "initial_seasons" not in params:
        return None
    model = results.model
    seasons = np.concatenate([np.asarray(params["initial_seasons"]), np.asarray(results.season)])
    phi = float(params["damping_trend"]) if model.damped_trend else 1.0
    forecasts = _combine(
        np.asarray(results.level)[origins - 1],
        np.asarray(results.trend)[origins - 1] if model.has_trend else None,
        _recent(seasons, origins, model.seasonal_periods, n_steps) if model.has_seasonal else None,
        phi=phi,
        trend=model.trend,
        seasonal=model.seasonal,
        n_steps=n_steps,
    )
    forecasts = inv_boxcox(forecasts, params["lamda"]) if params["use_boxcox"] else forecasts
    return forecasts + float(np.mean(results.resid)) if params["remove_bias"] else forecasts


def _ets(forecaster: Any, values: np.ndarray, origins: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Forecast with statsmodels' ``ETSModel``, behind sktime's AutoETS."""
    results = _results(forecaster)
    model: Any = getattr(results, "model", None)
    if not hasattr(model, "damped_trend") or not hasattr(results, "initial_state"):
        return None
    seasons = None
    if model.has_seasonal:
        states = np.concatenate([np.asarray(results.initial_seasonal), np.asarray(results.season)])
        seasons = _recent(states, origins, model.seasonal_periods, n_steps)
    return _combine(
        np.asarray(results.level)[origins - 1],
        np.asarray(results.slope)[origins - 1] if model.has_trend else None,
        seasons,
        phi=float(results.damping_trend) if model.damped_trend else 1.0,
        trend=model.trend,
        seasonal=model.seasonal,
        n_steps=n_steps,
    )


def _state_space(forecaster: Any, values: np.ndarray, origins: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Forecast with a state space model of statsmodels, behind sktime's SARIMAX or UnobservedComponents."""
    results = _results(forecaster)
    if not hasattr(results, "filter_results"):
        return None
    return np.stack(
        [np.asarray(results.predict(start=int(t), end=int(t) + n_steps - 1, dynamic=True)) for t in origins]
    )


def _forward(forecaster: Any, values: np.ndarray, origins: np.ndarray, n_steps: int) -> np.ndarray | None:
    """Forecast with a model of statsforecast, which filters other rows by ``forward``."""
    model: Any = getattr(forecaster, "_fitted_forecaster", None)
    if not callable(getattr(model, "forward", None)):
        return None
    rows = np.ascontiguousarray(values, dtype=np.float64)
    return np.stack([np.asarray(model.forward(rows[:t], n_steps)["mean"]) for t in origins])


def _results(forecaster: Any) -> Any:
    """Return statsmodels' results of a fit, without the wrapper that adds labels."""
    fitted = getattr(forecaster, "_fitted_forecaster", None)
    return getattr(fitted, "_results", fitted)


def _recent(seasons: np.ndarray, origins: np.ndarray, period: int, n_steps: int) -> np.ndarray:
    """Return the last seasonal states before each origin, by step; ``seasons`` starts one season early."""
    return seasons[origins[:, None] + np.arange(n_steps) % period]


def _combine(
    level: np.ndarray,
    slope: np.ndarray | None,
    seasons: np.ndarray | None,
    *,
    phi: float,
    trend: str | None,
    seasonal: str | None,
    n_steps: int,
) -> np.ndarray:
    """Combine the states of exponential smoothing into forecasts, (n_origins, n_steps)."""
    forecasts = np.repeat(level[:, None], n_steps, axis=1)
    if slope is not None:
        damped = np.cumsum(phi ** np.arange(1, n_steps + 1))
        forecasts = (
            forecasts * slope[:, None] ** damped if str(trend)[:3] == "mul" else forecasts + slope[:, None] * damped
        )
    if seasons is not None:
        forecasts = forecasts * seasons if str(seasonal)[:3] == "mul" else forecasts + seasons
    return forecasts
