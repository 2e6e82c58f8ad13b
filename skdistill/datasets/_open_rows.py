"""Convert a table or file to ordered rows: columns, ids, times and zone."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.datasets._channels import read_channels, warn_of_parts
from skdistill.datasets._clock import localize
from skdistill.datasets._ids import number_ids, tell_other_spellings
from skdistill.datasets._moments import read_moments
from skdistill.datasets._rows import LEVELS, Rows, sort_rows
from skdistill.datasets._tables import open_table
from skdistill.datasets._times import Times

__all__ = ["open_rows"]

_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")


def open_rows(
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
    """Open a table and sort its rows; parameters as in :func:`regularize`.

    Returns
    -------
    rows : Rows
        Sorted rows, with duplicates.
    n_dropped : int
        Number of rows without a time after clock changes.
    """
    ids: list[Hashable] = [] if id is None else [id] if not isinstance(id, list | tuple) else list(id)
    if isinstance(time, list | dict | set):
        raise TypeError(
            f"time of {owner} is the name of one column; got {time!r}. Put dates and hours into one column: "
            "pd.to_datetime(table['date'] + ' ' + table['time']), or pd.to_datetime(table[['year', 'month', 'day', "
            "'hour']])."
        )
    time_name = time
    if isinstance(table, pd.Series):
        table = table.to_frame("value" if table.name is None else table.name)
    if isinstance(table, pd.DataFrame):
        time_name = table.index.name if time is None else time
        if time is None:
            _check_rows_are_not_numbered(table, owner)
        table, ids, time = _index_to_columns(table, ids, time)
    if time is None:
        raise ValueError(f"{owner} needs the time column: set time=, or pass a DataFrame with times as its index.")
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
    warn_of_parts(channels, name)
    if tz is not None and unit not in (None, "D") and isinstance(moments, pd.DatetimeIndex):
        moments = moments.tz_localize("UTC")  # where seconds since 1970 are counted; days are dates
    _warn_of_no_clock(moments, tz, {"ambiguous": ambiguous, "nonexistent": nonexistent}, where)
    if tz is not None:
        moments, codes = _in_zone(moments, codes, series, tz, ambiguous, nonexistent, where)
    rows = Rows(Times(moments, codes, series, labels), channels, name, bool(ids), time_name)
    if tz is not None:
        rows = _drop_untimed(rows)
    tell_other_spellings(rows.times, name)
    return sort_rows(rows), len(codes) - len(rows.times.codes)


def _drop_untimed(rows: Rows) -> Rows:
    """Drop rows without a time, and make the list of times distinct, as some were moved onto others."""
    times = rows.times
    kept = np.asarray(times.moments.notna())[times.codes]
    if not kept.any():
        raise ValueError(f"no row of {rows.name} has a time that occurs once on the clock: no row is left.")
    again, moments = pd.factorize(times.moments)
    present, series = np.unique(times.series[kept], return_inverse=True)
    left = Times(pd.Index(moments), again[times.codes[kept]], series, times.labels[present])
    return replace(rows, times=left, channels=rows.channels[kept].reset_index(drop=True))


def _index_to_columns(
    table: pd.DataFrame, ids: list[Hashable], time: Hashable | None
) -> tuple[pd.DataFrame, list[Hashable], Hashable]:
    """Convert index levels to columns: by name, or all of them if no such columns exist."""
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


def _check_rows_are_not_numbered(table: pd.DataFrame, owner: str) -> None:
    """Raise if the index only numbers the rows, and a column holds times."""
    if table.index.nlevels > 1 or table.index.name is not None or table.index.dtype.kind not in "iu":
        return
    times = [column for column in table.columns if _holds_times(table[column])]
    if times:
        raise ValueError(
            f"{owner} takes the index for times if time= is not set, but here it numbers the rows, and column "
            f"{times[0]!r} holds times: set time={times[0]!r}."
        )


def _holds_times(column: pd.Series) -> bool:
    """Return whether a column has timestamps, or text that starts like a date."""
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        return True
    first = column.dropna().head(1).tolist()
    return bool(first) and isinstance(first[0], str | datetime.date) and _DATE.match(str(first[0])) is not None


def _free_name(name: str, table: pd.DataFrame) -> Hashable:
    while name in table.columns:
        name += "_"
    return name


def _warn_of_no_clock(moments: pd.Index, tz: Any, given: dict[str, Any], where: str) -> None:
    """Warn of options that say how local times are read, where there are none."""
    told = " and ".join(f"{name}={value!r}" for name, value in given.items() if not _is_default(value))
    is_aware = getattr(moments, "tz", None) is not None
    if told and (tz is None or is_aware):
        why = f"{where} has a zone or an offset" if is_aware else "tz is None, so times are on no clock"
        warnings.warn(
            f"{told} has no effect: {why}. It applies to times without a zone, with tz=.",
            stacklevel=stacklevel_of_user(),
        )


def _is_default(value: Any) -> bool:
    return isinstance(value, str) and value == "raise"


def _in_zone(
    moments: pd.Index, codes: np.ndarray, series: np.ndarray, tz: Any, ambiguous: Any, nonexistent: Any, where: str
) -> tuple[pd.Index, np.ndarray]:
    if not isinstance(moments, pd.DatetimeIndex):
        raise ValueError(f"{where} has {moments.dtype} instead of timestamps: tz={tz!r} does not apply.")
    if moments.tz is not None:
        return moments.tz_convert(tz), codes
    try:
        return localize(moments, codes, series, tz, ambiguous=ambiguous, nonexistent=nonexistent)
    except (ValueError, KeyError) as error:
        raise ValueError(f"{where}: {error}") from error
