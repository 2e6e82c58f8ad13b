"""What is checked of rows and of their scales before anything is standardized."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import mean_observed, rounding_of

__all__ = ["FAR", "check_near", "seen_channels", "units_told", "warn_of_rounding", "warn_of_unlike_scales"]

FAR = 1e18  # in standard deviations; the squares of larger errors overflow in float32
_HARDLY = {"float32": 1e-5, "float64": 1e-12}  # of a level; differences of sums round by it
_WHOLE = 2.0**24  # up to which float32 holds all whole numbers
_LIKE = 30.0  # maximum ratio of spreads; beyond it, small series hardly count in squared errors


def seen_channels(rows: np.ndarray) -> np.ndarray:
    """Return which channels have an observed value.

    Parameters
    ----------
    rows : ndarray of shape (n_timestamps, n_channels)
        Training rows, NaN where missing.

    Returns
    -------
    seen : ndarray of bool of shape (n_channels,)
        All False without rows.
    """
    return np.asarray((~np.isnan(rows)).any(axis=0))


def units_told(rows: Sequence[np.ndarray], seen: np.ndarray | None = None) -> np.ndarray:
    """Return which series have an observed training value in every channel that some series has one in.

    Parameters
    ----------
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows, NaN where missing.
    seen : ndarray of bool of shape (n_channels,) or None, default=None
        Channels that some series has a value in, if these are a part of the series only; None asks these.

    Returns
    -------
    told : ndarray of bool of shape (n_series,)
        Series with units of their own.

    Examples
    --------
    >>> units_told([np.array([[1.0, np.nan]]), np.empty((0, 2)), np.array([[np.nan, np.nan]])])
    array([ True, False, False])
    """
    own = np.stack([seen_channels(part) for part in rows])
    return np.asarray(own[:, own.any(axis=0) if seen is None else seen].all(axis=1))


def check_near(standard: np.ndarray, rows: np.ndarray, first: int, name: str) -> None:
    """Raise if a value is too far from the training rows for networks, which compute in float32."""
    far = np.abs(standard) > FAR
    if not far.any():
        return
    row, channel = (int(axis[0]) for axis in np.nonzero(far))
    raise ValueError(
        f"X must have values within {FAR:g} standard deviations of the training rows; got {rows[row, channel]:g} in "
        f"row {first + row} of {name}, channel {channel}, which is {abs(standard[row, channel]):.3g} away: "
        "float32, in which networks compute, cannot square it. Write NaN where a value is missing, or clip it."
    )


def _spread_observed(rows: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the observed values of each channel; 0 if it is rounding or there are none."""
    rounding, values = rounding_of(rows.dtype), rows[None].astype(np.float64)
    mean = mean_observed(values)
    spread = np.sqrt(mean_observed(np.square(values - mean[:, None])))
    return np.where(spread > rounding * np.abs(mean), spread, 0.0)[0]


def warn_of_unlike_scales(rows: Sequence[np.ndarray], names: Sequence[str], *, transformed: bool = False) -> None:
    """Warn if series that are standardized together differ in spread so much that small ones hardly count.

    Parameters
    ----------
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of every series, before they are standardized.
    names : sequence of str
        Names of the series, for the message.
    transformed : bool, default=False
        Whether they come out of a transformer.
    """
    if len(rows) < 2:
        return
    spreads = np.stack([_spread_observed(part) for part in rows])
    smallest = np.where(spreads > 0, spreads, np.inf).min(axis=0)
    ratios = spreads.max(axis=0) / smallest
    channel = int(ratios.argmax())
    if ratios[channel] > _LIKE:
        column = spreads[:, channel]
        large, small = int(column.argmax()), int(np.where(column > 0, column, np.inf).argmin())
        warnings.warn(
            f"the series of X differ in scale: the standard deviation of channel {channel}"
            f"{' behind the transformer' if transformed else ''} is {column[large]:.3g} in {names[large]} and "
            f"{column[small]:.3g} in {names[small]}. They are standardized together (scaling='global'), and small ones "
            "hardly count: take scaling='series', which gives every series units of its own.",
            stacklevel=stacklevel_of_user(),
        )


def warn_of_rounding(center: np.ndarray, unit: np.ndarray, rows: Sequence[np.ndarray]) -> None:
    """Warn of a channel that varies by hardly more than rounding: perhaps by the rounding of larger numbers.

    Parameters
    ----------
    center, unit : ndarray of shape (n_series or 1, n_channels)
        Those of the series, or of all rows together; the unit of a constant channel is no small one.
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of every series.
    """
    near = unit <= _HARDLY["float32"] * np.abs(center)
    if not near.any():
        return
    for number, channel in zip(*np.nonzero(near & (unit > _HARDLY["float64"] * np.abs(center))), strict=True):
        parts = [part[:, channel] for part in (rows if len(unit) < len(rows) else [rows[number]])]
        near[number, channel] = all(map(_is_rounded, parts))
    if not near.any():
        return
    channels = np.flatnonzero(near.any(axis=0))
    channel, more = int(channels[0]), f" (and {len(channels) - 1} more)" if len(channels) > 1 else ""
    number = int(near[:, channel].argmax())
    warnings.warn(
        f"channel {channel} of {'X' if len(unit) == 1 else f'X[{number}]'}{more} varies by {unit[number, channel]:.2g} "
        f"around {center[number, channel]:.6g}, hardly more than numbers round. If it is constant but for the rounding "
        "of other numbers, as differences of sums are, round it, such as X.round(9): else another value in later rows "
        "is very many units away.",
        stacklevel=stacklevel_of_user(),
    )


def _is_rounded(values: np.ndarray) -> bool:
    """Return whether values are float32, or were, and no whole numbers that it holds exactly, as counts are."""
    values = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        rounded = (values.astype(np.float32) == values).all()
    return bool(rounded and ((values % 1 != 0) | (np.abs(values) > _WHOLE)).any())
