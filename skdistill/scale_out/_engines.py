"""One function an engine: map work over the partitions of a table. No engine is imported unless its table is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from skdistill._utils._checks import check_boolean, check_n_jobs
from skdistill._utils._optional import import_optional
from skdistill.scale_out._shipped import shipped
from skdistill.scale_out._work import Work, value_type

__all__ = ["check_options", "engine_of", "map_dask", "map_ray", "map_spark"]


def engine_of(table: Any) -> str | None:
    """Return the engine of a table, by the module of its class.

    Parameters
    ----------
    table : object
        A table.

    Returns
    -------
    engine : {"spark", "dask", "ray"} or None
        None for tables of one machine.
    """
    root = type(table).__module__.split(".")[0]
    return {"pyspark": "spark", "dask": "dask", "dask_expr": "dask", "ray": "ray"}.get(root)


def check_options(table: Any, is_sorted: Any, n_jobs: Any) -> None:
    """Raise if options of a table are invalid.

    Parameters
    ----------
    table : object
        The table.
    is_sorted : object
        Whether the rows of a series are together already; True or False.
    n_jobs : object
        Number of processes, or None; only tables of one machine have it.
    """
    check_boolean(is_sorted, "is_sorted")
    check_n_jobs(n_jobs, "n_jobs")
    _check_names(table)
    if n_jobs is not None and (engine := engine_of(table)) is not None:
        raise ValueError(
            f"n_jobs is for files and tables of one machine; got {n_jobs!r} for a table of {engine.capitalize()}, "
            "which has its own workers."
        )


def _check_names(table: Any) -> None:
    """Raise where names of columns are no text: Arrow makes text of them, and parameters would not find them."""
    if type(table).__module__.split(".")[0] != "pandas" and engine_of(table) != "dask":
        return
    others = [one for one in table.columns if not isinstance(one, str)]
    if others:
        raise TypeError(
            f"names of columns of a table to scale out must be text, as in Arrow; got {others[0]!r} of type "
            f"{type(others[0]).__name__}: table.rename(columns=str), and name targets and covariates so."
        )


def map_spark(work: Work, table: Any, *, is_sorted: bool = False) -> Any:
    """Map work over the partitions of a Spark DataFrame.

    Parameters
    ----------
    work : Work
        The work.
    table : pyspark.sql.DataFrame
        The table.
    is_sorted : bool, default=False
        Whether the rows of a series are together already: in one partition, one after another.

    Returns
    -------
    results : pyspark.sql.DataFrame
        Not yet computed.
    """
    types = import_optional("pyspark.sql.pandas.types", extra="spark", purpose="A table of Spark")
    schema = types.from_arrow_schema(work.schema(table.limit(0).toArrow().schema))
    rows = table if is_sorted else table.repartition(work.id).sortWithinPartitions(work.id)
    run = shipped(work)

    def of_partition(batches: Iterable[Any]) -> Iterator[Any]:
        for found in run(batches):
            yield from found.to_batches()

    return rows.mapInArrow(of_partition, schema)


def map_dask(work: Work, table: Any, *, is_sorted: bool = False) -> Any:
    """Map work over the partitions of a Dask DataFrame.

    Parameters
    ----------
    work : Work
        The work.
    table : dask.dataframe.DataFrame
        The table.
    is_sorted : bool, default=False
        Whether the rows of a series are together already: in one partition, one after another.

    Returns
    -------
    results : dask.dataframe.DataFrame
        Not yet computed.
    """
    import pyarrow as pa

    import_optional("dask.dataframe", extra="dask", purpose="A table of Dask")
    rows = table if is_sorted else table.shuffle(work.id)
    schema = work.schema(pa.Schema.from_pandas(table._meta_nonempty, preserve_index=False))
    run = shipped(work)

    def of_partition(frame: Any) -> Any:
        import pyarrow as pa

        frame = frame if is_sorted or not len(frame) else frame.sort_values(work_id, kind="stable")
        found = list(run([pa.Table.from_pandas(frame, preserve_index=False)] if len(frame) else []))
        table = pa.concat_tables(found) if found else schema.empty_table()
        return table.cast(schema).to_pandas()

    work_id = work.id
    return rows.map_partitions(of_partition, meta=schema.empty_table().to_pandas())


def map_ray(work: Work, table: Any, *, is_sorted: bool = False, n_blocks: int | None = None) -> Any:
    """Map work over the blocks of a Ray dataset.

    Parameters
    ----------
    work : Work
        The work.
    table : ray.data.Dataset
        The table.
    is_sorted : bool, default=False
        Whether the rows of a series are together already: in one block, one after another.
    n_blocks : int or None, default=None
        Number of blocks that rows are brought together in; None takes twice the number of processors.

    Returns
    -------
    results : ray.data.Dataset
        Not yet computed.
    """
    ray = import_optional("ray", extra="ray", purpose="A table of Ray")
    given = _arrow_schema(table.schema().base_schema)
    schema, run = work.schema(given), shipped(work)
    if not is_sorted:
        table = _plain_ids(table, given, work.id)
        number = n_blocks or 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
        table = table.repartition(number, keys=[work.id], sort=True)

    def of_block(block: Any) -> Any:
        import pyarrow as pa

        found = list(run([block]))
        return pa.concat_tables(found) if found else schema.empty_table()

    return table.map_batches(of_block, batch_size=None, batch_format="pyarrow", zero_copy_batch=True)


def _plain_ids(table: Any, given: Any, id: str) -> Any:
    """Return a dataset of Ray whose ids are no dictionary, which Arrow does not sort by."""
    type_ = value_type(given.field(id).type)
    if type_ == given.field(id).type:
        return table

    def of_block(block: Any) -> Any:
        number = block.schema.get_field_index(id)
        return block.set_column(number, id, block.column(number).cast(type_))

    return table.map_batches(of_block, batch_size=None, batch_format="pyarrow", zero_copy_batch=True)


def _arrow_schema(schema: Any) -> Any:
    """Return a schema of Ray, which may be of pandas, as one of Arrow."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(schema, pa.Schema):
        return schema
    empty = pd.DataFrame({name: pd.Series(dtype=type_) for name, type_ in zip(schema.names, schema.types, strict=True)})
    return pa.Schema.from_pandas(empty, preserve_index=False)
