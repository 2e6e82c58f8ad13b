"""Errors of rolling forecasts, and scorers for searches that need no ``y``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error

from skdistill._unwrap import unwrap_model
from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill.data._levels import check_quantiles

__all__ = ["METRICS", "ForecastScorer", "QuantileScores", "forecast_errors", "quantile_scores"]


def _smape(truth: np.ndarray, forecast: np.ndarray, **options: Any) -> Any:
    from sktime.performance_metrics.forecasting import mean_absolute_percentage_error

    return mean_absolute_percentage_error(truth, forecast, symmetric=True, **options)


_ERRORS: dict[str, Callable[..., Any]] = {
    "mae": mean_absolute_error,
    "mase": mean_absolute_error,  # applied to values divided by the scale of their channel
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
    "smape": _smape,
}
METRICS = tuple(_ERRORS)
_PER = ("pooled", "step", "channel")


def forecast_errors(
    estimator: Any,
    X: Any,
    metric: str = "mse",
    *,
    per: str = "pooled",
    season: int = 1,
    context_length: int | None = None,
) -> Any:
    """Compute the error of all stride-1 forecasts of a series.

    Parameters
    ----------
    estimator : DistilledForecaster, Pipeline or fitted search
        A fitted forecaster, or a pipeline or search that ends in one. Errors are in the units of the data that the
        forecaster gets.
    X : array of shape (n_timestamps, n_channels), DataFrame or Series
        Context rows, then rows to forecast.
    metric : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
        The error. MASE divides the absolute errors of a channel by the mean absolute difference of its
        context rows to those one season before; SMAPE is the mean of ``2 |a - f| / (|a| + |f|)``, from 0 to 2.
    per : {"pooled", "step", "channel"}, default="pooled"
        One number, or one number per step of the horizon or per target channel.
    season : int, default=1
        Number of rows in a season, for MASE.
    context_length : int or None, default=None
        Number of rows of ``X`` before the first forecast row. Set it to give estimators with different context lengths
        the same targets; None takes the estimator's own.

    Returns
    -------
    errors : float or Series
        A float if pooled; otherwise a Series indexed by step (from 1) or channel.

    Raises
    ------
    ValueError
        If a name is unknown, ``X`` has too few rows, or the season has no variation.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> from skdistill.metrics import forecast_errors
    >>> series = make_multiseasonal(300, 2, seasons=(12,), random_state=0)
    >>> forecaster = DistilledForecaster(
    ...     "dlinear", "dlinear", "response", context_length=24, prediction_length=3, max_epochs=1, random_state=0
    ... ).fit(series[:200])
    >>> forecast_errors(forecaster, series[200:], "mae", per="step").index.tolist()
    [1, 2, 3]
    """
    check_choice(per, _PER, "per of forecast_errors")
    rolled = _roll(estimator, X, context_length)
    truth, forecast = rolled.scaled(metric, season)
    n_windows, n_steps, n_targets = truth.shape
    if per == "pooled":
        return float(_ERRORS[metric](truth.reshape(-1), forecast.reshape(-1)))
    if per == "step":
        columns = (one.transpose(0, 2, 1).reshape(-1, n_steps) for one in (truth, forecast))
        index = pd.RangeIndex(1, n_steps + 1, name="step")
    else:
        columns = (one.reshape(n_windows * n_steps, n_targets) for one in (truth, forecast))
        index = pd.Index(rolled.names, name="channel")
    return pd.Series(_ERRORS[metric](*columns, multioutput="raw_values"), index=index, name=metric)


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
        Fraction that should lie between them.
    """

    crps: float
    coverage: float
    width: float
    nominal: float


