"""Check user input and convert it to one normal form of series."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import fill_masked, read_numbers
from skdistill.data._categories import is_categorical
from skdistill.data._finite import without_infinity
from skdistill.data._forms import CutFrame, PanelForm, join_tables, take_apart
from skdistill.data._label_reader import LabelReader
from skdistill.data._plausibility._plans import range_of_known
from skdistill.data._plausibility._time_columns import (
    warn_of_newest_first,
    warn_of_numbered_rows,
    warn_of_times_as_columns,
    warn_of_times_as_ids,
)
from skdistill.data._plausibility._told_of_rows import tell_of_rows
from skdistill.data._roles import Roles, categories_of_tables, find_roles, target_positions
from skdistill.data._row_labels import check_row_labels
from skdistill.data._series import Series, SeriesInput
from skdistill.data._series_labels import SeriesLabels, check_columns
from skdistill.data._statics import warn_of_static_units
from skdistill.data._steps import Step, as_time_index
from skdistill.data._tables import check_is_no_other_table, say_read_panel
from skdistill.data._validation_rows import count_training_rows
from skdistill.data._vintages import known_ahead, vintages_of

__all__ = ["check_roles_unchanged", "is_list_of_series", "read_series"]

_VECTOR = "value"  # channel name of Series without a name, or with different names
_TEXTS = (pd.StringDtype, pd.CategoricalDtype)
_FLOATS = {np.dtype(np.float32), np.dtype(np.float64)}
_BLOCK = 1024  # windows of a batch checked at once, because a batch can be a view larger than memory


def read_series(estimator: BaseEstimator, X: Any, *, reset: bool, allow_batch: bool) -> SeriesInput:
    """Check user input and convert it to normal form.

    Parameters
    ----------
    estimator : estimator
        The estimator; its ``n_features_in_``, ``feature_names_in_`` and ``series_labels_`` are set or compared.
    X : array, DataFrame, Series, panel, 3-D array or list of them
        What the user gave; a panel is a DataFrame with index levels (series, time), or a dict from id to series.
    reset : bool
        Whether to set (in ``fit``) or to compare (in ``predict``) the channels.
    allow_batch : bool
        Whether a 3-D array is a batch of windows (True) or many series of one length (False).

    Returns
    -------
    series : SeriesInput
        The series in normal form.

    Raises
    ------
    ValueError
        If there is no series or a 1-D array, a value is infinite, a column is not numeric, an index is irregular or has
        dates that are not of a time type, the channels differ from those of ``fit``, or a length of the estimator was
        changed after ``fit``.
    """
    if reset:
        estimator.__dict__.pop("series_labels_", None)
    else:
        _check_lengths_unchanged(estimator)
    X, form = take_apart(X)
    X = _as_arrays_or_frames(X)
    _check_dimensions(X)
    if reset and isinstance(X, pd.DataFrame):
        warn_of_times_as_columns(X, "X")
        warn_of_newest_first(X)
    X, categories = _encode_categories(estimator, X, reset=reset)
    if isinstance(X, CutFrame) and form is not None:
        given = SeriesInput(_read_cut(estimator, X, form, reset=reset), form=form)
    elif form is not None:
        given = SeriesInput(list(_read_many(estimator, X, reset=reset, form=form)), form=form)
    elif isinstance(X, np.ndarray) and X.ndim == 3:
        given = _read_cube(estimator, X, reset=reset, allow_batch=allow_batch)
    elif is_list_of_series(X):
        given = SeriesInput(list(_read_many(estimator, X, reset=reset)), is_list=True)
    else:
        given = SeriesInput([_read_one(estimator, X, reset=reset, name="X")])
    if form is not None:
        warn_of_times_as_ids(form.ids, given.series[0].index)
    if not reset:
        _labels_of(estimator).warn_of_others(
            [one.index for one in given.series],
            [one.step for one in given.series],
            lambda number: "X" if not given.is_panel else _name_of(given.series[number], number),
            with_calendar=bool(getattr(getattr(estimator, "spec_", None), "n_time_features", 0)),
        )
        given = _as_channels(getattr(estimator, "roles_", None), given)
        _tell_statics(estimator, given)
        tell_of_rows(estimator, given)
        return _with_vintages(estimator, given, reset=False)
    given = _keep_labels(estimator, given)
    if not _takes_roles(estimator):
        return given
    first = given.series[0]
    roles = find_roles(estimator, first.columns, first.values.shape[1], categories)
    if estimator.targets is None and first.columns is not None:
        warn_of_numbered_rows(first.columns, roles.targets, [one.values for one in given.series])
    if roles.static:
        roles = roles.with_static(_static_numbers(roles, given.series))
    if roles.known:
        roles = replace(roles, known_range=range_of_known(roles, given.series))
    estimator.roles_ = roles
    estimator._asked_roles = _asked_roles(estimator)
    return _with_vintages(estimator, _as_channels(roles, given), reset=True)


def check_roles_unchanged(estimator: Any, method: str) -> None:
    """Raise if parameters that give columns their roles were changed after ``fit``.

    Parameters
    ----------
    estimator : DistilledForecaster
        A fitted estimator.
    method : str
        The method that goes on from ``fit``.

    Raises
    ------
    ValueError
        If one was changed.
    """
    known = getattr(estimator, "_asked_roles", None)
    asked = _asked_roles(estimator)
    for name in asked:
        if known is not None and known[name] != asked[name]:
            raise ValueError(
                f"{name} of {type(estimator).__name__} was {known[name]} in fit and is {asked[name]} now: {method} "
                "goes on with the roles of fit. Set it back, or call fit with all rows."
            )


def _asked_roles(estimator: Any) -> dict[str, list[Any] | None]:
    """Return the parameters that give columns their roles."""
    asked = {name: getattr(estimator, name) for name in ("targets", "known_covariates", "static_covariates")}
    return {name: None if value is None else list(value) for name, value in asked.items()}


def _takes_roles(estimator: Any) -> bool:
    return hasattr(estimator, "known_covariates")


def _encode_categories(estimator: Any, X: Any, *, reset: bool) -> tuple[Any, dict[int, tuple[Any, ...]]]:
    """Replace categorical covariates by numbers of categories, which ``fit`` finds in the training rows."""
    if not reset:
        roles: Roles | None = getattr(estimator, "roles_", None)
        if roles is None or not roles.categories:
            return X, {}
        known, encode = _labels_of(estimator).columns, roles.encode

        def encode_known(table: Any, name: str) -> Any:
            if isinstance(table, pd.DataFrame):
                check_columns(known, table.columns, name=name)
            return encode(table, name)

        return _map_tables(X, _joined(X), encode_known), {}
    tables = X if isinstance(X, list | CutFrame) else [X]
    if not _takes_roles(estimator) or not isinstance(tables[0], pd.DataFrame):
        return X, {}
    if not any(is_categorical(dtype) for dtype in tables[0].dtypes):
        return X, {}
    fraction = 0  # a search refits on all rows
    if hasattr(estimator, "_validation_share"):
        fraction = estimator._validation_share(len(estimator.known_covariates or ()))
    targets = target_positions(estimator, tables[0].columns)
    joined = _joined(X)
    if joined is not None:
        frames, n_training = _training_part(joined, targets, fraction)
    else:
        frames = [one for one in tables if isinstance(one, pd.DataFrame) and one.shape[1] == tables[0].shape[1]]
        n_training = [count_training_rows(_observes(one, targets), fraction) for one in frames]
    categories = categories_of_tables(estimator, frames, n_training)
    roles = Roles(tables[0].shape[1], (0,), categories=categories)
    return _map_tables(X, joined, roles.encode), categories


def _observes(table: pd.DataFrame, targets: list[int]) -> np.ndarray:
    """Return in which rows a target is observed."""
    return np.asarray(table.iloc[:, targets].notna().any(axis=1))


def _training_part(X: CutFrame, targets: list[int], fraction: float | int) -> tuple[list[pd.DataFrame], list[int]]:
    """Return the training rows of all series in one table, and their number: slices of many series take long."""
    lengths, observed = np.diff(X.bounds), _observes(X.frame, targets)
    parts = np.split(observed, X.bounds[1:-1])
    counts = np.array([count_training_rows(one, fraction) for one in parts])
    places = np.arange(X.bounds[-1]) - np.repeat(X.bounds[:-1], lengths)
    return [X.frame[places < np.repeat(counts, lengths)]], [int(counts.sum())]


def _joined(X: Any) -> CutFrame | None:
    """Return the tables of many series in one, if they are alike: one by one, they take long."""
    return X if isinstance(X, CutFrame) else join_tables(X) if isinstance(X, list) else None


def _map_tables(X: Any, joined: CutFrame | None, function: Callable[[Any, str], Any]) -> Any:
    """Apply a function to every table of the input, with its name, or to all of them in one."""
    if joined is not None:
        rows = function(joined.frame, "X")
        if isinstance(X, CutFrame):
            return CutFrame(rows, X.bounds, X.step)
        parts = (rows.iloc[first:last] for first, last in pairwise(joined.bounds))
        return [part.set_axis(one.index, axis=0) for part, one in zip(parts, X, strict=True)]
    if isinstance(X, list | tuple):
        return type(X)(function(one, f"X[{number}]") for number, one in enumerate(X))
    return function(X, "X")


def _static_numbers(roles: Roles, series: Sequence[Series]) -> np.ndarray:
    """Return the static numbers of every series, (n_series, n_static), not standardized."""
    return np.stack([roles.static_numbers(one.values, _name_of(one, number)) for number, one in enumerate(series)])


def _name_of(series: Series, number: int) -> str:
    return f"X[{number}]" if series.id is None else f"series {series.id!r}"


def _as_channels(roles: Roles | None, given: SeriesInput) -> SeriesInput:
    """Convert columns to channels, and take static covariates out of them."""
    if roles is None or roles.is_plain:
        return given
    if given.batch is not None:
        static = None
        if roles.static:
            numbers = [roles.static_numbers(one, f"window {number} of X") for number, one in enumerate(given.batch)]
            static = roles.standardized_static(np.stack(numbers))
        return replace(given, batch=roles.to_channels(given.batch), static=static)
    statics: Sequence[Any] = [None] * len(given.series)
    if roles.static:
        statics = list(roles.standardized_static(_static_numbers(roles, given.series)))
    columns = roles.channel_names
    series = [
        replace(
            one,
            values=roles.to_channels(one.values),
            columns=one.columns if one.columns is None else columns,
            static=static,
            statics=roles.statics,
        )
        for one, static in zip(given.series, statics, strict=True)
    ]
    return replace(given, series=series)


def _tell_statics(estimator: Any, given: SeriesInput) -> None:
    """Warn of static covariates far outside those of ``fit``, if they are read."""
    roles = getattr(estimator, "roles_", None)
    if roles is None or roles.statics is None or not getattr(estimator.spec_, "n_static", 0):
        return
    is_batch = given.static is not None
    static = given.static if is_batch else np.stack([np.asarray(one.static) for one in given.series])
    warn_of_static_units(
        np.asarray(static),
        roles.statics,
        roles.static_range,
        lambda number: f"window {number} of X" if is_batch else _name_of(given.series[number], number),
    )


def _with_vintages(estimator: Any, given: SeriesInput, *, reset: bool) -> SeriesInput:
    """Add what was known at every row, if the estimator has vintages."""
    vintages = vintages_of(estimator, fitting=reset)
    if vintages is None or given.batch is not None:
        return given
    roles, length = estimator.roles_, estimator.prediction_length
    names = ["X" if not given.is_panel else _name_of(one, number) for number, one in enumerate(given.series)]
    series = [
        replace(one, ahead=known_ahead(vintages, roles, one, length, name))
        for one, name in zip(given.series, names, strict=True)
    ]
    return replace(given, series=series)


def _as_arrays_or_frames(X: Any) -> Any:
    """Raise for tables of other libraries, and convert masked values to NaN."""
    check_is_no_other_table(X, "X")
    if isinstance(X, CutFrame):
        return X
    if not isinstance(X, list | tuple):
        return fill_masked(X)
    for number, one in enumerate(X):
        check_is_no_other_table(one, f"X[{number}]")
    return fill_masked(X)


def _keep_labels(estimator: Any, given: SeriesInput) -> SeriesInput:
    """Store columns and steps on the estimator; series too short to show their step get that of longer ones."""
    series = given.series
    labels = _gather_labels(estimator, series)
    if len(labels.steps) > 1:
        series = _with_steps_of_longer(series)
        labels = _gather_labels(estimator, series)
    estimator.series_labels_ = labels
    series = [
        one if one.step is not None or one.index is None else replace(one, step=labels.step_of(one.index))
        for one in series
    ]
    return replace(given, series=series)


def _with_steps_of_longer(series: list[Series]) -> list[Series]:
    """Give series whose labels match the step of exactly one longer series that step: Monday to Friday are no days."""
    found = list(series)
    known: dict[Step, None] = {}
    for number in sorted(range(len(series)), key=lambda number: -len(series[number])):
        one = series[number]
        if one.step is None or one.index is None or one.step in known:
            continue
        kept = [] if getattr(one.index, "freq", None) is not None else [step for step in known if step.keeps(one.index)]
        if len(kept) == 1:
            found[number] = replace(one, step=kept[0])
        else:
            known[one.step] = None
    return found


def _gather_labels(estimator: Any, series: list[Series]) -> SeriesLabels:
    columns = series[0].columns
    if series[0].was_vector and _names_no_channel(estimator):
        columns = pd.Index([_VECTOR])
    return SeriesLabels.of(columns, [one.step for one in series], [one.index for one in series])


def _labels_of(estimator: Any) -> SeriesLabels:
    """Return the labels of ``fit``; empty if it got arrays."""
    return getattr(estimator, "series_labels_", None) or SeriesLabels()


def _check_lengths_unchanged(estimator: Any) -> None:
    for name in ("context_length", "prediction_length"):
        now, fitted = getattr(estimator, name), getattr(estimator.spec_, name)
        if now != fitted:
            raise ValueError(
                f"{name} of {type(estimator).__name__} was {fitted} in fit and is {now} now: fit again, or set it back."
            )


def _check_dimensions(X: Any) -> None:
    if isinstance(X, list | tuple) and len(X) and all(isinstance(one, np.ndarray) and one.ndim == 1 for one in X):
        raise ValueError(
            f"X is a {type(X).__name__} of {len(X)} 1-D arrays, which could be series or rows. Many series of one "
            "channel are [one[:, None] for one in X]; the rows of one series are np.stack(X)."
        )
    if isinstance(X, list | tuple) and not len(X):
        raise ValueError(f"X is an empty {type(X).__name__}: give at least one series.")
    if isinstance(X, list | tuple) and isinstance(X[0], dict):
        raise TypeError(
            f"X is a {type(X).__name__} of dicts, which is neither a table nor a panel: make rows a DataFrame, "
            "pd.DataFrame(X), and a panel of them with skdistill.datasets.read_panel(table, id=..., time=...)."
        )
    if isinstance(X, np.ndarray) and X.ndim == 1:
        raise ValueError(
            f"X must be 2-D (n_timestamps, n_channels); got shape {X.shape}. Reshape your data: X[:, None] is one "
            "channel."
        )


def is_list_of_series(X: Any) -> bool:
    """Return whether an input is a list of series.

    Parameters
    ----------
    X : object
        The input.

    Returns
    -------
    answer : bool
        Whether all its members are tables.
    """
    if not isinstance(X, list | tuple) or not len(X):
        return False
    return all(
        isinstance(one, pd.DataFrame | pd.Series) or (isinstance(one, np.ndarray) and one.ndim == 2) for one in X
    )


def _read_many(
    estimator: BaseEstimator, X: Iterable[Any], *, reset: bool, form: PanelForm | None = None
) -> Iterable[Series]:
    before: Series | None = None
    known, where = _labels_of(estimator), "fit"
    reader = LabelReader(known.steps)
    X = list(X)  # each frame of a panel is cut, and given its step, once
    alike = len({one.name for one in X if isinstance(one, pd.Series)}) < 2
    for number, one in enumerate(X):
        name, first = f"X[{number}]" if form is None else form.call(number), reset and number == 0
        like = None if before is None else _read_like(before, one, name, reader)
        before = like or _read_one(estimator, one, reset=first, name=name, alike=alike, known=known, where=where)
        if first:
            known, where = _gather_labels(estimator, [before]), name
            reader = LabelReader(known.steps)
        yield before if form is None else replace(before, id=form.ids[number])


def _read_cut(estimator: BaseEstimator, X: CutFrame, form: PanelForm, *, reset: bool) -> list[Series]:
    """Read a frame of many series: all values at once, and the labels of each."""
    values, index, columns = X.frame.to_numpy(), X.frame.index, X.frame.columns
    values = values.astype(np.float64) if values.dtype.kind in "iu" else values
    like = values.dtype in (np.float64, np.float32) and as_time_index(index) is index
    if not like or X.step is not None or np.isinf(values).any():  # the latter is found again, and named
        return list(_read_many(estimator, X, reset=reset, form=form))
    first = next(iter(_read_many(estimator, [X[0]], reset=reset, form=form)))
    reader = LabelReader((_gather_labels(estimator, [first]) if reset else _labels_of(estimator)).steps)
    series = [first]
    if _labels_repeat(index, X.bounds):
        labels = index[X.bounds[1] : X.bounds[2]]
        step = reader.step(labels, form.call(1))
        blocks = values.reshape(len(X), -1, values.shape[1])
        return [first, *(Series(blocks[n], labels, columns, step=step, id=form.ids[n]) for n in range(1, len(X)))]
    for number in range(1, len(X)):
        rows = slice(X.bounds[number], X.bounds[number + 1])
        labels = index[rows]
        step = reader.step(labels, form.call(number))
        series.append(Series(values[rows], labels, columns, step=step, id=form.ids[number]))
    return series


def _labels_repeat(index: pd.Index, bounds: Sequence[int]) -> bool:
    """Return whether several series have the same times, so that one index serves all."""
    lengths = np.diff(bounds)
    if type(index) is not pd.DatetimeIndex or len(lengths) < 2 or (lengths != lengths[0]).any():
        return False
    times = index.asi8.reshape(len(lengths), -1)
    return bool((times == times[0]).all())


def _read_like(before: Series, X: Any, name: str, reader: LabelReader) -> Series | None:
    """Read a float table with the columns of the previous, fully checked table; this is fast for large panels."""
    if type(X) is np.ndarray and before.index is None and before.columns is None:
        alike = X.dtype in _FLOATS and X.ndim == 2 and len(X) and X.shape[1] == before.values.shape[1]
        return Series(without_infinity(X, None, None, name)) if alike else None
    if not isinstance(X, pd.DataFrame) or before.was_vector or before.columns is None or not len(X):
        return None
    if X.columns is not before.columns and not X.columns.identical(before.columns):
        return None
    values = X.to_numpy()
    if values.dtype not in (np.float64, np.float32):
        return None
    if X.index is before.index:
        return replace(before, values=without_infinity(values, X.index, X.columns, name))
    step = reader.step(X.index, name)
    index, label_type = _in_pandas_types(X.index)
    values = without_infinity(values, index, X.columns, name)
    return Series(values, index, before.columns, step=step, label_type=label_type)


def _read_cube(estimator: BaseEstimator, X: np.ndarray, *, reset: bool, allow_batch: bool) -> SeriesInput:
    if not len(X):
        raise ValueError(f"X is an empty batch of shape {X.shape}: give at least one window.")
    if not allow_batch:
        return SeriesInput(list(_read_many(estimator, X, reset=reset)), is_list=True)
    expected = estimator.n_features_in_
    if X.shape[2] != expected:
        raise ValueError(
            f"X has {X.shape[2]} features, but {type(estimator).__name__} is expecting {expected} features as input: a "
            f"batch has shape (n_windows, n_timestamps, n_channels); got {X.shape}."
        )
    values = read_numbers(X, "X")
    for first in range(0, len(values), _BLOCK):
        _check_finite_batch(values[first : first + _BLOCK], first)
    return SeriesInput([], batch=values)


def _check_finite_batch(values: np.ndarray, first: int) -> None:
    if not np.isinf(values).any():
        return
    window, row, channel = np.argwhere(np.isinf(values))[0]
    raise ValueError(
        f"X contains infinity, first in window {first + window}, row {row}, channel {channel}: every value must be "
        "finite, or NaN where it is missing."
    )


def _read_one(
    estimator: BaseEstimator,
    X: Any,
    *,
    reset: bool,
    name: str,
    alike: bool = True,
    known: SeriesLabels | None = None,
    where: str = "fit",
) -> Series:
    known = _labels_of(estimator) if known is None else known
    is_member = name != "X"  # of a panel, which scikit-learn's messages do not name
    if is_member and not len(X):
        raise ValueError(f"{name} has no rows: leave it out, or give it at least one (NaN where nothing is observed).")
    again = None if reset else _read_again(X, known, name)
    if again is not None:
        return again
    was_vector = isinstance(X, pd.Series)
    if was_vector:
        X = X.to_frame(X.name if X.name is not None else _VECTOR)
    index = columns = names = step = label_type = None
    if isinstance(X, pd.DataFrame):
        _check_numeric(X, name)
        step = check_row_labels(X.index, name=name, known=known.steps)
        index, label_type = _in_pandas_types(X.index)
        columns = names = X.columns
    if was_vector and (not alike if reset else _names_no_channel(estimator)):
        X = X.set_axis([_VECTOR], axis=1)
        names = X.columns
    of_sklearn = not is_member and _are_text(known.columns) and _are_text(names)  # it compares names that are text
    if not reset and not of_sklearn:
        check_columns(known.columns, names, name=name, where=where)
    if is_member and not reset and np.ndim(X) == 2 and np.shape(X)[1] != estimator.n_features_in_:
        raise ValueError(
            f"{name} has {np.shape(X)[1]} features, but {where} has {estimator.n_features_in_}: every series needs the "
            "same columns in the same order. Add what is missing as NaN, or leave the series out."
        )
    table = X if names is None or _are_text(names) else X.set_axis(range(len(names)), axis=1)
    values = None if reset else _plain_values(estimator, table)
    if values is None:
        values = _checked_values(estimator, table, reset=reset, name=name)
    return Series(without_infinity(values, index, columns, name), index, columns, was_vector, step, label_type)


def _read_again(X: Any, known: SeriesLabels, name: str) -> Series | None:
    """Read a table of floats with the columns of ``fit``, which needs no check of types and names."""
    columns = known.columns
    if type(X) is not pd.DataFrame or columns is None or not (columns.is_(X.columns) or columns.identical(X.columns)):
        return None
    values = X.to_numpy()
    if values.dtype not in _FLOATS or not len(values):
        return None
    step = check_row_labels(X.index, name=name, known=known.steps)
    index, label_type = _in_pandas_types(X.index)
    return Series(without_infinity(values, index, columns, name), index, X.columns, False, step, label_type)


def _in_pandas_types(index: pd.Index) -> tuple[pd.Index, Any]:
    """Return labels in types of pandas, and the type that they had, if it was another."""
    labels = as_time_index(index)
    return labels, None if labels is index else index.dtype


def _checked_values(estimator: Any, table: Any, *, reset: bool, name: str) -> np.ndarray:
    """Return the values of a table after scikit-learn's checks, whose errors name the series."""
    if isinstance(table, pd.DataFrame) and any(map(_is_arrow_number, table.dtypes)):
        table = pd.DataFrame({one: _in_floats(column) for one, column in table.items()}, table.index, table.columns)
    try:
        return validate_data(
            estimator, table, reset=reset, dtype=(np.float64, np.float32), ensure_all_finite=False, ensure_min_samples=1
        )
    except ValueError as error:
        if name == "X":
            raise
        raise ValueError(f"{name}: {error}") from error


