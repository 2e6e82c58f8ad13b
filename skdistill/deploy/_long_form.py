"""Long tables as panels, and forecasts of panels as long tables of the same library."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._from_native import from_native
from skdistill._utils._optional import import_optional
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._series_labels import SeriesLabels, has_names
from skdistill.data._steps import ClockStep, NumberStep, PeriodStep
from skdistill.datasets._channels import text_is_encoded
from skdistill.datasets._read_panel import read_panel
from skdistill.datasets._steps import StepOfFit
from skdistill.datasets._tables import ColumnsAndOthers, LackingColumnError
from skdistill.datasets._to_long import to_long

__all__ = ["LongForm"]

_LEFT_OUT = 0.1  # of the rows


@dataclass(frozen=True)
class LongForm:
    """How long tables name their columns, and what ``fit`` knows about them.

    Parameters
    ----------
    id, time : hashable
        Columns of ids and times.
    columns : tuple of hashable or None, default=None
        The columns of ``fit``; None for all others.
    targets : tuple of hashable or None, default=None
        The columns of forecasts.
    known : tuple of hashable or None, default=None
        The known covariates among them.
    encodes : bool, default=False
        Whether some columns are categories, as in ``fit``.
    freq : offset, int or None, default=None
        The step of the series of ``fit``, if they have one in common that :func:`~skdistill.datasets.read_panel` takes.
    issued : tuple of hashable, default=()
        The known covariates that vintages tell, too.
    zones : tuple of str or None, default=()
        Distinct time zones of the times of ``fit``; None for times without a zone.
    saw_missing : bool, default=True
        Whether a value was missing in ``fit``; if not, rows that a table leaves out are told.
    """

    id: Hashable
    time: Hashable
    columns: tuple[Hashable, ...] | None = None
    targets: tuple[Hashable, ...] | None = None
    known: tuple[Hashable, ...] | None = None
    encodes: bool = False
    freq: Any = None
    issued: tuple[Hashable, ...] = ()
    zones: tuple[str | None, ...] = ()
    saw_missing: bool = True

    @classmethod
    def of(cls, forecaster: Any, id: Hashable, time: Hashable, owner: str) -> LongForm:
        """Return the form of the tables of a fitted forecaster.

        Parameters
        ----------
        forecaster : DistilledForecaster
            A fitted forecaster.
        id, time : hashable
            Columns of ids and times.
        owner : str
            Name of the called method, for error messages.

        Returns
        -------
        form : LongForm
            The form.

        Raises
        ------
        TypeError
            If the column of ids or times is not one name.
        ValueError
            If both are the same column, or a column of ``fit``.
        """
        for name, value in (("id", id), ("time", time)):
            if isinstance(value, list | dict | set) or value is None:
                raise TypeError(f"{name} of {owner} must be the name of one column; got {value!r}.")
        labels: SeriesLabels = getattr(forecaster, "series_labels_", None) or SeriesLabels()
        roles, freq = forecaster.roles_, _freq_of(labels)
        saw_missing = owner == "fit" or forecaster.scaling_.saw_missing_targets
        if not has_names(labels.columns):
            return cls(id, time, encodes=bool(roles.categories), freq=freq, zones=labels.zones, saw_missing=saw_missing)
        assert labels.columns is not None  # has_names
        names = tuple(labels.columns)
        taken = [one for one in (id, time) if one in names]
        if taken or id == time:
            what = "is a column of fit" if taken else "is both id and time"
            raise ValueError(f"{(taken or [id])[0]!r} {what}: id and time of {owner} need columns of their own.")
        targets, known = (tuple(names[column] for column in some) for some in (roles.targets, roles.known))
        vintages = getattr(forecaster, "vintages", None)
        issued = () if vintages is None else tuple(vintages.columns)
        return cls(id, time, names, targets, known, bool(roles.categories), freq, issued, labels.zones, saw_missing)

    def read(self, table: Any, *, future: bool = False, one_step: bool = False) -> pd.DataFrame:
        """Read a long table as a panel.

        Parameters
        ----------
        table : table or path
            With columns of ids, times and channels, rows in any order.
        future : bool, default=False
            Whether it holds the known covariates of the horizon. Other columns of ``fit`` are read where it has them,
            so that values that a forecast would not use are refused.
        one_step : bool, default=False
            Whether a series with a larger step than that of ``fit`` is an error, instead of a warning.

        Returns
        -------
        panel : DataFrame
            Panel with the columns of ``fit``, or the known covariates.
        """
        columns: list[Hashable] | None = None if self.columns is None else list(self.columns)
        if future and columns is not None and self.known is not None:
            columns = ColumnsAndOthers(self.known, [one for one in columns if one not in self.known])
        try:
            with text_is_encoded() if self.encodes else nullcontext():
                panel = read_panel(
                    table,
                    id=self.id,
                    time=self.time,
                    columns=columns,
                    freq=None if self.freq is None else StepOfFit(self.freq, is_needed=one_step),
                )
        except LackingColumnError as error:
            if not future or error.column not in self.issued:
                raise
            raise ValueError(
                f"{error} future= of predict_table needs all known covariates: fill those that vintages= tells "
                f"({', '.join(map(repr, self.issued))}) with NaN, and the newest values that were issued are read."
            ) from error
        if not future and not self.saw_missing:
            _tell_left_out(panel)
        return panel

    def write(self, forecasts: pd.DataFrame, table: Any) -> Any:
        """Return forecasts as a long table.

        Parameters
        ----------
        forecasts : DataFrame
            A panel.
        table : table or path
            The table that was read.

        Returns
        -------
        table : table
            Of the same library, with ids and times of the same type; of pandas if the table was a file, of Arrow if
            it was lazy and is not polars'.
        """
        return _like(to_long(forecasts, id=self.id, time=self.time), table, self.id, self.time)

    def write_empty(self, table: Any) -> Any:
        """Return a long table without rows, with the columns and types of forecasts.

        Parameters
        ----------
        table : table
            The table without rows that was read.

        Returns
        -------
        table : table
            Of the same library.
        """
        frame = table if isinstance(table, pd.DataFrame) else _to_pandas(table)
        others = [one for one in frame.columns if one not in (self.id, self.time)]
        read = [one for one in (others if self.columns is None else self.columns) if one in frame.columns]
        small = bool(read) and all(frame[one].dtype == np.float32 for one in read)
        targets = others if self.targets is None else self.targets
        keys = {one: frame[one] if one in frame.columns else pd.Series(dtype=object) for one in (self.id, self.time)}
        values = {one: pd.Series(dtype=np.float32 if small else np.float64) for one in targets}
        empty = pd.DataFrame({**keys, **values})
        return empty if isinstance(table, pd.DataFrame) else _like(empty, table, self.id, self.time)


def _tell_left_out(panel: pd.DataFrame) -> None:
    """Warn of many rows without a value, where ``fit`` had none: zeros left out, and filled before ``fit``."""
    empty = panel.iloc[:, 0].isna().to_numpy()
    if empty.mean() < _LEFT_OUT:
        return
    empty, index = np.asarray(panel.isna().all(axis=1)), panel.index
    assert isinstance(index, pd.MultiIndex)  # of read_panel
    rows, starts = np.arange(len(panel)), np.flatnonzero(np.diff(index.codes[0], prepend=-1))
    series = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(panel))))
    first = np.minimum.reduceat(np.where(empty, len(panel), rows), starts)[series]
    last = np.maximum.reduceat(np.where(empty, -1, rows), starts)[series]
    if (empty & (first < rows) & (rows < last)).mean() >= _LEFT_OUT:
        warnings.warn(
            "rows between others are left out of the table, or hold no value, and count as not observed (NaN), which "
            "none was in fit. If rows without sales were left out, and filled before fit by fill_value=, fill them "
            "here, too: predict(read_panel(table, fill_value=...)), or write them.",
            stacklevel=stacklevel_of_user(),
        )


def _freq_of(labels: SeriesLabels) -> Any:
    """Return the common step of the series of ``fit``, as read_panel takes it; None without one."""
    step = labels.steps[0] if len(labels.steps) == 1 else None
    if isinstance(step, NumberStep):
        return int(step.size) if step.size == int(step.size) else None
    if isinstance(step, ClockStep) or (isinstance(step, PeriodStep) and step.size == 1):
        return step.offset
    return None


def _to_pandas(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = from_native(table, eager_only=True).to_pandas()
    return frame


def _like(forecasts: pd.DataFrame, table: Any, id: Hashable, time: Hashable) -> Any:
    """Convert a long table to the library of another one, and its ids and times to their types."""
    if isinstance(table, pd.DataFrame):
        keys = {one: _typed(forecasts[one], table[one]) for one in (id, time) if one in table.columns}
        return pd.DataFrame({one: keys.get(one, forecasts[one]) for one in forecasts.columns})
    if isinstance(table, str | bytes) or hasattr(table, "__fspath__") or hasattr(table, "read"):
        return forecasts
    import narwhals as nw

    source = from_native(table)
    if source.implementation.is_pandas_like():
        return forecasts
    schema = source.collect_schema()
    pa: Any = import_optional("pyarrow", extra="parquet", purpose="Writing this kind of table")
    found: Any = pa.Table.from_pandas(forecasts, preserve_index=False).replace_schema_metadata(None)
    if source.implementation.is_polars():
        import polars as pl

        found = pl.from_arrow(found)
    frame = from_native(found, eager_only=True)
    lacking = (nw.String, nw.Int128, nw.UInt128, nw.Object, nw.Unknown)  # such as UUIDs: Arrow has no such type
    casts = [one for one in (str(id), str(time)) if schema[one] not in (*lacking, frame.schema[one])]
    nothing = nw.Unknown  # the type of text without rows
    casts += [one for one in (str(id), str(time)) if schema[one] == nw.String and frame.schema[one] == nothing]
    casts = [one for one in casts if _is_held(forecasts[one], schema[one])]
    frame = frame.with_columns(*(nw.col(one).cast(schema[one]) for one in casts))
    is_lazy = source.implementation.is_polars() and isinstance(source, nw.LazyFrame)
    return frame.to_native().lazy() if is_lazy else frame.to_native()


def _typed(column: pd.Series, like: pd.Series) -> pd.Series:
    """Return ids or times in the type of a table; times that were text or numbers of a date stay times."""
    if column.dtype == like.dtype:
        return column
    if like.dtype == object and column.dtype.kind == "M":
        first = like.iloc[0] if len(like) else None
        is_date = isinstance(first, datetime.date) and not isinstance(first, datetime.datetime)
        return column.dt.date.astype(object) if is_date else column
    is_text = pd.api.types.is_string_dtype(like.dtype)
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.PeriodDtype):
        return column.astype(like.dtype) if like.dtype.kind in "mM" and not is_text else column
    if column.dtype.kind not in "iuf":
        return column.astype(like.dtype)
    return _in_type(column, like.dtype)


def _in_type(numbers: pd.Series, dtype: Any) -> pd.Series:
    """Return ids or times in another type, and as they are where it does not hold them, such as 128 in int8."""
    if isinstance(dtype, pd.CategoricalDtype):
        return numbers.astype(dtype) if numbers.isin(dtype.categories).all() else numbers
    try:
        found = numbers.astype(dtype)
        return found if (found == numbers).all() else numbers
    except (ArithmeticError, NotImplementedError, TypeError, ValueError):  # so say nullable types and those of Arrow
        return numbers


def _is_held(column: pd.Series, dtype: Any) -> bool:
    """Return whether a type of narwhals holds all values of a column."""
    if str(dtype).startswith(("Categorical", "Enum")):
        return column.dtype.kind not in "iufbmM"  # a dictionary of numbers or times, which Arrow cannot make of them
    if column.dtype.kind not in "iuf" or not (dtype.is_integer() or dtype.is_float()):
        return True
    return _in_type(column, np.dtype(str(dtype).lower())).dtype == str(dtype).lower()
