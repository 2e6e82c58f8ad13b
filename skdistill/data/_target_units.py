"""Tables whose targets are in other units than their contexts: a scaler of one of them alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["TargetUnits"]

_FACTOR = 2.0  # how much better a line must tell the first step from the last row of a context than that row itself
_VISIBLE = 0.1  # of the targets' spread: a smaller jump from context to target is none


@dataclass(frozen=True)
class TargetUnits:
    """Between the units of a table's targets and those of its contexts.

    Students forecast as if the horizon continued the context: many add its level back. Where contexts and targets were
    scaled apart, that level is none of the targets'. They are then brought to the units of the contexts,

        y' = level + factor * (y - intercept - slope * level),

    where level is the mean of the context and factor the spread of contexts over that of targets; the slope is 1 /
    factor, its negative where targets fall as contexts rise, or 0 where they follow no level (differences), whichever
    tells the first target best from the last row of its context. The rest is left to the student, and forecasts are
    brought back by the inverse.

    Parameters
    ----------
    lines : tuple of tuple of float
        Intercept, slope and factor of each channel; 0, 1 and 1 leave the targets as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.data._target_units import TargetUnits
    >>> windows = np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(300) / 5), 12)[..., None]
    >>> TargetUnits.find(windows[:, :10], windows[:, 10:]) is None
    True
    >>> units = TargetUnits.find(windows[:, :10], 1000 + 50 * windows[:, 10:])
    >>> inside = units.to_contexts(1000 + 50 * windows[:, 10:], windows[:, :10])
    >>> bool(np.allclose(units.restore(inside, windows[:, :10]), 1000 + 50 * windows[:, 10:]))
    True
    """

    lines: tuple[tuple[float, float, float], ...]

    @classmethod
    def find(cls, contexts: np.ndarray, targets: np.ndarray) -> TargetUnits | None:
        """Find the units of a table's targets.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, context_length, n_channels)
            Training rows, in order.
        targets : ndarray of shape (n_windows, prediction_length, n_channels)
            What followed.

        Returns
        -------
        units : TargetUnits or None
            None where targets continue their contexts in every channel.
        """
        channels = [(contexts[..., channel], targets[..., channel]) for channel in range(contexts.shape[2])]
        apart = [_are_apart(*both) for both in channels]
        if not any(apart):
            return None
        pairs = zip(channels, apart, strict=True)
        return cls(tuple(_find_line(*both) if are_apart else (0.0, 1.0, 1.0) for both, are_apart in pairs))

    def to_contexts(self, targets: np.ndarray, contexts: np.ndarray) -> np.ndarray:
        """Bring targets to the units of their contexts.

        Parameters
        ----------
        targets : ndarray of shape (n_windows, prediction_length, n_channels)
            In their own units.
        contexts : ndarray of shape (n_windows, context_length, n_channels)
            What came before.

        Returns
        -------
        targets : float64 ndarray of shape (n_windows, prediction_length, n_channels)
            In the units of the contexts.
        """
        level = contexts.mean(axis=1, keepdims=True, dtype=np.float64)
        intercept, slope, factor = np.array(self.lines).T
        return np.asarray(level + factor * (targets - intercept - slope * level))

    def restore(self, forecasts: np.ndarray, contexts: np.ndarray) -> np.ndarray:
        """Bring forecasts back to the units of the targets.

        Parameters
        ----------
        forecasts : ndarray of shape (n_windows, prediction_length, n_channels) or (..., n_channels, n_quantiles)
            In the units of the contexts; quantiles have one axis more.
        contexts : ndarray of shape (n_windows, context_length, n_channels)
            What came before.

        Returns
        -------
        forecasts : float64 ndarray of the same shape
            In the units of the targets.
        """
        level = contexts.mean(axis=1, keepdims=True, dtype=np.float64)
        intercept, slope, factor = np.array(self.lines).T
        base = intercept + slope * level
        if forecasts.ndim == 4:
            level, base, factor = level[..., None], base[..., None], factor[:, None]
        return np.asarray(base + (forecasts - level) / factor)


def _find_line(contexts: np.ndarray, targets: np.ndarray) -> tuple[float, float, float]:
    """Find intercept, slope and factor of one channel: targets rise with the level, fall with it, or do neither."""
    last, first = contexts[:, -1].astype(np.float64), targets[:, 0].astype(np.float64)
    spread, own = float(contexts.std(dtype=np.float64)), float(targets.std(dtype=np.float64))
    if not (spread > 0 and own > 0):
        return float(targets.mean(dtype=np.float64)), 0.0, 1.0
    ratio = own / spread
    slope = min((0.0, ratio, -ratio), key=lambda slope: float((first - slope * last).std()))
    return float(targets.mean(dtype=np.float64) - slope * contexts.mean(dtype=np.float64)), slope, 1 / ratio


def _are_apart(contexts: np.ndarray, targets: np.ndarray) -> bool:
    """Say whether the first target of a window does not continue its context, but a line through the last rows does."""
    last, first = contexts[:, -1].astype(np.float64), targets[:, 0].astype(np.float64)
    if len(last) < 3:
        return False
    jump = _size(first - last)
    if jump <= _VISIBLE * max(float(first.std()), float(last.std())):
        return False
    intercept, slope = _line(last, first)
    return jump > _FACTOR * _size(first - intercept - slope * last)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Fit y = intercept + slope x by least squares; slope 0 where x is constant."""
    around = x - x.mean()
    square = float(around @ around)
    slope = float(around @ (y - y.mean())) / square if square > 0 else 0.0
    return float(y.mean() - slope * x.mean()), slope


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))
