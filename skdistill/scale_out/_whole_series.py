"""Batches of Arrow that end anywhere, joined to tables of whole series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["SeenIds", "whole_series"]


class SeenIds:
    """The ids that came so far, 8 bytes each; it raises where one comes again.

    Parameters
    ----------
    where : str
        What the ids come from, for the message.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self._hashes: list[np.ndarray] = []
        self._known: set[int] | None = None  # only where ids are not sorted, which costs more
        self._last: Any = None

    def note(self, ids: pd.Index) -> None:
        """Remember the ids of some series.

        Parameters
        ----------
        ids : Index
            Each id once.

        Raises
        ------
        ValueError
            If one of them came before.
        """
        hashes = pd.util.hash_array(np.asarray(ids), categorize=False)
        follows = self._last is None or bool(ids.min() > self._last)
        if self._known is None and follows:
            self._hashes.append(hashes)
            self._last = ids.max()
            return
        if self._known is None:
            self._known = set(np.concatenate(self._hashes).tolist())
        again = [one for one, code in zip(ids, hashes.tolist(), strict=True) if code in self._known]
        if again:
            raise ValueError(spread_message(again[0], len(again), self.where))
        self._known.update(hashes.tolist())


def spread_message(one: Any, n_series: int, where: str) -> str:
    """Say that the rows of a series are in several places, and what to do.

    Parameters
    ----------
    one : object
        Id of the first of them.
    n_series : int
        How many there are.
    where : str
        What they are spread over.

    Returns
    -------
    message : str
        The message.
    """
    return (
        f"the rows of series {one!r} are not together in {where} ({n_series} series in all): a part of them would be "
        "taken for the whole series. Leave out is_sorted=True, so that rows are brought together by id first."
    )


def whole_series(batches: Iterable[Any], id: str, n_rows: int, where: str) -> Iterator[Any]:
    """Join batches of one table, in which the rows of a series are together, to tables that end with a series.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch or pyarrow.Table
        In order; they may end within a series or be empty.
    id : str
        The column of ids.
    n_rows : int
        Rows of a table, about; a longer series makes a longer table.
    where : str
        What the batches come from, for messages.

    Yields
    ------
    table : pyarrow.Table
        All rows of some series.

    Raises
    ------
    ValueError
        If a series comes again after another one.
    """
    import pyarrow as pa

    seen, held, n_held = SeenIds(where), [], 0
    for batch in batches:
        if not batch.num_rows:
            continue
        held.append(batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch]))
        n_held += batch.num_rows
        if n_held < n_rows:
            continue
        table = pa.concat_tables(held)
        end = _start_of_last(table.column(id))
        held, n_held = [table.slice(end)], table.num_rows - end
        if end:
            seen.note(_ids_of(table.column(id).slice(0, end)))
            yield table.slice(0, end)
    if n_held:
        table = pa.concat_tables(held)
        seen.note(_ids_of(table.column(id)))
        yield table


def _start_of_last(ids: Any) -> int:
    """Return the row where the last series starts."""
    import pyarrow.compute as pc

    others = np.flatnonzero(pc.fill_null(pc.not_equal(ids, ids[-1]), True).to_numpy())
    return int(others[-1]) + 1 if len(others) else 0


def _ids_of(ids: Any) -> pd.Index:
    """Return each id once; missing ones are refused where the table is read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = ids.cast(ids.type.value_type) if pa.types.is_dictionary(ids.type) else ids  # categories have no order
    return pd.Index(pc.unique(pc.drop_null(plain)).to_pandas())
