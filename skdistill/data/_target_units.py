"""Tables whose targets are in other units than their contexts: a scaler of one of them alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["TargetUnits"]

_FACTOR = 2.0  # how much better a line must tell the first step from the last row of a context than that row itself
_CLEARLY = 0.9  # of the rest with the line's slope: a free slope that leaves less tells that it is no line
_N_AROUND = 4  # last rows of a context in that fit
_VISIBLE = 0.1  # of the targets' spread: a smaller jump from context to target is one only if it grows with the context
_WIDER = 4.0  # how many times as far as the last row of a context targets vary that cannot continue it
_NEARLY = 0.1  # of the targets' spread: what moves them less, such as a rate of growth, is no scaler
_SAME = (0.0, 1.0, 1.0)  # intercept, slope and factor of targets that continue their contexts
_ROUNDING = 1e-5  # of the targets' spread: smaller changes of the jump are rounding


@dataclass(frozen=True)
class TargetUnits:
    """Between the units of a table's targets and those of its contexts.

    Students forecast as if the horizon continued the context: many add its level back. Where contexts and targets were
    scaled apart, that level is none of the targets'. They are then brought to the units of the contexts,

        y' = level + factor * (y - intercept - slope * level),

    where level is the mean of the context and factor the spread of contexts over that of targets, step by step, because
    a transformer of ``y`` can scale each of its columns separately. The slope is 1 / factor, its negative where targets
    fall as contexts rise, or 0 where they follow no level (differences), whichever tells the first target best from the
    last row of its context; where targets are no line of their contexts (logarithms, powers), it is the coefficient of
    the level in a least-squares fit of each step. The rest is left to the student, and forecasts are brought back by
    the inverse.

    Parameters
    ----------
    lines : tuple of tuple of tuple of float
        Intercept, slope and factor of each channel and step; 0, 1 and 1 leave the targets as they are.

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

    lines: tuple[tuple[tuple[float, float, float], ...], ...]

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
        same = (_SAME,) * targets.shape[1]
        pairs = zip(channels, apart, strict=True)
        return cls(tuple(_find_lines(*both) if are_apart else same for both, are_apart in pairs))

    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return intercepts, slopes and factors, each of shape (prediction_length or 1, n_channels)."""
        lines = np.array(self.lines)
        lines = lines[:, None] if lines.ndim == 2 else lines  # files of earlier versions have one line for all steps
        intercept, slope, factor = lines.transpose(2, 1, 0)
        return intercept, slope, factor

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
        intercept, slope, factor = self._parts()
        return np.asarray(level + factor * (targets - intercept - slope * level))

    def are_others(self, targets: np.ndarray, contexts: np.ndarray) -> bool:
        """Return whether targets do not continue their contexts, not even nearly.

        Parameters
        ----------
        targets : ndarray of shape (n_windows, prediction_length, n_channels)
            In their own units.
        contexts : ndarray of shape (n_windows, context_length, n_channels)
            What came before.

        Returns
        -------
        are_others : bool
            Whether the line of some channel leads far from the last rows of its contexts; a series that grows by a
            small rate has one, too, which tells its next row better than its last one.
        """
        for channel, lines in enumerate(self.lines):
            last, first = (rows.astype(np.float64) for rows in (contexts[:, -1, channel], targets[:, 0, channel]))
            intercept, slope = _line(last, first)
            if set(lines) != {_SAME} and _size(intercept + slope * last - last) > _NEARLY * first.std():
                return True
        return False

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
        intercept, slope, factor = self._parts()
        base = intercept + slope * level
        if forecasts.ndim == 4:
            level, base, factor = level[..., None], base[..., None], factor[..., None]
        return np.asarray(base + (forecasts - level) / factor)


def _find_lines(contexts: np.ndarray, targets: np.ndarray) -> tuple[tuple[float, float, float], ...]:
    """Find intercept, slope and factor of each step of one channel."""
    targets = targets.astype(np.float64)
    last, first, level = contexts[:, -1].astype(np.float64), targets[:, 0], contexts.mean(axis=1, dtype=np.float64)
    spread, own = float(contexts.std(dtype=np.float64)), targets.std(axis=0)
    if not (spread > 0 and own[0] > 0):
        return tuple((float(mean), 0.0, 1.0) for mean in targets.mean(axis=0))
    ratios = np.where(own > 0, own, own[0]) / spread
    sign = min((0.0, 1.0, -1.0), key=lambda sign: float((first - sign * ratios[0] * last).std()))
    slopes = sign * ratios
    coefficients, rest = _fit_levels(contexts, targets)
    if sign and rest[0] < _CLEARLY * _rest_around(contexts, first - slopes[0] * level):
        slopes = coefficients
    intercepts = targets.mean(axis=0) - slopes * level.mean()
    return tuple(zip(intercepts.tolist(), slopes.tolist(), (1 / ratios).tolist(), strict=True))


def _around(contexts: np.ndarray) -> np.ndarray:
    """Return 1 and the last rows of each context, less its level."""
    level = contexts.mean(axis=1, keepdims=True, dtype=np.float64)
    return np.concatenate([np.ones_like(level), contexts[:, -_N_AROUND:] - level], axis=1)


def _fit_levels(contexts: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit each step on the level of its context and the last rows around it; return coefficients and rests."""
    level = contexts.mean(axis=1, keepdims=True, dtype=np.float64)
    inputs = np.concatenate([_around(contexts), level - level.mean()], axis=1)
    found = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return found[-1], (targets - inputs @ found).std(axis=0)


def _rest_around(contexts: np.ndarray, targets: np.ndarray) -> float:
    """Return what the last rows around the level leave of targets (n_windows,) whose level was subtracted."""
    inputs = _around(contexts)
    return float((targets - inputs @ np.linalg.lstsq(inputs, targets, rcond=None)[0]).std())


def _are_apart(contexts: np.ndarray, targets: np.ndarray) -> bool:
    """Say whether the first target of a window does not continue its context, but a line through the last rows does.

    Targets that vary many times as far as the last rows are no continuation either, whatever a line leaves of them.
    """
    last, first = contexts[:, -1].astype(np.float64), targets[:, 0].astype(np.float64)
    if len(last) < 3:
        return False
    if _distance(first) > _WIDER * _distance(last):
        return True
    spread, jump = max(float(first.std()), float(last.std())), _size(first - last)
    if jump <= _VISIBLE * spread:  # beside a trend, which a slope of its own moves by more than what is left
        jump = float((first - last).std())
        if jump <= _ROUNDING * spread:
            return False
    intercept, slope = _line(last, first)
    return jump > _FACTOR * _size(first - intercept - slope * last)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Fit y = intercept + slope x by least squares; slope 0 where x is constant."""
    around = x - x.mean()
    square = float(around @ around)
    slope = float(around @ (y - y.mean())) / square if square > 0 else 0.0
    return float(y.mean() - slope * x.mean()), slope


def _distance(values: np.ndarray) -> float:
    """Return the mean distance from the mean, which a single outlier moves little."""
    return float(np.abs(values - values.mean()).mean())


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))
