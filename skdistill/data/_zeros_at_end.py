"""Zeros after all other rows: rows that are yet to come, which a table of plans or a sum over nothing holds as 0."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._series import Series

__all__ = ["count_zeros_at_end", "warn_of_zeros_at_end"]

_FEWEST = 3  # two rows can be holidays
_LONGER = 3  # times the longest run of zeros before, as in intermittent demand
_MOST = 0.25  # of the rows


def count_zeros_at_end(parts: Sequence[np.ndarray], most: float = _MOST) -> int:
    """Count rows at the end that are zero in all series, where no other run of such rows is nearly as long.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_timestamps, n_targets)
        Targets of series that end together.
    most : float, default=0.25
        Share of the rows up to which they are counted.

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
    length = min(len(rows) for rows in parts)
    zero = np.ones(length, dtype=bool)
    for rows in parts:
        zero &= (rows[len(rows) - length :] == 0).all(axis=1)
        if not zero[-_FEWEST:].all():
            return 0
    others = np.flatnonzero(~zero)
    if not len(others):
        return 0
    n_rows = length - 1 - int(others[-1])
    longest = int(np.diff(others, prepend=-1).max()) - 1
    return n_rows if n_rows > _LONGER * longest and n_rows <= most * length else 0


def warn_of_zeros_at_end(series: Sequence[Series], targets: Sequence[int], *, whole: bool = True) -> None:
    """Warn of rows at the end of all series in which all targets are zero.

    Parameters
    ----------
    series : sequence of Series
        Series of the user; of those that end at different times, nothing is told.
    targets : sequence of int
        Channels that are targets.
    whole : bool, default=True
        Whether these are all their rows, and not the last ones alone, of which the new ones can be many.
    """
    columns = list(targets)
    if any((one.values[-_FEWEST:, columns] != 0).any() for one in series):  # most often the first one
        return
    ends = {None if one.index is None else one.index[-1] for one in series}
    if len(ends) > 1:
        return
    n_rows = count_zeros_at_end([one.values[:, columns] for one in series], _MOST if whole else 1.0)
    if n_rows:
        whose = "of every series" if len(series) > 1 else "of X"
        warnings.warn(
            f"the last {n_rows} rows {whose} hold nothing but 0 in the targets, more than any rows before in turn. If "
            "they are yet to come, leave them out, or write NaN: 0 counts as observed, is learned, and forecasts start "
            "after it.",
            stacklevel=stacklevel_of_user(),
        )
