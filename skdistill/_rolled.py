"""Truth and forecasts of all windows that a scorer looks at, series by series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skdistill._predictor import blocks
from skdistill._unwrap import UnwrappedModel, unwrap_model
from skdistill._utils._checks import check_integer
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._bounds import warn_of_truth_outside
from skdistill.data._inputs import read_series
from skdistill.data._plausibility._outliers import find_outliers, warn_of_outliers
from skdistill.data._plausibility._short_series import warn_of_short_series
from skdistill.data._series import Series

__all__ = ["Rolled", "RolledSeries", "roll_windows", "seasonal_difference"]

_ROUNDING = 1e-12  # of the values; with smaller differences, a season repeats


@dataclass(frozen=True)
class RolledSeries:
    """Truth and forecasts of the windows of one series.

    Parameters
    ----------
    id : hashable
        What the series is called; its position where it has no id.
    truth : ndarray of shape (n_windows, prediction_length, n_targets)
        NaN where a true value is missing, or nothing is observed to forecast it from.
    forecast : ndarray of the same shape
        The forecasts.
    context : ndarray of shape (n_timestamps, n_targets)
        The rows before the first forecast row.
    """

    id: Any
    truth: np.ndarray
    forecast: np.ndarray
    context: np.ndarray


@dataclass(frozen=True)
class Rolled:
    """Truth and forecasts of several series.

    Parameters
    ----------
    parts : list of RolledSeries
        The series that have a window.
    names : list
        Names or positions of the targets.
    is_panel : bool
        Whether there may be several series.
    """

    parts: list[RolledSeries]
    names: list[Any]
    is_panel: bool

    def scaled_for_mase(self, season: int) -> Rolled:
        """Divide every series by the mean absolute seasonal difference of its context rows.

        Parameters
        ----------
        season : int
            Rows of a season.

        Returns
        -------
        rolled : Rolled
            The same in these units, without the series of a panel that have none.

        Raises
        ------
        ValueError
            If a single series, or every series of a panel, has none.
        """
        check_integer(season, "season")
        parts, left_out = [], []
        for part in self.parts:
            scale = seasonal_difference(part.context, season)
            if (scale > 0).all():
                parts.append(replace(part, truth=part.truth / scale, forecast=part.forecast / scale))
                continue
            if not self.is_panel:
                self._tell_why(part, scale, season)
            left_out.append(part.id)
        if left_out:
            what = f"{len(left_out)} of {len(self.parts)} series, such as {left_out[0]!r}"
            reason = f"their context rows hold no two observed values season = {season} apart, or repeat exactly"
            if not parts:
                raise ValueError(f"MASE has no scale for {what}: {reason}. Give more context rows, or use 'mae'.")
            warnings.warn(f"MASE leaves out {what}: {reason}.", stacklevel=stacklevel_of_user())
        return replace(self, parts=parts)

    def _tell_why(self, part: RolledSeries, scale: np.ndarray, season: int) -> None:
        if len(part.context) <= season:
            raise ValueError(
                f"MASE needs more context rows than season = {season}; got {len(part.context)}: give a longer "
                "context_length or a shorter season."
            )
        number = int(np.argmax(~(scale > 0)))
        reason = "has no two observed values a season apart" if np.isnan(scale[number]) else "repeats exactly"
        raise ValueError(f"MASE has no scale: channel {self.names[number]!r} {reason} in the context rows; use 'mae'.")


def seasonal_difference(rows: np.ndarray, season: int) -> np.ndarray:
    """Average the absolute differences of rows a season apart, over what is observed.

    Parameters
    ----------
    rows : ndarray of shape (n_timestamps, n_channels)
        NaN means missing.
    season : int
        Rows of a season.

    Returns
    -------
    scale : ndarray of shape (n_channels,)
        NaN where no two observed values are a season apart; 0 where they differ by rounding alone.

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy.

    Examples
    --------
    >>> seasonal_difference(np.array([[1.0], [2.0], [np.nan], [5.0]]), 1)
    array([1.])
    """
    if len(rows) <= season:
        return np.full(rows.shape[1], np.nan)
    apart, size = np.abs(rows[season:] - rows[:-season]), np.abs(rows[season:])
    observed = ~np.isnan(apart)
    count = observed.sum(axis=0)
    scale, least = (np.where(observed, one, 0.0).sum(axis=0) / np.maximum(count, 1) for one in (apart, size))
    return np.where(count > 0, np.where(scale > _ROUNDING * least, scale, 0.0), np.nan)


def roll_windows(
    estimator: Any,
    X: Any,
    context_length: int | None = None,
    prediction_length: int | None = None,
    *,
    squared: bool = False,
) -> Rolled:
    """Forecast every stride-1 window.

    Parameters
    ----------
    estimator : DistilledForecaster, Pipeline or fitted search
        The fitted forecaster.
    X : array, DataFrame, Series or panel
        Context rows, then rows to forecast. A series of a panel with fewer context rows is forecast once, from those it
        has; one without any is left out, with a warning.
    context_length : int or None, default=None
        Rows before the first forecast row; None takes the estimator's own.
    prediction_length : int or None, default=None
        That the estimator must have, where it is given.
    squared : bool, default=False
        Whether errors are squared, so that a value far from all others is told.

    Returns
    -------
    rolled : Rolled
        In the units of the data that the forecaster gets.
    """
    model = unwrap_model(estimator)
    before = _check_lengths(model, context_length, prediction_length)
    given = read_series(model.forecaster, model.transform(X), reset=False, allow_batch=False)
    if squared:
        warn_of_outliers(find_outliers(given.series, judges=[model.forecaster.scaling_]), judged=True)
    horizon, targets = model.forecaster.spec_.prediction_length, list(model.forecaster.targets_)
    warn_of_truth_outside(given.series, targets, model.forecaster.scaling_.bounds, type(model.forecaster).__name__)
    origins = [_origins(len(one), before, horizon, is_panel=given.is_panel) for one in given.series]
    _check_any(given.series, origins, before, horizon, is_panel=given.is_panel)
    truth, forecast = _forecast(model, given.series, origins, before)
    ends = np.cumsum([len(one) for one in origins])
    parts = [
        RolledSeries(
            number if one.id is None else one.id,
            truth[end - len(here) : end],
            forecast[end - len(here) : end],
            one.values[: here[0], targets],
        )
        for number, (one, here, end) in enumerate(zip(given.series, origins, ends, strict=True))
        if len(here)
    ]
    names = [given.series[0].name_of(target) for target in targets]
    return Rolled(parts, names, given.is_panel)


def _check_lengths(model: UnwrappedModel, context_length: int | None, prediction_length: int | None) -> int:
    """Return the rows before the first forecast row, if the candidate fits them."""
    spec = model.forecaster.spec_
    before = spec.context_length if context_length is None else context_length
    if spec.context_length > before:
        raise ValueError(
            f"a candidate has context_length = {spec.context_length}, more than the {before} context rows of a fold: "
            "set context_length of the split (or scorer) to the longest among the candidates."
        )
    if prediction_length is not None and spec.prediction_length != prediction_length:
        raise ValueError(
            f"a candidate has prediction_length = {spec.prediction_length}, but the split (or scorer) has "
            f"{prediction_length}: make them equal, or the candidates' errors cannot be compared."
        )
    return before


def _origins(n_rows: int, before: int, horizon: int, *, is_panel: bool) -> np.ndarray:
    """Return the first horizon rows of the windows of a series."""
    last = n_rows - horizon
    if is_panel and 1 <= last < before:
        return np.array([last])
    return np.arange(before, last + 1)


def _check_any(
    series: Sequence[Series], origins: Sequence[np.ndarray], before: int, horizon: int, *, is_panel: bool
) -> None:
    if any(len(one) for one in origins):
        if is_panel:
            warn_of_short_series(series, horizon + 1, "the score")
        return
    needed = 1 + horizon if is_panel else before + horizon
    what = "one row + prediction_length = 1" if is_panel else f"context_length + prediction_length = {before}"
    raise ValueError(
        f"X must have at least {what} + {horizon} = {needed} rows; got n_samples={max(len(one) for one in series)}."
    )


def _forecast(
    model: UnwrappedModel, series: list[Series], origins: Sequence[np.ndarray], before: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and forecasts of all windows; the truth is NaN where no context value is observed."""
    n_missed = 0
    predictor, targets = model.forecaster.predictor_, list(model.forecaster.targets_)
    cutter, steps = predictor.cutter(series), np.arange(predictor.spec.prediction_length)
    numbers, starts = np.repeat(np.arange(len(series)), [len(one) for one in origins]), np.concatenate(origins)
    truths, forecasts = [], []
    for block in blocks(len(starts)):
        contexts = cutter.cut(numbers[block], starts[block])
        pairs = list(zip(numbers[block], starts[block], strict=True))
        truth = np.stack([series[number].values[start + steps][:, targets] for number, start in pairs])
        unseen = contexts.unseen(targets)
        if unseen is not None:
            rows = [series[one].values[max(0, start - before) : start, targets] for one, start in pairs]
            n_missed += int((unseen & [~np.isnan(one).all(axis=0) for one in rows]).sum())
            np.moveaxis(truth, 2, 1)[unseen] = np.nan
        truths.append(truth.astype(np.float64))
        forecasts.append(predictor.forecast(contexts))
    if n_missed:
        warnings.warn(
            f"the score leaves out {n_missed} of {len(starts) * len(targets)} windows and targets that a candidate "
            f"with context_length={predictor.spec.context_length} has no observed value to forecast from, while the "
            f"{before} context rows of the fold have one: it is not comparable with that of longer contexts. Compare "
            "contexts that are longer than the gaps, or use DistilledForecasterCV, which judges what all can forecast.",
            stacklevel=stacklevel_of_user(),
        )
    return np.concatenate(truths), np.concatenate(forecasts)
