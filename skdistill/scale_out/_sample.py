"""A sample of series of a table of any engine, over all lengths and scales."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill.scale_out._collect import collect
from skdistill.scale_out._work import Work, value_type

__all__ = ["Pick", "choose_ids", "describe_series", "take_sample", "take_series"]


@dataclass
class _Describe(Work):
    """Rows, sum and squares of one channel by id; rows of a series may be anywhere.

    Parameters
    ----------
    id : str
        The column of ids.
    channel : str
        The channel.
    """

    id: str
    channel: str

    def schema(self, given: Any) -> Any:
        """Return ids and three numbers."""
        import pyarrow as pa

        own = value_type(given.field(self.id).type)
        return pa.schema([(self.id, own), ("n_rows_", pa.int64()), ("sum_", pa.float64()), ("squares_", pa.float64())])

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Describe a partition."""
        import pyarrow as pa

        total: Any = None
        for batch in batches:
            if not batch.num_rows:
                continue
            schema = self.schema(batch.schema)
            if n_nameless := batch.column(self.id).null_count:
                raise ValueError(
                    f"the id column {self.id!r} of the table lacks an id in {n_nameless} rows, at least: drop or name "
                    "them."
                )
            values = pd.Series(np.asarray(batch.column(self.channel).cast(pa.float64())))
            frame = pd.DataFrame({"n_rows_": 1, "sum_": values.fillna(0.0), "squares_": values.fillna(0.0) ** 2})
            found = frame.groupby(batch.column(self.id).cast(schema.field(0).type).to_pandas(), sort=False).sum()
            total = found if total is None else total.add(found, fill_value=0)
        if total is not None:
            plain = total.astype({"n_rows_": np.int64}).rename_axis(self.id).reset_index()
            yield pa.Table.from_pandas(plain, preserve_index=False).cast(schema)


@dataclass
class Pick(Work):
    """The rows of some series; they may be anywhere.

    Parameters
    ----------
    id : str
        The column of ids.
    ids : list of object
        The series.
    """

    id: str
    ids: list[Any]

    def schema(self, given: Any) -> Any:
        """Return all columns."""
        return given.remove_metadata()

    def run(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Filter a partition."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch in batches:
            table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
            ids = table.column(self.id)
            chosen = table.filter(pc.is_in(ids, pa.array(self.ids, value_type(ids.type))))
            if chosen.num_rows:
                yield chosen.replace_schema_metadata(None)


def take_sample(table: Any, n_series: int, *, id: str, channel: str, seed: int = 0) -> Any:
    """Read some series of a table, which is scanned twice and not shuffled.

    Parameters
    ----------
    table : table
        As for :func:`skdistill.scale_out.predict`.
    n_series : int
        How many.
    id : str
        The column of ids.
    channel : str
        The channel whose scale counts.
    seed : int, default=0
        Another seed takes other series.

    Returns
    -------
    rows : pyarrow.Table
        All rows of these series.
    n_all : int
        Series of the table.
    """
    stats = describe_series(table, id=id, channel=channel)
    return take_series(table, choose_ids(stats, n_series, seed), id=id), len(stats)


def describe_series(table: Any, *, id: str, channel: str) -> pd.DataFrame:
    """Count the rows of each series, and sum one channel.

    Parameters
    ----------
    table : table
        As for :func:`skdistill.scale_out.predict`.
    id : str
        The column of ids.
    channel : str
        The channel whose scale counts.

    Returns
    -------
    stats : DataFrame of shape (n_all, 3)
        ``n_rows_``, ``sum_`` and ``squares_`` by id, sorted.

    Raises
    ------
    ValueError
        If the table has no rows.
    """
    described = collect(_Describe(id, channel), table, is_sorted=True).to_pandas()
    if not len(described):
        raise ValueError("the table has no rows.")
    return described.groupby(id, sort=True)[["n_rows_", "sum_", "squares_"]].sum()


def take_series(table: Any, ids: list[Any], *, id: str) -> Any:
    """Read all rows of some series.

    Parameters
    ----------
    table : table
        As for :func:`skdistill.scale_out.predict`.
    ids : list of object
        The series.
    id : str
        The column of ids.

    Returns
    -------
    rows : pyarrow.Table
        Their rows.
    """
    return collect(Pick(id, ids), table, is_sorted=True)


def choose_ids(stats: pd.DataFrame, n_series: int, seed: int) -> list[Any]:
    """Choose series from every stratum of length (powers of 2) and scale (powers of 10), by its share but at least one.

    Parameters
    ----------
    stats : DataFrame of shape (n_all, 3)
        ``n_rows_``, ``sum_`` and ``squares_`` by id.
    n_series : int
        How many.
    seed : int
        Another seed chooses others.

    Returns
    -------
    ids : list of object
        In the order of ``stats``, whatever the partitions were.

    Examples
    --------
    >>> stats = pd.DataFrame({"n_rows_": [4] * 9 + [400], "sum_": 4.0, "squares_": 8.0})
    >>> 9 in choose_ids(stats, 2, seed=0)
    True
    """
    count = stats["n_rows_"].to_numpy(dtype=np.float64)
    spread = np.sqrt(np.maximum(stats["squares_"] / count - (stats["sum_"] / count) ** 2, 0.0)).to_numpy()
    scale = np.floor(np.log10(np.where(spread > 0, spread, np.nan)))
    strata = pd.DataFrame({"length": np.floor(np.log2(count)), "scale": np.nan_to_num(scale, nan=-999.0)})
    number = strata.groupby(["length", "scale"]).ngroup().to_numpy()
    texts = np.asarray(stats.index.astype(str), dtype=object)  # pandas ignores the key for numbers
    order = pd.util.hash_array(texts, hash_key=f"{seed:016d}"[-16:], categorize=False)
    rank = pd.Series(order).groupby(number).rank(method="first").to_numpy() - 0.5
    size = np.bincount(number)[number]
    first = np.lexsort((order, rank / size, rank > 1))[:n_series]  # one of each stratum, then evenly
    return stats.index[np.sort(first)].tolist()
