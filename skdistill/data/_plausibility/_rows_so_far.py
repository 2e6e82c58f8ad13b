"""Rows of a table up to its last observed target; those after it are a plan."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill.data._series import SeriesInput
from skdistill.data._validation_rows import count_unobserved_end

__all__ = ["rows_so_far"]


def rows_so_far(given: SeriesInput, targets: Sequence[int]) -> list[np.ndarray]:
    """Return rows up to the last observed target.

    Parameters
    ----------
    given : SeriesInput
        The series, as channels.
    targets : sequence of int
        Channels of the targets.

    Returns
    -------
    rows : list of ndarray of shape (n_timestamps, n_channels)
        All rows of windows, and of series without an observed target.
    """
    if given.batch is not None:
        return list(given.batch)
    rows, places = [one.values for one in given.series], list(targets)
    lasts = np.array([one[-1, places] if len(one) else np.zeros(len(places)) for one in rows])
    are_missing = np.isnan(lasts)
    if not are_missing.any():
        return rows
    for number in np.flatnonzero(are_missing.all(axis=1)).tolist():
        rows[number] = rows[number][: len(rows[number]) - count_unobserved_end(rows[number][:, places])]
    return rows
