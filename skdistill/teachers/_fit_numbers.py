"""Which series of ``fit`` the series of other contexts are."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from skdistill._utils.numpy_student import find_ids
from skdistill.data._contexts import Contexts

__all__ = ["numbers_of_fit"]


def numbers_of_fit(contexts: Contexts, ids: Sequence[Hashable | None]) -> np.ndarray:
    """Return the number in ``fit`` of each series that contexts come from.

    Parameters
    ----------
    contexts : Contexts
        Contexts of any series.
    ids : sequence of hashable
        Ids of the series of ``fit``, in its order; empty if they had none.

    Returns
    -------
    numbers : ndarray of int of shape (n_series,)
        By id, -1 for another series, if the series have ids here and had ids in ``fit``; otherwise by position.
    """
    if not (ids and contexts.ids):
        return np.arange(len(contexts.indexes))
    return find_ids(contexts.ids, {one: number for number, one in enumerate(ids)})
