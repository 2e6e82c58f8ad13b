"""Errors for tables of other libraries, and for times among numbers."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils.numpy_student import kind_of_no_numbers

__all__ = ["check_has_no_times", "check_is_no_other_table", "say_read_panel"]

_TIMES = ("timestamp", "date")  # how the names of types start, in every library
_TEXTS = ("str", "utf8", "large_str", "varchar", "categorical", "dictionary", "enum", "object")
_MARKS = ("__dataframe__", "__arrow_c_stream__", "__arrow_c_array__", "to_pandas", "collect_schema")


def check_is_no_other_table(X: Any, name: str) -> None:
    """Raise for tables of polars, Arrow and the like, because their times would be read as numbers.

    Parameters
    ----------
    X : object
        Value of the parameter.
    name : str
        Name of the input, for error messages.

    Raises
    ------
    ValueError
        If it is such a table or column.

    Examples
    --------
    >>> check_is_no_other_table(pd.DataFrame({"load": [1.0]}), "X")
    """
    _check_is_no_array_of_times(X, name)
    if isinstance(X, np.ndarray | pd.DataFrame | pd.Series | list | tuple):
        return
    if not any(hasattr(X, mark) for mark in _MARKS):
        return
    kind = f"{type(X).__module__.partition('.')[0].strip('_')}.{type(X).__name__}"
    many = say_read_panel(_names_of(X, _TEXTS), _names_of(X, _TIMES), name)
    raise ValueError(
        f"{name} must be an array or a pandas object; got {kind}, and its times would be read as numbers. Write "
        f"{_as_pandas(X, name)}{many or '.'}"
    )


def say_read_panel(texts: Sequence[Hashable], times: Sequence[Hashable], name: str) -> str:
    """Return the way from a long table of many series to a panel, as the end of a sentence.

    Parameters
    ----------
    texts, times : sequence of str
        Columns of text, and of times.
    name : str
        Name of the table.

    Returns
    -------
    way : str
        Empty unless the table has both kinds of columns.

    Examples
    --------
    >>> say_read_panel(["shop"], ["day"], "X")
    "; or, if it has many series, skdistill.datasets.read_panel(X, id='shop', time='day')."
    >>> say_read_panel([], ["day"], "X")
    ''
    """
    if not texts or not times:
        return ""
    return f"; or, if it has many series, skdistill.datasets.read_panel({name}, id={texts[0]!r}, time={times[0]!r})."


def check_has_no_times(X: Any, name: str) -> None:
    """Raise for a table with a time column, which would be read as numbers.

    Parameters
    ----------
    X : object
        Value of the parameter.
    name : str
        Name of the input, for error messages.

    Raises
    ------
    ValueError
        If the table has a time column.

    Examples
    --------
    >>> check_has_no_times(np.ones((3, 2)), "X")
    """
    if isinstance(X, list | tuple) and (kind := kind_of_no_numbers(X)):
        raise ValueError(f"{name} must be numbers; got values of type {kind}. Leave times out: a row is one context.")
    _check_is_no_array_of_times(X, name)
    if isinstance(X, pd.DataFrame | pd.Series):
        dtypes = X.dtypes if isinstance(X, pd.DataFrame) else pd.Series([X.dtype], index=[X.name])
        times = [str(column) for column, dtype in dtypes.items() if dtype.kind in "mM"]
    elif isinstance(X, np.ndarray | list | tuple) or not any(hasattr(X, mark) for mark in _MARKS):
        return
    else:
        times = _names_of(X, _TIMES)
    if times:
        raise ValueError(
            f"{name} must have numeric columns only; {times[0]!r} is a time. Drop it: a row is one context."
        )


def _check_is_no_array_of_times(X: Any, name: str) -> None:
    if not isinstance(X, np.ndarray) or X.dtype.kind not in "mMO":
        return
    kind = kind_of_no_numbers(X)
    if kind and "complex" not in kind:  # scikit-learn refuses these
        raise ValueError(f"{name} must be numbers; got an array of {kind}. Times belong into the index of a DataFrame.")


def _as_pandas(X: Any, name: str) -> str:
    """Return the code of the conversion, with the time column if there is one."""
    calls = {"to_pandas": "to_pandas()", "collect": "collect().to_pandas()", "df": "df()"}
    call = next((code for method, code in calls.items() if hasattr(X, method)), None)
    converted = f"pandas.DataFrame({name})" if call is None else f"{name}.{call}"
    times = _names_of(X, _TIMES)
    return f"{converted}.set_index({times[0]!r})" if times else converted


def _names_of(X: Any, types: tuple[str, ...]) -> list[str]:
    """Return the names of columns of some types, from the schema of the library."""
    if hasattr(X, "collect_schema"):
        fields = list(X.collect_schema().items())
    elif hasattr(X, "schema"):
        fields = list(X.schema.items()) if hasattr(X.schema, "items") else [(one.name, one.type) for one in X.schema]
    elif hasattr(X, "columns"):
        fields = list(zip(X.columns, X.dtypes, strict=False))
    else:
        fields = []
    return [str(name) for name, dtype in fields if str(dtype).lower().startswith(types)]
