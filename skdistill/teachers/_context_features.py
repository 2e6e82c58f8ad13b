"""Features of contexts for a router: level, trend, seasonality, noise, missing share, and how teachers disagree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill.data._contexts import Contexts

__all__ = ["FEATURES", "context_features"]

FEATURES = (
    "level",
    "log_spread",
    "trend",
    "seasonal_autocorrelation",
    "autocorrelation",
    "seasonal_strength",
    "log_noise",
    "recent_level",
    "recent_spread",
    "last_value",
    "missing_share",
)

_TINY = 1e-6


def context_features(
    contexts: Contexts, targets: Sequence[int], season: int, forecasts: np.ndarray | None = None
) -> np.ndarray:
    """Describe every target of every context by a few numbers; nothing but the context and the forecasts is read.

    Parameters
    ----------
    contexts : Contexts
        The contexts.
    targets : sequence of int
        Channels that are forecast.
    season : int
        Rows of a season.
    forecasts : ndarray of shape (n_teachers, n_windows, prediction_length, n_targets) or None, default=None
        Forecasts of several teachers; each adds its distance from their mean.

    Returns
    -------
    features : ndarray of shape (n_windows * n_targets, n_features)
        In the order of windows, then targets; columns as in ``FEATURES``, then one per teacher.
    """
    values = contexts.values[:, :, list(targets)].double().cpu().numpy()
    rows = np.moveaxis(values, 2, 1).reshape(-1, values.shape[1])
    missing = np.zeros(len(rows))
    if contexts.observed is not None:
        missing = (~contexts.observed[:, :, list(targets)]).double().mean(dim=1).cpu().numpy().ravel()
    columns = [*_shape(rows, season), missing]
    if forecasts is not None:
        spread = np.log(rows.var(axis=1) + _TINY)
        squares = np.square(forecasts - forecasts.mean(axis=0)).mean(axis=2)
        columns += [np.log(one.ravel() + _TINY) - spread for one in squares]
    return np.column_stack(columns)


def _shape(rows: np.ndarray, season: int) -> list[np.ndarray]:
    """Describe rows (n, length), in units of their spread where that makes sense."""
    length = rows.shape[1]
    season = max(1, min(season, length // 2))
    level, spread = rows.mean(axis=1), rows.std(axis=1) + _TINY
    time = np.arange(length) - (length - 1) / 2
    slope = rows @ time / max(time @ time, 1.0)
    rest = rows - level[:, None] - slope[:, None] * time
    variance = rest.var(axis=1) + _TINY**2
    n_seasons = length // season
    profile = rest[:, length - n_seasons * season :].reshape(len(rows), n_seasons, season).mean(axis=1)
    recent = rows[:, -season:]
    changes = np.diff(rows, axis=1) if length > 1 else np.zeros((len(rows), 1))
    return [
        level,
        np.log(spread),
        slope * length / spread,
        _autocorrelation(rest, season, variance),
        _autocorrelation(rest, 1, variance),
        profile.var(axis=1) / variance,
        np.log(changes.std(axis=1) + _TINY),
        (recent.mean(axis=1) - level) / spread,
        np.log(recent.std(axis=1) + _TINY) - np.log(spread),
        (rows[:, -1] - recent.mean(axis=1)) / spread,
    ]


def _autocorrelation(rows: np.ndarray, lag: int, variance: np.ndarray) -> np.ndarray:
    if lag >= rows.shape[1]:
        return np.zeros(len(rows))
    return (rows[:, lag:] * rows[:, :-lag]).mean(axis=1) / variance
