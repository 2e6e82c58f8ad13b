"""Forecast a table of any engine."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Any

from skdistill._utils._interrupts import interrupts_stay
from skdistill.deploy._frame_predictor import FramePredictor
from skdistill.scale_out._engines import check_options, engine_of, map_dask, map_ray, map_spark
from skdistill.scale_out._files import write_file
from skdistill.scale_out._here import map_here
from skdistill.scale_out._work import Forecasts

__all__ = ["predict"]


@interrupts_stay
def predict(
    forecaster: Any,
    table: Any,
    target: str | os.PathLike[str] | None = None,
    *,
    id: Hashable = "unique_id",
    time: Hashable = "ds",
    is_sorted: bool = False,
    n_jobs: int | None = None,
) -> Any:
    """Forecast every series of a long table of Spark, Dask or Ray, or of files larger than memory.

    Workers get a pickled :class:`~skdistill.deploy.FramePredictor`, which runs on NumPy without torch. They read about
    262,144 rows at a time, so that their memory grows neither with the number of series nor with the partition.

    Parameters
    ----------
    forecaster : DistilledForecaster or FramePredictor
        A fitted forecaster, or what its ``predictor`` returned, which knows ``id`` and ``time``.
    table : table, path or list of paths
        A DataFrame of Spark or Dask or a dataset of Ray; or, for one machine, Parquet files or folders of them (URLs
        such as ``s3://`` are opened by fsspec), an Arrow dataset, table or reader, a DuckDB relation, or a table of
        polars or pandas. One row per series and time, with the channels of ``fit``; rows after the last observed target
        give the known covariates of the horizon.
    target : str, Path or None, default=None
        For one machine, the Parquet file to write, or its URL; it appears complete or not at all. None returns a table
        of Arrow.
    id, time : str, default="unique_id", "ds"
        The columns of ids and times; those of a predictor, if one is given.
    is_sorted : bool, default=False
        Whether the rows of a series are together already: in one partition, one after another. Otherwise the engine
        brings them together first, which costs most of the time. Where they are not, ``FramePredictor.check_forecasts``
        finds it in the result; within a partition or on one machine, an error is raised.
    n_jobs : int or None, default=None
        For one machine, the number of processes. What a killed process was working on is forecast again.

    Returns
    -------
    forecasts : table or Path
        Ids, times and forecasts, of the engine of ``table`` and not yet computed; of Arrow for one machine, or
        ``target``. Ids and times have the types of the table; times that were text become timestamps,
        in the zone of those of ``fit``.

    Raises
    ------
    ValueError
        If a column is missing, files have different columns, a predictor reads other columns, ``target`` or ``n_jobs``
        is given for a table of an engine, or the predictor raises.
    ImportError
        If a library is missing here or on a worker; the message says what to install.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, scale_out
    >>> from skdistill.datasets import make_multiseasonal, to_long
    >>> import pandas as pd
    >>> days = make_multiseasonal(200, 1, seasons=(12,), random_state=0)
    >>> panel = pd.concat({"shop 1": days, "shop 2": 100 * days})
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(panel)
    >>> scale_out.predict(forecaster, to_long(panel)).num_rows
    12
    """
    check_options(table, is_sorted, n_jobs)
    predictor = _predictor(forecaster, id, time)
    work, engine = Forecasts(predictor), engine_of(table)
    if engine is None:
        schema, results = map_here(work, table, is_sorted=is_sorted, n_jobs=n_jobs)
        return _gather(schema, results) if target is None else write_file(schema, results, target)
    if target is not None:
        raise ValueError(
            f"target is for files and tables of one machine; got {target!r} for a table of {engine.capitalize()}, "
            "which has its own writers."
        )
    return {"spark": map_spark, "dask": map_dask, "ray": map_ray}[engine](work, table, is_sorted=is_sorted)


def _predictor(forecaster: Any, id: Hashable, time: Hashable) -> FramePredictor:
    """Return the predictor of these columns, or raise if it was made for others."""
    if not isinstance(forecaster, FramePredictor):
        made: FramePredictor = forecaster.predictor(id=id, time=time)
        return made
    own, defaults = {"id": forecaster.form.id, "time": forecaster.form.time}, {"id": "unique_id", "time": "ds"}
    for name, given in {"id": id, "time": time}.items():
        if given not in (own[name], defaults[name]):
            raise ValueError(
                f"{name} of predict is {given!r}, and this predictor reads {own[name]!r}: leave it out, or make a "
                f"predictor of these columns, forecaster.predictor({name}={given!r})."
            )
    return forecaster


def _gather(schema: Any, results: Any) -> Any:
    import pyarrow as pa

    return pa.concat_tables([schema.empty_table(), *results])
