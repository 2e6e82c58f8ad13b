"""First and second moments of windows, computed without building the windows.

A window of P rows is the vector u = (z[s], ..., z[s + P - 1]). For all stride-1 windows s = 0 .. n - 1 of a
series the second moments S_ij = sum_s z[s + i] z[s + j] obey

    S_{i+1, j+1} = S_ij - z[i] z[j] + z[n + i] z[n + j],

so the first row (a correlation, by one FFT) and a recursion along the diagonals give all of them in O(T log T + P^2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import scipy.fft
import torch
from torch import Tensor

from skdistill.data._windows import Windows
from skdistill.training._batches import LabelSource

__all__ = ["Moments", "add_up", "label_moments", "run_moments", "truth_moments"]

_BLOCK = 2048  # windows gathered at once
_SHORT_RUN = 64  # for shorter runs, the recursion takes longer than a plain sum
_FEW_VALUES = 60_000  # the same for runs of windows with fewer values, where many series have a run each


@dataclass(frozen=True)
class Moments:
    """Sums over windows of u and u u', where u is a context followed by its truth or labels.

    Use ``+`` to add the moments of other windows, and ``-`` to remove them.

    Parameters
    ----------
    count : float
        Number of windows, counted once per channel.
    first : ndarray of shape (context_length + prediction_length,)
        Sum of u.
    second : ndarray of shape (context_length + prediction_length, ...)
        Sum of u u'.
    context_length : int
        Number of rows of u that are context.

    Examples
    --------
    >>> import numpy as np
    >>> moments = run_moments(np.arange(5.0), n_windows=3, context_length=2, prediction_length=1)
    >>> moments.second[0]  # sums of z[s] z[s], z[s] z[s + 1], z[s] z[s + 2]
    array([ 5.,  8., 11.])
    """

    count: float
    first: np.ndarray
    second: np.ndarray
    context_length: int

    def __add__(self, other: Moments) -> Moments:
        """Add the windows of other moments."""
        return Moments(
            self.count + other.count, self.first + other.first, self.second + other.second, self.context_length
        )

    def __sub__(self, other: Moments) -> Moments:
        """Remove windows that are included."""
        return Moments(
            self.count - other.count, self.first - other.first, self.second - other.second, self.context_length
        )

    def times(self, weight: float) -> Moments:
        """Count the windows with a weight.

        Parameters
        ----------
        weight : float
            Of every window.

        Returns
        -------
        moments : Moments
            The weighted sums.
        """
        return Moments(self.count * weight, self.first * weight, self.second * weight, self.context_length)

    def shifted(self, functional: np.ndarray | None) -> Moments:
        """Subtract a linear functional of the context from every row of u.

        Parameters
        ----------
        functional : ndarray of shape (context_length,) or None
            Weights a of the functional: u becomes u - 1 a'x, a projection of the moments. None leaves u unchanged.

        Returns
        -------
        moments : Moments
            The moments of the shifted windows.
        """
        if functional is None:
            return self
        n = self.context_length
        level = functional @ self.first[:n]
        row = functional @ self.second[:n]
        both = functional @ self.second[:n, :n] @ functional
        second = self.second - row[None, :] - row[:, None] + both
        return Moments(self.count, self.first - level, second, n)

    def tail(self, context_length: int) -> Moments:
        """Keep the last rows of every context.

        Parameters
        ----------
        context_length : int
            How many.

        Returns
        -------
        moments : Moments
            The moments of the shorter windows.
        """
        skipped = self.context_length - context_length
        return Moments(self.count, self.first[skipped:], self.second[skipped:, skipped:], context_length)

    def affine(self, offset: float, scale: float) -> Moments:
        """Transform u to (u - offset) / scale.

        Parameters
        ----------
        offset, scale : float
            Offset and scale, equal for all rows of u.

        Returns
        -------
        moments : Moments
            The transformed moments.
        """
        first = (self.first - self.count * offset) / scale
        cross = offset * (self.first[:, None] + self.first[None, :])
        return Moments(
            self.count, first, (self.second - cross + self.count * offset**2) / scale**2, self.context_length
        )


def run_moments(values: np.ndarray, n_windows: int, context_length: int, prediction_length: int) -> Moments:
    """Compute the moments of the first stride-1 windows of one channel.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        At least ``n_windows + context_length + prediction_length - 1`` numbers.
    n_windows : int
        Number of windows, starting at rows 0, 1, ...
    context_length, prediction_length : int
        Lengths of a window's parts.

    Returns
    -------
    moments : Moments
        The moments, in float64.
    """
    size = context_length + prediction_length
    z = np.asarray(values[: n_windows + size - 1], dtype=np.float64)
    second = np.empty((size, size))
    second[0] = _correlation(z, n_windows, size)
    for i in range(size - 1):
        leaving = z[i] * z[i : size - 1]
        entering = z[n_windows + i] * z[n_windows + i : n_windows + size - 1]
        second[i + 1, i + 1 :] = second[i, i:-1] - leaving + entering
    upper = np.triu(second)
    sums = np.concatenate([[0.0], np.cumsum(z)])
    first = sums[n_windows : n_windows + size] - sums[:size]
    return Moments(float(n_windows), first, upper + np.triu(upper, 1).T, context_length)


def _correlation(z: np.ndarray, n_windows: int, size: int) -> np.ndarray:
    """Sum z[s] z[s + lag] over the windows, for every lag below size."""
    length = scipy.fft.next_fast_len(len(z), real=True)
    spectrum = scipy.fft.rfft(z[:n_windows], length).conj() * scipy.fft.rfft(z, length)
    return scipy.fft.irfft(spectrum, length)[:size]


def _window_runs(starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield runs of windows that start one row after another: first row and number of windows."""
    if not len(starts):
        return
    breaks = np.flatnonzero(np.diff(starts) != 1) + 1
    for run in np.split(np.arange(len(starts)), breaks):
        yield int(starts[run[0]]), len(run)


