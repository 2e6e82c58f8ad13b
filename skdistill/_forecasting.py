"""Forecasts of the rows that follow a series, of one series, many, a batch of windows, or a table."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdistill._base import BaseDistilled
from skdistill.data._context_batch import ContextBatch, ContextCutter
from skdistill.data._forms import take_apart
from skdistill.data._future import read_future
from skdistill.data._inputs import read_series
from skdistill.data._roles import Roles
from skdistill.data._series import Series, SeriesInput
from skdistill.data._vintages import LOST, lost_vintages, vintages_of
from skdistill.probabilistic._settings import at_levels
from skdistill.teachers._another_zone import warn_of_zone_of_teacher

__all__ = ["ForecastingMixin"]


class ForecastingMixin(BaseDistilled):
    """Mixin for forecasters that forecast the rows after a series."""

    roles_: Roles
    targets_: tuple[int, ...]
    missing: str

    def predict(self, X: Any, future: Any = None) -> Any:
        """Forecast the ``prediction_length`` rows that follow.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, 3-D array, or list
            A series of at least ``context_length`` rows (the last ones are used), a batch of windows (n_windows,
            n_timestamps, n_channels), or a list of series. A code of a missing value, such as -9999, counts as a value
            here: write NaN.
        future : array of shape (prediction_length, n_known), DataFrame, panel, list or None, default=None
            Known covariates of the rows that follow, in the form of ``X``; NaN where a value is unknown. A DataFrame is
            matched by labels, of which it may have more, and column names; without labels, rows are exactly those of
            the horizon. None takes the rows of ``X`` after the last observed target, at which the forecast then starts,
            also if ``vintages`` tell the covariates and fewer rows follow (late targets). A ``Pipeline`` applies its
            steps to ``X`` alone: ``future`` is in the units after them.

        Returns
        -------
        forecast : ndarray of shape (prediction_length, n_targets), DataFrame, 3-D ndarray or list
            Forecasts in original units, in the form of ``X``; the index of a DataFrame is continued.
        """
        check_is_fitted(self)
        predictor = self._predictor()
        given, known = self._read_ahead(X, future, needed=bool(self.spec_.known))
        if given.batch is not None:
            return predictor.forecast(self._batch(given, known))
        if len(given.series) == 1 or len({one.values.dtype for one in given.series}) > 1:
            return self._each(given, known, lambda one, rows: self._predict_one(one, rows, predictor.forecast))
        contexts = self._latest_of_all(given.series, known)
        return given.wrap_forecasts(predictor.forecast(contexts), self.targets_)

    def predict_table(
        self, table: Any, *, id: Hashable = "unique_id", time: Hashable = "ds", future: Any = None
    ) -> Any:
        """Forecast a long table, with one row per series and time; the result is one, too.

        Parameters
        ----------
        table : table, str or Path
            A table of pandas, polars, Arrow, DuckDB or another library supported by narwhals, or a ``.csv`` or
            ``.parquet`` file, as for :func:`~skdistill.datasets.read_panel`. Rows can be in any order, and those that
            lack between others are missing (NaN); columns that ``fit`` has not seen are left out.
        id : str, default="unique_id"
            The column of ids.
        time : str, default="ds"
            The column of times.
        future : table, str, Path or None, default=None
            Known covariates of the horizon, with the same columns of ids and times; columns that ``fit`` has not seen
            are left out, and values of other columns of ``fit`` are refused, as by :meth:`predict`. Rows that lack
            between others are unknown (NaN). None takes the rows of ``table`` after the last observed target.

        Returns
        -------
        forecasts : table of shape (n_series * prediction_length, 2 + n_targets)
            Ids, times and the forecasts of :meth:`predict`, sorted by id and time: in the library of ``table``, of
            pandas if it is a file, of Arrow if it is lazy and not of polars. Ids and times keep their types; times
            that were text become timestamps.

        Raises
        ------
        ValueError, TypeError
            If :func:`~skdistill.datasets.read_panel` or :meth:`predict` would raise.

        See Also
        --------
        predictor : The same for many processes, without torch.

        Examples
        --------
        >>> import pandas as pd
        >>> from skdistill import DistilledForecaster
        >>> from skdistill.datasets import read_panel
        >>> days = pd.date_range("2024-01-01", periods=60)
        >>> table = pd.DataFrame({"unique_id": 7, "ds": days, "y": [1.0, 2.0, 3.0] * 20})
        >>> forecaster = DistilledForecaster(None, "linear", "response", context_length=12, prediction_length=2)
        >>> forecaster.fit(read_panel(table)).predict_table(table)
           unique_id         ds    y
        0          7 2024-03-01  1.0...
        1          7 2024-03-02  ...
        """
        from skdistill.deploy._long_form import LongForm

        check_is_fitted(self)
        form = LongForm.of(self, id, time, "predict_table")
        known = None if future is None else form.read(future, future=True)
        return form.write(self.predict(form.read(table), known), table)

    def predictor(self, *, id: Hashable = "unique_id", time: Hashable = "ds") -> Any:
        """Return a small object that forecasts long tables, for engines that map functions over partitions.

        It can be pickled and runs on NumPy, so that workers do not import torch.

        Parameters
        ----------
        id : str, default="unique_id"
            The column of ids.
        time : str, default="ds"
            The column of times.

        Returns
        -------
        predictor : FramePredictor
            Object with ``predict_frame(frame)``; see :class:`skdistill.deploy.FramePredictor`.

        Raises
        ------
        ValueError
            If NumPy alone cannot run the student: it cannot be fused, reads calendar features, or the forecaster has a
            ``transformer`` or ``vintages``.
        """
        from skdistill.deploy._make_predictor import make_predictor

        check_is_fitted(self)
        return make_predictor(self, id, time)

    def predict_teacher(self, X: Any, future: Any = None) -> Any:
        """Forecast with the teacher, to inspect what the student was trained on; ``bounds`` do not clip it.

        Parameters
        ----------
        X : array of shape (n_timestamps, n_channels), DataFrame, Series, or list
            A series of at least ``context_length`` rows, or a list of series.
        future : array of shape (prediction_length, n_known), DataFrame, panel, list or None, default=None
            Known covariates of the rows that follow, as for :meth:`predict`.

        Returns
        -------
        forecast : ndarray of shape (prediction_length, n_targets), DataFrame or list
            The teacher's forecasts in original units, in the form of ``X``.

        Raises
        ------
        ValueError
            If there is no teacher.
        """
        teacher = self._fitted_teacher()
        given, known = self._read_ahead(X, future, needed=True, allow_batch=False)
        warn_of_zone_of_teacher(self, given.series)
        ask = partial(self.predictor_.forecast_teacher, teacher, n_series=len(given.series))
        rows = [None] * len(given.series) if known is None else list(known)
        forecasts = [
            self._predict_one(one, ahead, partial(ask, number=number), with_time=True)
            for number, (one, ahead) in enumerate(zip(given.series, rows, strict=True))
        ]
        return given.put_together(forecasts)

    def stream(self, recent: Any = None) -> Any:
        """Return a stream, which keeps the last context of one series or many, and takes new rows.

        Parameters
        ----------
        recent : array of shape (n_timestamps, n_channels), DataFrame, panel or None, default=None
            Rows to start from.

        Returns
        -------
        stream : Stream or PanelStream
            Object with ``append(row)`` and ``predict()``; see :class:`skdistill.deploy.Stream`. For a panel of several
            series, ``append(id, row)``, ``extend(rows)`` and ``predict()`` of all; see
            :class:`skdistill.deploy.PanelStream`.
        """
        from skdistill.deploy._panel_stream import PanelStream
        from skdistill.deploy._stream import Stream

        _, form = take_apart(recent, "recent of stream")
        return Stream(self, recent) if form is None or len(form.ids) == 1 else PanelStream(self, recent)

    def _predict_around(self, X: Any, future: Any, matrix: np.ndarray | None, labels: list[Any], name: str) -> Any:
        """Forecast quantiles, mapped to the requested levels, in the form of X."""
        given, known = self._read_ahead(X, future, needed=bool(self.spec_.known))
        if given.batch is not None:
            return at_levels(self.predictor_.forecast_quantiles(self._batch(given, known)), matrix)

        def forecast(series: list[Series], rows: np.ndarray | None) -> np.ndarray:
            return at_levels(self.predictor_.forecast_quantiles(self._latest_of_all(series, rows)), matrix)

        if len({one.values.dtype for one in given.series}) > 1:  # forecasts have the type of their series
            rows = [None] * len(given.series) if known is None else [one[None] for one in known]
            quantiles = [forecast([one], ahead)[0] for one, ahead in zip(given.series, rows, strict=True)]
        else:
            quantiles = list(forecast(given.series, known))
        return given.wrap_quantiles(quantiles, self.targets_, labels, name)

    def _read_ahead(
        self, X: Any, future: Any, *, needed: bool, allow_batch: bool = True
    ) -> tuple[SeriesInput, np.ndarray | None]:
        """Return the series or windows, and the known covariates after them, (n_series, prediction_length, n_known)."""
        given = read_series(self, X, reset=False, allow_batch=allow_batch)
        length, vintages = self.spec_.prediction_length, vintages_of(self, fitting=False)
        found = read_future(self.roles_, given, future, length, needed=needed, vintages=vintages)
        if future is None and found[1] is not None and lost_vintages(self):
            raise ValueError(LOST)
        return found

    def _batch(self, given: SeriesInput, known: np.ndarray | None) -> ContextBatch:
        assert given.batch is not None  # the callers
        contexts = ContextBatch(given.batch, future=known, static=given.static)
        self._check_seen(contexts, None)
        return contexts

    def _each(
        self, given: SeriesInput, known: np.ndarray | None, function: Callable[[Series, np.ndarray | None], Any]
    ) -> Any:
        """Apply a function to every series and its known covariates."""
        rows = [None] * len(given.series) if known is None else list(known)
        return given.put_together([function(one, ahead) for one, ahead in zip(given.series, rows, strict=True)])

    def _predict_one(
        self,
        series: Series,
        known: np.ndarray | None,
        forecast: Callable[[ContextBatch], np.ndarray],
        *,
        with_time: bool | None = None,
    ) -> Any:
        contexts = self._latest(series, self._predictor().reads_calendar if with_time is None else with_time, known)
        return series.wrap_forecast(forecast(contexts)[0], self.targets_)

    def _latest(self, series: Series, with_time: bool, known: np.ndarray | None) -> ContextBatch:
        """Cut the context that ends with a series, with known covariates (prediction_length, n_known) after it."""
        numbers = self._predictor().numbers_of([series])
        cutter = ContextCutter([series], self.spec_.context_length, with_time, numbers)
        contexts = cutter.latest(future=None if known is None else known[None])
        self._check_seen(contexts, [series])
        return contexts

    def _latest_of_all(self, series: list[Series], known: np.ndarray | None) -> ContextBatch:
        """Cut the context that ends with each series."""
        cutter = replace(self._predictor().cutter(series), known_channels=())
        contexts = cutter.cut(range(len(series)), [len(one) for one in series], known)
        self._check_seen(contexts, series)
        return contexts

    def _check_seen(self, contexts: ContextBatch, series: list[Series] | None) -> None:
        """Raise, where that is asked for, if nothing of a target is observed in a context."""
        unseen = contexts.unseen(self.targets_) if self.missing == "raise" else None
        if unseen is None:
            return
        window, target = (int(axis[0]) for axis in np.nonzero(unseen))
        id_ = None if series is None else series[window].id
        name = f"series {id_!r}" if id_ is not None else f"window {window} of X" if series is None else f"X[{window}]"
        raise ValueError(
            f"{name} has no observed value of target {self.targets_[target]} in its last {self.spec_.context_length} "
            "rows (context_length): there is nothing to forecast from. Give more rows, or set missing='nan', which "
            "forecasts NaN."
        )
