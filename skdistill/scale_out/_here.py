"""Tables of one machine, a batch at a time: Parquet files, Arrow, DuckDB, polars, pandas."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from skdistill._utils._optional import import_optional
from skdistill._utils._tasks import run_tasks
from skdistill.labeling._temporary import TemporaryFolder
from skdistill.scale_out._files import open_files
from skdistill.scale_out._shipped import shipped
from skdistill.scale_out._whole_series import whole_series
from skdistill.scale_out._work import BLOCK_ROWS, Work

__all__ = ["columns_of", "map_here", "open_here"]

_READ_ROWS = 1 << 16  # rows of a batch that is read


def map_here(
    work: Work, table: Any, *, is_sorted: bool = False, n_jobs: int | None = None, columns: Sequence[str] | None = None
) -> tuple[Any, Iterator[Any]]:
    """Map work over a table of one machine, of which some batches are in memory at a time.

    Parameters
    ----------
    work : Work
        The work.
    table : path, list of paths or table
        Parquet files or folders of them (URLs of fsspec for object stores), an Arrow dataset, table or reader, a
        DuckDB relation, or a table of polars or pandas.
    is_sorted : bool, default=False
        Whether the rows of a series are together already. Otherwise they are sorted by id: by DuckDB, which can write
        to disk what does not fit, unless the table is in memory.
    n_jobs : int or None, default=None
        Number of processes.
    columns : sequence of str or None, default=None
        Columns to read; None reads all.

    Returns
    -------
    schema : pyarrow.Schema
        Columns and types of results.
    results : iterator of pyarrow.Table
        Not yet computed.
    """
    given, batches = open_here(table, work.id, is_sorted=is_sorted, columns=columns)
    schema = work.schema(given)
    if n_jobs in (None, 1):
        return schema, (found.cast(schema) for found in work.run(batches))
    run = shipped(work)
    blocks = whole_series(batches, work.id, BLOCK_ROWS, "the table")
    parts = run_tasks(_of_block, ((run, block) for block in blocks), n_jobs)
    return schema, (found.cast(schema) for part in parts for found in part)


def _of_block(run: Any, block: Any) -> list[Any]:
    return list(run([block]))


def open_here(
    table: Any, id: str, *, is_sorted: bool, columns: Sequence[str] | None = None
) -> tuple[Any, Iterator[Any]]:
    """Open a table of one machine as batches of Arrow, with the rows of a series together.

    Parameters
    ----------
    table : path, list of paths or table
        As for :func:`map_here`.
    id : str
        The column of ids.
    is_sorted : bool
        Whether the rows of a series are together already.
    columns : sequence of str or None, default=None
        Columns to read; None reads all.

    Returns
    -------
    schema : pyarrow.Schema
        Columns and types.
    batches : iterator of pyarrow.RecordBatch
        The rows.

    Raises
    ------
    TypeError
        If it is no table.
    ValueError
        If files have no common columns, or a column is missing.
    """
    pa: Any = import_optional("pyarrow", extra="parquet", purpose="A table of one machine")
    table, root = _to_arrow(table), _root(table)
    schema = _schema_of(table)
    names = list(schema.names) if columns is None else [one for one in columns if one in schema.names]
    if id not in names:
        raise ValueError(f"the table has no column {id!r}; it has {', '.join(map(repr, schema.names))}. Name id=.")
    schema = pa.schema([schema.field(one) for one in names])
    if isinstance(table, pa.Table):
        table = table.select(names)
        if pa.types.is_dictionary(schema.field(id).type):  # which Arrow does not sort
            plain = table.column(id).cast(schema.field(id).type.value_type)
            table = table.set_column(names.index(id), id, plain)
        return table.schema, iter((table if is_sorted else table.sort_by(id)).to_batches(_READ_ROWS))
    if isinstance(table, pa.RecordBatchReader):
        if not is_sorted:
            raise ValueError("a reader comes once, in its order: give is_sorted=True, or a dataset or DuckDB relation.")
        return schema, (batch.select(names) for batch in table)
    if root != "duckdb" and is_sorted:
        return schema, iter(table.to_batches(columns=names, batch_size=_READ_ROWS))
    return schema, _sorted(table, id, schema, is_sorted)


def columns_of(table: Any) -> list[str]:
    """Return the columns of a table of one machine.

    Parameters
    ----------
    table : path, list of paths or table
        As for :func:`map_here`.

    Returns
    -------
    names : list of str
        Their names.
    """
    return list(_schema_of(_to_arrow(table)).names)


def _root(table: Any) -> str:
    return type(table).__module__.split(".")[0].strip("_")


def _to_arrow(table: Any) -> Any:
    """Open files as a dataset, and convert tables of pandas and polars."""
    pa: Any = import_optional("pyarrow", extra="parquet", purpose="A table of one machine")
    if isinstance(table, str | os.PathLike | list | tuple):
        return open_files(table)
    if _root(table) == "polars":
        return (table.collect() if hasattr(table, "collect") else table).to_arrow()
    if _root(table) == "pandas":
        _check_clocks(table)
        return pa.Table.from_pandas(table, preserve_index=False)
    return table


def _check_clocks(frame: Any) -> None:
    """Raise for times of which some have a zone: Arrow would take the others for UTC."""
    for name, column in frame.items():
        if column.dtype != object or not isinstance(next(iter(column.dropna()), None), datetime.datetime):
            continue
        times = [one for one in column if isinstance(one, datetime.datetime) and one is not pd.NaT]
        plain = next((one for one in times if one.tzinfo is None), None)
        other = next((one for one in times if one.tzinfo is not None), None)
        if plain is not None and other is not None:
            raise ValueError(
                f"column {name!r} of the table has times with an offset from UTC and times without: {other!r}, "
                f"{plain!r}. Write all in one way."
            )


def _schema_of(table: Any) -> Any:
    import pyarrow as pa

    if isinstance(getattr(table, "schema", None), pa.Schema):
        return table.schema.remove_metadata()
    if _root(table) == "duckdb":
        return table.limit(0).to_arrow_table().schema
    raise TypeError(
        "table must be files, a table of Spark, Dask, Ray, Arrow, DuckDB, polars or pandas; got "
        f"{type(table).__name__}."
    )


def _sorted(table: Any, id: str, schema: Any, is_sorted: bool) -> Iterator[Any]:
    """Yield the rows of a relation or dataset, sorted by id by DuckDB."""
    names = schema.names
    if _root(table) == "duckdb":
        chosen = table.select(*(f'"{one}"' for one in names))
        yield from _batches(chosen if is_sorted else chosen.order(f'"{id}"'))
        return
    duckdb: Any = import_optional("duckdb", extra="duckdb", purpose="Sorting files by id (or give is_sorted=True)")
    spilled = TemporaryFolder()  # what a killed process left in one is removed
    try:
        with duckdb.connect() as connection:
            connection.execute(f"SET temp_directory = '{spilled.path}'; SET memory_limit = '2GB'; SET threads = 1")
            relation = connection.from_arrow(table).select(*(f'"{one}"' for one in names))
            for batch in _batches(relation.order(f'"{id}"')):
                yield _in_zones_of(schema, batch)
    finally:
        spilled.remove()


def _batches(relation: Any) -> Any:
    """Read a relation as batches of Arrow; before DuckDB 1.5, ``to_arrow_reader`` had another name."""
    read = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
    return read(_READ_ROWS)


def _in_zones_of(schema: Any, batch: Any) -> Any:
    """Write times in the zones of a schema, for DuckDB writes all of them in the zone of its session."""
    for place, field in enumerate(schema):
        if getattr(field.type, "tz", None) is not None:
            batch = batch.set_column(place, field, batch.column(place).cast(field.type))
    return batch
