"""Series whose values are many times as large from some row on, as of two exports in different units."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._series import Series

__all__ = ["find_jump", "warn_of_unit_jumps"]

_TIMES = 20.0  # as large as the largest value before
_FEWEST = 8  # observed rows before and after


def find_jump(values: np.ndarray) -> tuple[int, float] | None:
    """Return the row from which all values are many times as large, or as small, as all before, and their ratio.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps,)
        NaN where missing.

    Returns
    -------
    jump : tuple of (int, float) or None
        The row, and the median after it by the median before; None if there is no such row, or a value is not positive.

    Examples
    --------
    >>> find_jump(np.repeat([2.0, 2000.0], 8))
    (8, 1000.0)
    >>> find_jump(2.0 ** np.arange(16)) is None
    True
    """
    rows = np.flatnonzero(~np.isnan(values))
    found = values[rows]
    if len(found) < 2 * _FEWEST or found.min() <= 0 or found.max() < _TIMES * found.min():
        return None
    highest, lowest = np.maximum.accumulate(found), np.minimum.accumulate(found)
    highest_after, lowest_after = np.maximum.accumulate(found[::-1])[::-1], np.minimum.accumulate(found[::-1])[::-1]
    are_other = (lowest_after[1:] >= _TIMES * highest[:-1]) | (lowest[:-1] >= _TIMES * highest_after[1:])
    places = np.flatnonzero(are_other[_FEWEST - 1 : len(found) - _FEWEST]) + _FEWEST
    if len(places) != 1:
        return None
    place = int(places[0])
    return int(rows[place]), float(np.median(found[place:]) / np.median(found[:place]))


def warn_of_unit_jumps(series: Sequence[Series], known: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Warn of a series whose values are many times as large, or as small, from some row on.

    Parameters
    ----------
    series : sequence of Series
        The series.
    known : sequence of ndarray of shape (n_timestamps, n_channels)
        Their training rows, in original units.
    names : sequence of str
        Their names.

    Warns
    -----
    UserWarning
        For the first one.
    """
    lengths = np.array([len(rows) for rows in known])
    if not len(lengths) or not lengths.all():
        return
    starts = np.cumsum(lengths) - lengths
    for channel in range(known[0].shape[1]):
        values = np.concatenate([rows[:, channel] for rows in known])
        low, high = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        for number in np.flatnonzero((low > 0) & (high >= _TIMES * low)).tolist():
            jump = find_jump(known[number][:, channel])
            if jump is not None:
                row, ratio = jump
                index = series[number].index
                where = f"row {row}" if index is None else str(index[row])
                warnings.warn(
                    f"all values of {series[number].name_of(channel)!r} of {names[number]} are {ratio:.3g} times those "
                    f"before, from {where} on: are their units others, as of two exports that were put together? Bring "
                    "all rows to one unit.",
                    stacklevel=stacklevel_of_user(),
                )
                return
