"""Rolling-origin forecasts of a series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skdistill._base import BaseDistilled
from skdistill._predictor import Predictor, blocks
from skdistill._utils._checks import check_integer
from skdistill._utils._ignored_y import warn_of_ignored_weight, warn_of_ignored_y
from skdistill.data._bounds import warn_of_truth_outside
from skdistill.data._context_batch import ContextBatch
from skdistill.data._inputs import read_series
from skdistill.data._local_scale import LocalUnits
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.data._plausibility._short_series import warn_of_short_series
from skdistill.data._series import Series, SeriesInput
from skdistill.networks._base import NetworkSpec
from skdistill.probabilistic._calibration import FittedCalibration, resolve_calibration, shift_quantiles

__all__ = ["RollingMixin", "backtest", "backtest_quantiles", "count_origins", "mean_squared_error", "roll"]


def count_origins(series: Series, spec: NetworkSpec, step: int = 1) -> int:
    """Count the origins of a series whose whole horizon lies within the series.

    Parameters
    ----------
    series : Series
        The series.
    spec : NetworkSpec
        Lengths of context and horizon.
    step : int, default=1
        Number of rows between consecutive origins.

    Returns
    -------
    n_origins : int
        At least 1.

    Raises
    ------
    ValueError
        If the series is too short for one origin.
    """
    context_length, prediction_length = spec.context_length, spec.prediction_length
    n_origins = (len(series) - context_length - prediction_length) // step + 1
    if n_origins < 1:
        raise ValueError(
            f"X must have at least context_length + prediction_length = {context_length} + {prediction_length} = "
            f"{context_length + prediction_length} rows; got n_samples={len(series)}."
        )
    return n_origins


def roll(predictor: Predictor, series: Series, step: int) -> Iterator[tuple[ContextBatch, np.ndarray]]:
    """Yield contexts and the truth after them, in blocks of origins.

    Parameters
    ----------
    predictor : Predictor
        The predictor that the contexts are for.
    series : Series
        The series.
    step : int
        Number of rows between consecutive origins.

    Yields
    ------
    contexts : ContextBatch
        Contexts of the next origins.
    truth : ndarray of shape (n_windows, prediction_length, n_targets)
        The rows after each context, in original units.
    """
    spec, cutter = predictor.spec, predictor.cutter([series])
    horizon, targets = np.arange(spec.prediction_length), list(spec.targets)
    n_origins = max(0, (len(series) - spec.context_length - spec.prediction_length) // step + 1)
    for block in blocks(n_origins):
        origins = np.arange(block.start, block.stop) * step + spec.context_length
        truth = series.values[origins[:, None] + horizon]
        yield cutter.cut(np.zeros(len(origins), dtype=int), origins), truth[..., targets]


def backtest(predictor: Predictor, series: Series, step: int) -> Any:
    """Forecast from every origin.

    Parameters
    ----------
    predictor : Predictor
        The student.
    series : Series
        The series.
    step : int
        Number of rows between consecutive origins.

    Returns
    -------
    forecasts : ndarray of shape (n_origins, prediction_length, n_targets) or DataFrame
        Forecasts in original units; a DataFrame with index levels ``origin`` and time if the series has names.
    """
    parts = [predictor.forecast(contexts) for contexts, _ in roll(predictor, series, step)]
    spec = predictor.spec
    none = np.empty((0, spec.prediction_length, spec.n_targets), series.values.dtype)
    forecasts = np.concatenate(parts) if parts else none
    if series.index is None or series.columns is None:
        return forecasts
    length = predictor.spec.prediction_length
    origins = np.arange(len(forecasts)) * step + predictor.spec.context_length
    rows = origins[:, None] + np.arange(length)
    index = pd.MultiIndex.from_arrays(
        [series.index[np.repeat(origins, length)], series.index[rows.ravel()]],
        names=["origin", series.index.name or "time"],
    )
    columns = series.columns[list(predictor.spec.targets)]
    return pd.DataFrame(forecasts.reshape(len(index), len(columns)), index=index, columns=columns)


def backtest_quantiles(
    predictor: Predictor, calibration: FittedCalibration | None, series: Series, step: int, most: int | None = None
) -> np.ndarray:
    """Forecast quantiles from every origin; a rolling calibration uses only the truth known at each origin.

    Parameters
    ----------
    predictor : Predictor
        The student.
    calibration : FittedCalibration or None
        Calibration of the quantiles.
    series : Series
        The series.
    step : int
        Number of rows between consecutive origins.
    most : int or None, default=None
        How many windows a rolling calibration keeps; None keeps as many as it has.

    Returns
    -------
    quantiles : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles)
        Quantiles in original units.
    """
    rolls = calibration is not None and calibration.errors is not None
    asked = replace(predictor, offsets=None, bounded=False) if rolls else predictor
    parts = [(asked.forecast_quantiles(contexts), truth) for contexts, truth in roll(asked, series, step)]
    if not parts:
        spec = predictor.spec
        return np.empty((0, spec.prediction_length, spec.n_targets, len(spec.quantiles or ())), series.values.dtype)
    quantiles = np.concatenate([one for one, _ in parts])
    if calibration is None or not rolls:
        return quantiles
    scaling, levels = predictor.scaling, predictor.spec.quantiles
    assert levels is not None  # the student forecasts quantiles
    units = _units_of_origins(predictor, series, step)
    of_levels = [scaling.forecasts_to_standard(one, units) for one in np.moveaxis(quantiles, -1, 0)]
    standard = np.stack(of_levels, axis=-1)
    truth = scaling.forecasts_to_standard(np.concatenate([one for _, one in parts]), units)
    rolled = calibration.rolling_offsets(truth[..., None] - standard, levels, step, most)
    shifted = scaling.quantiles_to_original(shift_quantiles(standard, rolled, levels), units)
    if units is not None:
        contexts = np.concatenate([contexts.values for contexts, _ in roll(predictor, series, step)])
        shifted = scaling.settle(shifted, contexts, units)
    return scaling.clip(shifted)


def _units_of_origins(predictor: Predictor, series: Series, step: int) -> LocalUnits | None:
    """Return the units of the context of each origin, if contexts are scaled separately."""
    if predictor.scaling.kind == "global":
        return None
    read = [
        predictor.scaling.standardize_contexts(contexts.values, contexts.series).units
        for contexts, _ in roll(predictor, series, step)
    ]
    units = [one for one in read if one is not None]
    return LocalUnits(np.concatenate([one.center for one in units]), np.concatenate([one.unit for one in units]))


def mean_squared_error(predictor: Predictor, series: Sequence[Series]) -> float:
    """Average squared errors over every stride-1 window of some series, without series that are too short.

    Parameters
    ----------
    predictor : Predictor
        The student.
    series : sequence of Series
        The series.

    Returns
    -------
    error : float
        Mean over windows, steps and targets, in original units.
    """
    total, count = 0.0, 0
    needed = predictor.spec.context_length + predictor.spec.prediction_length
    count_origins(max(series, key=len), predictor.spec)
    warn_of_short_series(series, needed, "score")
    for one in series:
        if len(one) < needed:
            continue
        for contexts, truth in roll(predictor, one, 1):
            errors = np.square(np.subtract(predictor.forecast(contexts), truth, dtype=np.float64))
            unseen, counts = contexts.unseen(predictor.spec.targets), ~np.isnan(truth)
            if unseen is not None:
                counts &= ~unseen[:, None]
            total += float(errors.sum() if counts.all() else errors[counts].sum())
            count += int(counts.sum())
    if not count:
        raise ValueError("score needs an observed true value with an observed context before it; X has none (all NaN).")
    return total / count


class RollingMixin(BaseDistilled):
    """Rolling-origin methods of a forecaster."""

    def backtest(self, X: Any, step: int = 1) -> Any:
        """Forecast from every origin of a series (rolling-origin backtest).

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            A series of at least ``context_length + prediction_length`` rows; shorter ones of a panel have no origin,
            with a warning.
        step : int, default=1
            Number of rows between consecutive origins.

        Returns
        -------
        forecasts : ndarray of shape (n_origins, prediction_length, n_targets), DataFrame or list
            Forecasts in original units; forecast k starts at row ``context_length + k * step`` and ends within ``X``.
            A DataFrame has the index levels ``origin`` (label of the first forecast row) and time.
        """
        check_is_fitted(self)
        check_integer(step, "step of backtest", minimum=1)
        given = self._read_to_roll(X, "backtest")
        return given.map(lambda one: backtest(self.predictor_, one, step))

    def backtest_quantiles(self, X: Any, step: int = 1) -> Any:
        """Forecast quantiles from every origin of a series (rolling-origin backtest).

        With ``calibration="rolling"``, the offsets of an origin come from the last windows whose truth was known there,
        including windows of ``X`` (of a panel, those of the same series). ``X`` should therefore follow the calibration
        rows. The forecaster itself does not change.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            A series of at least ``context_length + prediction_length`` rows.
        step : int, default=1
            Number of rows between consecutive origins.

        Returns
        -------
        quantiles : ndarray of shape (n_origins, prediction_length, n_targets, n_quantiles) or list
            Quantiles in original units, at the fitted levels; forecast k starts at row ``context_length + k * step``.
        """
        check_is_fitted(self)
        self._fitted_levels("backtest_quantiles")
        check_integer(step, "step of backtest_quantiles", minimum=1)
        given = self._read_to_roll(X, "backtest_quantiles")
        calibration = getattr(self, "calibration_", None)
        if calibration is not None and calibration.errors is not None:  # windows of X are calibrated on
            warn_of_outliers(find_outliers(given.series, self.scaling_.transformer_), calibrated=True)
            warn_of_truth_outside(given.series, self.targets_, self.scaling_.bounds, type(self).__name__)
        most = getattr(resolve_calibration(self.calibration), "n_windows", None)
        return given.map(lambda one: backtest_quantiles(self.predictor_, calibration, one, step, most))

    def _read_to_roll(self, X: Any, what: str) -> SeriesInput:
        """Read series; raise if none has an origin, and warn of those without one."""
        given = read_series(self, X, reset=False, allow_batch=False)
        count_origins(max(given.series, key=len), self.spec_)
        warn_of_short_series(given.series, self.spec_.context_length + self.spec_.prediction_length, what)
        return given

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the MSE over every stride-1 window of a series, in original units.

        Missing true values (NaN) and windows without an observed context row are left out. Series of a panel that are
        too short for a window are also left out, with a warning. The score depends on ``context_length``, which
        determines how many rows can be scored; to tune it, use ``RollingOriginSplit.scorer``.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            Series of at least ``context_length + prediction_length`` rows.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.
        sample_weight : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.

        Returns
        -------
        score : float
            Minus the mean squared error over windows, steps and targets, in squared units of ``X``: higher is better,
            0 is perfect. As the last step of a Pipeline, those are the units after the earlier steps.
        """
        warn_of_ignored_y(y, f"{type(self).__name__}.score", "scores forecasts of")
        warn_of_ignored_weight(sample_weight, f"{type(self).__name__}.score")
        check_is_fitted(self)
        given = read_series(self, X, reset=False, allow_batch=False)
        warn_of_outliers(find_outliers(given.series, judges=[self.scaling_]), judged=True)
        warn_of_truth_outside(given.series, self.targets_, self.scaling_.bounds, type(self).__name__)
        return -mean_squared_error(self.predictor_, given.series)
