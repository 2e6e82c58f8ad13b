"""The windows that every row of a comparison forecasts."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from skdistill._unwrap import UnwrappedModel
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.comparison._naive import drift, last_value, seasonal_naive
from skdistill.comparison._per_series import PanelWindows
from skdistill.data._plausibility._short_series import warn_of_short_series
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series

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
    context_length, shortest_context : int
        Rows of the longest and the shortest context among the models.
    prediction_length : int
        Rows of a horizon.
    targets : list of int
        Channels that are forecast.
    scale : ndarray of shape (n_series, n_targets)
        Of each target of each series, in original units.
    is_panel : bool, default=False
        Whether there may be several series.
    n_unobserved : int, default=0
        Windows left out because no true value of theirs counts.
    levels : tuple of float or None, default=None
        That quantiles are compared at.
    history : list of ndarray of shape (n_timestamps, n_targets) or None, default=None
        Rows known before each series, for baselines.
    mase_unit : ndarray of shape (n_series, n_targets) or None, default=None
        Mean absolute seasonal difference of each series; NaN where there is none.
    weights : ndarray of shape (n_windows,) or None, default=None
        Weight of each window, of mean 1; None if all count alike.
    scalings : list of Scaling, default=[]
        Those of the models with the channels of the series; empty where a step before a forecaster changes the units.
    """

    series: list[Series]
    starts: np.ndarray
    numbers: np.ndarray
    lengths: list[int]
    context_length: int
    shortest_context: int
    prediction_length: int
    targets: list[int]
    scale: np.ndarray
    is_panel: bool = False
    n_unobserved: int = 0
    levels: tuple[float, ...] | None = None
    history: list[np.ndarray] | None = None
    mase_unit: np.ndarray | None = None
    weights: np.ndarray | None = None
    scalings: list[Scaling] = field(default_factory=list)

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
            The stride-1 windows after the longest context, without those of which no true value counts. Series that are
            too short for one are left out, with a warning.
        """
        first = models[0].forecaster
        for model in models[1:]:
            other = model.forecaster
            asked = [(one.spec_.prediction_length, one.roles_.targets) for one in (first, other)]  # targets as columns
            if asked[0] != asked[1]:
                told = [f"{one.spec_.prediction_length} steps of {_targets_of(one)}" for one in (first, other)]
                raise ValueError(
                    f"forecasters of compare must agree in prediction_length and targets; got {' and '.join(told)}."
                )
            if not (model.invertible and models[0].invertible):
                raise ValueError(
                    "pipelines whose steps have no inverse_transform forecast in units of their own and cannot be "
                    "compared with other models; use transformer= of DistilledForecaster."
                )
        for model in models:
            model.check_inverse(X)
        if not models[0].invertible:
            warnings.warn(
                "a step before the forecaster has no inverse_transform: errors are in its units, not in original ones.",
                stacklevel=stacklevel_of_user(),
            )
            X = models[0].transform(X)
        given = models[0].read(X)
        series, targets = given.series, list(first.targets_)
        contexts = [model.forecaster.spec_.context_length for model in models]
        context, horizon = max(contexts), first.spec_.prediction_length
        counts = [max(0, len(one) - context - horizon + 1) for one in series]
        if not sum(counts):
            raise ValueError(
                f"X must have at least context_length + prediction_length = {context} + {horizon} = "
                f"{context + horizon} rows to compare on; got n_samples={max(len(one) for one in series)}."
            )
        if given.is_panel:
            warn_of_short_series(series, context + horizon, "compare")
        starts = [np.arange(count) + context for count in counts]
        kept = [
            one[_counts(each.values[:, targets], one, min(contexts), horizon)]
            for one, each in zip(starts, series, strict=True)
        ]
        lengths = [len(one) for one in kept]
        if not sum(lengths):
            raise ValueError(
                "X must have an observed value of a target to forecast, with an observed value in the context before "
                "it; everything else is missing (NaN), and there is nothing to compare on."
            )
        return cls(
            series=series,
            starts=np.concatenate(kept),
            numbers=np.repeat(np.arange(len(series)), lengths),
            lengths=[length for length in lengths if length],
            context_length=context,
            shortest_context=min(contexts),
            prediction_length=horizon,
            targets=targets,
            scale=models[0].scales(X, [context] * len(series)),
            is_panel=given.is_panel,
            n_unobserved=sum(counts) - sum(lengths),
            scalings=[]
            if any(one.before is not None for one in models)
            else [one.forecaster.scaling_ for one in models if _channels_of(one.forecaster) == _channels_of(first)],
        )

    @property
    def n_windows(self) -> int:
        """Count the windows."""
        return len(self.starts)

    @property
    def counted_lengths(self) -> list[int]:
        """Windows of each series whose weight is above 0."""
        if self.weights is None:
            return self.lengths
        firsts = np.cumsum([0, *self.lengths[:-1]])
        return [length for length, first in zip(self.lengths, firsts, strict=True) if self.weights[first] > 0]

    @property
    def panel(self) -> PanelWindows | None:
        """Say which window is of which series; None unless there may be several."""
        if not self.is_panel:
            return None
        ids = [number if one.id is None else one.id for number, one in enumerate(self.series)]
        return PanelWindows(ids, self.numbers)

    @cached_property
    def has_missing(self) -> bool:
        """Whether a value of a target is missing, in a series or in the rows known before it."""
        rows = [*(one.values[:, self.targets] for one in self.series), *(self.history or ())]
        return any(bool(np.isnan(one).any()) for one in rows)

    @property
    def known_rows(self) -> int:
        """Count the rows known before every origin."""
        before = np.zeros(len(self.series), dtype=np.int64)
        if self.history is not None:
            before += [len(one) for one in self.history]
        return int((self.starts + before[self.numbers]).min())

    def scale_of(self, windows: np.ndarray) -> np.ndarray:
        """Return the scale of windows.

        Parameters
        ----------
        windows : ndarray of int of shape (n,)
            Numbers of the windows.

        Returns
        -------
        scale : ndarray of shape (n, 1, n_targets)
            In original units.
        """
        return self.scale[self.numbers[windows]][:, None]

    def truth(self, windows: np.ndarray) -> np.ndarray:
        """Gather horizons.

        Parameters
        ----------
        windows : ndarray of int of shape (n,)
            Numbers of the windows.

        Returns
        -------
        truth : ndarray of shape (n, prediction_length, n_targets)
            In original units; NaN where a value does not count: it is missing, or no value of its target is observed in
            the shortest context before it.
        """
        steps = np.arange(self.prediction_length)
        pairs = zip(self.numbers[windows], self.starts[windows], strict=True)
        truth = np.stack([self.series[number].values[start + steps][:, self.targets] for number, start in pairs])
        if self.has_missing:
            unseen = np.isnan(self.rows_before(windows, self.shortest_context)).all(axis=1)
            np.moveaxis(truth, 2, 1)[unseen] = np.nan
        return truth

    def rows_before(self, windows: np.ndarray, n_rows: int) -> np.ndarray:
        """Gather the rows before horizons, of the history where the series does not reach.

        Parameters
        ----------
        windows : ndarray of int of shape (n,)
            Numbers of the windows.
        n_rows : int
            How many, at most ``known_rows``.

        Returns
        -------
        rows : ndarray of shape (n, n_rows, n_targets)
            In original units.
        """
        pairs = zip(self.numbers[windows], self.starts[windows], strict=True)
        return np.stack([self._rows(number, start, n_rows) for number, start in pairs])

    def _rows(self, number: int, start: int, n_rows: int) -> np.ndarray:
        rows = self.series[number].values[max(0, start - n_rows) : start, self.targets]
        if len(rows) == n_rows:
            return rows
        assert self.history is not None  # known_rows
        before = self.history[number]
        return np.concatenate([before[len(before) - (n_rows - len(rows)) :], rows])

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
        n_rows = season
        if self.has_missing:  # the seasons before fill its gaps
            n_rows = min(self.known_rows, max(2 * season, self.context_length))
        return lambda windows: seasonal_naive(self.rows_before(windows, n_rows), season, self.prediction_length)

    def last_value(self) -> Forecast:
        """Return the forecast that repeats the last observed value of the context.

        Returns
        -------
        forecast : callable
            From numbers of windows to forecasts.
        """
        return lambda windows: last_value(self.rows_before(windows, self.context_length), self.prediction_length)

    def drift(self) -> Forecast:
        """Return the forecast that extends the line through the ends of the context.

        Returns
        -------
        forecast : callable
            From numbers of windows to forecasts.
        """
        return lambda windows: drift(self.rows_before(windows, self.context_length), self.prediction_length)


def _targets_of(forecaster: Any) -> list[Any]:
    """Return names or positions of the columns that a forecaster forecasts."""
    return [forecaster.roles_.name(column) for column in forecaster.roles_.targets]


def _channels_of(forecaster: Any) -> tuple[list[int], int]:
    """Return the columns that are channels of numbers, and the number of all channels."""
    return forecaster.roles_.numeric, forecaster.roles_.n_channels


def _counts(values: np.ndarray, starts: np.ndarray, context_length: int, prediction_length: int) -> np.ndarray:
    """Say in which windows a target is observed in the horizon and in the context before it."""
    observed = ~np.isnan(values)
    if observed.all():
        return np.ones(len(starts), dtype=bool)
    counted = np.concatenate([np.zeros((1, values.shape[1]), dtype=np.int64), observed.cumsum(axis=0)])
    before = counted[starts] > counted[starts - context_length]
    return (before & (counted[starts + prediction_length] > counted[starts])).any(axis=1)
