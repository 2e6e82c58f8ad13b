"""Rows that are known before a test series begins: those of the training series that it goes on from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill.data._inputs import Series

__all__ = ["find_trained", "rows_before_series", "rows_of_fit"]


def find_trained(series: Sequence[Series], trained: Sequence[Series] | None) -> list[Series | None]:
    """Find the training rows of each series, by its id.

    Parameters
    ----------
    series : sequence of Series
        The test series.
    trained : sequence of Series or None
        Those of ``fit``.

    Returns
    -------
    trained : list of Series or None
        One per test series; without ids only a single series is found.
    """
    if trained is None:
        return [None] * len(series)
    if len(series) == len(trained) == 1 and series[0].id == trained[0].id:
        return [trained[0]]
    places = {one.id: one for one in trained if one.id is not None}
    return [None if one.id is None else places.get(one.id) for one in series]


def rows_before_series(one: Series, trained: Series | None, targets: Sequence[int]) -> np.ndarray:
    """Return the training rows before the first row of a test series.

    Parameters
    ----------
    one : Series
        The test series.
    trained : Series or None
        The rows that ``fit`` saw of it.
    targets : sequence of int
        Channels to return.

    Returns
    -------
    rows : ndarray of shape (n_timestamps, n_targets)
        None of them where the labels do not tell, or rows of the same label have other values.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5)
    >>> values = np.arange(5.0)[:, None]
    >>> rows_before_series(Series(values[2:], days[2:]), Series(values[:4], days[:4]), [0]).ravel()
    array([0., 1.])
    """
    nothing = np.empty((0, len(targets)))
    if trained is None or trained.index is None or one.index is None or trained.index.dtype != one.index.dtype:
        return nothing
    rows = trained.values[:, list(targets)]
    place = int(trained.index.get_indexer(one.index[:1])[0])
    if place < 0:
        return rows if trained.labels_ahead(1)[0] == one.index[0] else nothing
    n_common = min(len(trained) - place, len(one))
    common = trained.values[place : place + n_common], one.values[:n_common]
    return rows[:place] if np.array_equal(*common, equal_nan=True) else nothing


def rows_of_fit(one: Series, trained: Series | None, targets: Sequence[int]) -> np.ndarray:
    """Say which rows of a test series were training rows: those of the same label and values.

    Parameters
    ----------
    one : Series
        The test series.
    trained : Series or None
        The rows that ``fit`` saw of it.
    targets : sequence of int
        Channels whose values are compared.

    Returns
    -------
    seen : ndarray of bool of shape (n_timestamps,)
        None of them where rows of the same label have other values. Without labels, all rows of an equal series.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5)
    >>> values = np.arange(5.0)[:, None]
    >>> rows_of_fit(Series(values[2:], days[2:]), Series(values[:4], days[:4]), [0]).tolist()
    [True, True, False]
    """
    nothing = np.zeros(len(one), dtype=bool)
    if trained is None:
        return nothing
    values, known = one.values[:, list(targets)], trained.values[:, list(targets)]
    if one.index is None or trained.index is None:
        both = one.index is None and trained.index is None
        return np.full(len(one), both and np.array_equal(values, known, equal_nan=True))
    if trained.index.dtype != one.index.dtype:
        return nothing
    places = trained.index.get_indexer(one.index)
    seen = places >= 0
    return seen if np.array_equal(values[seen], known[places[seen]], equal_nan=True) else nothing
