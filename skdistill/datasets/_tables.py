"""Read tables of any library, and files, as pandas tables with the requested columns."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill._utils._from_native import from_native
from skdistill._utils._optional import import_optional
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.datasets._channels import plain_name
from skdistill.datasets._csv_text import read_with_time_as_text
from skdistill.datasets._parquet import folder_options

__all__ = ["ColumnsAndOthers", "LackingColumnError", "open_table"]

_SEPARATORS = (";", "\t", "|")
_NO_ID = (
    " A table of one series has none: use regularize or load_csv. A table with a column for each series becomes a long "
    "one with its method melt."
)
_INDEX_LEVEL = re.compile(r"__index_level_\d+__")  # numbers of rows, as pandas writes them to Arrow and Parquet
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")


class LackingColumnError(ValueError):
    """Raised if a table lacks a column.

    Parameters
    ----------
    message : str
        The message.
    column : hashable
        The column.
    """

    def __init__(self, message: str, column: Hashable) -> None:
        super().__init__(message)
        self.column = column

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a pickle needs, such as that of a worker."""
        return type(self), (str(self), self.column)


def open_table(
    table: Any,
    *,
    ids: Sequence[Hashable],
    time: Hashable | None,
    columns: Sequence[Hashable] | None,
    owner: str,
    read_options: dict[str, Any],
) -> tuple[pd.DataFrame, str]:
    """Open a table or file, and select the requested columns.

    Parameters
    ----------
    table : str, Path, file object or table
        A CSV or Parquet file, a pandas table, or a table of a library supported by narwhals.
    ids : sequence of str
        The columns that identify the series; read as text from a CSV file.
    time : str or None
        The column of times; None where the index holds them.
    columns : sequence of str or None
        The channels; None takes all other columns.
    owner : str
        Name of the called function, for error messages.
    read_options : dict
        Options of the file reader.

    Returns
    -------
    frame : DataFrame
        Columns of ids, time and channels, in this order.
    name : str
        Name of the table, for error messages.

    Raises
    ------
    TypeError
        If it is not a table, or options are given that do not apply.
    ValueError
        If a column is missing or occurs twice, or the type of a file is unknown.
    ImportError
        If a library is missing.
    """
    wanted = [*ids, *([] if time is None else [time])]
    select = _Selection(wanted, columns, ids, owner)
    if isinstance(table, str | os.PathLike) or hasattr(table, "read"):
        return _open_file(table, select, ids, read_options)
    if read_options:
        raise TypeError(f"{owner} got {', '.join(read_options)}, which only apply to files; table is not a path.")
    if isinstance(table, pd.DataFrame):
        name = "the table"
        _check_twice(table.columns, name)
        return table[select(list(table.columns), name)], name
    return _open_foreign(table, select, owner), f"the {type(table).__module__.split('.')[0].strip('_')} table"


class ColumnsAndOthers(list[Hashable]):
    """Channels to take, and others that are taken, too, where a table has them.

    Parameters
    ----------
    columns : iterable of hashable
        The channels, of which none may be missing.
    others : iterable of hashable
        Those that may be.

    Examples
    --------
    >>> wanted = ColumnsAndOthers(["promo"], ["sales"])
    >>> list(wanted), wanted.others
    (['promo'], ('sales',))
    """

    def __init__(self, columns: Iterable[Hashable], others: Iterable[Hashable]) -> None:
        super().__init__(columns)
        self.others = tuple(others)


