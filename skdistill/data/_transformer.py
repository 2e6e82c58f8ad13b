"""The transformer before the standardization: applied, inverted, and checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from skdistill.data._spread import HIDDEN

__all__ = [
    "check_rises",
    "check_transformer_kept",
    "differ",
    "invert",
    "numbers_of",
    "rows_depend",
    "transform",
    "transform_checked",
]

_N_COMPARED = 16  # series, and rows of each, on which a transformer is tested
_N_TRIED = 17  # values within the range of a channel on which a transformer is tested


def transform(transformer: BaseEstimator | None, rows: np.ndarray) -> np.ndarray:
    """Transform rows.

    Parameters
    ----------
    transformer : transformer or None
        Fitted; None leaves rows as they are.
    rows : ndarray of shape (..., n_channels)
        In original units.

    Returns
    -------
    transformed : ndarray of the same shape
        The same array without a transformer.
    """
    return rows if transformer is None else _by_row(transformer.transform, rows)


def invert(transformer: BaseEstimator | None, rows: np.ndarray) -> np.ndarray:
    """Undo :func:`transform`."""
    return rows if transformer is None else _by_row(transformer.inverse_transform, rows)


def _by_row(function: Callable[[np.ndarray], Any], rows: np.ndarray) -> np.ndarray:
    if not rows.size:  # a series of validation rows alone has none to train on, which scikit-learn refuses
        return rows.astype(np.float64)
    return np.asarray(function(rows.reshape(-1, rows.shape[-1])), dtype=np.float64).reshape(rows.shape)


def transform_checked(
    transformer: BaseEstimator | None, rows: np.ndarray, place: str = "X", first: int = 0
) -> np.ndarray:
    """Transform rows (starting at row ``first`` of ``place``), or raise if the result is not finite."""
    transformed = transform(transformer, rows)
    if transformer is None or np.isfinite(transformed).all():
        return transformed
    spoiled = ~np.isfinite(transformed) & ~np.isnan(rows)
    if not spoiled.any():
        return transformed
    where = tuple(int(axis[0]) for axis in np.nonzero(spoiled))
    *window, row, channel = where
    if window:
        place = f"the {rows.shape[-2]} context rows of window {window[0]}"
    raise ValueError(
        f"transformer must map every value to a finite value; got {transformer!r}, which turns "
        f"{rows[where]:g} in channel {channel}, row {first + row} of {place}, into {transformed[where]:g}: the "
        "value lies outside what it can take. Change or leave out such values, or take another transformer or None."
    )


def check_transformer_kept(transformer: BaseEstimator, rows: Sequence[np.ndarray]) -> None:
    """Raise if the inverse of a transformer does not return rows, or a channel or row depends on the others."""
    given = [part for part in rows if len(part)]
    given = given[:: -(-len(given) // _N_COMPARED)]
    n_rows = _N_COMPARED**2 // max(len(given), 1)
    some = np.concatenate([part[:: -(-len(part) // n_rows)] for part in given])
    whole = some[~np.isnan(some).any(axis=1)][: _N_COMPARED**2]
    some = _observed_rows(np.concatenate(rows)) if len(whole) < min(len(some), _N_COMPARED) else whole
    if len(some) < 2:
        return
    seen = ~np.isnan(some).any(axis=0)  # a channel without a value tells nothing
    inside = np.asarray(transformer.transform(some), dtype=np.float64)
    if inside.shape != some.shape or not np.isfinite(inside[:, seen]).all():
        return  # found again, and named
    back = np.asarray(transformer.inverse_transform(inside), dtype=np.float64)
    if np.isinf(back).any():
        row, channel = (int(axis[0]) for axis in np.nonzero(np.isinf(back)))
        raise ValueError(
            f"transformer must bring every value back; got {transformer!r}, which turns {some[row, channel]:g} in "
            f"channel {channel} into {inside[row, channel]:g} and back into {back[row, channel]:g}, as a power does "
            "with rare counts. Take another transformer, such as SquareRoot() of skdistill.data, or None."
        )
    with np.errstate(all="ignore"):  # an inverse of another function can leave the domain
        again = np.asarray(transformer.transform(back), dtype=np.float64)
        spread = np.abs(inside - inside.mean(axis=0)).mean(axis=0)
        moved = np.where(np.isfinite(back), np.abs(again - inside), 0.0).mean(axis=0)  # NaN is told at predict
        kept = moved <= 0.5 * spread + HIDDEN * np.abs(inside).mean(axis=0)
        rounding = HIDDEN * np.abs(inside).max(axis=0)
        is_left = (np.abs(back - inside) <= rounding).all(axis=0)  # rounded or clipped values stay what they are
        kept &= ~(is_left & (np.abs(again - inside) > rounding).any(axis=0))
        kept |= ~seen
    if not kept.all():  # rounding and bins lose a little of the values, and nothing when transformed again
        channel = int(np.argmin(kept))
        row = int(np.argmax(np.abs(inside[:, channel] - some[:, channel])))
        raise ValueError(
            f"transformer must have an inverse_transform that returns what it was given; got {transformer!r}, which "
            f"turns {some[row, channel]:g} in channel {channel} into {inside[row, channel]:g} and back into "
            f"{back[row, channel]:g}. Set its inverse, such as FunctionTransformer(np.log1p, np.expm1)."
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


def _observed_rows(rows: np.ndarray) -> np.ndarray:
    """Return rows of observed values, of each channel by itself, as where channels are observed at different times.

    A channel without a value stays missing.
    """
    observed = ~np.isnan(rows)
    n_rows = min(int(observed.sum(axis=0).max()), _N_COMPARED**2)
    columns = [column[seen] if seen.any() else column for column, seen in zip(rows.T, observed.T, strict=True)]
    return np.stack([column[np.arange(n_rows) * len(column) // n_rows] for column in columns], axis=1)


def rows_depend(transformer: Any, rows: Any, there: np.ndarray, back: np.ndarray) -> bool:
    """Return whether a transformer or its inverse gives other rows for each of two parts of some rows than for all.

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
    return any(_parts_differ(*way) for way in ways)


