"""What is checked of rows, of their scales and of a transformer before anything is standardized."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import mean_observed

__all__ = [
    "FAR",
    "HIDDEN",
    "check_near",
    "check_size",
    "check_transformer_kept",
    "rows_depend",
    "seen_channels",
    "units_told",
    "warn_of_unlike_scales",
]

_N_COMPARED = 16  # series, and rows of each, on which a transformer is tested
HIDDEN = 1e-5  # a spread this small relative to the level can be lost in the sum of squares
_LARGEST = 1e150  # the squares of larger values overflow in float64, and spreads are computed from squares
FAR = 1e18  # in standard deviations; the squares of larger errors overflow in float32
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


def check_transformer_kept(transformer: BaseEstimator, rows: Sequence[np.ndarray]) -> None:
    """Raise if the inverse of a transformer does not return rows, or a channel or row depends on the others."""
    some = np.concatenate([part[:: -(-len(part) // _N_COMPARED)] for part in rows[:_N_COMPARED] if len(part)])
    some = some[~np.isnan(some).any(axis=1)][: _N_COMPARED**2]
    if len(some) < 2:
        return
    inside = np.asarray(transformer.transform(some), dtype=np.float64)
    if inside.shape != some.shape or not np.isfinite(inside).all():
        return  # found again, and named
    back = np.asarray(transformer.inverse_transform(inside), dtype=np.float64)
    with np.errstate(all="ignore"):  # an inverse of another function can leave the domain
        again = np.asarray(transformer.transform(back), dtype=np.float64)
        spread = np.abs(inside - inside.mean(axis=0)).mean(axis=0)
        moved = np.where(np.isfinite(back), np.abs(again - inside), 0.0).mean(axis=0)  # NaN is told at predict
        kept = moved <= 0.5 * spread + HIDDEN * np.abs(inside).mean(axis=0)
    if not kept.all():  # rounding and bins lose a little of the values, and nothing when transformed again
        channel = int(np.argmin(kept))
        raise ValueError(
            f"transformer must have an inverse_transform that returns what it was given; got {transformer!r}, which "
            f"turns {some[0, channel]:g} in channel {channel} into {inside[0, channel]:g} and back into "
            f"{back[0, channel]:g}. Set its inverse, such as FunctionTransformer(np.log1p, np.expm1)."
        )
    for first in range(min(some.shape[1], 2)):  # other values in every second channel change the others only if mixed
        changed = some.copy()
        changed[:, first::2] = np.roll(changed[:, first::2], 1, axis=0)
        others = np.arange(some.shape[1]) % 2 != first
        moved = np.abs(np.asarray(transformer.transform(changed)) - inside)[:, others]
        if (moved > HIDDEN * np.abs(inside).max(axis=0)[others]).any():
            raise ValueError(
                f"transformer must treat each channel separately; got {transformer!r}, in which a channel depends on "
                "the others. Apply it before, in a Pipeline; forecasts are then in its units."
            )
    if rows_depend(transformer, some, inside, back):
        raise ValueError(
            f"transformer must treat each row separately; got {transformer!r}, in which a row depends on the rows "
            "around it, such as differences and running sums do: contexts and horizons are transformed each on "
            "their own. Apply it before, in a Pipeline; forecasts are then in its units."
        )


def rows_depend(transformer: Any, rows: Any, there: np.ndarray, back: np.ndarray) -> bool:
    """Return whether a transformer or its inverse gives other rows for each half of some rows than for all.

    Parameters
    ----------
    transformer : object
        With ``transform`` and ``inverse_transform``.
    rows : array or DataFrame of shape (n_rows, n_channels)
        The rows.
    there, back : ndarray of shape (n_rows, n_channels)
        All of them transformed, and these converted back.

    Returns
    -------
    depend : bool
        True for differences, running sums and moving averages, and for a mean of the rows themselves.
    """
    ways = ((transformer.transform, rows, there), (transformer.inverse_transform, there, back))
    return any(_halves_differ(*way) for way in ways)


def _halves_differ(function: Callable[[Any], Any], values: Any, whole: np.ndarray) -> bool:
    half = len(whole) // 2
    if not half:
        return False
    parts = [np.asarray(function(part), dtype=np.float64) for part in (values[:half], values[half:])]
    if [part.shape for part in parts] != [whole[:half].shape, whole[half:].shape]:
        return True
    return differ(np.concatenate(parts), whole)


def differ(some: np.ndarray, rows: np.ndarray) -> bool:
    """Return whether rows differ by more than rounding.

    Parameters
    ----------
    some, rows : ndarray of shape (n_rows, n_channels)
        NaN means missing.

    Returns
    -------
    differ : bool
        Relative to the largest value of each channel.
    """
    return bool((np.abs(some - rows) > HIDDEN * np.nanmax(np.abs(rows), axis=0, initial=0.0)).any())


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


def check_size(rows: np.ndarray, place: str, first: int) -> None:
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


def _spread_observed(rows: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the observed values of each channel; 0 if there are none."""
    rows = rows[None].astype(np.float64)
    spread = np.sqrt(mean_observed(np.square(rows - mean_observed(rows)[:, None])))
    return np.nan_to_num(spread[0])


def warn_of_unlike_scales(rows: Sequence[np.ndarray], names: Sequence[str]) -> None:
    """Warn if series that are standardized together differ in spread so much that small ones hardly count.

    Parameters
    ----------
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Training rows of every series, in original units.
    names : sequence of str
        Names of the series, for the message.
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
            f"the series of X differ in scale: the standard deviation of channel {channel} is {column[large]:.3g} in "
            f"{names[large]} and {column[small]:.3g} in {names[small]}. They are standardized together "
            "(scaling='global'), and small ones hardly count: take scaling='series', which gives every series units of "
            "its own.",
            stacklevel=stacklevel_of_user(),
        )
