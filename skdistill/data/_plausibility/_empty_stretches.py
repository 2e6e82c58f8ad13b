"""Covariates with zeros in some rows and empty cells in place of them in others: tables written in two ways."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._mostly_missing import is_mostly_missing
from skdistill.data._series import Series

__all__ = ["find_empty_stretch", "warn_of_empty_stretch"]

_FEWEST_RUNS = 5  # of other values in a stretch, between which rows are missing
_LEAST_SHARE = 0.5  # of the usual value elsewhere
_LEAST_OF_ALL = 0.25  # of the usual value in all rows
_MOST_BESIDE = 0.25  # of the gaps, those beside the usual value: where a stretch begins and ends
_BY_CHANCE = 1e-3  # expected number of such stretches, if values were missing by chance


def find_empty_stretch(values: np.ndarray, lengths: np.ndarray) -> tuple[float, int] | None:
    """Return the value that empty cells of a stretch of rows stand for, and the first empty row.

    Of this value, zero, there is most outside, and nothing in the stretch, where most rows are missing.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Values of a covariate, one series after the other; NaN is missing.
    lengths : ndarray of int of shape (n_series,)
        Number of rows of each series, none 0.

    Returns
    -------
    found : tuple of (float, int) or None
        None if there is no such stretch.

    Examples
    --------
    >>> import numpy as np
    >>> is_promotion = np.random.default_rng(0).random(200) < 0.25
    >>> in_two_ways = np.where(is_promotion, 1, np.where(np.arange(200) < 120, 0, np.nan))
    >>> find_empty_stretch(in_two_ways, np.array([200]))
    (0.0, 120)
    >>> by_chance = np.where(np.random.default_rng(1).random(200) < 0.6, np.nan, is_promotion)
    >>> find_empty_stretch(by_chance, np.array([200])) is None
    True
    """
    is_missing = np.isnan(values)
    if is_missing.sum() < _FEWEST_RUNS:
        return None
    starts = np.zeros(len(values) + 1, dtype=bool)
    starts[np.cumsum(lengths)] = starts[0] = True
    is_flag = bool(np.all(is_missing | (values == 0) | (values == 1)))
    for usual in (0.0, 1.0) if is_flag else (0.0,):
        is_usual = values == usual
        if is_usual.sum() >= _LEAST_OF_ALL * (~is_missing).sum() and _lacks_beside_gaps(is_missing, is_usual, starts):
            row = _first_empty(values, is_missing, is_usual, starts[:-1])
            if row is not None:
                return usual, row
    return None


def _lacks_beside_gaps(is_missing: np.ndarray, is_usual: np.ndarray, starts: np.ndarray) -> bool:
    """Return whether gaps hardly lie beside the usual value, beside which most would, were they there by chance."""
    rows = np.flatnonzero(is_missing)
    goes_on = (np.diff(rows) == 1) & ~starts[rows[1:]]
    first, last = rows[np.r_[True, ~goes_on]], rows[np.r_[~goes_on, True]]
    inner = ~(starts[first] | starts[last + 1])
    beside = is_usual[first[inner] - 1] | is_usual[last[inner] + 1]
    return bool(beside.sum() <= _MOST_BESIDE * inner.sum())


def _first_empty(values: np.ndarray, is_missing: np.ndarray, is_usual: np.ndarray, starts: np.ndarray) -> int | None:
    """Return the first empty row of the stretches without the usual value, if these are hardly so by chance."""
    stretch = np.cumsum(is_usual | starts) - 1
    is_other = ~(is_missing | is_usual)
    is_run = is_other & ~np.r_[False, is_other[:-1] & ~starts[1:]]
    counts = [np.bincount(stretch[which], minlength=stretch[-1] + 1) for which in (is_run, is_missing, is_other)]
    n_runs, n_missing, n_other = counts
    can_be = (n_runs >= _FEWEST_RUNS) & (n_missing > n_other)
    share = is_usual.sum() / (is_usual.sum() + n_other[~can_be].sum() + 1)
    is_odd = can_be & ((1 - share) ** n_runs * len(n_runs) < _BY_CHANCE)
    if share < _LEAST_SHARE or not is_odd.any():
        return None
    first, stop = (np.searchsorted(stretch, np.flatnonzero(is_odd) + one) for one in (0, 1))
    if not is_mostly_missing([values[begin:end] for begin, end in zip(first, stop, strict=True)]):
        return None
    return int(first[0] + np.flatnonzero(is_missing[first[0] : stop[0]])[0])


def warn_of_empty_stretch(
    series: Sequence[Series],
    known: Sequence[np.ndarray],
    channels: Sequence[int],
    targets: Sequence[int],
    names: Sequence[str],
) -> None:
    """Warn of a covariate whose empty cells stand for zero in a part of the rows, and that has zeros in others.

    Parameters
    ----------
    series : sequence of Series
        The series.
    known : sequence of ndarray of shape (n_timestamps, n_channels)
        Their training rows.
    channels : sequence of int
        Covariates that are read.
    targets : sequence of int
        The targets; rows without a value of any, such as those that readers insert, tell nothing.
    names : sequence of str
        Names of the series.

    Warns
    -----
    UserWarning
        For the first one.
    """
    for channel in channels:
        found = _find([rows[:, channel] for rows in known])
        if (
            found is None
            or _find([rows[~np.isnan(rows[:, list(targets)]).all(axis=1), channel] for rows in known]) is None
        ):
            continue
        usual, place = found
        ends = np.cumsum([len(rows) for rows in known])
        number = int(np.searchsorted(ends, place, side="right"))
        row, index = place - int(ends[number]) + len(known[number]), series[number].index
        where = f"row {row}" if index is None else str(index[row])
        warnings.warn(
            f"the covariate {series[number].name_of(channel)!r} of {names[number]} has gaps between values, of which "
            f"none is {usual:g}, in a stretch of rows from {where} on, and is {usual:g} in most other rows: NaN counts "
            "as unknown, and is filled from the values around it. If an empty cell means "
            f"{usual:g} there, as in one of two exports, write {usual:g}.",
            stacklevel=stacklevel_of_user(),
        )
        return


def _find(parts: Sequence[np.ndarray]) -> tuple[float, int] | None:
    """Find the stretch in the rows of all series."""
    return find_empty_stretch(np.concatenate(parts), np.array([len(part) for part in parts if len(part)], dtype=int))
