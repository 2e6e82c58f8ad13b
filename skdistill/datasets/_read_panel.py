"""Long tables of many series to the panel that ``fit`` takes, and back."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.datasets._channels import read_channels
from skdistill.datasets._clock import ZONES, localize
from skdistill.datasets._duplicates import refuse_duplicates
from skdistill.datasets._gaps import Gaps, find_gaps, insert_missing, say_gaps, skipped_hint
from skdistill.datasets._ids import number_ids
from skdistill.datasets._moments import read_moments
from skdistill.datasets._rows import LEVELS, Rows, sort_rows, to_panel
from skdistill.datasets._steps import Grid, find_grid
from skdistill.datasets._tables import open_table
from skdistill.datasets._times import Times

__all__ = ["read_panel", "read_rows", "to_long"]

_LONG_GAP = 100  # rows; a gap that is longer, and longer than all that was observed, comes of a wrong date


def read_panel(
    table: Any,
    *,
    id: Hashable | Sequence[Hashable] = "unique_id",
    time: Hashable = "ds",
    columns: Sequence[Hashable] | None = None,
    freq: Any = None,
    missing_rows: str = "insert",
    fill_value: float | Mapping[Hashable, float] = np.nan,
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
    fill_value : float or dict of column to float, default=nan
        What inserted rows hold: NaN says that nothing was observed; ``{"sales": 0}`` is for tables that leave out the
        days without sales.
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
    rows, _ = read_rows(
        table, id=id, time=time, columns=columns, dayfirst=dayfirst, date_format=date_format, unit=unit, tz=tz,
        owner="read_panel", read_options=read_options,
    )  # fmt: skip
    refuse_duplicates(rows)
    return to_panel(*make_regular(rows, freq, missing_rows, fill_value))


def to_long(panel: pd.DataFrame, *, id: Hashable = "unique_id", time: Hashable = "ds") -> pd.DataFrame:
    """Turn a panel into a long table, the way back from :func:`read_panel`.

    Parameters
    ----------
    panel : DataFrame of shape (n_rows, n_channels)
        With index levels (series, time).
    id : str, default="unique_id"
        Name of the column of ids.
    time : str, default="ds"
        Name of the column of times.

    Returns
    -------
    table : DataFrame of shape (n_rows, 2 + n_channels)
        Ids, times, channels.

    Raises
    ------
    ValueError
        If the index has not two levels, or a channel has one of the two names.

    Examples
    --------
    >>> import pandas as pd
    >>> index = pd.MultiIndex.from_product([["a", "b"], [0, 1]], names=["series", "time"])
    >>> to_long(pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index))
      unique_id  ds    y
    0         a   0  1.0
    1         a   1  2.0
    2         b   0  3.0
    3         b   1  4.0
    """
    levels = panel.index.nlevels if isinstance(panel, pd.DataFrame) else 0
    if levels != 2:
        raise ValueError(
            "panel must be a DataFrame whose index has the levels (series, time), as read_panel gives it; got "
            f"{f'{levels} level(s)' if levels else type(panel).__name__}."
        )
    taken = [name for name in (id, time) if name in panel.columns]
    if taken or id == time:
        raise ValueError(f"{(taken or [id])[0]!r} is the name of another column: give other names as id= and time=.")
    labels = [panel.index.get_level_values(level) for level in (0, 1)]
    keys = pd.DataFrame({id: labels[0], time: labels[1]})
    return pd.concat([keys, panel.reset_index(drop=True)], axis=1)


# -- the steps of the way --------------------------------------------------------------------------


def read_rows(
    table: Any,
    *,
    id: Hashable | Sequence[Hashable] | None,
    time: Hashable | None,
    columns: Sequence[Hashable] | None,
    dayfirst: bool | None,
    date_format: str | None,
    unit: str | None,
    tz: Any,
    owner: str,
    read_options: dict[str, Any],
    ambiguous: Any = "raise",
    nonexistent: Any = "raise",
) -> tuple[Rows, int]:
    """Open a table and put its rows in order; parameters as in :func:`regularize`.

    Returns
    -------
    rows : Rows
        In order, with duplicates.
    n_dropped : int
        Rows without a time after clock changes.
    """
    ids: list[Hashable] = [] if id is None else [id] if not isinstance(id, list | tuple) else list(id)
    time_name = time
    if isinstance(table, pd.Series):
        table = table.to_frame("value" if table.name is None else table.name)
    if isinstance(table, pd.DataFrame):
        time_name = table.index.name if time is None else time
        table, ids, time = _index_to_columns(table, ids, time)
    if time is None:
        raise ValueError(f"{owner} needs the column of times: give time=, or a DataFrame whose index holds them.")
    frame, name = open_table(table, ids=ids, time=time, columns=columns, owner=owner, read_options=read_options)
    if not len(frame):
        raise ValueError(f"{name} has no rows.")
    if ids:
        labels, series = number_ids(frame, ids, name)
    else:
        labels, series = pd.Index(["series"]), np.zeros(len(frame), dtype=np.int64)
    where = f"the time column {time!r} of {name}"
    moments, codes = read_moments(frame[time], where, dayfirst=dayfirst, date_format=date_format, unit=unit)
    channels = read_channels(frame.drop(columns=[*ids, time]), labels, series, name)
    if tz is not None:
        moments, codes = _in_zone(moments, codes, series, tz, ambiguous, nonexistent, where)
    rows = Rows(Times(moments, codes, series, labels), channels, name, bool(ids), time_name)
    if tz is not None:
        rows = _drop_untimed(rows)
    return sort_rows(rows), len(codes) - len(rows.times.codes)


def _drop_untimed(rows: Rows) -> Rows:
    """Drop rows without a moment, and let each moment be there once: some were moved onto others."""
    times = rows.times
    kept = np.asarray(times.moments.notna())[times.codes]
    if not kept.any():
        raise ValueError(f"no row of {rows.name} has a time that the clock shows once: none is left.")
    again, moments = pd.factorize(times.moments)
    present, series = np.unique(times.series[kept], return_inverse=True)
    left = Times(pd.Index(moments), again[times.codes[kept]], series, times.labels[present])
    return replace(rows, times=left, channels=rows.channels[kept].reset_index(drop=True))


def _index_to_columns(
    table: pd.DataFrame, ids: list[Hashable], time: Hashable | None
) -> tuple[pd.DataFrame, list[Hashable], Hashable]:
    """Let the levels of an index serve as columns: by name, or all of them where no such columns exist."""
    names = list(table.index.names)
    wanted = [*ids, *([] if time is None else [time])]
    if all(one in table.columns for one in wanted) and time is not None:
        return table, ids, time
    by_name = [one for one in wanted if one not in table.columns and one in names]
    if by_name:
        return table.reset_index(level=[names.index(one) for one in by_name]), ids, time
    if len(names) == 2 and (not wanted or not any(one in table.columns for one in wanted)):
        levels: Any = [_free_name(one, table) for one in LEVELS]
        return table.rename_axis(index=levels).reset_index(), levels[:1], levels[1]
    if time is None and len(names) == 1 and not ids:
        label: Any = names[0] if names[0] is not None else _free_name("time", table)
        return table.rename_axis(index=label).reset_index(), ids, label
    return table, ids, time


def _free_name(name: str, table: pd.DataFrame) -> Hashable:
    while name in table.columns:
        name += "_"
    return name


def _in_zone(
    moments: pd.Index, codes: np.ndarray, series: np.ndarray, tz: Any, ambiguous: Any, nonexistent: Any, where: str
) -> tuple[pd.Index, np.ndarray]:
    if not isinstance(moments, pd.DatetimeIndex):
        raise ValueError(f"{where} holds no moments but {moments.dtype}: tz={tz!r} does not apply.")
    if moments.tz is not None:
        return moments.tz_convert(tz), codes
    try:
        return localize(moments, codes, series, tz, ambiguous=ambiguous, nonexistent=nonexistent)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{where}: {error}") from error


def make_regular(rows: Rows, freq: Any, missing_rows: str, fill_value: Any) -> tuple[Rows, Grid | None]:
    """Find the step and treat missing rows as asked for.

    Parameters
    ----------
    rows : Rows
        In order, distinct.
    freq, missing_rows, fill_value : object
        As in :func:`read_panel`.

    Returns
    -------
    rows : Rows
        Regular, or as they were.
    grid : Grid or None
        Their step; None where there is none.
    """
    try:
        grid = find_grid(rows.times, freq)
    except ValueError as error:
        if missing_rows == "keep" and freq is None:
            warnings.warn(f"{rows.name}: {error}", stacklevel=stacklevel_of_user())
            return rows, None
        raise ValueError(f"{rows.name}: {_zone_hint(rows.times, freq) or error}") from error
    gaps = find_gaps(rows.times, grid)
    if missing_rows == "insert":
        regular = insert_missing(rows, grid, gaps, fill_value, given=freq is not None)
        _warn_of_gaps(rows, grid, gaps, np.isnan(fill_value) if isinstance(fill_value, float) else False)
        return regular, grid
    if gaps.n_rows:
        hint = skipped_hint(rows.times, grid, gaps)
        said = f"{rows.name} has {say_gaps(rows.times, gaps)}, at a step of {grid.name}.{' ' + hint if hint else ''}"
        if missing_rows == "raise":
            raise ValueError(f"{said} missing_rows='insert' inserts them as not observed (NaN).")
        warnings.warn(f"{said} They were left out.", stacklevel=stacklevel_of_user())
        return rows, None
    return rows, grid


def _zone_hint(times: Times, freq: Any) -> str:
    """Say in which zone times are regular that are not so in UTC, if in one."""
    moments = times.moments
    if not isinstance(moments, pd.DatetimeIndex) or moments.tz is None:
        return ""
    for zone in ZONES:
        try:
            find_grid(replace(times, moments=moments.tz_convert(zone)), freq)
        except ValueError:
            continue
        local = f"but have one in local time, in {zone} for one: give tz={zone!r}."
        return f"times have no regular step in {moments.tz}, {local}"
    return ""


def _warn_of_gaps(rows: Rows, grid: Grid, gaps: Gaps, as_missing: bool) -> None:
    """Warn of gaps that are none: a wrong date, the hour that a clock skips, zeros that were left out."""
    if not gaps.n_rows:
        return
    times = rows.times
    observed = np.bincount(times.series)[times.series[gaps.before]]
    long = gaps.sizes > np.maximum(observed, _LONG_GAP)
    hint = skipped_hint(times, grid, gaps)
    if long.any():
        row = gaps.before[np.argmax(long)]
        text = (
            f"a gap of {gaps.sizes[np.argmax(long)]} rows follows {times.say(row)}, longer than all that was "
            "observed: look for a wrong date."
        )
    elif hint is not None:
        text = hint
    elif as_missing and gaps.n_rows > len(times.codes):
        text = (
            f"{say_gaps(times, gaps)}, more than the {len(times.codes)} that are there. They are inserted as not "
            "observed (NaN); if rows without sales or events were left out, give fill_value=0."
        )
    else:
        return
    warnings.warn(f"{rows.name}: {text}", stacklevel=stacklevel_of_user())