class _Selection:
    """Selection of the requested columns among the existing ones."""

    def __init__(
        self, wanted: Sequence[Hashable], columns: Sequence[Hashable] | None, ids: Sequence[Hashable], owner: str
    ) -> None:
        if isinstance(columns, str):
            columns = [columns]
        self.wanted, self.columns, self.ids, self.owner = list(wanted), columns, list(ids), owner
        self.others = columns.others if isinstance(columns, ColumnsAndOthers) else ()
        twice = [one for k, one in enumerate(self.wanted) if one in self.wanted[:k]]
        if twice:
            raise ValueError(f"{owner} got the column {twice[0]!r} as id and as time; each needs its own column.")

    def __call__(self, found: list[Hashable], name: str) -> list[Hashable]:
        for column in self.wanted:
            self._check(column, found, "id" if column in self.ids else "time", name)
        if self.columns is None:
            channels = [one for one in found if one not in self.wanted and not _INDEX_LEVEL.fullmatch(str(one))]
        else:
            channels = [self._check(one, found, "columns", name) for one in self.columns]
            channels += [one for one in self.others if one in found]
            both = [one for one in channels if one in self.wanted]
            if both:
                raise ValueError(f"columns of {self.owner} are the channels; {both[0]!r} is id or time.")
            self._tell_other_spellings(channels, found, name)
        again = [one for k, one in enumerate(channels) if one in channels[:k]]
        if again:
            raise ValueError(f"columns of {self.owner} name {again[0]!r} twice: name it once.")
        if not channels:
            raise ValueError(f"{name} has no column beside {', '.join(map(repr, self.wanted))}: no channel is left.")
        return [*self.wanted, *channels]

    def _tell_other_spellings(self, channels: list[Hashable], found: list[Hashable], name: str) -> None:
        """Warn of columns that are left out and differ from a chosen one in case or spaces alone."""
        left = {plain_name(one): one for one in found if one not in channels and one not in self.wanted}
        one = next((one for one in channels if plain_name(one) in left), None) if left else None
        if one is not None:
            warnings.warn(
                f"{name} has the columns {one!r} and {left[plain_name(one)]!r}, whose names differ in case or spaces "
                "alone: the second is left out. If both are one, as of two tables that were put together, write its "
                "name in one way there.",
                stacklevel=stacklevel_of_user(),
            )

    def _check(self, column: Hashable, found: list[Hashable], parameter: str, name: str) -> Hashable:
        if column in found:
            return column
        if len(found) == 1 and isinstance(found[0], str):
            separator = next((one for one in _SEPARATORS if one in found[0]), None)
            if separator:
                raise ValueError(f"{name} has the single column {found[0]!r}: give sep={separator!r}.")
        try:
            return check_choice(column, found, f"{parameter} of {self.owner}")
        except ValueError as error:
            hint = _NO_ID if parameter == "id" else ""
            raise LackingColumnError(f"{error} These are the columns of {name}.{hint}", column) from None


def _check_twice(columns: pd.Index, name: str) -> None:
    if columns.has_duplicates:
        raise ValueError(f"{name} has the column {columns[columns.duplicated()][0]!r} twice: rename one of them.")


# -- files ---------------------------------------------------------------------------------------


def _open_file(
    path: Any, select: _Selection, ids: Sequence[Hashable], read_options: dict[str, Any]
) -> tuple[pd.DataFrame, str]:
    name = str(path) if isinstance(path, str | os.PathLike) else "the file"
    suffixes = [] if hasattr(path, "read") else [one.lower() for one in Path(path).suffixes]
    if {".parquet", ".pq"} & set(suffixes) or (not hasattr(path, "read") and Path(path).is_dir()):
        return _read_parquet(path, select, ids, name, read_options), name
    if not hasattr(path, "read") and not {".csv", ".tsv", ".txt", ".zip"} & set(suffixes):
        raise ValueError(
            f"{select.owner} reads .csv, .tsv, .txt and .parquet files; got {name}. Read it first, for example with "
            "pandas.read_excel, and give the table."
        )
    if ".tsv" in suffixes:
        read_options = {"sep": "\t", **read_options}
    return _read_csv(path, select, ids, name, read_options), name


def _read_csv(
    path: Any, select: _Selection, ids: Sequence[Hashable], name: str, read_options: dict[str, Any]
) -> pd.DataFrame:
    """Read a CSV file; ids are read as text, as numbers would lose leading zeros."""
    options = {"low_memory": False, **read_options} if _is_read_in_c(read_options) else dict(read_options)
    options.pop("parse_dates", None)  # it would silently swap days and months
    types = options.pop("dtype", {})
    texts: list[Hashable] = []
    if isinstance(types, dict):  # not read as categories, of which pandas makes numbers since 3.1
        own = {one: kind for one, kind in types.items() if not (one in ids and kind == "category")}
        texts = [one for one in ids if one not in {**own, **(options.get("converters") or {})}]
        types = {**dict.fromkeys(ids, str), **own}
    named = "names" in options or options.get("header", 0) is not None  # pandas drops all rows of others
    if select.columns is not None and named and "usecols" not in options:
        kept = {plain_name(one) for one in (*select.wanted, *select.columns, *select.others)}
        options["usecols"] = lambda one: plain_name(one) in kept
    time = next((one for one in select.wanted if one not in ids), None)
    frame = read_with_time_as_text(path, time, name, {**options, "dtype": types})
    if select.columns is not None and not set(frame.columns) >= {*select.wanted, *select.columns}:
        frame = _read_all_columns(path, types, options, frame)
    frame = frame[select(list(frame.columns), name)]
    read = {column: frame[column].astype("category") if column in texts else frame[column] for column in frame}
    whole = {column: _whole_numbers(read[column]) for column in ids}
    converted = {column: values if whole.get(column) is None else whole[column] for column, values in read.items()}
    return pd.DataFrame(converted, columns=frame.columns)


