"""Streams: forecast while rows arrive one at a time."""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skdistill._utils.numpy_student import fill_masked, read_numbers
from skdistill.data._context_batch import ContextBatch
from skdistill.data._forms import take_apart
from skdistill.data._future import read_future
from skdistill.data._inputs import read_series
from skdistill.data._plausibility._plans import tell_future
from skdistill.data._plausibility._told_of_rows import tell_of_rows
from skdistill.data._roles import Roles
from skdistill.data._series import Series, SeriesInput
from skdistill.data._series_labels import SeriesLabels, match_columns
from skdistill.data._statics import joined_static, warn_of_static_units
from skdistill.data._steps import Step, as_time_index
from skdistill.data._tables import check_is_no_other_table
from skdistill.data._vintages import vintages_of
from skdistill.deploy._new_rows import NewRows
from skdistill.probabilistic._settings import at_levels

__all__ = ["Stream", "tell_ahead"]

_TIMES = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
_A_TIME = (pd.Timestamp, pd.Period, pd.Timedelta, datetime.date, np.datetime64, np.timedelta64)
_N_KEPT = 10  # labels used to compute the next one


class Stream:
    """The last context of a series, and its forecast; created by ``forecaster.stream()``.

    Appending a row only copies that row: the context is stored in a buffer of twice its length, and its rows are moved
    once every ``context_length`` rows. A forecast computes the fused products, without checks of a series. (For a
    general matrix there is no faster way, because a new row shifts all other rows to different columns of the matrix.)

    Parameters
    ----------
    forecaster : DistilledForecaster
        A fitted forecaster with a student that reads no calendar features.
    recent : array of shape (n_timestamps, n_channels), DataFrame, panel of one series or None, default=None
        Rows to start from; there can be fewer than ``context_length``. Rows without an id are those of a series that
        ``fit`` has not seen; a panel of one series, such as ``panel.loc[["shop 1"]]``, keeps the units of that series.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> series = make_multiseasonal(200, 2, seasons=(12,), random_state=0).to_numpy()
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(series[:150])
    >>> stream = forecaster.stream(series[:150])
    >>> for row in series[150:]:
    ...     stream.append(row)
    >>> bool((stream.predict() == forecaster.predict(series)).all())
    True
    """

    def __init__(self, forecaster: Any, recent: Any = None) -> None:
        check_is_fitted(forecaster)
        if forecaster.spec_.n_time_features:
            raise ValueError(
                "stream needs a student that reads no calendar features: train it with time_features=False, or call "
                "predict with a DataFrame."
            )
        self.forecaster = forecaster
        self._length, self._n_channels = forecaster.spec_.context_length, forecaster.spec_.n_channels
        self._roles: Roles = forecaster.roles_
        self._static: np.ndarray | None = None
        self._rows = np.empty((2 * self._length, self._n_channels))
        self._end = 0
        self._labels: SeriesLabels = getattr(forecaster, "series_labels_", None) or SeriesLabels()
        self._last: pd.Index | None = None  # the last given label
        self._n_since = 0  # number of later rows without a label
        self._series: np.ndarray | None = None  # number of the series in fit
        self._id: Hashable | None = None
        self._scaling = forecaster.scaling_  # what the number refers to
        if recent is not None:
            series = self._read(recent)
            self._start(series, forecaster.predictor_.numbers_of([series]))

    @classmethod
    def of_series(cls, forecaster: Any, series: Series, known: np.ndarray | None) -> Stream:
        """Start from a series that was read.

        Parameters
        ----------
        forecaster : DistilledForecaster
            The fitted forecaster.
        series : Series
            Its rows.
        known : ndarray of int of shape (1,) or None
            Number of the series in ``fit``, -1 for others; None where units do not depend on it.

        Returns
        -------
        stream : Stream
            The stream.
        """
        stream = cls(forecaster)
        stream._start(series, known)
        return stream

    def _start(self, series: Series, known: np.ndarray | None) -> None:
        self._series, self._static, self._id = known, series.static, series.id
        rows = series.values[-self._length :]
        self._rows[: len(rows)], self._end = rows, len(rows)
        labels = series.index if series.index is not None and len(series.index) else None
        self._last, self._n_since = None if labels is None else as_time_index(labels[-_N_KEPT:]), 0

    def set_id(self, id: Any) -> None:
        """Say which series the rows are of, for its units.

        Parameters
        ----------
        id : hashable
            Its id.
        """
        self._id = id
        self._series = self.forecaster.predictor_.numbers_of([Series(np.empty((0, self._n_channels)), id=id)])

    def _follow_forecaster(self) -> None:
        """Find the series again if the forecaster was fitted again; raise if it takes other rows now."""
        forecaster = self.forecaster
        if forecaster.scaling_ is self._scaling:
            return
        spec = forecaster.spec_
        now = (spec.context_length, spec.n_channels, spec.n_time_features)
        if now != (self._length, self._n_channels, 0) or not _same_roles(forecaster.roles_, self._roles):
            raise ValueError(
                "the forecaster of the stream was fitted again, with other lengths, columns, categories or roles, and "
                "its rows no longer fit: start a new stream."
            )
        self._roles = forecaster.roles_
        self._labels = getattr(forecaster, "series_labels_", None) or SeriesLabels()
        self.set_id(self._id)
        self._scaling = forecaster.scaling_

    def __len__(self) -> int:
        """Return the number of stored rows, at most ``context_length``."""
        return min(self._end, self._length)

    def append(self, row: Any) -> None:
        """Append the next row.

        Parameters
        ----------
        row : array of shape (n_columns,), Series or DataFrame of one row
            Numbers in original units, NaN where missing; and categories in a Series or DataFrame. A Series with the
            names of the columns as its index, and a DataFrame, are matched by these names; the time label of a
            DataFrame, or a timestamp as the name of a Series, must be the next one.

        Raises
        ------
        ValueError
            If it has wrong channels, a value is infinite, a static covariate changes, its label is not the next one, or
            it is an array and a column held categories in ``fit``.
        """
        check_is_no_other_table(row, "row of append")
        row, index = self._take_label(row)
        values = self._values_of(row)
        if values.shape != (self._roles.n_columns,) or np.isinf(values).any():
            raise ValueError(f"row of append must be {self._roles.n_columns} finite numbers, or NaN; got {row!r}.")
        if index is not None:
            self._check_next(index)
        static, statics = self._static_after(values[None]), self._roles.statics
        if static is not None and statics is not None and self.forecaster.spec_.n_static and self._is_new(static):
            warn_of_static_units(static[None], statics, self._roles.static_range, lambda _: "the stream")
        self._take(self._roles.to_channels(values), static, *self._with_label(index))

    def _static_after(self, values: np.ndarray) -> np.ndarray | None:
        """Return the static numbers after more rows; raise if one changes."""
        if not self._roles.static:
            return self._static
        now = self._roles.standardized_static(self._roles.static_numbers(values, "the stream"))
        return joined_static(self._static, now, self._roles.statics, "the stream")

    def _is_new(self, static: np.ndarray | None) -> bool:
        """Return whether static numbers say more than those so far."""
        return not np.array_equal(static, self._static)  # type: ignore[arg-type]  # None equals None

    def _take_label(self, row: Any) -> tuple[Any, pd.Index | None]:
        """Return a row and its time label, if it has one; its id must be that of the stream."""
        if isinstance(row, pd.DataFrame):
            row = self._without_id(row, "row of append")
            return row, row.index
        if not isinstance(row, pd.Series):
            return row, None
        label = row.name  # of a row of a DataFrame
        if isinstance(label, tuple) and len(label) > 1:
            self._check_id(label[0] if len(label) == 2 else label[:-1], "row of append")
            label = label[-1]
        return row, pd.Index([label]) if isinstance(label, _A_TIME) else None

    def _without_id(self, table: Any, name: str) -> Any:
        """Return the rows of a panel of one series, which must be that of the stream; other tables unchanged."""
        parts, form = take_apart(table, name)
        if form is None:
            return table
        for one in form.ids:
            self._check_id(one, name)
        return parts[0]

    def _check_id(self, id: Hashable, name: str) -> None:
        """Raise if rows are those of another series; the first ones say which series it is."""
        if self._id is None and not self._end:
            self.set_id(id)
        elif id != self._id:
            ours = "rows without an id" if self._id is None else f"series {self._id!r}"
            raise ValueError(f"{name} is of series {id!r}, and the stream is of {ours}. Streams of a panel take both.")

    def _values_of(self, row: Any) -> np.ndarray:
        """Return the numbers of a row in the order of ``fit``."""
        if isinstance(row, pd.DataFrame) and len(row) != 1:
            raise ValueError(f"row of append must be one row; got a DataFrame of {len(row)}.")
        if not isinstance(row, pd.DataFrame | pd.Series):
            if self._roles.categories:
                columns = [self._roles.name(column) for column in self._roles.categories]
                raise ValueError(
                    f"row of append must be a Series or DataFrame with the columns of fit: {columns} held categories "
                    "in fit, which numbers of an array do not name."
                )
            return _read_row(row)
        return self.read_values(row, "row of append").ravel()

    def read_values(self, table: Any, name: str) -> np.ndarray:
        """Return the numbers of rows in the order of ``fit``.

        Parameters
        ----------
        table : DataFrame or Series
            One row or more, or a Series with the names of columns as its index.
        name : str
            What to call it in messages.

        Returns
        -------
        values : ndarray of shape (n_rows, n_columns), or (n_columns,) for a Series
            In original units, categories as numbers.

        Raises
        ------
        ValueError
            If the columns are others than in ``fit``, or are no numbers.
        """
        for dtype in table.dtypes if isinstance(table, pd.DataFrame) else [table.dtype]:
            if getattr(dtype, "kind", "") in "mM":
                raise ValueError(f"{name} must be numbers, or NaN; got {dtype}. Its time is its label.")
        names = table.columns if isinstance(table, pd.DataFrame) else table.index
        if self._roles.categories:
            frame = table if isinstance(table, pd.DataFrame) else table.to_frame().T
            places = match_columns(self._labels.columns, names, name=name)
            table = self._roles.encode(frame if places is None else frame.iloc[:, places], name)
            return _read_row(table)
        values = _read_row(table)
        places = match_columns(self._labels.columns, names, name=name)
        return values if places is None else values[..., places]

    def _check_next(self, index: pd.Index) -> None:
        """Raise if the label of a row is not the one that follows the last."""
        index = as_time_index(index)
        if isinstance(self._last, _TIMES) and type(index) is not type(self._last) and index.dtype.kind not in "iu":
            raise ValueError(
                f"row of append must have a label like the last one, {self._last[-1]!r}; got {index[0]!r}. Convert it, "
                "or append the values alone."
            )
        if self._last is None or type(index) is not type(self._last) or not isinstance(index, _TIMES):
            return
        step = self._step()
        if step is None:
            return
        expected = step.follow(self._last, self._n_since + 1)[-1]
        if index[0] != expected:
            raise ValueError(
                f"row of append must be the one at {expected}, row {self._n_since + 1} after {self._last[-1]} by the "
                f"step of fit, {step}; got {index[0]}. Append the rows between, or start a new stream."
            )

    def _step(self) -> Step | None:
        """Return the step of the last labels, or of the very last one if rows between them are missing."""
        assert self._last is not None
        return self._labels.step_of(self._last) or self._labels.step_of(self._last[-1:])

    def _with_label(self, index: pd.Index | None) -> tuple[pd.Index | None, int]:
        """Return the last labels after a row is appended, and the number of later rows without one."""
        last = None if index is None or not len(index) else as_time_index(index[-_N_KEPT:])
        if not isinstance(last, _TIMES):  # the number of a row alone often counts from 0
            return self._last, self._n_since + 1
        if not self._n_since and self._last is not None and self._last.dtype == last.dtype:
            last = self._last.append(last)[-_N_KEPT:]  # one label alone may not tell the step
        return last, 0

    def take_read(self, rows: NewRows, number: int) -> bool:
        """Append rows that were read, if their labels are the next ones, and their static covariates those so far.

        Parameters
        ----------
        rows : NewRows
            Rows of many series.
        number : int
            Place of this series among them.

        Returns
        -------
        taken : bool
            False if they were not appended, and :meth:`append` has to look at each.
        """
        values = rows.values(number)
        if self._last is None or values.shape[1] != self._roles.n_columns:
            return False
        labels = rows.labels_after(number, self._last, self._n_since, self._step)
        if labels is None or not self._is_same_static(values):
            return False
        n_before = len(labels) - len(values)
        for place, row in enumerate(self._roles.to_channels(values)):
            last = labels if place == len(values) - 1 else labels[: n_before + place + 1]
            self._take(row, self._static, last[-_N_KEPT:], 0)
        return True

    def _is_same_static(self, values: np.ndarray) -> bool:
        """Return whether rows hold no other static covariates than those so far."""
        if not self._roles.static:
            return True
        try:
            return not self._is_new(self._static_after(values))
        except ValueError:
            return False

    def _take(self, values: np.ndarray, static: np.ndarray | None, last: pd.Index | None, n_since: int) -> None:
        """Append a row with what is known of it; an interrupt finds the stream before it or after it."""
        if self._end == len(self._rows):
            rows = np.empty_like(self._rows)
            rows[: self._length] = self._rows[self._length :]
            self._rows, self._end = rows, self._length
        self._rows[self._end] = values
        self._end, self._static, self._last, self._n_since = self._end + 1, static, last, n_since

    def predict(self, future: Any = None) -> np.ndarray:
        """Forecast the rows that follow the last one.

        Parameters
        ----------
        future : array of shape (prediction_length, n_known), DataFrame or None, default=None
            Known covariates of the rows that follow, if the student reads some; NaN where unknown. Rows of a DataFrame
            are found by their labels, as in ``forecaster.predict``.

        Returns
        -------
        forecast : ndarray of shape (prediction_length, n_targets)
            In original units.

        Raises
        ------
        ValueError
            If no row was appended.
        """
        return self.forecaster.predictor_.forecast(self.contexts(future))[0]

    def predict_quantiles(self, quantiles: Sequence[float] | None = None, *, future: Any = None) -> np.ndarray:
        """Forecast quantiles of the rows that follow the last one.

        Parameters
        ----------
        quantiles : sequence of float or None, default=None
            Levels within the range of the fitted levels; None returns the fitted levels.
        future : array, DataFrame or None, default=None
            Known covariates of the rows that follow, as for :meth:`predict`.

        Returns
        -------
        quantiles : ndarray of shape (prediction_length, n_targets, n_quantiles)
            In original units.

        Raises
        ------
        ValueError
            If no row was appended, or the forecaster has no quantiles.
        """
        _, matrix = self.forecaster._asked(quantiles)
        return at_levels(self.forecaster.predictor_.forecast_quantiles(self.contexts(future)), matrix)[0]

    def contexts(self, future: Any = None) -> ContextBatch:
        """Return the last context; rows before the first one are missing.

        Parameters
        ----------
        future : array, DataFrame or None, default=None
            Known covariates of the rows that follow, as for :meth:`predict`.

        Returns
        -------
        contexts : ContextBatch
            One context.

        Raises
        ------
        ValueError
            If no row was appended, known covariates are missing, the forecaster was fitted again for other rows, or,
            with ``missing="raise"``, no value of a target is observed.
        """
        contexts, series = self.read_ahead(future)
        if series is not None:
            tell_ahead(self.forecaster, [series], contexts.future)
        return contexts

    def read_ahead(self, future: Any) -> tuple[ContextBatch, Series | None]:
        """Return the last context, and its rows if known covariates follow it, of which nothing is told yet.

        Parameters
        ----------
        future : array, DataFrame or None
            Known covariates of the rows that follow, as for :meth:`predict`.

        Returns
        -------
        contexts : ContextBatch
            One context.
        series : Series or None
            Its rows; None where no known covariates are read.
        """
        if not self._end:
            raise ValueError("stream has no row to forecast from: append one first.")
        self._follow_forecaster()
        rows = self._rows[max(0, self._end - self._length) : self._end]
        contexts = ContextBatch(rows[None], series=self._series).last(self._length)
        if self.forecaster.spec_.n_static:
            contexts = replace(contexts, static=None if self._static is None else self._static[None])
        self.forecaster._check_seen(contexts, [Series(rows, id=self._id)])
        if future is None and not self.forecaster.spec_.known:
            return contexts, None
        series, values = self._read_future(rows, future)
        return replace(contexts, future=values), series

    def _read_future(self, rows: np.ndarray, future: Any) -> tuple[Series, np.ndarray | None]:
        """Return rows as a series, and the known covariates that follow, (1, prediction_length, n_known)."""
        if future is None:
            names = [self._roles.name(column) for column in self._roles.known]
            raise ValueError(
                f"future of predict must have the known covariates {names} of the rows that follow; got None."
            )
        future = self._without_id(future, "future of predict")
        series, length = replace(self._labeled(rows), static=self._static), self.forecaster.spec_.prediction_length
        vintages = None if series.index is None else vintages_of(self.forecaster, fitting=False)
        if vintages is not None:
            series = replace(series, id=self._id)
        given = SeriesInput([series])
        values = read_future(self._roles, given, future, length, needed=True, vintages=vintages, tell=False)[1]
        return replace(series, id=self._id), values

    def _labeled(self, rows: np.ndarray) -> Series:
        """Return rows as a series, whose last rows alone have labels: the next ones are found from them."""
        labels = self._last
        step = None if labels is None else self._step()
        if labels is None or step is None:
            return Series(rows)
        if self._n_since:
            labels = labels.append(step.follow(labels, self._n_since))
        return Series(rows, index=labels, step=step)

    def _read(self, recent: Any) -> Series:
        """Check rows as in ``predict``, including column names; there can be no rows."""
        check_is_no_other_table(recent, "recent of stream")
        if not isinstance(recent, pd.DataFrame | pd.Series | dict):
            recent = np.asarray(fill_masked(recent))
            recent = recent[:, None] if recent.ndim == 1 else recent
        if not len(recent):
            return Series(np.empty((0, self._n_channels)))
        given = read_series(self.forecaster, recent, reset=False, allow_batch=False)
        if given.is_list or len(given.series) > 1:
            raise ValueError(
                f"recent of stream must be one series, (n_timestamps, n_channels); got {len(given.series)} series. "
                "Give them ids, in a dict or a DataFrame with the index levels (series, time)."
            )
        return given.series[0]


