"""Results of work, gathered on this machine."""

from __future__ import annotations

from typing import Any

from skdistill.scale_out._engines import engine_of, map_dask, map_ray, map_spark
from skdistill.scale_out._here import map_here
from skdistill.scale_out._work import Work

__all__ = ["collect"]


def collect(work: Work, table: Any, *, is_sorted: bool, n_jobs: int | None = None) -> Any:
    """Map work over a table of any engine, and gather the results.

    Parameters
    ----------
    work : Work
        The work; its results are small.
    table : table
        As for :func:`skdistill.scale_out.predict`.
    is_sorted : bool
        Whether the rows of a series are together, or the work does not ask for that.
    n_jobs : int or None, default=None
        Number of processes, on one machine.

    Returns
    -------
    results : pyarrow.Table
        The results.
    """
    import pyarrow as pa

    engine = engine_of(table)
    if engine == "spark":
        return map_spark(work, table, is_sorted=is_sorted).toArrow()
    if engine == "dask":
        return pa.Table.from_pandas(map_dask(work, table, is_sorted=is_sorted).compute(), preserve_index=False)
    if engine == "ray":
        found = map_ray(work, table, is_sorted=is_sorted).iter_batches(batch_format="pyarrow", batch_size=None)
        parts = [part for part in found if part.num_rows]
        return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})
    schema, results = map_here(work, table, is_sorted=is_sorted, n_jobs=n_jobs)
    return pa.concat_tables([schema.empty_table(), *results])
