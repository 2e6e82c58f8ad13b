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
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Resample windows in blocks of time, the same blocks for every row.

    Neighboring windows overlap, so their errors are correlated. Resampling single windows would count one bad week as
    hundreds of independent observations. Blocks keep neighbors together, and using the same blocks for every row keeps
    the rows paired. A series is drawn as often as it has blocks, so that short series count as they do in the mean.

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
    weights : ndarray of shape (n_windows,) or None, default=None
        What each window counts in the mean; None if all count alike. Windows of weight 0 are not drawn.

    Returns
    -------
    means : ndarray of shape (n_rows, n_resamples)
        Mean error of each row in each resample, weighted if weights are given.

    Raises
    ------
    ValueError, TypeError
        If an error is missing, infinite or no number, lengths do not add up to the number of windows, or weights are
        negative or all 0.

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
    count = _read_weights(weights, errors.shape[1])
    generator = np.random.default_rng(random_state)
    ends = np.cumsum(lengths)
    starts, sizes, chances = [], [], []
    for end, length in zip(ends, lengths, strict=True):
        size = min(block_length, length)
        first = np.arange(end - length, end - size + 1)
        starts.append(first)
        sizes.append(np.full(len(first), size))
        chances.append(np.full(len(first), length / size / len(first)))
    start, stop = np.concatenate(starts), np.concatenate(starts) + np.concatenate(sizes)
    totals = _sums(count[None], start, stop)[0]
    sums = _sums(errors * count, start, stop)
    chance = np.where(totals > 0, np.concatenate(chances), 0.0)  # their sum is the number of blocks without overlap
    n_blocks = int(np.ceil(chance.sum() - 1e-9))
    shares = None if np.ptp(chance) == 0 else chance / chance.sum()
    means = np.empty((len(errors), n_resamples))
    for resample in range(n_resamples):
        chosen = generator.choice(len(start), size=n_blocks, p=shares)
        means[:, resample] = sums[:, chosen].sum(axis=1) / totals[chosen].sum()
    return means


def _read_weights(weights: np.ndarray | None, n_windows: int) -> np.ndarray:
    """Return what each window counts."""
    if weights is None:
        return np.ones(n_windows)
    count = read_numbers(weights, "weights of block_bootstrap_means", finite=True)
    if count.shape != (n_windows,) or (count < 0).any() or not count.any():
        raise ValueError(
            "weights of block_bootstrap_means must be one number of at least 0 for each window, and not all 0; got "
            f"shape {count.shape} for {n_windows} windows, the smallest {np.min(count, initial=0):g}."
        )
    return count


def _sums(values: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Add up the columns of blocks."""
    cumulative = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    return cumulative[:, stop] - cumulative[:, start]
