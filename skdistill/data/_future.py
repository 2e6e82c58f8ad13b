"""Known covariates over the horizon, as users give them to ``predict``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils.numpy_student import fill_masked
from skdistill.data._forms import CutFrame, join_tables, take_apart
from skdistill.data._labels_ahead import labels_ahead, stacked_labels
from skdistill.data._plausibility._plans import tell_future
from skdistill.data._roles import Roles
from skdistill.data._series import Series, SeriesInput
from skdistill.data._statics import joined_static
from skdistill.data._steps import as_time_index
from skdistill.data._tables import check_is_no_other_table
from skdistill.data._validation_rows import count_unobserved_end
from skdistill.data._vintages import Vintages, places_of

__all__ = ["read_future"]

_MOST_SHOWN = 5
_WAYS_OUT = (
    "Give future= with one row for each step of the horizon (NaN where a value is unknown), or append these rows to X "
    "with NaN in the targets."
)


def read_future(
    roles: Roles,
    given: SeriesInput,
    future: Any,
    prediction_length: int,
    *,
    needed: bool,
    vintages: Vintages | None = None,
    tell: bool = True,
) -> tuple[SeriesInput, np.ndarray | None]:
    """Return the series up to their last known target, and the known covariates after them.

    Parameters
    ----------
    roles : Roles
        Roles of the columns in ``fit``.
    given : SeriesInput
        The series, as channels.
    future : DataFrame, array, dict, list or None
        Known covariates of the horizon. None takes the rows of X after the last observed target.
    prediction_length : int
        Rows of the horizon.
    needed : bool
        Whether the forecast reads known covariates.
    vintages : Vintages or None, default=None
        Where the series got what was known ahead from.
    tell : bool, default=True
        Whether to warn as :func:`tell_future` does, of what the forecast reads.

    Returns
    -------
    given : SeriesInput
        The series without rows of the horizon.
    future : ndarray of shape (n_series, prediction_length, n_known) or None
        In original units, NaN where unknown; None if there is nothing and nothing is needed.

    Raises
    ------
    ValueError
        If rows or columns of the horizon are missing, unexpected or not aligned with the series.

    Warns
    -----
    UserWarning
        If a known covariate is missing before steps in which it is there, or in other units than in ``fit``.
    """
    given, values = _read(roles, given, future, prediction_length, needed=needed, vintages=vintages)
    if tell and needed and values is not None:
        tell_future(roles, given, values, with_gaps=vintages is None)
    return given, values


def _read(
    roles: Roles,
    given: SeriesInput,
    future: Any,
    prediction_length: int,
    *,
    needed: bool,
    vintages: Vintages | None,
) -> tuple[SeriesInput, np.ndarray | None]:
    """Read the known covariates after the series."""
    if not roles.known:
        if future is not None:
            raise ValueError(
                "future was given, but the forecaster was fitted without known covariates: leave future out, or fit "
                "again with known_covariates=[...]."
            )
        return given, None
    if future is None:
        is_known = vintages is not None and len(places_of(vintages, roles)) == len(roles.known_channels)
        return _from_rows(roles, given, prediction_length, needed=needed, is_known=is_known)
    if given.batch is not None:
        return given, _read_batch(roles, given.batch, future, prediction_length)
    values = _read_given(roles, given, future, prediction_length, () if vintages is None else tuple(vintages.columns))
    return given, values if vintages is None else _with_issued(vintages, roles, given, values)


def _read_given(
    roles: Roles, given: SeriesInput, future: Any, prediction_length: int, optional: tuple[Any, ...]
) -> np.ndarray:
    """Read the horizons of series; a table can leave out the optional columns, which are then unknown."""
    if type(future) is np.ndarray and not given.is_panel:  # the way of arrays is short
        return _read_array(roles, given.series[0], future, prediction_length)
    whole = _read_whole(roles, given, future, prediction_length, optional)
    if whole is not None:
        return roles.known_to_channels(whole)
    tables = _tables_of(given, future)
    expected = _expected_labels(given.series, prediction_length)
    parts = [
        _Reader(roles, one, given.name_of(number), prediction_length, optional).read(table, labels)
        for number, (one, table, labels) in enumerate(zip(given.series, tables, expected, strict=True))
    ]
    return roles.known_to_channels(np.stack(parts))


def _with_issued(vintages: Vintages, roles: Roles, given: SeriesInput, values: np.ndarray) -> np.ndarray:
    """Write what had been issued by the last row of each series where its future tells nothing."""
    places = places_of(vintages, roles)
    if not np.isnan(values[..., places]).any():
        return values
    values = values.copy()
    for one, rows in zip(given.series, values, strict=True):
        assert one.index is not None  # known_ahead
        known = vintages.known_at(one.index[-1], one.labels_ahead(len(rows)), one.id)[vintages.columns]
        rows[:, places] = np.where(np.isnan(rows[:, places]), known.to_numpy(), rows[:, places])
    return values


# -- rows of X ---------------------------------------------------------------------------------------


def _from_rows(
    roles: Roles, given: SeriesInput, prediction_length: int, *, needed: bool, is_known: bool
) -> tuple[SeriesInput, np.ndarray | None]:
    """Take the rows of X after the last observed target, and what vintages knew there (all of it, if ``is_known``)."""
    known = [_shown(roles.name(column)) for column in roles.known]
    if given.batch is not None:
        if not needed:
            return given, None
        raise ValueError(
            f"future is missing: the forecast reads the known covariates [{', '.join(known)}] over the horizon. Give "
            f"future= of shape (n_windows, prediction_length, n_known) = ({len(given.batch)}, {prediction_length}, "
            f"{len(roles.known)})."
        )
    targets, channels = list(roles.target_channels), list(roles.known_channels)
    ahead = [count_unobserved_end(one.values[:, targets]) for one in given.series]
    if not needed and max(ahead) < prediction_length:  # where fewer rows follow, targets are late
        return given, None
    for number, n_rows in enumerate(ahead):
        if n_rows >= prediction_length or is_known:
            continue
        name = given.name_of(number)
        has = "is missing" if not n_rows else "is too short"
        rows = f"{n_rows} row{'s' if n_rows > 1 else ''}" if n_rows else "no row"
        raise ValueError(
            f"future {has}: the forecast reads the known covariates [{', '.join(known)}] over prediction_length = "
            f"{prediction_length} rows, and {name} has {rows} after its last observed target. {_WAYS_OUT}"
        )
    cut, future = [], []
    for one, n_rows in zip(given.series, ahead, strict=True):
        first = len(one) - n_rows
        future.append(
            one.values[first : first + prediction_length, channels] if one.ahead is None else one.ahead[first]
        )
        cut.append(_before(one, first))
    return replace(given, series=cut), np.stack(future)


def _before(series: Series, n_rows: int) -> Series:
    """Return the first rows of a series."""
    index = None if series.index is None else series.index[:n_rows]
    if index is not None and series.step is not None:
        index = series.step.note_on(index)
    ahead = None if series.ahead is None else series.ahead[: n_rows + 1]
    return replace(series, values=series.values[:n_rows], index=index, ahead=ahead)


# -- future ------------------------------------------------------------------------------------------


def _read_batch(roles: Roles, batch: np.ndarray, future: Any, prediction_length: int) -> np.ndarray:
    """Read the horizons of a batch of windows."""
    values = np.asarray(fill_masked(future))
    expected = (len(batch), prediction_length, len(roles.known))
    if values.shape != expected or values.dtype.kind not in "fiub":
        raise ValueError(
            f"future must be numbers of shape (n_windows, prediction_length, n_known) = {expected} for a batch of "
            f"windows; got shape {values.shape} of type {values.dtype}."
        )
    _check_no_categories(roles, "future")
    _check_finite(values, "future")
    return roles.known_to_channels(values.astype(batch.dtype))


def _read_array(roles: Roles, series: Series, future: np.ndarray, prediction_length: int) -> np.ndarray:
    """Read the horizon of one series from an array; the usual one is checked in one pass."""
    plain = future.dtype == np.float64 and future.shape == (prediction_length, len(roles.known))
    if plain and not roles.has_known_categories and isfinite(future.sum()):
        return future[None]
    return roles.known_to_channels(_Reader(roles, series, "X", prediction_length).read_array(future))[None]


def _tables_of(given: SeriesInput, future: Any) -> list[Any]:
    """Return the table of every series, in the order of the series."""
    check_is_no_other_table(future, "future")
    tables, form = take_apart(future, "future")
    ids = [one.id for one in given.series]
    if given.form is None:
        if form is not None:
            raise ValueError(
                f"future has {len(form.ids)} series with ids, and X has none: give both in the same form, a DataFrame "
                "with index levels (series, time) or a dict."
            )
        if not given.is_list:
            return [fill_masked(future)]
        if isinstance(future, np.ndarray) and future.ndim == 3:
            tables = list(future)
        if not isinstance(tables, list | tuple) or len(tables) != len(ids):
            told = f"{len(tables)} tables" if isinstance(tables, list | tuple) else type(tables).__name__
            raise ValueError(
                f"future must be a list with one table for each of the {len(ids)} series of X; got {told}."
            )
        return [fill_masked(one) for one in tables]
    if form is None:
        raise ValueError(
            f"future must have the ids of X, as a DataFrame with index levels (series, time) or a dict; got "
            f"{type(future).__name__}."
        )
    places = {one: number for number, one in enumerate(form.ids)}
    ours = set(ids)
    missing, new = [one for one in ids if one not in places], [one for one in form.ids if one not in ours]
    if missing or new:
        parts = [f"it lacks {_list(missing)}"] * bool(missing) + [f"it has {_list(new)}, which X lacks"] * bool(new)
        raise ValueError(f"future must have the series of X: {', and '.join(parts)}. Select the same series in both.")
    return [tables[places[one]] for one in ids]


def _read_whole(
    roles: Roles, given: SeriesInput, future: Any, prediction_length: int, optional: tuple[Any, ...]
) -> np.ndarray | None:
    """Read the horizons of a panel all at once, if its tables are alike, and under times if it has more; or None."""
    if given.form is None or any(one.index is None for one in given.series):
        return None
    tables, form = take_apart(future, "future")
    tables = join_tables(tables) if isinstance(tables, list) else tables
    if form is None or not isinstance(tables, CutFrame) or len(form.ids) != len(given.series):
        return None
    ours = {one.id: number for number, one in enumerate(given.series)}
    numbers = [ours.get(one, -1) for one in form.ids]
    places = None if -1 in numbers else _places_of_all(tables, numbers, stacked_labels(given.series, prediction_length))
    if places is None:
        return None
    reader = _Reader(roles, given.series[0], "X", prediction_length, optional)
    try:
        values, statics = reader._columns(tables.frame), reader._statics(tables.frame)
    except ValueError:  # read by itself, a series is named
        return None
    if statics is not None:
        for number, rows in zip(numbers, np.split(statics, tables.bounds[1:-1]), strict=True):
            _Reader(roles, given.series[number], given.name_of(number), prediction_length)._check_statics(rows)
    return values[places].reshape(len(numbers), prediction_length, -1)


def _places_of_all(tables: CutFrame, numbers: Sequence[int], labels: pd.Index) -> np.ndarray | slice | None:
    """Return the rows of all horizons, series after series; None if one is not there, or labels are no times.

    ``numbers`` says which series each part of the table is of, and ``labels`` are those of the horizons.
    """
    given, n_series = as_time_index(tables.frame.index), len(numbers)
    if given.equals(labels) and numbers == list(range(n_series)) and len(set(np.diff(tables.bounds))) == 1:
        return slice(None)
    times = isinstance(labels, pd.DatetimeIndex) and isinstance(given, pd.DatetimeIndex) and given.tz == labels.tz
    if not times and not (isinstance(labels, pd.PeriodIndex) and given.dtype == labels.dtype):
        return None
    rows = pd.MultiIndex.from_arrays([np.repeat(numbers, np.diff(tables.bounds)), given])
    if rows.has_duplicates:
        return None
    of_labels = np.repeat(np.arange(n_series), len(labels) // n_series)
    places = rows.get_indexer(pd.MultiIndex.from_arrays([of_labels, labels]))
    return places if (places >= 0).all() else None


def _expected_labels(series: Sequence[Series], n_rows: int) -> list[pd.Index | None]:
    """Return the labels of the horizon of every series; None where there are none, or only row numbers."""
    ahead = iter(labels_ahead([one for one in series if one.index is not None], n_rows))
    return [None if one.index is None else _told(one.index, next(ahead)) for one in series]


def _told(index: pd.Index | None, labels: pd.Index) -> pd.Index | None:
    """Return labels that go on from an index; None where they only count rows, as after text."""
    goes_on = index is not None and len(index) > 0 and index[-1] == -1
    return None if _counts_rows(labels) and not goes_on else labels


@dataclass(frozen=True)
class _Reader:
    """Reads the horizon of one series."""

    roles: Roles
    series: Series
    name: str
    prediction_length: int
    optional: tuple[Any, ...] = ()  # columns that a table can leave out

    @property
    def _of(self) -> str:
        return "future" if self.name == "X" else f"future of {self.name}"

    def read(self, table: Any, labels: pd.Index | None) -> np.ndarray:
        """Return the known covariates, (prediction_length, n_known columns)."""
        if isinstance(table, pd.Series):
            table = table.to_frame(table.name if table.name is not None else self.roles.name(self.roles.known[0]))
        if not isinstance(table, pd.DataFrame):
            return self.read_array(np.asarray(table))
        values, statics = self._columns(table), self._statics(table)
        if statics is not None:
            self._check_statics(statics)
        return values[self._places(table.index, labels)]

    def read_array(self, values: np.ndarray) -> np.ndarray:
        """Return the known covariates of an array, (prediction_length, n_known columns)."""
        n_known = len(self.roles.known)
        if values.ndim != 2 or values.shape[1] != n_known or values.dtype.kind not in "fiub":
            raise ValueError(
                f"{self._of} must be a DataFrame or numbers of shape (prediction_length, n_known) = "
                f"({self.prediction_length}, {n_known}); got shape {values.shape} of type {values.dtype}."
            )
        _check_no_categories(self.roles, self._of)
        self._check_length(len(values), exactly=True)
        values = values.astype(np.float64, copy=False)
        _check_finite(values, self._of)
        return values

    def _check_length(self, n_rows: int, *, exactly: bool = False) -> None:
        """Raise for too few rows, and where no labels tell which are those of the horizon, for too many."""
        if n_rows < self.prediction_length:
            raise ValueError(
                f"{self._of} is too short: it has {n_rows} rows, and the horizon has prediction_length = "
                f"{self.prediction_length}. Append rows, NaN where a value is unknown."
            )
        if exactly and n_rows > self.prediction_length:
            raise ValueError(
                f"{self._of} is too long: it has {n_rows} rows without labels of the horizon, which has "
                f"prediction_length = {self.prediction_length} rows. Give these rows alone, or a DataFrame with the "
                "labels that go on from X."
            )

    def _columns(self, table: pd.DataFrame) -> np.ndarray:
        """Return the known covariates of all rows, in the order of ``fit``, categories as numbers."""
        roles = self.roles
        if roles.columns is None:
            return self._of_positions(table)
        names, given = [roles.columns[column] for column in roles.known], list(table.columns)
        left_out = [name for name in names if name not in given]
        missing = [name for name in left_out if name not in self.optional]
        if missing:
            raise ValueError(
                f"{self._of} lacks the known covariates {_list(missing)}; it has the columns {_list(given)}. Give all "
                f"of {_list(names)}, NaN where a value is unknown."
            )
        if left_out or len(given) > len(names):
            self._check_others(table, set(names))
        table = table.reindex(columns=names) if left_out else table.loc[:, names]
        return self._encoded(table, roles.known)

    def _encoded(self, table: pd.DataFrame, columns: Sequence[int]) -> np.ndarray:
        """Return the numbers of a table that has some columns of ``fit``, categories as numbers."""
        roles = self.roles
        categories = {
            place: roles.categories[column] for place, column in enumerate(columns) if column in roles.categories
        }
        if categories:
            part = Roles(len(columns), (), columns=table.columns, categories=categories)
            table = part.encode(table, self._of)
        return self._numbers(table)

    def _of_positions(self, table: pd.DataFrame) -> np.ndarray:
        if table.shape[1] != len(self.roles.known):
            raise ValueError(
                f"{self._of} must have the {len(self.roles.known)} known covariates as columns, in the order of "
                f"known_covariates; got {table.shape[1]} columns."
            )
        return self._numbers(table)

    def _check_others(self, table: pd.DataFrame, names: set[Any]) -> None:
        """Raise for columns that are not known in advance; static ones, and others without a value, may be there."""
        roles = self.roles
        assert roles.columns is not None  # _columns
        ours = {name: column for column, name in enumerate(roles.columns)}
        for name in table.columns:
            column = ours.get(name)
            if name in names or column in roles.static or (column is not None and table[name].isna().all()):
                continue
            if column in roles.targets:
                raise ValueError(
                    f"{self._of} has values for the target {name!r}, which is what is to be forecast: leave the column "
                    "out. If these rows have been observed, append them to X."
                )
            what = "is no column of X" if column is None else "is not among known_covariates"
            raise ValueError(
                f"{self._of} has the column {name!r}, which {what}. Give only {_list(list(names))}; a column that is "
                "known over the horizon belongs into known_covariates at fit."
            )

    def _statics(self, table: pd.DataFrame) -> np.ndarray | None:
        """Return the columns of ``fit`` with the static covariates that a table has; None if it has none."""
        roles = self.roles
        static = [one for one in roles.static if roles.name(one) in table]
        if roles.columns is None or not static:
            return None
        values = np.full((len(table), roles.n_columns), np.nan)
        values[:, static] = self._encoded(table[[roles.columns[one] for one in static]], static)
        return values

    def _check_statics(self, values: np.ndarray) -> None:
        """Raise for a static covariate that is another one than in the rows so far."""
        now = self.roles.standardized_static(self.roles.static_numbers(values, self._of))
        joined_static(self.series.static, now, self.roles.statics, self.name)

    def _numbers(self, table: pd.DataFrame) -> np.ndarray:
        others = [
            repr(name)
            for name, dtype in zip(table.columns, table.dtypes, strict=True)
            if not pd.api.types.is_any_real_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        ]
        if others:
            raise ValueError(
                f"{self._of} must have numbers in the columns that were numbers in fit; not numeric: "
                f"{', '.join(others)}."
            )
        values = table.to_numpy(dtype=np.float64, na_value=np.nan)
        _check_finite(values, self._of)
        return values

    def _places(self, index: pd.Index, labels: pd.Index | None) -> np.ndarray | slice:
        """Return the rows of the horizon."""
        first = slice(0, self.prediction_length)
        if labels is not None:
            index, labels = as_time_index(index), as_time_index(labels)
            if index[first].equals(labels) and not index.has_duplicates:
                return first
        if labels is None or _counts_rows(index):  # labels that nobody can carry on count rows
            self._check_length(len(index), exactly=True)
            return first
        if index.has_duplicates:
            raise ValueError(f"{self._of} has the label {index[index.duplicated()][0]} twice: give each row once.")
        places = index.get_indexer(labels)
        if (places >= 0).all():
            return places
        absent = labels[int(np.argmax(places < 0))]
        starts = len(index) > 0 and index[0] == labels[0] and absent > index[-1]
        if starts:
            self._check_length(len(index))
        found = "it is empty" if not len(index) else f"it has labels from {index[0]} to {index[-1]}"
        assert self.series.index is not None  # it has labels
        raise ValueError(
            f"{self._of} is not aligned with {self.name}, which ends at {self.series.index[-1]}: the horizon is "
            f"{labels[0]} to {labels[-1]}, and future has no row for {absent}; {found}. Give these rows, NaN where a "
            "value is unknown."
        )


def _counts_rows(index: pd.Index) -> bool:
    """Return whether an index only counts rows from 0."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _check_finite(values: np.ndarray, name: str) -> None:
    if not np.isinf(values).any():
        return
    row = int(np.argwhere(np.isinf(values))[0][-2])
    raise ValueError(f"{name} contains infinity, first in row {row}: write NaN where a value is unknown.")


def _check_no_categories(roles: Roles, name: str) -> None:
    """Raise if known covariates have categories, which numbers do not name."""
    if not roles.has_known_categories:
        return
    columns = [roles.name(column) for column in roles.known if column in roles.categories]
    if columns:
        raise ValueError(
            f"{name} must be a DataFrame: {_list(columns)} held categories in fit, which an array does not name."
        )


def _shown(name: Any) -> str:
    return repr(name.item() if isinstance(name, np.generic) else name)


def _list(names: Sequence[Any]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_SHOWN else ""
    return f"[{', '.join(_shown(name) for name in names[:_MOST_SHOWN])}{more}]"
