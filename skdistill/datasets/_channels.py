"""Channels of a table: numbers are converted to floats, other columns are reported."""

from __future__ import annotations

import decimal
import numbers
import warnings
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.datasets._csv_text import advise_number_format
from skdistill.datasets._times import say_id

__all__ = ["plain_name", "read_channels", "say_other", "stack_columns", "text_is_encoded", "warn_of_parts"]


def read_channels(frame: pd.DataFrame, ids: pd.Index, codes: np.ndarray, name: str) -> pd.DataFrame:
    """Convert numbers to floats; leave other columns unchanged, with a warning.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_channels)
        The channels.
    ids : Index of shape (n_series,)
        Names of the series.
    codes : ndarray of int of shape (n_rows,)
        The series of each row.
    name : str
        Name of the table, for error messages.

    Returns
    -------
    channels : DataFrame of shape (n_rows, n_channels)
        float32 stays float32, other numbers become float64; missing values are NaN.

    Raises
    ------
    ValueError
        If a number is infinite; the message names row, column and id.
    """
    columns: list[Any] = []
    others = []
    for column in range(frame.shape[1]):
        values, label = frame.iloc[:, column], frame.columns[column]
        if _is_number(values):
            floats = _to_floats(values)
            infinite = np.isinf(floats)
            if infinite.any():
                row = int(np.argmax(infinite))
                whose = f" of series {say_id(ids[codes[row]])}" if len(ids) > 1 else ""
                raise ValueError(
                    f"{name} has an infinite value in column {label!r}, row {row}{whose} ({infinite.sum()} in all). "
                    "If it was not observed, write NaN: table.replace([np.inf, -np.inf], np.nan)."
                )
            columns.append(floats)
        else:
            others.append(say_other(values, label))
            columns.append(values.array)
    if others:
        warnings.warn(
            f"{name} has columns that are not numbers, left unchanged: {'; '.join(others)}. fit encodes "
            "those that are covariates; leave all others out with columns=.",
            stacklevel=stacklevel_of_user(),
        )
    return stack_columns(columns, frame.columns)


def plain_name(name: Hashable) -> str:
    """Return what names of columns have in common that differ in case or spaces alone.

    Parameters
    ----------
    name : hashable
        A name.

    Returns
    -------
    plain : str
        The same for both.

    Examples
    --------
    >>> plain_name(" Unit  price") == plain_name("unit Price")
    True
    """
    return " ".join(str(name).split()).casefold()


def warn_of_parts(channels: pd.DataFrame, name: str) -> None:
    """Warn of two columns that differ in case or spaces alone and have no row in common, as parts of one have.

    Parameters
    ----------
    channels : DataFrame of shape (n_rows, n_channels)
        The channels.
    name : str
        Name of the table, for the message.

    Warns
    -----
    UserWarning
        For the first two.
    """
    first: dict[str, int] = {}
    for place, column in enumerate(channels.columns):
        other = first.setdefault(plain_name(column), place)
        if other == place:
            continue
        one, two = (channels.iloc[:, each].notna().to_numpy() for each in (other, place))
        if one.any() and two.any() and not (one & two).any():
            warnings.warn(
                f"{name} has the columns {channels.columns[other]!r} and {column!r}, which differ in case or spaces "
                "alone, and no row has both: they look like one column of two tables that were put together, and each "
                "misses the rows of the other. Write its name in one way there.",
                stacklevel=stacklevel_of_user(),
            )
            return


@contextmanager
def text_is_encoded() -> Iterator[None]:
    """Do not warn of columns that are not numbers: a forecaster encodes them, as it does those of a panel."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* has columns that are not numbers")
        yield


def stack_columns(columns: list[Any], names: pd.Index) -> pd.DataFrame:
    """Return a table that shares no memory with another, in one block if all columns have the same float type."""
    kinds = {getattr(one, "dtype", None) for one in columns}
    if len(columns) > 1 and len(kinds) == 1 and isinstance(columns[0], np.ndarray) and columns[0].dtype.kind == "f":
        return pd.DataFrame(np.stack(columns).T, columns=names, copy=False)
    own = [one if isinstance(one, np.ndarray) and one.flags.owndata else one.copy() for one in columns]
    return pd.DataFrame(dict(enumerate(own)), copy=False).set_axis(names, axis=1)


def _is_number(values: pd.Series) -> bool:
    if pd.api.types.is_complex_dtype(values.dtype):
        return False
    if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
        return True
    if values.isna().all() and not isinstance(values.dtype, pd.CategoricalDtype) and values.dtype.kind not in "mM":
        return True  # nothing that says what it would be
    if values.dtype != object:
        return False
    known = values[values.notna()]
    return all(isinstance(one, numbers.Real | decimal.Decimal) for one in known)


def _to_floats(values: pd.Series) -> np.ndarray:
    if values.dtype in (np.float64, np.float32):
        return values.to_numpy()
    if values.isna().all():
        return np.full(len(values), np.nan)
    kind = np.float32 if str(values.dtype) in ("Float32", "float[pyarrow]") else np.float64
    return values.to_numpy(dtype=kind, na_value=np.nan)


def say_other(values: pd.Series, label: Hashable) -> str:
    """Return the name of a column that is not numeric, with what it holds and how to read it.

    Parameters
    ----------
    values : Series of shape (n_rows,)
        The column.
    label : hashable
        Its name.

    Returns
    -------
    text : str
        Name, content and advice.
    """
    if not (values.dtype == object or isinstance(values.dtype, pd.StringDtype)):
        return f"{label!r} ({values.dtype})"
    distinct = values.dropna().drop_duplicates()
    bad = distinct[pd.to_numeric(distinct, errors="coerce").isna()]
    advice = advise_number_format(bad)
    if advice is not None:
        return f"{label!r} (text such as {bad.iloc[0]!r}: {advice})"
    if 0 < len(bad) < len(distinct):
        row, n_bad = int(np.argmax(values == bad.iloc[0])), int(values.isin(bad).sum())
        more = f" and {n_bad - 1} more" if n_bad > 1 else ""
        return f"{label!r} (numbers except {bad.iloc[0]!r} in row {row}{more}: na_values= reads it as missing)"
    return f"{label!r} (text such as {distinct.iloc[0]!r})"
