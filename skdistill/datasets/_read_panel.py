"""Long tables of many series to the panel that ``fit`` takes."""

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
    r"""Read a long table, one row for each series and time, as a panel.

    Parameters
    ----------
    table : str, Path, file object or table
        A ``.csv`` or ``.parquet`` file, or a table of pandas, polars, Arrow, DuckDB or another library that narwhals
        knows; or a panel, which is checked.
    id : str or sequence of str, default="unique_id"
        The column that names the series. Several are joined with ``"/"``. From a CSV file, ids such as ``007`` stay
        text; whole numbers are numbers.
    time : str, default="ds"
        The column of times: moments, dates, periods, text, or whole numbers that count the rows.
    columns : sequence of str or None, default=None
        The channels to take; None takes all other columns.
    freq : str, offset, timedelta, int or None, default=None
        The step, as pandas has it; None finds the one step of all series.
    missing_rows : {"insert", "keep", "raise"}, default="insert"
        What to do about rows that are missing between the first and the last of a series: insert them, leave the gap
        with a warning, or raise.
    fill_value : float, dict of column to float or None, default=None
        What inserted rows hold. None says that nothing was observed (NaN); ``{"sales": 0}`` is for tables that leave
        out the days without sales.
    dayfirst : bool or None, default=None
        Whether dates such as 03/04/2024 begin with the day. None finds out, says so where only the step of the rows
        decides, and asks where nothing does.
    date_format : str or None, default=None
        Form of the times, if they are text or numbers such as 20240131: ``"%d/%m/%Y %H:%M"``, ``"%Y%m%d"``.
    unit : {"D", "h", "m", "s", "ms", "us", "ns"} or None, default=None
        What times that are numbers count since 1970.
    tz : str, tzinfo or None, default=None
        The time zone. Times without one are taken for local to it, others are converted. None leaves them as they are;
        text with several offsets from UTC is in UTC.
    **read_options : object
        For files: passed to :func:`pandas.read_csv` or :func:`pyarrow.parquet.read_table`, such as ``sep=";"``.

    Returns
    -------
    panel : DataFrame of shape (n_rows, n_channels)
        With index levels ``series`` and ``time``, in order of both. Numbers are floats (32 bits stay 32) and NaN where
        they are missing; other columns are as they were. The step is the same in every series.

    Raises
    ------
    ValueError
        If columns are missing, ids or times are missing or cannot be read, a series has two rows of one time, steps
        differ or are irregular, or a value is infinite. Names series, row and way out.
    TypeError
        If `table` is no table.
    ImportError
        If a Parquet file or a table of another library is given and pyarrow is not installed.

    Warns
    -----
    UserWarning
        If columns are not numbers, rows are missing and kept out, gaps look like a wrong date or like the hour that
        clocks skip in spring, or the order of day and month was found by the step.

    See Also
    --------
    to_long : The way back.
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
