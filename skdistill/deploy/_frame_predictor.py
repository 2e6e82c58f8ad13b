"""A small object that maps long tables to forecasts with NumPy, for engines that map functions over partitions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from skdistill._utils._from_native import from_native
from skdistill._utils.numpy_student import NumpyStudent
from skdistill.data._future import read_future
from skdistill.data._inputs import read_series
from skdistill.data._roles import Roles
from skdistill.deploy._long_form import LongForm

__all__ = ["FramePredictor", "InputForm"]

_BLOCK = 1024  # windows forecast at once, as predict does
_FLOAT64 = ("center", "series_center", "series_unit", "covariate_center", "covariate_unit", "lower", "upper")
_WAY_OUT = (
    "Give all rows of a series to one call: group or partition the table by id first (groupBy in Spark, shuffle or "
    "groupby in Dask, groupby in Ray), or sort it by id for predict_frames."
)


class InputForm(BaseEstimator):
    """What a forecaster knows about its input: all that reading series needs of it.

    Parameters
    ----------
    forecaster : DistilledForecaster or None, default=None
        A fitted forecaster, of which nothing else is kept.
    """

    def __init__(self, forecaster: Any = None) -> None:
        if forecaster is None:
            return
        names = ("context_length", "prediction_length", "roles_", "series_labels_", "n_features_in_")
        for name in (*names, "feature_names_in_"):
            if hasattr(forecaster, name):
                setattr(self, name, getattr(forecaster, name))
        self.reads_known, self.n_static = bool(forecaster.spec_.known), forecaster.spec_.n_static

    @property
    def spec_(self) -> InputForm:
        """Its lengths, which never change."""
        return self


class FramePredictor:
    """A fitted student that forecasts long tables; created by ``forecaster.predictor()``.

    It is small, can be pickled and runs on NumPy: a process that unpickles it does not import torch. Its method
    :meth:`predict_frame` is the function that engines map over groups or partitions.

    Parameters
    ----------
    student : NumpyStudent
        The student.
    form : LongForm
        Columns of tables.
    fitted : InputForm
        What ``fit`` knows about its input.
    missing : {"nan", "raise"}, default="nan"
        What happens with a series in which no value of a target is observed.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal, to_long
    >>> import pandas as pd
    >>> days = make_multiseasonal(200, 1, seasons=(12,), random_state=0)
    >>> panel = pd.concat({"shop 1": days, "shop 2": 100 * days})
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(panel)
    >>> predictor = forecaster.predictor()
    >>> table = to_long(panel)
    >>> predictor.predict_frame(table).shape
    (12, 3)
    >>> forecasts = table.groupby("unique_id", group_keys=False)[list(table.columns)].apply(predictor.predict_frame)
    >>> predictor.check_forecasts(forecasts)
    """

    def __init__(self, student: NumpyStudent, form: LongForm, fitted: InputForm, missing: str = "nan") -> None:
        self.student = student
        self.form = form
        self._fitted = fitted
        self.missing = missing

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: weights in the type of the products."""
        kinds = self.student.dtype
        arrays = {
            name: array.astype(kinds) if array.dtype == np.float64 and not name.startswith(_FLOAT64) else array
            for name, array in self.student._arrays.items()
        }
        return {**self.__dict__, "student": (arrays, kinds.name)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Build the student again."""
        self.__dict__.update(state)
        self.student = NumpyStudent(*state["student"])

    def predict_frame(self, frame: Any) -> Any:
        """Forecast the rows that follow every series of a table.

        Parameters
        ----------
        frame : DataFrame or table of polars or Arrow
            All rows of some series, in any order, with columns of ids, times and the channels of ``fit``; others are
            left out. Rows after the last observed target give the known covariates of the horizon; rows that lack
            between others are missing, or unknown covariates (NaN).

        Returns
        -------
        forecasts : table of the same library of shape (n_series * prediction_length, 2 + n_targets)
            Ids, times, targets, sorted by id and time; without rows if ``frame`` has none.

        Raises
        ------
        ValueError
            If a column is missing, or rows are irregular or doubled, as for :func:`~skdistill.datasets.read_panel`.
        """
        if hasattr(frame, "__len__") and not isinstance(frame, str) and not len(frame):
            return self.form.write_empty(frame)
        return self.form.write(self._forecast(self.form.read(frame)), frame)

    def predict_frames(self, frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Forecast tables that come one after another and in which the rows of a series are not interrupted.

        This is the function for ``mapInPandas`` of Spark: its batches end anywhere, so the rows of the last series are
        kept for the next batch.

        Parameters
        ----------
        frames : iterable of DataFrame
            Batches of one table, sorted by id.

        Yields
        ------
        forecasts : DataFrame
            Result of :meth:`predict_frame`; of a batch with one unfinished series, nothing.

        Raises
        ------
        ValueError
            If a series comes again after another one, because only a part of it was forecast.
        """
        done: set[Hashable] = set()
        held: pd.DataFrame | None = None
        for frame in frames:
            if not len(frame):
                continue
            rows = frame if held is None or not len(held) else pd.concat([held, frame])
            is_last = rows[self.form.id] == rows[self.form.id].iloc[-1]
            held, ready = rows[is_last], rows[~is_last]
            if len(ready):
                self._note(ready, done)
                yield self.predict_frame(ready)
        if held is not None:
            self._note(held, done)
            yield self.predict_frame(held)

    def check_forecasts(self, forecasts: Any) -> None:
        """Check that every series was forecast once.

        A series whose rows lay in several partitions is forecast several times, each time from a part of its rows. One
        partition cannot tell; all forecasts together do.

        Parameters
        ----------
        forecasts : table
            The forecasts of all partitions: pandas, polars, Arrow, or a lazy table of Dask, Spark or DuckDB, which is
            counted by its engine.

        Raises
        ------
        ValueError
            If a series does not have ``prediction_length`` rows.
        """
        import narwhals as nw

        column, length = str(self.form.id), self.student.prediction_length
        counts = from_native(forecasts).group_by(column).agg(nw.len().alias("n_rows_"))
        counts = counts.filter(nw.col("n_rows_") != length)
        wrong = (counts.collect() if isinstance(counts, nw.LazyFrame) else counts).rows()
        if wrong:
            one, n_rows = min(wrong, key=lambda row: str(row[0]))
            raise ValueError(
                f"series {one!r} has {n_rows} rows of forecasts instead of prediction_length = {length} ({len(wrong)} "
                f"series in all): its rows were spread over partitions, or forecasts are missing. {_WAY_OUT}"
            )

    def _note(self, rows: pd.DataFrame, done: set[Hashable]) -> None:
        """Remember the series of a batch, and raise if one has been forecast before."""
        new = set(rows[self.form.id].unique())
        if again := new & done:
            raise ValueError(
                f"series {min(again, key=str)!r} comes again after another series ({len(again)} in all): it is spread "
                f"over batches, and a part of it was already forecast. {_WAY_OUT}"
            )
        done |= new

    def _forecast(self, panel: pd.DataFrame) -> Any:
        """Forecast a panel as ``predict`` does."""
        student, fitted = self.student, self._fitted
        roles: Roles = fitted.roles_
        given = read_series(fitted, panel, reset=False, allow_batch=False)
        given, known = read_future(roles, given, None, student.prediction_length, needed=fitted.reads_known)
        contexts = np.ascontiguousarray(np.stack([self._latest(one.values) for one in given.series]))
        self._check_seen(contexts, [one.id for one in given.series])
        numbers = student.numbers_of(one.id for one in given.series) if student.series_ids else None
        static = np.stack([np.asarray(one.static) for one in given.series]) if student.n_static else None
        future = known if student.known.size else None
        forecasts = np.empty((len(contexts), student.prediction_length, len(student.targets)), contexts.dtype)
        for first in range(0, len(contexts), _BLOCK):
            block = slice(first, first + _BLOCK)
            parts = [None if one is None else one[block] for one in (numbers, future, static)]
            forecasts[block] = student.forecast(contexts[block], *parts)
        unseen = np.isnan(contexts[:, :, student.targets]).all(axis=1)
        spoiled = (~np.isfinite(forecasts)).any(axis=1) & ~unseen
        if spoiled.any():
            number = int(np.argmax(spoiled.any(axis=1)))
            raise ValueError(
                f"the forecast of series {given.series[number].id!r} is not finite: its values, or their differences, "
                "are too large for the type of the table. Divide them by a power of ten."
            )
        np.moveaxis(forecasts, 2, 1)[unseen] = np.nan
        return given.wrap_forecasts(forecasts, roles.target_channels)

    def _latest(self, values: np.ndarray) -> np.ndarray:
        """Return the last context of a series; rows before it are missing."""
        rows = values[-self.student.context_length :]
        before = self.student.context_length - len(rows)
        return rows if not before else np.concatenate([np.full((before, rows.shape[1]), np.nan, rows.dtype), rows])

    def _check_seen(self, contexts: np.ndarray, ids: list[Hashable | None]) -> None:
        if self.missing != "raise":
            return
        unseen = np.isnan(contexts[:, :, self.student.targets]).all(axis=1).any(axis=1)
        if unseen.any():
            raise ValueError(
                f"series {ids[int(np.argmax(unseen))]!r} has a target without an observed value in its last "
                f"{self.student.context_length} rows (context_length): there is nothing to forecast from. Give more "
                "rows, or fit with missing='nan', which forecasts NaN."
            )
