"""Tables of other libraries, which the door refuses with the way out, and masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["check_is_no_other_table", "fill_masked"]

_MARKS = ("__dataframe__", "__arrow_c_stream__", "__arrow_c_array__", "to_pandas", "collect_schema")


def check_is_no_other_table(X: Any, name: str) -> None:
    """Raise if something is a table of polars, Arrow or the like: read as an array, its times would become numbers.

    Parameters
    ----------
    X : object
        What the user gave.
    name : str
        What to call it in messages.

    Raises
    ------
    ValueError
        If it is such a table, or a column of one.

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
        f"{name} must be an array or of pandas; got {kind}, whose times would be read as numbers. Write "
        f"{_as_pandas(X, name)}."
    )


def _as_pandas(X: Any, name: str) -> str:
    """Spell the conversion, with the column of times where there is one."""
    table = name if hasattr(X, "to_pandas") else f"{name}.collect()" if hasattr(X, "collect") else name
    converted = f"{table}.to_pandas()" if table != name or hasattr(X, "to_pandas") else f"pandas.DataFrame({name})"
    times = _time_columns(X)
    return f"{converted}.set_index({times[0]!r})" if times else converted


def _time_columns(X: Any) -> list[str]:
    """Name the columns of moments, as the libraries' own schemas say it."""
    schema = X.collect_schema() if hasattr(X, "collect_schema") else getattr(X, "schema", None)
    if schema is None:
        return []
    fields = schema.items() if hasattr(schema, "items") else ((one.name, one.type) for one in schema)
    return [str(name) for name, dtype in fields if str(dtype).lower().startswith(("timestamp", "date"))]


def fill_masked(X: Any) -> Any:
    """Write NaN where an array is masked, and leave everything else as it is.

    Parameters
    ----------
    X : object
        What the user gave.

    Returns
    -------
    X : object
        A plain array where it was a masked one.

    Examples
    --------
    >>> fill_masked(np.ma.masked_equal([1, 9], 9))
    array([ 1., nan])
    """
    if not isinstance(X, np.ma.MaskedArray):
        return X
    return np.ma.filled(X.astype(np.float64), np.nan) if np.ma.is_masked(X) else X.data
