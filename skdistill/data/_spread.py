"""Mean and standard deviation of the channels of many series, computed in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from sklearn.preprocessing import StandardScaler

from skdistill._utils.numpy_student import rounding_of

__all__ = ["BLOCK_ROWS", "HIDDEN", "center_and_spread", "settle_constants"]

BLOCK_ROWS = 1 << 16
HIDDEN = 1e-5  # a spread this small relative to the level can be lost in the sum of squares
_LARGEST = 1e150  # the squares of larger values overflow in float64, and spreads are computed from squares
_SMALLEST = 1e-150  # the squares of smaller spreads underflow
_SMALLEST_LEVEL = 1e-30  # that stands for a scale

Transform = Callable[[np.ndarray, str, int], np.ndarray]


def center_and_spread(
    rows: Sequence[np.ndarray], transform: Transform
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Compute mean and standard deviation of transformed rows, and the standard deviation of the rows themselves.

    Parameters
    ----------
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Rows of every series, NaN where missing.
    transform : callable
        Transforms rows, given where they come from and the number of the first.

    Returns
    -------
    mean, spread, original_spread : ndarray of shape (n_channels,)
        A constant channel has spread 1, one without a value also mean 0.
    constant : ndarray of bool of shape (n_channels,)
        Channels whose values are equal up to rounding, or that have none.

    Raises
    ------
    ValueError
        If the square of a value overflows, or that of a spread underflows.
    """
    scaler, original = StandardScaler(), StandardScaler()
    for block, transformed in _blocks(rows, transform):
        for one, part in ((scaler, transformed), (original, block)):
            with np.errstate(divide="ignore", invalid="ignore"):  # of a channel without a value so far
                one.partial_fit(part)
            one.mean_ = np.nan_to_num(one.mean_)  # its sum, which later blocks add to
    _, original_spread, constant = _around_the_level(original, rows, np.asarray)
    mean, spread, told_none = _around_the_level(scaler, rows, lambda part: transform(part, "X", 0))
    constant |= told_none  # rounding around a level can be anything after a transformer
    return mean, np.where(constant, 1.0, spread), original_spread, constant


def settle_constants(
    mean: np.ndarray, scale: np.ndarray, constant: np.ndarray, targets: Sequence[int] | None
) -> np.ndarray:
    """Return scales in which constant channels have the scale that does least harm, where 1 by convention does some.

    A student forecasts a constant target off its level by a share of its scale. Among targets that are smaller than 1,
    this is many times what the data hold: the scale is the level then, or, of zeros, the least of other targets. The
    weights of a covariate that never moved are not trained, and meet its moves in later rows: its scale is its level,
    if that is larger than 1.

    Parameters
    ----------
    mean, scale, constant : ndarray of shape (n_channels,)
        Results of :func:`center_and_spread`.
    targets : sequence of int or None
        The targets; None means all channels.

    Returns
    -------
    scale : ndarray of shape (n_channels,)
        At most 1 for constant targets beside others, at least 1 for constant covariates.

    Examples
    --------
    >>> constant = np.array([True, True, True, False, True])
    >>> mean, scale = np.array([0.0, 2e-6, 9.0, 1e-3, 50.0]), np.array([1.0, 1.0, 1.0, 1e-5, 1.0])
    >>> settle_constants(mean, scale, constant, [0, 1, 2, 3])
    array([1.e-05, 2.e-06, 1.e+00, 1.e-05, 5.e+01])
    """
    is_target = np.ones(len(scale), dtype=bool) if targets is None else np.isin(np.arange(len(scale)), list(targets))
    level = np.abs(mean)
    scale = np.where(~is_target & constant, np.maximum(level, 1.0), scale)
    others = is_target & ~constant
    if not others.any():
        return scale
    size = np.where(level > 0, level, scale[others].min())
    return np.where(is_target & constant, np.clip(size, _SMALLEST_LEVEL, 1.0), scale)


def _blocks(rows: Sequence[np.ndarray], transform: Transform) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks of rows, original and transformed; short series are joined, because there can be thousands."""
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    n_waiting = 0
    for number, part in enumerate(rows):
        place = "X" if len(rows) == 1 else f"X[{number}]"
        for first in range(0, len(part), BLOCK_ROWS):
            block = np.ascontiguousarray(part[first : first + BLOCK_ROWS])  # rounding depends on order
            _check_size(block, place, first)
            if n_waiting and n_waiting + len(block) > BLOCK_ROWS:
                yield _join(waiting)
                waiting, n_waiting = [], 0
            waiting.append((block, transform(block, place, first)))
            n_waiting += len(block)
    if waiting:
        yield _join(waiting)


def _join(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    if len(pairs) == 1:
        return pairs[0]
    return np.concatenate([one for one, _ in pairs]), np.concatenate([other for _, other in pairs])


def _check_size(rows: np.ndarray, place: str, first: int) -> None:
    """Raise if a value is too large to be squared; the values start at row ``first`` of ``place``."""
    large = np.abs(rows) > np.float64(_LARGEST)  # float32 cannot hold it
    if not large.any():
        return
    row, channel = (int(axis[0]) for axis in np.nonzero(large))
    raise ValueError(
        f"{place} must have values between {-_LARGEST:g} and {_LARGEST:g}, whose squares are finite; got "
        f"{rows[row, channel]:g} in row {first + row}, channel {channel}. Divide the channel, or write NaN where a "
        "value is missing."
    )


def _around_the_level(
    scaler: StandardScaler, rows: Sequence[np.ndarray], transform: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and spread of a scaler, and which are constant; compute spreads lost at a high level around it."""
    mean, scale = np.nan_to_num(np.asarray(scaler.mean_)), np.nan_to_num(np.asarray(scaler.scale_), nan=1.0)
    constant = (scale == 1.0) & (np.asarray(scaler.var_) != 1.0)
    rounding = max(rounding_of(part.dtype) for part in rows)
    for channel in np.flatnonzero(constant | (scale < HIDDEN * np.abs(mean))):
        values = np.concatenate([np.asarray(transform(part), dtype=np.float64)[:, channel] for part in rows])
        values = values[~np.isnan(values)]
        if len(values) and np.ptp(values) > 0:
            around = values - values[0]
            mean[channel], scale[channel] = values[0] + around.mean(), around.std()
            if scale[channel] < _SMALLEST:
                raise ValueError(
                    f"X must have a standard deviation of at least {_SMALLEST:g} in every channel that is not "
                    f"constant; got values between {values.min():g} and {values.max():g} in channel {channel}: "
                    "smaller ones have no square. Multiply the channel, for example by 1e200."
                )
            constant[channel] = scale[channel] <= rounding * abs(mean[channel])
            if constant[channel]:  # otherwise any value but these would be huge
                scale[channel] = 1.0
    return mean, scale, constant
