"""Tables of other libraries, as narwhals sees them."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["from_native"]


def from_native(table: Any, *, eager_only: bool = False) -> Any:
    """Return a table of narwhals, without the warning that it will need a package of its own for Dask.

    Parameters
    ----------
    table : table
        Of a library that narwhals supports.
    eager_only : bool, default False
        Refuse lazy tables.

    Returns
    -------
    frame : narwhals.DataFrame or narwhals.LazyFrame
        The table.

    Raises
    ------
    TypeError
        If it is no such table.
    """
    import narwhals as nw

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Dask support is moving", FutureWarning)  # of narwhals 2.29
        return nw.from_native(table, eager_only=eager_only)
