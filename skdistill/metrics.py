"""Errors of rolling forecasts, and scorers for searches that need no ``y``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error

from skdistill._rolled import Rolled, RolledSeries, roll_windows
from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill._utils.numpy_student import read_numbers
from skdistill.data._columns import can_be_position
from skdistill.data._levels import check_quantiles
from skdistill.data._series_weight import check_series_weight

__all__ = ["METRICS", "ForecastScorer", "QuantileScores", "forecast_errors", "quantile_scores"]


def _smape(truth: np.ndarray, forecast: np.ndarray, sample_weight: np.ndarray | None = None) -> Any:
    size = np.abs(truth) + np.abs(forecast)  # sktime takes a smaller size than 2e-16 for this, in any units
    errors = np.divide(2.0 * np.abs(truth - forecast), size, out=np.zeros(size.shape), where=size > 0)
    return np.average(errors, weights=sample_weight)


_ERRORS: dict[str, Callable[..., Any]] = {
    "mae": mean_absolute_error,
    "mase": mean_absolute_error,  # applied to values divided by the scale of their channel
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
    "smape": _smape,
}
METRICS = tuple(_ERRORS)
_SQUARED = ("mse", "rmse")
_PER = ("pooled", "step", "channel", "series")


def forecast_errors(
    estimator: Any,
    X: Any,
    metric: str = "mse",
    *,
    per: str = "pooled",
    season: int = 1,
    context_length: int | None = None,
) -> Any:
    """Compute the error of all stride-1 forecasts of a series or panel.

    Missing true values (NaN), and windows without an observed context value, are left out. In a panel, a series with
    fewer context rows is forecast once, from those it has; one that has none is left out, with a warning.

    Parameters
    ----------
    estimator : DistilledForecaster, Pipeline or fitted search
        A fitted forecaster, or a pipeline or search that ends in one. Errors are in the units of the data that the
        forecaster gets.
    X : array of shape (n_timestamps, n_channels), DataFrame, Series or panel
        Context rows, then rows to forecast.
    metric : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
        The error. MASE divides the absolute errors of each channel of each series by the mean absolute difference of
        its context rows to those one season before; a series of a panel without such a difference is left out, with a
        warning. SMAPE is the mean of ``2 |a - f| / (|a| + |f|)``, from 0 to 2.
    per : {"pooled", "step", "channel", "series"}, default="pooled"
        One number over all values, or one number per step of the horizon, target channel or series.
    season : int, default=1
        Number of rows in a season, for MASE.
    context_length : int or None, default=None
        Number of rows of ``X`` before the first forecast row. Set it to give estimators with different context lengths
        the same targets; None takes the estimator's own.

    Returns
    -------
    errors : float or Series
        A float if pooled; otherwise a Series indexed by step (from 1), channel or series, NaN where no true value is
        observed.

    Raises
    ------
    ValueError
        If a name is unknown, ``X`` has too few rows, no true value is observed, or the season has no variation.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.metrics import forecast_errors
    >>> from skdistill.teachers import Theta
    >>> series = make_multiseasonal(300, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     Theta(season=12), "linear", "response", context_length=24, prediction_length=3, random_state=0
    ... ).fit(series[:200])
    >>> forecast_errors(forecaster, series[200:], "mae", per="step").index.tolist()
    [1, 2, 3]
    """
    check_choice(per, _PER, "per of forecast_errors")
    rolled = _in_units(roll_windows(estimator, X, context_length, squared=metric in _SQUARED), metric, season)
    if per == "series":
        return _per_series(rolled.parts, metric)
    truth, forecast = (np.concatenate(both) for both in zip(*_pairs(rolled.parts), strict=True))
    if per == "pooled":
        return _pooled(truth, forecast, metric)
    if per == "step":
        index, axis = pd.RangeIndex(1, truth.shape[1] + 1, name="step"), 1
    else:
        index, axis = pd.Index(rolled.names, name="channel", tupleize_cols=False), 2
    columns = zip(np.moveaxis(truth, axis, 0), np.moveaxis(forecast, axis, 0), strict=True)
    return pd.Series([_error(one, other, metric) for one, other in columns], index=index, name=metric)


def _in_units(rolled: Rolled, metric: str, season: int) -> Rolled:
    check_choice(metric, METRICS, "metric")
    return rolled.scaled_for_mase(season) if metric == "mase" else rolled


def _pairs(parts: Sequence[RolledSeries]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(part.truth, part.forecast) for part in parts]


def _per_series(parts: Sequence[RolledSeries], metric: str) -> pd.Series:
    index = pd.Index([part.id for part in parts], name="series", tupleize_cols=False)
    return pd.Series([_error(part.truth, part.forecast, metric) for part in parts], index=index, name=metric)


def _pooled(truth: np.ndarray, forecast: np.ndarray, metric: str, weights: np.ndarray | None = None) -> float:
    """Return the error over all observed true values, or raise if there is none."""
    error = _error(truth, forecast, metric, weights)
    if np.isnan(error):
        raise ValueError(
            "an error needs an observed true value with an observed context before it; X has none among the rows to "
            "forecast (all NaN)."
        )
    return error


def _error(truth: np.ndarray, forecast: np.ndarray, metric: str, weights: np.ndarray | None = None) -> float:
    """Return the error over the observed true values; NaN if there is none."""
    observed = ~np.isnan(truth)
    if not observed.any():
        return float("nan")
    return float(
        _ERRORS[metric](
            truth[observed], forecast[observed], sample_weight=None if weights is None else weights[observed]
        )
    )


@dataclass(frozen=True)
class QuantileScores:
    """Scores of quantile forecasts.

    Parameters
    ----------
    crps : float
        Mean over windows, steps, channels and levels of twice the pinball loss: the weighted quantile loss. It
        approaches the continuous ranked probability score as the levels get dense. Lower is better.
    coverage : float
        Fraction of true values between the outermost quantiles.
    width : float
        Mean distance between the outermost quantiles.
    nominal : float
        Share of true values that should lie between them.
    """

    crps: float
    coverage: float
    width: float
    nominal: float


def quantile_scores(truth: Any, quantiles: Any, levels: Sequence[float], *, scale: Any = None) -> QuantileScores:
    """Score quantile forecasts against the true values.

    Missing true values (NaN) are left out.

    Parameters
    ----------
    truth : array of shape (..., n_channels)
        True values.
    quantiles : array of shape (..., n_channels, n_quantiles)
        Quantile forecasts of the true values.
    levels : sequence of float
        Levels of the quantiles, rising.
    scale : array that broadcasts to the shape of truth, or None, default=None
        Divisors of score and width, such as one per channel; None stands for 1.

    Returns
    -------
    scores : QuantileScores
        Weighted quantile loss, coverage and width; the last two are NaN for a single level.

    Raises
    ------
    ValueError
        If the shapes or levels do not fit, no true value is observed, a quantile of an observed one is NaN, or
        ``scale`` is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.metrics import quantile_scores
    >>> scores = quantile_scores(np.array([[0.0], [3.0]]), np.array([[[-1.0, 1.0]], [[-1.0, 1.0]]]), (0.1, 0.9))
    >>> round(scores.crps, 9), scores.coverage, scores.width, round(scores.nominal, 9)
    (1.2, 0.5, 2.0, 0.8)
    """
    levels = check_quantiles(levels, "levels of quantile_scores")
    truth = read_numbers(truth, "truth of quantile_scores").astype(np.float64, copy=False)
    quantiles = read_numbers(quantiles, "quantiles of quantile_scores").astype(np.float64, copy=False)
    if quantiles.shape != (*truth.shape, len(levels)):
        raise ValueError(
            f"quantiles of quantile_scores must have the shape of truth and an axis for {len(levels)} levels, "
            f"{(*truth.shape, len(levels))}; got {quantiles.shape}."
        )
    observed = ~np.isnan(truth)
    if not observed.any():
        raise ValueError("truth of quantile_scores must hold an observed value; all of it is missing (NaN) or empty.")
    if np.isnan(quantiles[observed]).any():
        raise ValueError("quantiles of quantile_scores must not be NaN where the true value is observed.")
    scale = read_numbers(1.0 if scale is None else scale, "scale of quantile_scores", finite=True)
    unit = np.broadcast_to(scale.astype(np.float64, copy=False), truth.shape)
    truth, quantiles, unit = truth[observed], quantiles[observed], unit[observed]
    if (unit <= 0).any():
        raise ValueError(f"scale of quantile_scores must be above 0; got {unit.min():g}.")
    tau = np.array(levels)
    error = truth[..., None] - quantiles
    pinball = 2.0 * np.maximum(tau * error, (tau - 1.0) * error).mean(axis=-1) / unit
    if len(levels) == 1:
        return QuantileScores(float(pinball.mean()), float("nan"), float("nan"), float("nan"))
    low, high = quantiles[..., 0], quantiles[..., -1]
    inside = (low <= truth) & (truth <= high)
    width = float(((high - low) / unit).mean())
    return QuantileScores(float(pinball.mean()), float(inside.mean()), width, levels[-1] - levels[0])


@dataclass(frozen=True)
class ForecastScorer:
    """Scorer for searches: minus the error of all stride-1 forecasts of a series or panel; it needs no ``y``.

    Missing true values and short series of a panel are treated as by :func:`forecast_errors`.

    Parameters
    ----------
    metric : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
        The error; see :func:`forecast_errors`. Only MASE and SMAPE do not depend on the size of the values: in a panel
        of series of different sizes, the large ones dominate.
    steps : int, sequence of int or None, default=None
        Steps of the horizon to score, counted from 1; None scores all.
    channels : int, str, sequence of them or None, default=None
        Target channels to score, by name (of an array, by the number of the column), or by position among the targets
        where no name is a number; None scores all.
    season : int, default=1
        Number of rows in a season, for MASE.
    context_length : int or None, default=None
        Number of rows of ``X`` before the first forecast row. None takes the candidate's own; candidates with different
        ``context_length`` are then not comparable.
    prediction_length : int or None, default=None
        If given, a candidate with a different value raises an error.
    per : {"pooled", "series"}, default="pooled"
        In a panel, the error over all values, or the mean over series of the error of each: series with many windows
        then count as much as others.
    weights : mapping from id to float, or None, default=None
        How much each series of a panel counts, such as its sales; a dict or a pandas Series. None weighs them equally.

    See Also
    --------
    skdistill.model_selection.RollingOriginSplit.scorer : Creates a scorer that fits the folds.

    Examples
    --------
    Several scores, for ``GridSearchCV(scoring=scoring, refit="all")``:

    >>> from skdistill.metrics import ForecastScorer
    >>> scoring = {"all": ForecastScorer("mse"), "first_step": ForecastScorer("mse", steps=1)}
    """

    metric: str = "mse"
    steps: int | Sequence[int] | None = None
    channels: int | str | Sequence[int | str] | None = None
    season: int = 1
    context_length: int | None = None
    prediction_length: int | None = None
    per: str = "pooled"
    weights: Mapping[Any, float] | pd.Series | None = None

    def __post_init__(self) -> None:
        """Raise if the metric is unknown, before any candidate is trained."""
        check_choice(self.metric, METRICS, "metric of ForecastScorer")
        check_choice(self.per, ("pooled", "series"), "per of ForecastScorer")
        check_integer(self.season, "season of ForecastScorer")

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted forecaster, or a pipeline that ends in one."""
        squared = self.metric in _SQUARED
        rolled = roll_windows(estimator, X, self.context_length, self.prediction_length, squared=squared)
        rolled = _in_units(rolled, self.metric, self.season)
        steps = self._positions("steps", self.steps, list(range(1, rolled.parts[0].truth.shape[1] + 1)))
        channels = self._positions("channels", self.channels, rolled.names)
        parts = [
            replace(part, truth=part.truth[:, steps][..., channels], forecast=part.forecast[:, steps][..., channels])
            for part in rolled.parts
        ]
        weights = None if self.weights is None else self._weights_of([part.id for part in parts])
        if self.per == "series":
            errors = _per_series(parts, self.metric).to_numpy()
            known = ~np.isnan(errors)
            if known.any():
                return -float(np.average(errors[known], weights=None if weights is None else weights[known]))
        truth, forecast = (np.concatenate(both) for both in zip(*_pairs(parts), strict=True))
        if weights is not None:
            n_windows = [len(part.truth) for part in parts]
            weights = np.broadcast_to(np.repeat(weights, n_windows)[:, None, None], truth.shape)
        return -_pooled(truth, forecast, self.metric, weights)

    def _weights_of(self, ids: Sequence[Any]) -> np.ndarray:
        """Return the weight of each series."""
        if not isinstance(self.weights, Mapping | pd.Series):
            raise TypeError(f"weights of ForecastScorer must map ids to numbers; got {self.weights!r}.")
        given: Mapping[Any, float] = dict(self.weights.items())
        check_series_weight(given, "ForecastScorer", parameter="weights")
        if unknown := [one for one in ids if one not in given]:
            raise ValueError(
                f"weights of ForecastScorer must have a weight for every series; {unknown[0]!r} has none"
                f"{'' if len(unknown) == 1 else f', nor have {len(unknown) - 1} more'}. Map ids to weights."
            )
        weights = np.array([float(given[one]) for one in ids])
        if not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError(
                f"weights of ForecastScorer must be finite and at least 0, and not all 0; got {weights.tolist()}."
            )
        return weights

    def _positions(self, name: str, wanted: Any, known: list[Any]) -> list[int]:
        if wanted is None:
            return list(range(len(known)))
        several = [wanted] if isinstance(wanted, str | int | np.integer) else list(wanted)
        positions = []
        for one in several:
            if isinstance(one, bool | np.bool_ | np.timedelta64):
                raise TypeError(f"{name} of ForecastScorer must be among {_list(known)}, not a mask; got {wanted!r}.")
            if one in known:
                positions.append(known.index(one))
            elif (
                name == "channels"
                and isinstance(one, int | np.integer)
                and 0 <= one < len(known)
                and can_be_position(int(one), known)
            ):
                positions.append(int(one))
            else:
                raise ValueError(f"{name} of ForecastScorer must be among {_list(known)}; got {one!r}.")
        if not positions:
            raise ValueError(f"{name} of ForecastScorer must name at least one of {_list(known)}; got {wanted!r}.")
        if len(set(positions)) < len(positions):
            raise ValueError(f"{name} of ForecastScorer must name each of them once; got {wanted!r}.")
        return positions


def _list(known: list[Any]) -> str:
    plain = [one.item() if isinstance(one, np.generic) else one for one in known]
    return repr(plain) if len(plain) <= 12 else f"{plain[0]!r} to {plain[-1]!r}"