def _is_read_in_c(options: dict[str, Any]) -> bool:
    """Return whether pandas reads a file with its engine in C; others do not take all of its options."""
    separator = options.get("sep", options.get("delimiter", ","))
    is_plain = isinstance(separator, str) and separator.isascii() and (len(separator) == 1 or separator == r"\s+")
    return is_plain and options.get("engine") in (None, "c") and not options.get("skipfooter")


def _whole_numbers(column: pd.Series) -> pd.Series | None:
    """Convert text to integers, unless this loses leading zeros."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return None
    texts = column.cat.categories
    if not len(texts) or not all(isinstance(one, str) and _WHOLE.fullmatch(one) for one in texts):
        return None
    return column.cat.rename_categories(list(texts.astype(np.int64)))


def _read_all_columns(path: Any, types: Any, options: dict[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """Read only the header, to list the columns in a message."""
    if hasattr(path, "seek"):
        path.seek(0)
    elif hasattr(path, "read"):
        return frame
    return pd.read_csv(path, dtype=types, **{**options, "usecols": None, "nrows": 0})


def _read_parquet(
    path: Any, select: _Selection, ids: Sequence[Hashable], name: str, read_options: dict[str, Any]
) -> pd.DataFrame:
    parquet = import_optional("pyarrow.parquet", extra="parquet", purpose="Reading Parquet files")
    dataset = parquet.ParquetDataset(path)
    names = list(dataset.schema.names)
    _check_twice(pd.Index(names), name)
    columns = select(names, name)
    options = folder_options(dataset, ids, None if select.columns is None else columns)
    table = parquet.read_table(path, columns=columns, **{**options, **read_options})
    frame = _to_pandas(table.replace_schema_metadata(None), lambda found: columns)
    folders = getattr(options.get("partitioning"), "schema", None)
    for column in [one for one in columns if folders is not None and one in folders.names]:
        names_of_folders = frame[column].astype("category")
        whole = _whole_numbers(names_of_folders) if column in ids else None
        frame[column] = names_of_folders if whole is None else whole
    return frame


# -- tables of other libraries -------------------------------------------------------------------


def _open_foreign(table: Any, select: _Selection, owner: str) -> pd.DataFrame:
    try:
        from_native(table)
    except TypeError:
        raise TypeError(
            f"{owner} reads paths and tables of pandas, polars, Arrow and DuckDB; got {type(table).__name__}. "
            "Make a table of it, for example with pandas.DataFrame."
        ) from None
    name = f"the {type(table).__module__.split('.')[0].strip('_')} table"
    return _to_pandas(table, lambda found: select(found, name))


def _to_pandas(table: Any, select: Callable[[list[Hashable]], list[Hashable]]) -> pd.DataFrame:
    """Convert with narwhals; decimals and booleans become floats, dates become timestamps."""
    import narwhals as nw

    frame = from_native(table)
    schema = frame.collect_schema()
    casts: dict[Any, Any] = {nw.Boolean: nw.Float64, nw.Decimal: nw.Float64, nw.Date: nw.Datetime("us")}
    columns = []
    column: Any
    for column in select(list(schema.names())):
        target = next((new for old, new in casts.items() if schema[column] == old), None)
        columns.append(nw.col(column) if target is None else nw.col(column).cast(target))
    frame = frame.select(*columns)
    if isinstance(frame, nw.LazyFrame):
        import_optional("pyarrow", extra="parquet", purpose="Reading this kind of table")
        frame = frame.collect()
    elif not frame.implementation.is_pandas_like():
        import_optional("pyarrow", extra="parquet", purpose="Reading this kind of table")
    return frame.to_pandas()
