"""The windows that every row of a comparison forecasts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skdistill._unwrap import UnwrappedModel
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.comparison._naive import seasonal_naive
from skdistill.data._inputs import Series, read_series

__all__ = ["Forecast", "Problem"]

Forecast = Callable[[np.ndarray], np.ndarray]  # numbers of windows -> forecasts in original units


@dataclass(frozen=True)
class Problem:
    """The windows that every row forecasts.

    Parameters
    ----------
    series : list of Series
        In original units.
    starts : ndarray of int of shape (n_windows,)
        Row of each window's first horizon row, in its series.
    numbers : ndarray of int of shape (n_windows,)
        Series of each window.
    lengths : list of int
        Windows of each series that has any.
    prediction_length : int
        Rows of a horizon.
    targets : list of int
        Channels that are forecast.
    scale : ndarray of shape (n_targets,)
        Of each target, in original units.
    levels : tuple of float or None, default=None
        That quantiles are compared at.
    """

    series: list[Series]
    starts: np.ndarray
    numbers: np.ndarray
    lengths: list[int]
    prediction_length: int
    targets: list[int]
    scale: np.ndarray
    levels: tuple[float, ...] | None = None

    @classmethod
    def of(cls, models: Sequence[UnwrappedModel], X: Any) -> Problem:
        """Find the windows that all of some models can forecast.

        Parameters
        ----------
        models : sequence of UnwrappedModel
            Fitted, of the same targets and prediction length.
        X : array, DataFrame, Series or list
            Test series in original units.

        Returns
        -------
        problem : Problem
            The stride-1 windows after the longest context.
        """
        first = models[0].forecaster
        for model in models[1:]:
            other = model.forecaster
            if other.spec_.prediction_length != first.spec_.prediction_length or other.targets_ != first.targets_:
                raise ValueError(
                    "forecasters of compare must agree in prediction_length and targets; got "
                    f"{first.spec_.prediction_length} steps of {first.targets_} and "
                    f"{other.spec_.prediction_length} steps of {other.targets_}."
                )
            if not (model.invertible and models[0].invertible):
                raise ValueError(
                    "pipelines whose steps have no inverse_transform forecast in units of their own and cannot be "
                    "compared with other models; use transformer= of DistilledForecaster."
                )
        if not models[0].invertible:
            warnings.warn(
                "a step before the forecaster has no inverse_transform: errors are in its units, not in original ones.",
                stacklevel=stacklevel_of_user(),
            )
            X = models[0].transform(X)
        door = first if models[0].before is None else BaseEstimator()  # before a pipeline, any channels may enter
        series = read_series(door, X, reset=door is not first, allow_batch=False).series
        context = max(model.forecaster.spec_.context_length for model in models)
        horizon = first.spec_.prediction_length
        lengths = [max(0, len(one) - context - horizon + 1) for one in series]
        if not sum(lengths):
            raise ValueError(
                f"X must have at least context_length + prediction_length = {context} + {horizon} = "
                f"{context + horizon} rows to compare on; got n_samples={max(len(one) for one in series)}."
            )
        return cls(
            series=series,
            starts=np.concatenate([np.arange(length) + context for length in lengths]),
            numbers=np.repeat(np.arange(len(series)), lengths),
            lengths=[length for length in lengths if length],
            prediction_length=horizon,
            targets=list(first.targets_),
            scale=models[0].scale(),
        )

    @property
    def n_windows(self) -> int:
        """Count the windows."""
        return len(self.starts)

    def truth(self, windows: np.ndarray) -> np.ndarray:
        """Gather horizons.

        Parameters
        ----------
        windows : ndarray of int of shape (n,)
            Numbers of the windows.

        Returns
        -------
        truth : ndarray of shape (n, prediction_length, n_targets)
            In original units.
        """
        steps = np.arange(self.prediction_length)
        pairs = zip(self.numbers[windows], self.starts[windows], strict=True)
        return np.stack([self.series[number].values[start + steps][:, self.targets] for number, start in pairs])

    def naive(self, season: int) -> Forecast:
        """Return the seasonal-naive forecast.

        Parameters
        ----------
        season : int
            Rows of a season.

        Returns
        -------
        forecast : callable
            From numbers of windows to forecasts.
        """

        def forecast(windows: np.ndarray) -> np.ndarray:
            pairs = zip(self.numbers[windows], self.starts[windows], strict=True)
            last = np.stack([self.series[n].values[start - season : start, self.targets] for n, start in pairs])
            return seasonal_naive(last, season, self.prediction_length)

        return forecast
