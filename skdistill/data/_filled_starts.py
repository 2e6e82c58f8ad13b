"""Rows before each series, filled once for all windows that start there."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from skdistill.data._store import SeriesStore

__all__ = ["fill_starts"]

_NEVER = np.iinfo(np.int64).max


def fill_starts(store: SeriesStore, context_length: int) -> tuple[Tensor, np.ndarray]:
    """Fill the missing rows before series without gaps, as :func:`fill_missing` fills them in every window.

    There a missing row takes the value a whole number of seasons later, from the first season of the series: the same
    value in all windows that contain this season.

    Parameters
    ----------
    store : SeriesStore
        The series.
    context_length : int
        Number of rows of a context.

    Returns
    -------
    values : Tensor of shape (n_rows, n_channels)
        Those of the store, with the rows before series filled; the same tensor if there are none.
    complete : ndarray of int64 of shape (n_series,)
        First row of the store at which a context must end for its rows of ``values`` to be the filled context; beyond
        all rows for a series with gaps.
    """
    season = store.scaling.season if 1 < store.scaling.season < context_length else 1
    missing = np.concatenate([[0], torch.isnan(store.values).any(dim=1).cpu().numpy().cumsum()])
    has_gap = missing[store.offsets + store.lengths] > missing[store.offsets]
    complete = np.where(has_gap, _NEVER, store.offsets + season)
    if not store.front:
        return store.values, complete
    before = -np.arange(1, store.front + 1)
    rows = (store.offsets[:, None] + before).ravel()
    sources = np.minimum(store.offsets[:, None] + before % season, len(store.values) - 1).ravel()
    values = store.values.clone()
    device = values.device
    values[torch.from_numpy(rows).to(device)] = store.values[torch.from_numpy(sources).to(device)]
    return values, complete
