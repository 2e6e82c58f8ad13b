"""Zeros after all other rows: rows that are yet to come, which a table of plans or a sum over nothing holds as 0."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._series import Series
from skdistill.data._validation_rows import count_unobserved_end

__all__ = ["count_zeros_at_end", "longest_zeros", "warn_of_zeros_at_end"]

_FEWEST = 3  # two rows can be holidays
_LONGER = 3  # times the longest run of zeros before, as in intermittent demand
_MOST = 0.25  # of the rows


def count_zeros_at_end(parts: Sequence[np.ndarray], before: int | None = None) -> int:
    """Count rows at the end that are zero in all series, where no other run of such rows is nearly as long.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_timestamps, n_targets)
        Targets of series that end together.
    before : int or None, default=None
        Length of the longest such run in earlier rows; None if these are all their rows, of which a quarter at most is
        counted.

    Returns
    -------
    n_rows : int
        0 if there are fewer than three.

    Examples
    --------
    >>> rows = np.array([5, 0, 3, 4, 6, 5, 0, 0, 3, 5, 4, 6, 7, 5, 4, 5, 6, 3, 5, 4, 6, 4, 5, 0, 0, 0, 0, 0, 0, 0])
    >>> count_zeros_at_end([rows[:, None]]), count_zeros_at_end([rows[:-1, None]])
    (7, 0)
    """
    zero = _zero_together(parts, at_end=True)
    others = np.flatnonzero(~zero)
    if not zero[-_FEWEST:].all() or not len(others):
        return 0
    n_rows = len(zero) - 1 - int(others[-1])
    longest = max(int(np.diff(others, prepend=-1).max()) - 1, before or 0)
    most = _MOST if before is None else 1.0
    return n_rows if n_rows > _LONGER * longest and n_rows <= most * len(zero) else 0


def longest_zeros(series: Sequence[Series], targets: Sequence[int]) -> int:
    """Return the length of the longest run of rows in which all targets of all series are zero.

    Parameters
    ----------
    series : sequence of Series
        Series of the user.
    targets : sequence of int
        Channels that are targets.

    Returns
    -------
    n_rows : int
        Counted back from the end as far as all series reach.

    Examples
    --------
    >>> longest_zeros([Series(np.array([[1.0], [0.0], [0.0], [2.0]]))], [0])
    2
    """
    columns = list(targets)
    zero = _zero_together([one.values[:, columns] for one in series])
    return int(np.diff(np.flatnonzero(~zero), prepend=-1, append=len(zero)).max()) - 1


def _zero_together(parts: Sequence[np.ndarray], *, at_end: bool = False) -> np.ndarray:
    """Return which of the last rows, as far as all series reach, are zero in all of them; some alone where none is."""
    length = min(len(rows) for rows in parts)
    zero = np.ones(length, dtype=bool)
    for rows in parts:
        zero &= (rows[len(rows) - length :] == 0).all(axis=1)
        if not zero[-_FEWEST if at_end else 0 :].any():
            break
    return zero


def warn_of_zeros_at_end(series: Sequence[Series], targets: Sequence[int], *, before: int | None = None) -> None:
    """Warn of rows at the end of all series in which all targets are zero.

    Parameters
    ----------
    series : sequence of Series
        Series of the user. Those that end before others do not matter, unless they are the most.
    targets : sequence of int
        Channels that are targets; rows after their last observed value, as of a plan, do not count.
    before : int or None, default=None
        As for :func:`count_zeros_at_end`.
    """
    columns, n_others = list(targets), 0
    for one in series:
        n_others += _ends_otherwise(one.values[-_FEWEST:, columns])
        if 2 * n_others > len(series):  # most often after half of them
            return
    ends = [(one, len(one) - count_unobserved_end(one.values[:, columns])) for one in series]
    labels = [None if one.index is None or not n_rows else one.index[n_rows - 1] for one, n_rows in ends]
    try:
        latest = max(one for one in labels if one is not None) if any(one is not None for one in labels) else None
    except TypeError:  # times with a zone beside others
        return
    parts = [one.values[:n_rows, columns] for (one, n_rows), label in zip(ends, labels, strict=True) if label == latest]
    if 2 * len(parts) < len(series):
        return
    n_rows = count_zeros_at_end(parts, before)
    if n_rows:
        whose = (
            "of X" if len(series) == 1 else f"of every series{'' if len(parts) == len(series) else ' that ends last'}"
        )
        warnings.warn(
            f"the last {n_rows} rows {whose} hold nothing but 0 in the targets, more than any rows before in turn. If "
            "they are yet to come, leave them out, or write NaN: 0 counts as observed, is learned, and forecasts start "
            "after it.",
            stacklevel=stacklevel_of_user(),
        )


def _ends_otherwise(rows: np.ndarray) -> bool:
    """Return whether the last rows show that a series does not end with zeros; a plan after them does not."""
    return bool(len(rows) and not np.isnan(rows[-1]).all() and rows.any())
