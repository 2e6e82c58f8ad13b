"""A pretrained student that forecasts any series without ``fit``, with NumPy alone.

It is distilled from the teacher of the package, whose idea it shares: lags are picked from the autocorrelation of the
context; each lag gives five simple forecasts ("echoes") of the horizon; and a perceptron weighs them, patch by patch,
and adds deciles. What the teacher reads with a transformer, the student reads from a few numbers per window.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from skdistill._utils._atomic import write_atomically
from skdistill._utils.numpy_student import read_numbers, read_sealed, seal_arrays

__all__ = ["MAX_HORIZON", "PATCH", "SHIPPED_STUDENT", "ArrayStudent", "Inputs", "read_inputs"]

logger = logging.getLogger("skdistill")

SHIPPED_STUDENT = Path(__file__).with_name("pretrained_student.npz")
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
PATCH = 16  # steps of a patch of the horizon
N_LAGS = 4
_VERSION = 1
_N_CYCLES = 6
_N_SHOWN = 3
MAX_HORIZON = 720
_MAX_CONTEXT, _MAX_LAG = 2048, 800
_STEEP = 3.0
_CALENDAR = (4, 5, 7, 10, 12, 14, 24, 28, 30, 48, 52, 60, 96, 120, 144, 168, 288, 336, 364, 365, 366, 672, 720)
_WEIGHTS = ("window", "window_bias", "hidden", "hidden_bias", "clock", "echoes", "output", "output_bias")
_BLOCK = 1024  # windows forecast at once
_PROVENANCE = {
    "teacher": "Pretrained",
    "source": "skdistill",
    "license": "BSD-3-Clause",
    "training_data": "synthetic series only; no measured data",
}


class ArrayStudent:
    """A small network with weights that forecasts any series; nothing is fitted.

    Every channel is forecast separately. Each window is scaled by the mean and the mean absolute deviation of its
    observed values, so units do not matter; the level does, because zero can be a floor. NaN means not observed; a
    series begins with its first observed value, and the rows after its last one are forecast, too. Of contexts longer
    than 2,048 rows, the last 2,048 are read. Horizons of more than 720 steps are rolled out on the median, with a
    message, so their later quantiles are too narrow.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        The weights.

    Attributes
    ----------
    quantile_levels : tuple of float
        Levels of :meth:`predict_quantiles`.
    n_parameters : int
        Number of weights.
    provenance_ : list of dict
        Teacher, source, license and training data, as students of :class:`~skdistill.DistilledForecaster` have them;
        empty for weights from another file than the package's.

    See Also
    --------
    skdistill.teachers.Pretrained : Its teacher.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill import load_pretrained_student
    >>> student = load_pretrained_student()
    >>> week = np.tile([1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 8.0], 8)
    >>> student.predict(week, 7).round().tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 8.0]
    """

    quantile_levels = LEVELS

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.provenance_: list[dict[str, str | None]] = []
        self._arrays = {name: np.ascontiguousarray(arrays[name], dtype=np.float32) for name in _WEIGHTS}

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(array.size for array in self._arrays.values())

    @classmethod
    def load(cls, path: str | os.PathLike[str] = SHIPPED_STUDENT) -> ArrayStudent:
        """Read weights.

        Parameters
        ----------
        path : str or Path
            A file that :meth:`save` wrote; by default the weights of the package.

        Returns
        -------
        student : ArrayStudent
            The student.

        Raises
        ------
        ValueError
            If the file is damaged or has another version.
        """
        try:
            arrays = read_sealed(Path(path).read_bytes())
            version = int(arrays.pop("version", np.array(0)))
            if version != _VERSION:
                raise ValueError(f"it has version {version}, and this skdistill reads version {_VERSION}.")
            if set(arrays) != set(_WEIGHTS):
                raise ValueError(f"it must contain {', '.join(_WEIGHTS)}; it contains {', '.join(sorted(arrays))}.")
        except OSError:
            raise
        except Exception as error:
            raise ValueError(f"{os.fspath(path)} contains no pretrained student: {error}") from error
        student = cls(arrays)
        if Path(path) == SHIPPED_STUDENT:
            student.provenance_ = [dict(_PROVENANCE)]
        return student

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the weights.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        sha256 : str
            Checksum of the file.
        """
        data = seal_arrays({"version": np.array(_VERSION), **self._arrays})
        write_atomically(path, data)
        return hashlib.sha256(data).hexdigest()

    def predict(self, X: Any, prediction_length: int) -> Any:
        """Forecast the rows that follow: the medians.

        Parameters
        ----------
        X : ndarray of shape (n_timestamps,), (n_timestamps, n_channels) or (n_windows, n_timestamps, n_channels)
            Past values, NaN where missing; also a dict or list of series.
        prediction_length : int
            Number of rows to forecast.

        Returns
        -------
        forecast : ndarray, dict or list
            Forecasts in the form of ``X``, NaN where nothing is observed.
        """
        return self._answer(X, prediction_length, lambda quantiles: quantiles[:, LEVELS.index(0.5)])

    def predict_quantiles(self, X: Any, prediction_length: int) -> Any:
        """Forecast the deciles of the rows that follow.

        Parameters
        ----------
        X : ndarray of shape (n_timestamps,), (n_timestamps, n_channels) or (n_windows, n_timestamps, n_channels)
            As for :meth:`predict`; dicts and lists contain arrays.
        prediction_length : int
            Number of rows to forecast.

        Returns
        -------
        quantiles : ndarray of shape (..., prediction_length, n_channels, 9), dict or list
            Quantiles at ``quantile_levels``, without the axis of channels for one-dimensional ``X``.
        """
        return self._answer(X, prediction_length, lambda quantiles: np.moveaxis(quantiles, 1, -1), as_array=True)

    def _answer(self, X: Any, prediction_length: int, choose: Any, *, as_array: bool = False) -> Any:
        prediction_length = _check_length(prediction_length)
        if isinstance(X, dict):
            return {name: self._answer(one, prediction_length, choose, as_array=as_array) for name, one in X.items()}
        if isinstance(X, list | tuple):
            return [self._answer(one, prediction_length, choose, as_array=as_array) for one in X]
        try:
            values = read_numbers(X, "X").astype(np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise TypeError(f"X must contain numbers, NaN where missing; {error}.") from error
        if np.isinf(values).any():
            raise ValueError("X contains infinity: replace it, or set what was not observed to NaN.")
        if not 1 <= values.ndim <= 3 or 0 in values.shape:
            raise ValueError(f"X must be one to three axes of at least one value; got shape {values.shape}.")
        windows = values if values.ndim == 3 else values.reshape(1, len(values), -1)
        single = windows.transpose(0, 2, 1).reshape(-1, windows.shape[1])  # one row per window and channel
        answers = choose(self.quantiles(single, prediction_length))
        answers = answers.reshape(len(windows), windows.shape[2], *answers.shape[1:]).swapaxes(1, 2)
        if values.ndim < 3:
            answers = answers[0]
        if values.ndim == 1:
            answers = answers[:, 0]
        return answers

    def quantiles(self, contexts: np.ndarray, horizon: int) -> np.ndarray:
        """Forecast single series.

        Parameters
        ----------
        contexts : ndarray of shape (n_series, n_rows)
            Past values, NaN where missing; a short series is NaN on its left, and forecast as without these rows. The
            horizon of a series that ends earlier starts after its rows of NaN.
        horizon : int
            Number of steps to forecast.

        Returns
        -------
        quantiles : float64 ndarray of shape (n_series, 9, horizon)
            Rising along the second axis; NaN for a series without observed value.
        """
        contexts, horizon = np.ascontiguousarray(read_numbers(contexts, "contexts")), _check_length(horizon)
        contexts = contexts[:, -_MAX_CONTEXT:]
        observed, n_rows = ~np.isnan(contexts), contexts.shape[1]
        starts, gone = observed.argmax(axis=1), observed[:, ::-1].argmax(axis=1)  # rows before, and after, all values
        longest = horizon + int(gone.max(initial=0))
        if longest > MAX_HORIZON:
            logger.warning(
                "the pretrained student forecasts %d steps in one pass: the horizon of %d steps is rolled out on the "
                "medians, and its later quantiles are too narrow",
                MAX_HORIZON,
                longest,
            )
        quantiles = np.empty((len(contexts), len(LEVELS), horizon))
        for start, after in np.unique(np.stack([starts, gone], axis=1), axis=0).tolist():
            places = np.flatnonzero((starts == start) & (gone == after))
            for some in np.split(places, range(_BLOCK, len(places), _BLOCK)):
                found = self._roll(contexts[some, start : n_rows - after], after + horizon)
                quantiles[some] = found[:, :, after:]
        return quantiles

    def _roll(self, contexts: np.ndarray, horizon: int) -> np.ndarray:
        answers: list[np.ndarray] = []
        done = 0
        while done < horizon:
            steps = min(horizon - done, MAX_HORIZON)
            inputs = read_inputs(contexts[:, -_MAX_CONTEXT:], steps)
            answers.append(inputs.window.leave(np.sort(self._mix(inputs), axis=1)[:, :, :steps]))
            contexts = np.concatenate([contexts, answers[-1][:, LEVELS.index(0.5)]], axis=1)
            done += steps
        quantiles = np.concatenate(answers, axis=2)
        quantiles[np.isnan(contexts[:, :-horizon][:, -_MAX_CONTEXT:]).all(axis=1)] = np.nan
        return quantiles

    def _mix(self, inputs: Inputs) -> np.ndarray:
        """Weigh the echoes of every patch, and add deciles: (n_series, 9, n_patches * 16), in units of the window."""
        weights, echoes = self._arrays, inputs.patches  # (n_series, n_patches, n_echoes, 16)
        told = np.maximum(inputs.features @ weights["window"] + weights["window_bias"], 0) @ weights["hidden"]
        hidden = told[:, None] + inputs.clock @ weights["clock"] + echoes.mean(axis=3) @ weights["echoes"]
        answer = np.maximum(hidden + weights["hidden_bias"], 0) @ weights["output"] + weights["output_bias"]
        n_echoes = echoes.shape[2]
        share = np.exp(answer[..., :n_echoes] - answer[..., :n_echoes].max(axis=2, keepdims=True))
        share /= share.sum(axis=2, keepdims=True)
        mixed = (share[..., None] * echoes).sum(axis=2)
        ends = answer[..., n_echoes:].reshape(*answer.shape[:2], 2, len(LEVELS))
        along = ((np.arange(PATCH, dtype=np.float32) + 0.5) / PATCH)[:, None]
        offsets = ends[:, :, 0, None] * (1 - along) + ends[:, :, 1, None] * along  # (n_series, n_patches, 16, 9)
        quantiles = mixed[..., None] + inputs.noise[:, None, None] * offsets
        return quantiles.reshape(len(mixed), -1, len(LEVELS)).transpose(0, 2, 1)


# -- what the network reads -------------------------------------------------------------------------


class Window(NamedTuple):
    """Contexts, each in its own units, as in the teacher."""

    values: np.ndarray
    observed: np.ndarray
    center: np.ndarray
    spread: np.ndarray
    last: np.ndarray

    def enter(self, values: np.ndarray) -> np.ndarray:
        """Convert values (n_series, ...) to units of the window."""
        center, spread, last = (_as_wide(part, values) for part in (self.center, self.spread, self.last))
        return _bend((values - center) / spread) - last

    def leave(self, values: np.ndarray) -> np.ndarray:
        """Convert values (n_series, ...) back to original units."""
        center, spread, last = (_as_wide(part, values) for part in (self.center, self.spread, self.last))
        bent = np.clip(values + last, -4 * _STEEP, 4 * _STEEP)
        return _STEEP * np.sinh(bent / _STEEP) * spread + center


class Inputs(NamedTuple):
    """What the network reads of a batch.

    Parameters
    ----------
    features : float32 ndarray of shape (n_series, n_features)
        Numbers of each window.
    patches : float32 ndarray of shape (n_series, n_patches, n_echoes, 16)
        The echoes of the horizon.
    clock : float32 ndarray of shape (n_patches, 16)
        Distance of each patch.
    noise : float32 ndarray of shape (n_series, 1)
        Unit of the deciles.
    window : Window
        Units of each context.
    """

    features: np.ndarray
    patches: np.ndarray
    clock: np.ndarray
    noise: np.ndarray
    window: Window


def _check_length(prediction_length: Any) -> int:
    """Return the number of rows to forecast, or raise."""
    other = isinstance(prediction_length, bool | np.timedelta64)
    if other or not isinstance(prediction_length, int | np.integer) or prediction_length < 1:
        raise ValueError(f"prediction_length of predict must be a positive whole number; got {prediction_length!r}.")
    return int(prediction_length)


def read_inputs(contexts: np.ndarray, horizon: int) -> Inputs:
    """Compute what the network reads.

    Parameters
    ----------
    contexts : ndarray of shape (n_series, n_rows)
        Past values, NaN where missing.
    horizon : int
        Number of steps.

    Returns
    -------
    inputs : Inputs
        Numbers, echoes and units.
    """
    n_patches = -(-horizon // PATCH)
    reader = _Reader(np.asarray(contexts, dtype=np.float64))
    echoes = reader.echoes(n_patches * PATCH)
    patches = echoes.reshape(*echoes.shape[:2], n_patches, PATCH).transpose(0, 2, 1, 3)
    ahead = np.log1p(np.arange(n_patches))[:, None] * np.array([0.35, 0.7, 1.4, 2.8, 5.6, 11.2, 22.4, 44.8])
    clock = np.concatenate([np.sin(ahead), np.cos(ahead)], axis=1)
    read = [one.astype(np.float32) for one in (reader.features(), patches, clock, np.maximum(reader.noise, 0.01))]
    return Inputs(read[0], read[1], read[2], read[3], reader.window)


class _Reader:
    """Lags, echoes and features of a batch of contexts."""

    def __init__(self, contexts: np.ndarray) -> None:
        self.window = _scale(contexts)
        self.values, self.observed = self.window.values, self.window.observed
        self.n_rows = contexts.shape[1]
        self.count = np.maximum(self.observed.sum(1, keepdims=True), 1.0)
        start = np.zeros((len(contexts), 1))
        self.sums = np.concatenate([start, (self.values * self.observed).cumsum(1)], axis=1)
        self.counts = np.concatenate([start, self.observed.cumsum(1)], axis=1)
        self._pick()

    def _pick(self) -> None:
        """Pick the lags of largest similarity, by level and by change; among equals, calendar lags come first."""
        values, observed, n_rows = self.values, self.observed, self.n_rows
        time = np.linspace(-1.0, 1.0, n_rows)[None]
        values = (values - (values * observed).sum(1, keepdims=True) / self.count) * observed
        middle = (time - (time * observed).sum(1, keepdims=True) / self.count) * observed
        squares = np.maximum(np.square(middle).sum(1, keepdims=True), 1e-6)
        values = values - (values * middle).sum(1, keepdims=True) / squares * middle
        both = observed[:, 1:] * observed[:, :-1]
        changes = (values[:, 1:] - values[:, :-1]) * both
        changes -= changes.sum(1, keepdims=True) / np.maximum(both.sum(1, keepdims=True), 1.0) * both
        overlap = _autocorrelation(observed).round()
        level = _likeness(values, observed, overlap)
        change = np.zeros_like(level)
        if n_rows > 1:
            change[:, :-1] = _ratio(_autocorrelation(changes), _autocorrelation(both).round())
        longest = max(2, min(n_rows - 1, _MAX_LAG))
        level, change, overlap = (_first(part, longest + 2) for part in (level, change, overlap))
        merit = 0.5 * (level + change) - 1.2 / np.sqrt(np.maximum(overlap, 1.0))
        known = np.zeros(longest + 2)
        known[[lag for lag in _CALENDAR if lag <= longest]] = 1.0
        inner = merit[:, 2:-1]
        peak = (inner >= merit[:, 1:-2]) & (inner >= merit[:, 3:])
        allowed = (peak | (known[2:-1] > 0)) & (overlap[:, 2:-1] >= 1.5)
        recent = 0.05 * np.arange(2, longest + 1) / self.count
        score = np.where(allowed, inner + 0.08 * known[2:-1] - recent, -9.0)
        missing = N_LAGS - score.shape[1]
        if missing > 0:
            score = np.concatenate([score, np.full((len(score), missing), -9.0)], axis=1)
        place = np.argsort(-score, axis=1, kind="stable")[:, :N_LAGS]
        best = np.take_along_axis(score, place, axis=1)
        self.lags = np.where(best > -8.0, place + 2, 1)
        at = np.minimum(self.lags, level.shape[1] - 1)
        self.level, self.change, self.overlap = (
            np.take_along_axis(part, at, axis=1) for part in (level, change, overlap)
        )
        self.score = np.where(best > -8.0, best, -1.0)

    def mean_between(self, first: np.ndarray, end: np.ndarray) -> np.ndarray:
        """Return the mean of observed values from row ``first`` to ``end``."""
        count = np.take_along_axis(self.counts, end, 1) - np.take_along_axis(self.counts, first, 1)
        total = np.take_along_axis(self.sums, end, 1) - np.take_along_axis(self.sums, first, 1)
        return total / np.maximum(count, 1.0)

    def echoes(self, horizon: int) -> np.ndarray:
        """Return five forecasts per lag, the last value and the mean: (n_series, n_echoes, horizon)."""
        lags, n_rows = self.lags, self.n_rows
        steps = np.arange(horizon) % lags[..., None]
        total = weight = about = np.zeros(steps.shape)
        for cycle in range(1, _N_CYCLES + 1):
            place = n_rows - cycle * lags[..., None] + steps
            first, end = (np.maximum(n_rows - part * lags, 0) for part in (cycle, cycle - 1))
            level = self.mean_between(first, end)[..., None]
            seen = self._at(self.observed, place) * (place >= 0)
            values = self._at(self.values, place)
            if cycle == 1:
                now, last = level, values * (place >= 0)
            if cycle == 2:
                growth = (now - level) * (first > 0)[..., None]
            total, weight, about = total + values * seen, weight + seen, about + (values - level) * seen
        mean = np.where(weight > 0, total / np.maximum(weight, 1.0), last)
        profile = np.where(weight > 0, now + about / np.maximum(weight, 1.0), last)
        ahead = np.minimum(1 + np.arange(horizon) // lags[..., None], 3)
        grown = last + np.clip(growth * ahead, -2.0, 2.0)
        moved = last - np.take_along_axis(self.values, np.maximum(n_rows - 1 - lags, 0), 1)[..., None]
        flat = np.zeros((len(lags), 1, horizon))
        return np.concatenate([last, mean, moved, profile, grown, flat, flat + self.center[..., None]], axis=1)

    def _at(self, values: np.ndarray, place: np.ndarray) -> np.ndarray:
        inside = np.maximum(place, 0).reshape(len(place), -1)
        return np.take_along_axis(values, inside, 1).reshape(place.shape)

    @cached_property
    def center(self) -> np.ndarray:
        """Mean of the observed values, in units of the window."""
        return (self.values * self.observed).sum(1, keepdims=True) / self.count

    @cached_property
    def noise(self) -> np.ndarray:
        """Smaller mean absolute error of the last value and of the best lag, in units of the window."""
        both = self.observed[:, 1:] * self.observed[:, :-1]
        change = (np.abs(self.values[:, 1:] - self.values[:, :-1]) * both).sum(1, keepdims=True)
        naive = change / np.maximum(both.sum(1, keepdims=True), 1.0)
        place = np.arange(self.n_rows) - self.lags[:, :_N_SHOWN, None]
        known = self._at(self.observed, place) * (place >= 0) * self.observed[:, None]
        errors = np.abs(self.values[:, None] - self._at(self.values, place)) * known
        counts = known.sum(axis=2)
        echo = np.where(counts >= 3, errors.sum(axis=2) / np.maximum(counts, 1), np.inf).min(axis=1, keepdims=True)
        return np.clip(np.minimum(np.where(naive > 0, naive, 1.0), echo), 1e-3, 3.0)

    def features(self) -> np.ndarray:
        """Return lags and their scores, length, noise and share of zeros."""
        values, observed, lags, n_rows = self.values, self.observed, self.lags, self.n_rows
        length = n_rows - np.argmax(observed, axis=1)[:, None]
        since = n_rows - lags
        now = self.mean_between(np.maximum(since, 0), np.full_like(since, n_rows))
        earlier = self.mean_between(np.maximum(n_rows - 2 * lags, 0), np.maximum(since, 0))
        by_lag = [
            np.log(lags) / 3.0, self.level, self.change, self.score, 1 / np.sqrt(np.maximum(self.overlap, 1.0)),
            np.log(length / lags) / 3.0, now, now - earlier,
        ]  # fmt: skip
        lowest = np.where(observed > 0, values, np.inf).min(1, keepdims=True)
        highest = np.where(observed > 0, values, -np.inf).max(1, keepdims=True)
        lowest, highest = (np.where(np.isfinite(part), part, 0.0) for part in (lowest, highest))
        at_lowest = ((values <= lowest + 1e-6) * observed).sum(1, keepdims=True) / self.count
        nought = _bend(np.clip(-self.window.center / self.window.spread, -20.0, 20.0)) - self.window.last
        change = (values[:, 1:] - values[:, :-1]) * observed[:, 1:]
        stuck = ((np.abs(change) < 1e-6) * observed[:, 1:]).sum(1, keepdims=True) / self.count
        recent = observed * (np.arange(n_rows) >= n_rows * 3 / 4)
        late = (values * recent).sum(1, keepdims=True) / np.maximum(recent.sum(1, keepdims=True), 1.0)
        rough = np.square(change).mean(1, keepdims=True) if n_rows > 1 else np.zeros_like(late)
        of_window = [
            np.log(length) / 4.0, np.log(self.noise), self.center, self.window.last, lowest, highest, at_lowest,
            nought / 3.0, stuck, late, self.count / n_rows, np.log(np.maximum(rough, 1e-8)) / 4.0,
        ]  # fmt: skip
        return np.concatenate([np.stack(by_lag, axis=2).reshape(len(values), -1), *of_window], axis=1)


def _as_wide(part: np.ndarray, values: np.ndarray) -> np.ndarray:
    return part.reshape(-1, *[1] * (values.ndim - 1))


def _bend(values: np.ndarray) -> np.ndarray:
    return _STEEP * np.arcsinh(values / _STEEP)


def _scale(contexts: np.ndarray) -> Window:
    """Scale contexts by their observed values."""
    seen = np.isfinite(contexts)
    observed = seen.astype(np.float64)
    count = np.maximum(observed.sum(1, keepdims=True), 1.0)
    anchor = _carry(np.where(seen, contexts, 0.0), seen)[:, -1:]  # keeps precision at large levels
    values = np.where(seen, contexts - anchor, 0.0)
    mean = values.sum(1, keepdims=True) / count
    deviation = (np.abs(values - mean) * observed).sum(1, keepdims=True) / count
    tiny = 1e-12 * (np.abs(anchor) + np.abs(mean))  # smaller deviations are rounding
    spread = np.where(deviation > tiny, deviation, np.maximum(tiny, 1e-12))
    bent = _carry(_bend(np.where(seen, (values - mean) / spread, 0.0)), seen)
    last = bent[:, -1:].copy()
    return Window(bent - last, observed, anchor + mean, spread, last)


def _carry(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Fill gaps with the last value before them; gaps before the first value with 0."""
    latest = np.maximum.accumulate(np.where(seen, np.arange(values.shape[1]), -1), axis=1)
    return np.where(latest >= 0, np.take_along_axis(values, np.maximum(latest, 0), 1), 0.0)


def _first(values: np.ndarray, n_columns: int) -> np.ndarray:
    """Return the first columns, padded with zeros."""
    missing = n_columns - values.shape[1]
    return np.pad(values, ((0, 0), (0, missing))) if missing > 0 else values[:, :n_columns]


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    """Return the sums of products of values at each lag, (n_series, n_steps)."""
    n_steps = values.shape[1]
    size = 1 << (2 * n_steps - 1).bit_length()
    spectrum = np.fft.rfft(values, size)
    return np.fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag), size)[:, :n_steps]


def _likeness(values: np.ndarray, observed: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Score the mean squared change over each lag: 1 means no change, 0 as large as noise, -1 larger or unknown."""
    n_steps = values.shape[1]
    size = 1 << (2 * n_steps - 1).bit_length()
    series, squares, mask = (np.fft.rfft(part, size) for part in (values, np.square(values), observed))
    power = np.square(series.real) + np.square(series.imag)
    ends = squares.real * mask.real + squares.imag * mask.imag  # the squares at both ends of each pair
    changes = 2 * np.fft.irfft(ends - power, size)[:, :n_steps]
    spread = np.square(values).sum(1, keepdims=True) / np.maximum(observed.sum(1, keepdims=True), 1.0)
    return np.clip(1.0 - changes / np.maximum(overlap, 1.0) / np.maximum(2.0 * spread, 1e-9), -1.0, 1.0)


def _ratio(products: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Divide mean products by the one at lag 0, which gives values in [-1, 1]."""
    mean = products / np.maximum(overlap, 1.0)
    return np.clip(mean / np.maximum(mean[:, :1], 1e-9), -1.0, 1.0)
