"""Folds in time of one series or of every series of a panel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._series import Series, SeriesInput
from skdistill.data._validation_rows import count_unobserved_end
from skdistill.model_selection import RollingOriginSplit

__all__ = ["Fold", "default_split", "make_folds", "without_unobserved_end"]

_MANY_SERIES = 100  # from here on, one fold judges enough horizons
_N_SPLITS = 3
_LARGEST_SHARE = 0.4  # of the rows, for the horizons of all folds
_ROWS_OF_A_FOLD = 0.08  # of the rows, for the horizons of one fold


@dataclass(frozen=True)
class Fold:
    """Rows to learn from and origins to forecast from, of every series that has both.

    Parameters
    ----------
    numbers : ndarray of int of shape (n_kept,)
        Numbers of the series with training rows.
    starts, stops : ndarray of int of shape (n_kept,)
        Training rows of each of them, as half-open intervals.
    origins : tuple of ndarray of int, of length n_kept
        Rows of each of them at which a judged horizon starts.
    """

    numbers: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    origins: tuple[np.ndarray, ...]

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of the series, and origin, of every judged horizon."""
        numbers = [np.full(len(own), number) for number, own in zip(self.numbers, self.origins, strict=True)]
        return np.concatenate(numbers), np.concatenate(self.origins)

    def training_rows(self, given: SeriesInput) -> SeriesInput:
        """Return the series with only the training rows.

        Parameters
        ----------
        given : SeriesInput
            The whole series.

        Returns
        -------
        given : SeriesInput
            The rows before the horizons of this fold.
        """
        kept = zip(self.numbers, self.starts, self.stops, strict=True)
        return replace(given, series=[_rows(given.series[number], start, stop) for number, start, stop in kept])


def _rows(one: Series, start: int, stop: int) -> Series:
    index = None if one.index is None else one.index[start:stop]
    return replace(one, values=one.values[start:stop], index=index)


def without_unobserved_end(given: SeriesInput, targets: Sequence[int]) -> SeriesInput:
    """Cut off the rows after the last observed target of each series, such as a horizon with known covariates.

    Nothing can be learned from them or judged on them.

    Parameters
    ----------
    given : SeriesInput
        The series.
    targets : sequence of int
        The forecast channels.

    Returns
    -------
    given : SeriesInput
        The series; those without any observed target as they are.
    """
    ends = [len(one) - count_unobserved_end(one.values[:, list(targets)]) for one in given.series]
    if all(end == len(one) for one, end in zip(given.series, ends, strict=True)):
        return given
    return replace(given, series=[_rows(one, 0, end) for one, end in zip(given.series, ends, strict=True)])


def default_split(lengths: Sequence[int], context_length: int, prediction_length: int) -> RollingOriginSplit:
    """Return up to three folds, each with 8% of the rows or one horizon to forecast; one if there are many series.

    Parameters
    ----------
    lengths : sequence of int
        Number of rows of each series; their median decides.
    context_length : int
        The shortest context of a candidate.
    prediction_length : int
        Number of rows of a forecast.

    Returns
    -------
    split : RollingOriginSplit
        The folds.
    """
    n_rows = float(np.median(lengths))
    most = 1 if len(lengths) >= _MANY_SERIES else _N_SPLITS
    n_splits = int(np.clip(_LARGEST_SHARE * n_rows / prediction_length, 1, most))
    n_horizons = max(1, int(_ROWS_OF_A_FOLD * n_rows / prediction_length))
    return RollingOriginSplit(n_splits, context_length, prediction_length, step=n_horizons * prediction_length)


def make_folds(cv: Any, series: Sequence[Series], prediction_length: int, n_windows: int) -> list[Fold]:
    """Cut every series in time.

    Parameters
    ----------
    cv : splitter
        Its ``split`` gets a table with one row per timestamp, with index levels (series, time) for several series.
    series : sequence of Series
        The series.
    prediction_length : int
        Number of rows of a forecast.
    n_windows : int
        About how many horizons of a fold are judged, at least one for every series.

    Returns
    -------
    folds : list of Fold
        In the order of ``cv``.

    Raises
    ------
    ValueError
        If a fold has no horizon after its training rows.
    """
    bounds = np.concatenate([[0], np.cumsum([len(one) for one in series])])
    table, left_out = _table(series), (int(getattr(cv, "gap", 0)), int(getattr(cv, "context_length", 0)))
    folds = []
    for number, (train, test) in enumerate(cv.split(table)):
        fold = _fold(np.asarray(train), np.asarray(test), bounds, prediction_length, *left_out)
        if not len(fold.numbers):
            raise ValueError(
                f"cv of DistilledForecasterCV must leave prediction_length = {prediction_length} test rows after the "
                f"training rows of a series; fold {number} of {cv!r} leaves them in none."
            )
        folds.append(_spread(fold, n_windows))
    return folds


def _table(series: Sequence[Series]) -> pd.DataFrame:
    """Return a table with the index of the series and no columns."""
    labels = [pd.RangeIndex(len(one)) if one.index is None else one.index for one in series]
    if len(series) == 1:
        return pd.DataFrame(index=labels[0])
    numbers = np.repeat(np.arange(len(series)), [len(one) for one in series])
    times = labels[0].append(labels[1:])
    return pd.DataFrame(index=pd.MultiIndex.from_arrays([numbers, times], names=["series", "time"]))


def _fold(
    train: np.ndarray, test: np.ndarray, bounds: np.ndarray, prediction_length: int, gap: int, context_length: int
) -> Fold:
    """Return a fold; its horizons follow training rows, the gap, and context rows of a test part that starts late."""
    kept: list[tuple[int, int, int, np.ndarray]] = []
    for number, rows in _by_series(train, bounds):
        judged = test[(test >= bounds[number]) & (test < bounds[number + 1])] - bounds[number]
        if not len(judged):
            continue
        stop = int(rows.max()) + 1
        before = context_length if judged.min() > 0 else 0  # the first series rows are no whole context
        first = max(stop + gap, int(judged.min()) + before)
        origins = np.arange(first, int(judged.max()) + 2 - prediction_length)
        if len(origins):
            _check_whole(rows, "training", number)
            _check_whole(np.sort(judged), "test", number)
            kept.append((number, int(rows.min()), stop, origins))
    numbers, starts, stops, all_origins = zip(*kept, strict=True) if kept else ((), (), (), ())
    return Fold(np.array(numbers, dtype=int), np.array(starts), np.array(stops), tuple(all_origins))


def _check_whole(rows: np.ndarray, what: str, number: int) -> None:
    """Raise if some rows between the first and the last one are left out."""
    holes = np.flatnonzero(np.diff(rows) != 1)
    if len(holes):
        before, after = int(rows[holes[0]]), int(rows[holes[0] + 1])
        raise ValueError(
            f"cv of DistilledForecasterCV must have {what} rows of a series without holes; a fold leaves out what lies "
            f"between rows {before} and {after} of series number {number}, which windows would cross. Write NaN into "
            "these rows of X instead."
        )


def _by_series(rows: np.ndarray, bounds: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    rows = np.sort(rows)
    parts = np.searchsorted(rows, bounds)
    for number in range(len(bounds) - 1):
        own = rows[parts[number] : parts[number + 1]] - bounds[number]
        if len(own):
            yield number, own


def _spread(fold: Fold, n_windows: int) -> Fold:
    """Keep about so many origins, evenly spread."""
    longest = max(map(len, fold.origins))
    each = max(1, n_windows // len(fold.origins))
    every = -(-longest // each)
    return replace(fold, origins=tuple(origins[::every] for origins in fold.origins))
