"""Standard error of a difference in error, by a paired block bootstrap over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skdistill._utils._checks import check_integer
from skdistill._utils.numpy_student import read_numbers

__all__ = ["LEAST_BLOCKS", "block_bootstrap_means", "count_blocks"]

LEAST_BLOCKS = 2  # of one block, all resamples are the same


def count_blocks(lengths: Sequence[int], block_length: int) -> int:
    """Count the blocks that do not overlap.

    Parameters
    ----------
    lengths : sequence of int
        Number of windows of each series.
    block_length : int
        Number of windows of a block; a shorter series is one block.

    Returns
    -------
    n_blocks : int
        In all series.

    Examples
    --------
    >>> count_blocks([5, 40], block_length=20)
    3
    """
    return sum(max(1, length // block_length) for length in lengths)


def block_bootstrap_means(
    errors: np.ndarray,
    lengths: Sequence[int],
    *,
    block_length: int,
    n_resamples: int,
    random_state: int,
) -> np.ndarray:
    """Resample windows in blocks of time, the same blocks for every row.

    Neighboring windows overlap, so their errors are correlated. Resampling single windows would count one bad week as
    hundreds of independent observations. Blocks keep neighbors together, and using the same blocks for every row keeps
    the rows paired.

    Parameters
    ----------
    errors : ndarray of shape (n_rows, n_windows)
        Error of each window, in time order, one series after another.
    lengths : sequence of int
        Number of windows of each series.
    block_length : int
        Number of windows of a block; a shorter series is one block.
    n_resamples : int
        Number of resamples.
    random_state : int
        Seed.

    Returns
    -------
    means : ndarray of shape (n_rows, n_resamples)
        Mean error of each row in each resample.

    Raises
    ------
    ValueError, TypeError
        If an error is missing, infinite or no number, or lengths do not add up to the number of windows.

    References
    ----------
    Künsch (1989), The jackknife and the bootstrap for general stationary observations: the
    moving-block bootstrap.

    Examples
    --------
    >>> import numpy as np
    >>> errors = np.random.default_rng(0).normal(size=(1, 10_000))
    >>> means = block_bootstrap_means(errors, [10_000], block_length=1, n_resamples=500, random_state=0)
    >>> bool(abs(means.std() * 100 - 1) < 0.1)  # independent windows: sigma / sqrt(n)
    True
    """
    errors = read_numbers(errors, "errors of block_bootstrap_means", finite=True)
    check_integer(block_length, "block_length of block_bootstrap_means")
    check_integer(n_resamples, "n_resamples of block_bootstrap_means")
    lengths = [check_integer(one, "lengths of block_bootstrap_means") for one in lengths]
    if errors.ndim != 2 or sum(lengths) != errors.shape[1]:
        raise ValueError(
            "errors of block_bootstrap_means must have the shape (n_rows, n_windows), and lengths must add up to "
            f"n_windows; got shape {errors.shape} and {sum(lengths)} windows."
        )
    generator = np.random.default_rng(random_state)
    ends = np.cumsum(lengths)
    starts, sizes = [], []
    for end, length in zip(ends, lengths, strict=True):
        size = min(block_length, length)
        first = np.arange(end - length, end - size + 1)
        starts.append(first)
        sizes.append(np.full(len(first), size))
    start, sizes_of_blocks = np.concatenate(starts), np.concatenate(sizes)
    cumulative = np.concatenate([np.zeros((len(errors), 1)), np.cumsum(errors, axis=1)], axis=1)
    block_sums = cumulative[:, start + sizes_of_blocks] - cumulative[:, start]
    n_blocks = -(-errors.shape[1] // round(float(sizes_of_blocks.mean())))
    means = np.empty((len(errors), n_resamples))
    for resample in range(n_resamples):
        chosen = generator.integers(len(start), size=n_blocks)
        means[:, resample] = block_sums[:, chosen].sum(axis=1) / sizes_of_blocks[chosen].sum()
    return means
