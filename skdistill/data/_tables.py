"""Errors for tables of other libraries, and conversion of masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["check_has_no_times", "check_is_no_other_table", "fill_masked"]

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
    if isinstance(X, np.ndarray | pd.DataFrame | pd.Series | list | tuple):
        return
    if not any(hasattr(X, mark) for mark in _MARKS):
        return
    kind = f"{type(X).__module__.partition('.')[0]}.{type(X).__name__}"
    raise ValueError(
        f"{name} must be an array or a pandas object; got {kind}, and its times would be read as numbers. Write "
        f"{_as_pandas(X, name)}."
    )


def check_has_no_times(X: Any, name: str) -> None:
    """Raise for a table of another library with a time column, which would be read as numbers.

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
    if isinstance(X, np.ndarray | pd.DataFrame | list | tuple) or not any(hasattr(X, mark) for mark in _MARKS):
        return
    if times := _time_columns(X):
        raise ValueError(
            f"{name} must have numeric columns only; {times[0]!r} is a time. Drop it: a row is one context."
        )


def _as_pandas(X: Any, name: str) -> str:
    """Return the code of the conversion, with the time column if there is one."""
    table = name if hasattr(X, "to_pandas") else f"{name}.collect()" if hasattr(X, "collect") else name
    converted = f"{table}.to_pandas()" if table != name or hasattr(X, "to_pandas") else f"pandas.DataFrame({name})"
    times = _time_columns(X)
    return f"{converted}.set_index({times[0]!r})" if times else converted


def _time_columns(X: Any) -> list[str]:
    """Return the names of time columns, from the schema of the library."""
    schema = X.collect_schema() if hasattr(X, "collect_schema") else getattr(X, "schema", None)
    if schema is None:
        return []
    fields = schema.items() if hasattr(schema, "items") else ((one.name, one.type) for one in schema)
    return [str(name) for name, dtype in fields if str(dtype).lower().startswith(("timestamp", "date"))]


def fill_masked(X: Any) -> Any:
    """Replace masked values by NaN; return everything else unchanged.

    Parameters
    ----------
    X : object
        Value of the parameter.

    Returns
    -------
    X : object
        A plain array if the input was a masked array.

    Examples
    --------
    >>> fill_masked(np.ma.masked_equal([1, 9], 9))
    array([ 1., nan])
    """
    if not isinstance(X, np.ma.MaskedArray):
        return X
    return np.ma.filled(X.astype(np.float64), np.nan) if np.ma.is_masked(X) else X.data