def _parts_differ(function: Callable[[Any], Any], values: Any, whole: np.ndarray) -> bool:
    if len(whole) < 2:
        return False
    place = _largest_change(whole)
    placed: Any = getattr(values, "iloc", values)  # by position, whatever the labels
    parts = [numbers_of(function(part)).astype(np.float64) for part in (placed[:place], placed[place:])]
    if [part.shape for part in parts] != [whole[:place].shape, whole[place:].shape]:
        return True
    return differ(np.concatenate(parts), whole)


def _largest_change(rows: np.ndarray) -> int:
    """Return the row of the middle half that differs most from the one before: among rare counts, most do not."""
    first = len(rows) // 4
    with np.errstate(invalid="ignore"):
        changes = np.nan_to_num(np.abs(np.diff(rows[first : len(rows) - first], axis=0)))
    return first + 1 + int((changes / np.where(changes.any(axis=0), changes.max(axis=0), 1.0)).sum(axis=1).argmax())


def numbers_of(table: Any) -> np.ndarray:
    """Return a table as an array, of numbers where its columns are numbers or booleans of any type.

    Parameters
    ----------
    table : array or DataFrame
        The table.

    Returns
    -------
    values : ndarray
        Masked values are NaN.
    """
    are = (pd.api.types.is_any_real_numeric_dtype, pd.api.types.is_bool_dtype)
    if isinstance(table, pd.DataFrame) and all(any(is_one(dtype) for is_one in are) for dtype in table.dtypes):
        return table.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(table)


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


def check_rises(
    transformer: BaseEstimator | None, ends: np.ndarray, targets: tuple[int, ...] | None, owner: str
) -> None:
    """Raise if a transformer reverses the order of values, which would make quantiles cross.

    Parameters
    ----------
    transformer : transformer or None
        Fitted.
    ends : ndarray of shape (2, n_channels)
        Minimum and maximum of the transformed values, between which the transformer is tested.
    targets : tuple of int or None
        The channels that have quantiles; None means all.
    owner : str
        Name of the estimator, for error messages.

    Raises
    ------
    ValueError
        If the transformer is decreasing somewhere in a target channel.
    """
    if transformer is None:
        return
    channels = np.arange(ends.shape[1]) if targets is None else np.array(targets)
    rows = np.asarray(transformer.inverse_transform(np.linspace(ends[0], ends[1], _N_TRIED)))[:, channels]
    falls = (np.diff(rows, axis=0) < -1e-9 * np.abs(rows).max(axis=0)).any(axis=0)
    if falls.any():
        raise ValueError(
            f"transformer of {owner} must rise with its input if there are quantiles, or upper quantiles are "
            f"below lower ones; got {transformer!r}, which falls in channel {channels[falls][0]}. Multiply its output "
            "and the input of its inverse by -1, take another, or set quantiles=None."
        )