def truth_moments(windows: Windows, context_length: int) -> list[Moments]:
    """Compute the moments of contexts and truth, one per target channel.

    Parameters
    ----------
    windows : Windows
        Windows of known truth, in standardized units.
    context_length : int
        Number of rows at the end of each context to use.

    Returns
    -------
    moments : list of Moments
        One entry per target.
    """
    return [_channel_moments(windows, target, context_length, windows.prediction_length) for target in windows.targets]


def _channel_moments(windows: Windows, channel: int, context_length: int, prediction_length: int) -> Moments:
    """Compute the moments of one channel."""
    return add_up(_moments_of_part(part, channel, context_length, prediction_length) for part in windows.parts())


def _moments_of_part(windows: Windows, channel: int, context_length: int, prediction_length: int) -> Moments:
    """Compute the moments of some windows: long runs by the recursion, scattered windows by matrix products."""
    if windows.is_plain:
        values, is_view = windows.store.values, torch.ones_like(windows.starts, dtype=torch.bool)
    else:
        values, is_view = windows.filled
    starts, others = windows.starts[is_view], torch.nonzero(~is_view)[:, 0]
    fewest = _SHORT_RUN if windows.is_plain else max(_SHORT_RUN, _FEW_VALUES // (context_length + prediction_length))
    runs = _run_moments(windows, values, starts, channel, context_length, prediction_length, fewest)
    gathered = _gathered_moments(windows, others, channel, context_length, with_truth=prediction_length > 0)
    return add_up(chain(runs, gathered))


def _run_moments(
    windows: Windows,
    values: Tensor,
    starts: Tensor,
    channel: int,
    context_length: int,
    prediction_length: int,
    fewest: int,
) -> Iterator[Moments]:
    """Yield the moments of windows that are views of values, (n_rows, n_channels); of long runs by recursion."""
    rows = values[windows.context_length - context_length :, channel].cpu().numpy()
    size, scattered = context_length + prediction_length, []
    for first, n_windows in _window_runs(starts.cpu().numpy()):
        if n_windows < fewest:
            scattered.append(np.arange(first, first + n_windows))
        else:
            yield run_moments(rows[first:], n_windows, context_length, prediction_length)
    if scattered:
        places = np.concatenate(scattered)
        for block in np.array_split(places, -(-len(places) // _BLOCK)):
            some = rows[block[:, None] + np.arange(size)].astype(np.float64)
            yield Moments(float(len(block)), some.sum(axis=0), some.T @ some, context_length)


def _gathered_moments(
    windows: Windows, numbers: Tensor, channel: int, context_length: int, *, with_truth: bool
) -> Iterator[Moments]:
    """Yield the moments of blocks of windows that are scaled one by one or have gaps, which are filled."""
    target = windows.targets.index(channel)
    for indices in numbers.split(_BLOCK) if len(numbers) else ():
        rows = windows.context_values(indices)[:, -context_length:, channel].cpu()
        if with_truth:
            rows = torch.cat([rows, windows.horizons(indices)[:, :, target].cpu()], dim=1)
        values = rows.double().numpy()
        yield Moments(float(len(values)), values.sum(axis=0), values.T @ values, context_length)


def label_moments(windows: Windows, labels: LabelSource, context_length: int) -> list[Moments]:
    """Compute the moments of contexts and the teacher's forecasts, one per target channel.

    The moments of the contexts come from the recursion; the labels are added by matrix products in blocks.

    Parameters
    ----------
    windows : Windows
        The labeled windows, in the order of the labels.
    labels : LabelSource
        Their labels.
    context_length : int
        Number of rows at the end of each context to use.

    Returns
    -------
    moments : list of Moments
        One entry per target.
    """
    if len(labels) != len(windows):
        raise ValueError(
            f"the label store has {len(labels)} labels, but there are {len(windows)} training windows: it belongs to "
            "another series or split. Clear it with skdistill.clear_memory."
        )
    size, horizon, targets = context_length, windows.prediction_length, list(windows.targets)
    cross = np.zeros((len(targets), size, horizon))
    square = np.zeros((len(targets), horizon, horizon))
    sums = np.zeros((len(targets), horizon))
    for first in range(0, len(windows), _BLOCK):
        indices = torch.arange(first, min(first + _BLOCK, len(windows)))
        forecast = labels.take(indices).forecast.cpu().permute(2, 0, 1).double()
        contexts = windows.context_values(indices)[:, -size:, targets].cpu().permute(2, 1, 0).double()
        cross += _product(contexts, forecast)
        square += _product(forecast.transpose(1, 2), forecast)
        sums += forecast.sum(dim=1).numpy()
    joint = []
    for number, target in enumerate(targets):
        contexts_only = _channel_moments(windows, target, size, 0)
        second = np.block([[contexts_only.second, cross[number]], [cross[number].T, square[number]]])
        both = np.concatenate([contexts_only.first, sums[number]])
        joint.append(Moments(contexts_only.count, both, second, size))
    return joint


def _product(left: Tensor, right: Tensor) -> np.ndarray:
    return torch.matmul(left, right).numpy()


def add_up(parts: Iterator[Moments] | list[Moments]) -> Moments:
    """Add moments of many series, gaps or channels.

    Parameters
    ----------
    parts : iterable of Moments
        At least one.

    Returns
    -------
    moments : Moments
        The sum.
    """
    total: Moments | None = None
    for part in parts:
        total = part if total is None else total + part
    if total is None:
        raise ValueError("there are no windows to compute moments of.")
    return total
