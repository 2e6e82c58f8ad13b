"""Rows of a series that are several steps apart for a while: weeks before days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skdistill.datasets._steps import Grid
from skdistill.datasets._times import Times

__all__ = ["CoarseRows", "find_coarse_rows"]

_FEWEST = 5  # steps of one size in a row
_UNLIKELY = 0.001  # the chance at which rows that are left out at random no longer explain them


@dataclass(frozen=True)
class CoarseRows:
    """Rows of one series that follow each other at several steps.

    Parameters
    ----------
    first, last : int
        The rows.
    size : int
        Steps from one to the next.
    n_missing : int
        Rows between all such rows of the table, of other series, too.
    """

    first: int
    last: int
    size: int
    n_missing: int


def find_coarse_rows(times: Times, grid: Grid) -> CoarseRows | None:
    """Find rows that are several steps apart, so often in a row that none were left out at random.

    Parameters
    ----------
    times : Times
        Distinct times of each series, in order.
    grid : Grid
        Their step.

    Returns
    -------
    rows : CoarseRows or None
        The first ones; None if there are none.
    """
    steps = np.diff(grid.numbers) // max(grid.stride, 1)
    steps[~np.broadcast_to(times.follows, steps.shape)] = 0
    starts = np.flatnonzero(np.diff(steps, prepend=-1))
    lengths = np.diff(np.append(starts, len(steps)))
    sizes = steps[starts]
    fine = np.zeros(len(times.labels), dtype=bool)
    fine[times.series[1:][steps == 1]] = True  # a series that is coarse throughout is told of elsewhere
    places = np.flatnonzero((sizes > 1) & (lengths >= _FEWEST) & fine[times.series[starts]])
    if not len(places):
        return None
    kinds, which = np.unique(sizes[places], return_inverse=True)
    in_rows = np.bincount(which, weights=lengths[places])
    others = np.array([(steps == kind).sum() for kind in kinds]) - in_rows
    chances = np.minimum((others + 1) / ((steps > 0).sum() - in_rows + 1), 0.5)
    found = places[lengths[places] >= np.log(_UNLIKELY / len(steps)) / np.log(chances)[which]]
    if not len(found):
        return None
    first, length, size = int(starts[found[0]]), int(lengths[found[0]]), int(sizes[found[0]])
    return CoarseRows(first, first + length, size, int(((sizes - 1) * lengths)[found].sum()))
