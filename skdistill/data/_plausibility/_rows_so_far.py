"""Rows of a table up to its last observed target; those after it are a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill.data._series import SeriesInput
from skdistill.data._validation_rows import count_unobserved_end

__all__ = ["rows_so_far"]


def rows_so_far(given: SeriesInput, targets: Sequence[int], *, n_asked: int | None = None) -> list[np.ndarray]:
    """Return rows up to the last observed target.

    Parameters
    ----------
    given : SeriesInput
        The series, as channels.
    targets : sequence of int
        Channels of the targets.
    n_asked : int or None, default=None
        About how many series to ask, spread over all; None asks all.

    Returns
    -------
    rows : list of ndarray of shape (n_timestamps, n_channels)
        All rows of windows, and of series without an observed target.
    """
    n_series = len(given.series if given.batch is None else given.batch)
    stride = 1 if n_asked is None else max(1, n_series // n_asked)
    if given.batch is not None:
        return list(given.batch[::stride])
    rows, places = [one.values for one in given.series[::stride]], list(targets)
    lasts = np.array([one[-1] if len(one) else np.zeros(one.shape[1]) for one in rows])
    ends = [len(one) for one in rows]
    for number in np.flatnonzero(np.isnan(lasts[:, places]).all(axis=1)).tolist():
        ends[number] -= count_unobserved_end(rows[number][:, places])
    return [one[:end] for one, end in zip(rows, ends, strict=True)]