def tell_ahead(forecaster: Any, series: Sequence[Series], future: np.ndarray | None) -> None:
    """Warn of known covariates after streams that are hardly meant as they are written, once for all.

    Parameters
    ----------
    forecaster : DistilledForecaster
        The forecaster of the streams.
    series : sequence of Series
        Their last rows.
    future : ndarray of shape (n_series, prediction_length, n_known) or None
        The known covariates; None if the student reads none.
    """
    if future is not None and forecaster.spec_.known:
        with_gaps = vintages_of(forecaster, fitting=False) is None
        given = SeriesInput(list(series))
        tell_of_rows(forecaster, given)
        tell_future(forecaster.roles_, given, future, with_gaps=with_gaps)


def _read_row(row: Any) -> np.ndarray:
    """Return the numbers of a row."""
    if type(row) is np.ndarray and row.dtype == np.float64:
        return row
    if isinstance(row, dict):
        raise TypeError(
            "row of append is a dict: give pd.Series(row), whose names are matched with the columns of fit."
        )
    return read_numbers(row, "row of append").astype(np.float64, copy=False)


def _same_roles(now: Roles, before: Roles) -> bool:
    """Return whether rows in channels, and static numbers, mean the same."""
    if now is before:
        return True
    names = [None if one.columns is None else list(one.columns) for one in (now, before)]
    columns = [(one.n_columns, one.targets, one.known, one.static, dict(one.categories)) for one in (now, before)]
    return (
        names[0] == names[1]
        and columns[0] == columns[1]
        and np.array_equal(now.static_center, before.static_center)  # type: ignore[arg-type]  # None equals None
        and np.array_equal(now.static_unit, before.static_unit)  # type: ignore[arg-type]
    )