def _is_arrow_number(dtype: Any) -> bool:
    return isinstance(dtype, pd.ArrowDtype) and dtype.kind in "iub"


def _in_floats(column: pd.Series) -> Any:
    """Return integers and booleans of Arrow as floats, which the first pandas 2.2 does not where some are missing."""
    return column.to_numpy(np.float64, na_value=np.nan) if _is_arrow_number(column.dtype) else column


def _plain_values(estimator: Any, table: Any) -> np.ndarray | None:
    """Return the values of a table that scikit-learn's checks, slower than a forecast, would leave unchanged."""
    given, names = table, getattr(estimator, "feature_names_in_", None)
    if type(table) is pd.DataFrame:
        dtypes = set(table.dtypes)
        if (names is None and _are_text(table.columns)) or (names is not None and list(names) != list(table.columns)):
            return None
        if len(dtypes) != 1 or not dtypes <= _FLOATS:
            return None
        table = np.asarray(table)
    elif type(table) is not np.ndarray or table.dtype not in _FLOATS:
        return None
    if table.ndim != 2 or not len(table) or table.shape[1] != estimator.n_features_in_:
        return None
    if given is table and names is not None:  # as scikit-learn does
        warnings.warn(
            f"X does not have valid feature names, but {type(estimator).__name__} was fitted with feature names",
            stacklevel=stacklevel_of_user(),
        )
    return table


def _are_text(columns: pd.Index | None) -> bool:
    return columns is not None and all(isinstance(column, str) for column in columns)


def _names_no_channel(estimator: Any) -> bool:
    """Return whether ``fit`` got Series with names of series instead of a common channel."""
    return list(getattr(estimator, "feature_names_in_", [])) == [_VECTOR]


def _check_numeric(frame: pd.DataFrame, name: str) -> None:
    others = [
        f"{column!r} ({dtype})"
        for column, dtype in frame.dtypes.items()
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))
    ]
    if others:
        times = [column for column, dtype in frame.dtypes.items() if pd.api.types.is_datetime64_any_dtype(dtype)]
        texts = [column for column, dtype in frame.dtypes.items() if isinstance(dtype, _TEXTS) or dtype.kind == "O"]
        many = say_read_panel(texts, times, name) if name.isidentifier() else ""
        raise ValueError(
            f"{name} must have numeric columns only; not numeric: {', '.join(others)}. "
            f"Drop or encode them; put timestamps into the index (X.set_index(...)){many or '.'} DistilledForecaster "
            "encodes text and categories of covariates: name the columns to forecast in targets."
        )
