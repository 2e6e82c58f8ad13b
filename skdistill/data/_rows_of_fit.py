"""Which rows of a series were rows of ``fit``, and which rows of ``fit`` came before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._inputs import read_series
from skdistill.data._kept_series import ChangedSeriesError
from skdistill.data._label_kinds import kind_of_labels
from skdistill.data._series import Series
from skdistill.data._steps import as_time_index

__all__ = ["count_windows_of_fit", "find_trained", "read_training_rows", "rows_before_series", "rows_of_fit"]

_MOST_REVISED = 0.1  # of the values of rows of the same label; of other series, more differ
_WRITTEN = 1e-3  # of the spread of a target; less is lost where a file has fewer decimals


def read_training_rows(forecaster: Any, train: Any = None) -> list[Series] | None:
    """Return the training series of a forecaster.

    Parameters
    ----------
    forecaster : DistilledForecaster
        A fitted forecaster.
    train : array, DataFrame, Series, panel or None, default=None
        The training series; None takes the series passed to ``fit``.

    Returns
    -------
    series : list of Series or None
        None if they are gone, or were changed in place.
    """
    try:
        known = forecaster.training_series() if train is None else train
    except ChangedSeriesError:
        return None
    return None if known is None else read_series(forecaster, known, reset=False, allow_batch=False).series


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
        None of them where the labels do not tell, or most rows of the same label have other values.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5)
    >>> values = np.arange(5.0)[:, None]
    >>> rows_before_series(Series(values[2:], days[2:]), Series(values[:4], days[:4]), [0]).ravel()
    array([0., 1.])
    """
    if trained is None or _shared_labels(one.index, trained.index) is None:
        return np.empty((0, len(targets)))
    place = int(_places(one, trained, targets)[0])
    rows = trained.values[:, list(targets)]
    ahead = _shared_labels(one.index[:1], as_time_index(trained.labels_ahead(1)))  # type: ignore[index]  # there are
    follows = place < 0 and ahead is not None and ahead[0][0] == ahead[1][0]
    return rows if follows else rows[: max(0, place)]


def rows_of_fit(one: Series, trained: Series | None, targets: Sequence[int], n_rows: int | None = None) -> np.ndarray:
    """Say which rows of a test series were training rows: those of the same label and, but for rounding, values.

    Parameters
    ----------
    one : Series
        The test series.
    trained : Series or None
        The rows that ``fit`` saw of it.
    targets : sequence of int
        Channels whose values are compared.
    n_rows : int or None, default=None
        How many of the rows that ``fit`` saw count, from the first; None counts all.

    Returns
    -------
    seen : ndarray of bool of shape (n_timestamps,)
        None of them where more than a few rows of the same label have other values, as of another series; what ``fit``
        saw missing can have come in since. Without labels, the rows of an equal series.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=5)
    >>> values = np.arange(5.0)[:, None]
    >>> rows_of_fit(Series(values[2:], days[2:]), Series(values[:4], days[:4]), [0]).tolist()
    [True, True, False]
    """
    if trained is None:
        return np.zeros(len(one), dtype=bool)
    places, known = _places(one, trained, targets), trained.values[:, list(targets)]
    given = np.append(~np.isnan(known).all(axis=1), False)  # place -1 is none of them
    given[len(trained) if n_rows is None else n_rows :] = False
    seen: np.ndarray = given[places]
    seen[seen] = ~_differ(one.values[:, list(targets)][seen], known[places[seen]]).any(axis=1)
    return seen


def count_windows_of_fit(seen: np.ndarray, starts: np.ndarray, prediction_length: int) -> int:
    """Count the windows that have a row of ``fit`` in their horizon.

    Parameters
    ----------
    seen : ndarray of bool of shape (n_timestamps,)
        Which rows of a series were training rows.
    starts : ndarray of int of shape (n_windows,)
        Row of the first horizon row of each window.
    prediction_length : int
        Rows of a horizon.

    Returns
    -------
    n_windows : int
        Their number.

    Examples
    --------
    >>> count_windows_of_fit(np.array([True, True, True, False, False]), np.array([1, 2, 3]), 2)
    2
    """
    counted = np.append(0, seen.cumsum())
    return int((counted[starts + prediction_length] > counted[starts]).sum())


def _places(one: Series, trained: Series, targets: Sequence[int]) -> np.ndarray:
    """Return the training row of each row, by its label; -1 where there is none, and if the values are of others."""
    nowhere = np.full(len(one), -1)
    values, known = one.values[:, list(targets)], trained.values[:, list(targets)]
    if one.index is None and trained.index is None:
        same = values.shape == known.shape and not np.isnan(values - known).all() and _agree(values, known)
        return np.arange(len(one)) if same else nowhere
    shared = _shared_labels(one.index, trained.index)
    if shared is None:
        return nowhere
    places: np.ndarray = shared[1].get_indexer(shared[0])
    seen = places >= 0
    return places if _agree(values[seen], known[places[seen]]) else nowhere


def _agree(values: np.ndarray, known: np.ndarray) -> bool:
    """Return whether rows are those of one series: nearly all values that tell are equal where both are observed."""
    differ = _differ(values, known)
    if not differ.any():
        return True
    usual = _quantiles(known, [0.5])[0]  # such as 0 of a rare demand, which is equal by chance
    tells = ~np.isnan(values + known) & ((values != usual) | (known != usual))
    return bool(differ[tells].sum() <= _MOST_REVISED * tells.sum())


def _differ(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return which values differ by more than rounding where both are observed: late ones can have come in since.

    Where one side has no more digits than float32, those of the other side do not count beyond them.
    """
    differ = ~((values == known) | np.isnan(values) | np.isnan(known))
    if not differ.any():
        return differ
    with np.errstate(over="ignore"):
        short = [one.astype(np.float32) for one in (values, known)]
    if any(np.array_equal(*pair, equal_nan=True) for pair in zip(short, (values, known), strict=True)):
        differ &= short[0] != short[1]
    low, high = _quantiles(known, [0.25, 0.75])
    return np.asarray(differ & (np.abs(np.subtract(values, known, dtype=np.float64)) > _WRITTEN * (high - low)))


def _quantiles(rows: np.ndarray, levels: list[float]) -> np.ndarray:
    """Return quantiles of what is observed of each channel, (n_levels, n_channels); 0 where nothing is."""
    columns = (column[~np.isnan(column)] for column in rows.astype(np.float64).T)
    return np.stack([np.quantile(one, levels) if len(one) else np.zeros(len(levels)) for one in columns], axis=-1)


def _shared_labels(labels: pd.Index | None, others: pd.Index | None) -> tuple[pd.Index, pd.Index] | None:
    """Return labels that can be compared, times as periods beside periods; None if there are none of one kind."""
    if labels is None or others is None:
        return None
    labels, others = _as_periods(labels, others), _as_periods(others, labels)
    return (labels, others) if kind_of_labels(labels) == kind_of_labels(others) and others.is_unique else None


def _as_periods(labels: pd.Index, others: pd.Index) -> pd.Index:
    if isinstance(others, pd.PeriodIndex) and isinstance(labels, pd.DatetimeIndex) and labels.tz is None:
        return labels.to_period(others.freq)  # type: ignore[arg-type]  # any step of periods
    return labels
