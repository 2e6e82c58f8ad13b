"""Read long tables of many series as a panel for ``fit``."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill.datasets._duplicates import refuse_duplicates
from skdistill.datasets._make_regular import make_regular
from skdistill.datasets._open_rows import open_rows
from skdistill.datasets._rows import to_panel

__all__ = ["read_panel"]


def read_panel(
    table: Any,
    *,
    id: Hashable | Sequence[Hashable] = "unique_id",
    time: Hashable = "ds",
    columns: Sequence[Hashable] | None = None,
    freq: Any = None,
    missing_rows: str = "insert",
    fill_value: float | Mapping[Hashable, float] | None = None,
    dayfirst: bool | None = None,
    date_format: str | None = None,
    unit: str | None = None,
    tz: Any = None,
    **read_options: Any,
) -> pd.DataFrame:
    r"""Read a long table, with one row per series and time, as a panel.

    Parameters
    ----------
    table : str, Path, file object or table
        A ``.csv`` or ``.parquet`` file, or a table of pandas, polars, Arrow, DuckDB or another library supported by
        narwhals; or a panel, which is checked.
    id : str or sequence of str, default="unique_id"
        The column that identifies the series; several are joined with ``"/"``. In a CSV file, ids such as ``007`` stay
        text; integers are numbers.
    time : str, default="ds"
        The time column: timestamps, dates, periods, text, or integers that number the rows.
    columns : sequence of str or None, default=None
        The channels to take; None takes all other columns.
    freq : str, offset, timedelta, int or None, default=None
        The step as a pandas frequency; None infers the common step of all series.
    missing_rows : {"insert", "keep", "raise"}, default="insert"
        What to do with missing rows between the first and the last row of a series: insert them, keep the gap with a
        warning, or raise.
    fill_value : float, dict of column to float or None, default=None
        Value of inserted rows, up to the last time at which some series has a value of the column: after it, rows are
        yet to come. None means not observed (NaN); ``{"sales": 0}`` is for tables without rows for days without sales.
    dayfirst : bool or None, default=None
        Whether dates such as 03/04/2024 start with the day. None infers it, with a warning if only the step of the rows
        decides, and an error if it is ambiguous.
    date_format : str or None, default=None
        Format of the times, if they are text or numbers such as 20240131: ``"%d/%m/%Y %H:%M"``, ``"%Y%m%d"``.
    unit : {"D", "h", "m", "s", "ms", "us", "ns"} or None, default=None
        Unit of numeric times, counted since 1970.
    tz : str, tzinfo or None, default=None
        The time zone. Times without a zone are local times in this zone; others, and numbers with a `unit`
        below a day, which count from 1970 in UTC, are converted. None leaves them unchanged; text with several offsets
        from UTC is in UTC.
    **read_options : object
        For files: passed to :func:`pandas.read_csv` or :func:`pyarrow.parquet.read_table`, such as ``sep=";"``.

    Returns
    -------
    panel : DataFrame of shape (n_rows, n_channels)
        Panel with the sorted index levels ``series`` and ``time``. Numbers are floats (float32 stays float32), with NaN
        for missing values; other columns are unchanged. The step is the same in every series.

    Raises
    ------
    ValueError
        If columns are missing, ids or times are missing or cannot be read, a series has two rows with the same time,
        steps differ or are irregular, or a value is infinite. The message names the series, the row and what to do.
    TypeError
        If `table` is not a table.
    ImportError
        If pyarrow is not installed, for a Parquet file or a table of another library.

    Warns
    -----
    UserWarning
        If columns are not numbers, missing rows are not inserted, a gap looks like a wrong date or like the hour
        skipped in spring, or the order of day and month was inferred from the step.

    See Also
    --------
    to_long : The inverse.
    regularize : For files with duplicates, local times or times that jitter.
    load_csv : One series.

    Examples
    --------
    >>> import io
    >>> text = "unique_id,ds,y\nb,2024-01-01,5\na,2024-01-01,1\na,2024-01-02,2\na,2024-01-04,4"
    >>> read_panel(io.StringIO(text))
                         y
    series time
    a      2024-01-01  1.0
           2024-01-02  2.0
           2024-01-03  NaN
           2024-01-04  4.0
    b      2024-01-01  5.0
    """
    check_choice(missing_rows, ["insert", "keep", "raise"], "missing_rows of read_panel")
    rows, _ = open_rows(
        table, id=id, time=time, columns=columns, dayfirst=dayfirst, date_format=date_format, unit=unit, tz=tz,
        owner="read_panel", read_options=read_options,
    )  # fmt: skip
    refuse_duplicates(rows)
    return to_panel(*make_regular(rows, freq, missing_rows, fill_value))