def quantile_scores(truth: Any, quantiles: Any, levels: Sequence[float], *, scale: Any = None) -> QuantileScores:
    """Score quantile forecasts against the true values.

    Parameters
    ----------
    truth : array of shape (..., n_channels)
        True values.
    quantiles : array of shape (..., n_channels, n_quantiles)
        Quantile forecasts of the true values.
    levels : sequence of float
        Levels of the quantiles, rising.
    scale : array of shape (n_channels,) or None, default=None
        Divisors of the score and width of each channel; None stands for 1.

    Returns
    -------
    scores : QuantileScores
        Weighted quantile loss, coverage and width; the last two are NaN for a single level.

    Raises
    ------
    ValueError
        If the shapes or levels do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.metrics import quantile_scores
    >>> scores = quantile_scores(np.array([[0.0], [3.0]]), np.array([[[-1.0, 1.0]], [[-1.0, 1.0]]]), (0.1, 0.9))
    >>> round(scores.crps, 9), scores.coverage, scores.width, round(scores.nominal, 9)
    (1.2, 0.5, 2.0, 0.8)
    """
    levels = check_quantiles(levels, "levels of quantile_scores")
    truth, quantiles = np.asarray(truth, dtype=np.float64), np.asarray(quantiles, dtype=np.float64)
    if quantiles.shape != (*truth.shape, len(levels)):
        raise ValueError(
            f"quantiles of quantile_scores must have the shape of truth and an axis for {len(levels)} levels, "
            f"{(*truth.shape, len(levels))}; got {quantiles.shape}."
        )
    unit = np.ones(truth.shape[-1]) if scale is None else np.asarray(scale, dtype=np.float64)
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
    """Scorer for searches: minus the error of all stride-1 forecasts; it needs no ``y``.

    Parameters
    ----------
    metric : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
        The error; see :func:`forecast_errors`.
    steps : int, sequence of int or None, default=None
        Steps of the horizon to score, counted from 1; None scores all.
    channels : int, str, sequence of them or None, default=None
        Target channels to score, by name or by position among the targets; None scores all.
    season : int, default=1
        Number of rows in a season, for MASE.
    context_length : int or None, default=None
        Number of rows of ``X`` before the first forecast row. None takes the candidate's own; candidates with different
        ``context_length`` are then not comparable.
    prediction_length : int or None, default=None
        If given, a candidate with a different value raises an error.

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

    def __post_init__(self) -> None:
        """Raise if the metric is unknown, before any candidate is trained."""
        check_choice(self.metric, METRICS, "metric of ForecastScorer")
        check_integer(self.season, "season of ForecastScorer")

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted forecaster, or a pipeline that ends in one."""
        rolled = _roll(estimator, X, self.context_length, self.prediction_length)
        truth, forecast = rolled.scaled(self.metric, self.season)
        steps = self._positions("steps", self.steps, list(range(1, truth.shape[1] + 1)))
        channels = self._positions("channels", self.channels, rolled.names)
        truth, forecast = (one[:, steps][..., channels].reshape(-1) for one in (truth, forecast))
        return -float(_ERRORS[self.metric](truth, forecast))

    def _positions(self, name: str, wanted: Any, known: list[Any]) -> list[int]:
        if wanted is None:
            return list(range(len(known)))
        several = [wanted] if isinstance(wanted, str | int | np.integer) else list(wanted)
        positions = []
        for one in several:
            if one in known:
                positions.append(known.index(one))
            elif name == "channels" and isinstance(one, int | np.integer) and 0 <= one < len(known):
                positions.append(int(one))
            else:
                raise ValueError(f"{name} of ForecastScorer must be among {_list(known)}; got {one!r}.")
        if not positions:
            raise ValueError(f"{name} of ForecastScorer must name at least one of {_list(known)}; got {wanted!r}.")
        return positions


@dataclass(frozen=True)
class _Rolled:
    """Truth and forecasts of all windows, and the context rows before the first of them."""

    truth: np.ndarray
    forecast: np.ndarray
    context: np.ndarray
    names: list[Any]

    def scaled(self, metric: str, season: int) -> tuple[np.ndarray, np.ndarray]:
        check_choice(metric, METRICS, "metric")
        if metric != "mase":
            return self.truth, self.forecast
        check_integer(season, "season")
        if len(self.context) <= season:
            raise ValueError(
                f"MASE needs more context rows than season = {season}; got {len(self.context)}: give a longer "
                "context_length or a shorter season."
            )
        scale = np.abs(self.context[season:] - self.context[:-season]).mean(axis=0)
        if not (scale > 0).all():
            name = self.names[int(np.argmin(scale))]
            raise ValueError(f"MASE has no scale: channel {name!r} repeats exactly in the context rows; use 'mae'.")
        return self.truth / scale, self.forecast / scale


def _roll(estimator: Any, X: Any, context_length: int | None, prediction_length: int | None = None) -> _Rolled:
    model = unwrap_model(estimator)
    X = model.transform(X)
    spec, targets = model.forecaster.spec_, list(model.forecaster.targets_)
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
    rows = X[before - spec.context_length :]
    forecast = np.asarray(model.forecaster.backtest(rows)).reshape(-1, spec.prediction_length, len(targets))
    values = np.asarray(X, dtype=np.float64).reshape(len(X), -1)[:, targets]
    truth = np.lib.stride_tricks.sliding_window_view(values[before:], spec.prediction_length, axis=0)
    columns = getattr(X, "columns", None)
    names = targets if columns is None else [columns[target] for target in targets]
    return _Rolled(truth.transpose(0, 2, 1), forecast, values[:before], list(names))


def _list(known: list[Any]) -> str:
    return repr(known) if len(known) <= 12 else f"{known[0]!r} to {known[-1]!r}"
