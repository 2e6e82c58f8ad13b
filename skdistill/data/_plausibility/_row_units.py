"""Covariates whose latest rows are of another size than in ``fit``, as in other units."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._roles import Roles
from skdistill.data._scaling import Scaling
from skdistill.data._series import SeriesInput

__all__ = ["covariates_read", "tell_row_units"]

_USUAL = 8.0  # units around the center
_TIMES = 8.0  # a size so many times larger or smaller than all that is usual is one in other units


def tell_row_units(estimator: Any, given: SeriesInput, rows: Sequence[np.ndarray], channels: list[int]) -> None:
    """Warn of covariates that have another size in all of the last rows than in ``fit``.

    Parameters
    ----------
    estimator : estimator
        Fitted, with a scaling.
    given : SeriesInput
        The series, as channels.
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Their rows so far.
    channels : list of int
        Covariates that are read.
    """
    scaling = estimator.scaling_
    if scaling.kind == "window" or scaling.transformer_ is not None or not rows or not all(map(len, rows)):
        return
    if scaling.series_units_ is not None or len(rows) != 1 or _is_other(rows[0][-1], scaling, channels):
        _warn(scaling, estimator.roles_, given, rows, channels, estimator.spec_.context_length)


_CHANNELS: weakref.WeakKeyDictionary[Scaling, list[int]] = weakref.WeakKeyDictionary()  # a forecast asks at each call


def covariates_read(estimator: Any) -> list[int]:
    """Return the channels of known and past covariates that a student reads.

    Parameters
    ----------
    estimator : estimator
        Fitted, with a scaling.

    Returns
    -------
    channels : list of int
        Empty without roles.
    """
    channels = _CHANNELS.get(estimator.scaling_)
    if channels is None:
        channels = _CHANNELS[estimator.scaling_] = _find_read(estimator)
    return channels


def _find_read(estimator: Any) -> list[int]:
    roles, spec = getattr(estimator, "roles_", None), getattr(estimator, "spec_", None)
    if roles is None or spec is None:
        return []
    known = set(roles.known_channels)
    past = set(range(spec.n_channels)) - known - set(roles.target_channels)
    reads_past = getattr(estimator, "covariates", "error") == "error"  # otherwise, fit has refused them
    return sorted((known if spec.known else set()) | (past if reads_past else set()))


def _is_other(last: np.ndarray, scaling: Scaling, channels: list[int]) -> bool:
    """Return whether the last row of one series may be of another size."""
    size, center = abs(last), abs(scaling.mean_)
    far = (size > _TIMES * (center + _USUAL * scaling.scale_)) | (size < (center - _USUAL * scaling.scale_) / _TIMES)
    return bool((far | (size != size))[channels].any())


def _warn(
    scaling: Scaling, roles: Roles, given: SeriesInput, rows: Sequence[np.ndarray], channels: Sequence[int], length: int
) -> None:
    """Warn of covariates that have another size in all of the last rows than in ``fit``, whose units they are read in.

    Of a series that is scaled by its context, units of covariates make no difference.

    Parameters
    ----------
    scaling : Scaling
        Fitted.
    roles : Roles
        Roles of the columns.
    given : SeriesInput
        The series, as channels.
    rows : sequence of ndarray of shape (n_timestamps, n_channels)
        Their rows so far, at least one each.
    channels : sequence of int
        Covariates that are read.
    length : int
        Number of last rows to look at.
    """
    chosen = list(channels)
    numbers, center, unit = np.arange(len(rows)), scaling.mean_[None], scaling.scale_[None]
    if scaling.series_units_ is not None:
        places = _places([None] * len(rows) if given.batch is not None else [one.id for one in given.series], scaling)
        numbers = np.flatnonzero(places >= 0)
        units = scaling.series_units_.take(places[numbers])
        center, unit = units.center, units.unit
    largest = np.broadcast_to(_TIMES * (np.abs(center) + _USUAL * unit), (len(numbers), center.shape[1]))[:, chosen]
    least = np.broadcast_to((np.abs(center) - _USUAL * unit) / _TIMES, (len(numbers), center.shape[1]))[:, chosen]
    rows = [rows[number] for number in numbers.tolist()]
    if not rows:
        return

    def other_size(sizes: np.ndarray, which: Any = slice(None)) -> np.ndarray:
        larger = ~(sizes <= largest[which]) & (sizes != 1)  # 1 can be that of a rare flag; True where missing
        return np.asarray(larger | ((sizes < least[which]) & (sizes > 0)))

    last = np.abs(np.array([one[-1] for one in rows], dtype=np.float64))[:, chosen]
    middle = np.abs(np.array([one[-(min(len(one), length) // 2) - 1] for one in rows], dtype=np.float64))[:, chosen]
    found: dict[int, list[int]] = {}
    for number in np.flatnonzero((other_size(last) & other_size(middle)).any(axis=1)).tolist():
        sizes = np.abs(rows[number][-length:, chosen])
        far = other_size(sizes, number).all(axis=0) & ~np.isnan(sizes).all(axis=0)
        for place in np.flatnonzero(far).tolist():
            found.setdefault(place, []).append(number)
    for place, which in sorted(found.items()):
        own = rows[which[0]][:, chosen[place]]
        value, usual = own[~np.isnan(own)][-1], center[min(which[0], len(center) - 1), chosen[place]]
        number = int(numbers[which[0]])
        series = f"window {number} of X" if given.batch is not None else given.name_of(number)
        more = f" (and of {len(which) - 1} more)" if len(which) > 1 else ""
        name = roles.channel_name(chosen[place])
        warnings.warn(
            f"the covariate {name!r} of {series}{more} is {value:g} in the last rows, and was {usual:g} on average in "
            "fit: are its units others? It is read in the units of fit, and forecasts follow it as far as it goes.",
            stacklevel=stacklevel_of_user(),
        )


def _places(ids: Sequence[Any], scaling: Scaling) -> np.ndarray:
    """Return the numbers of series in ``fit``, -1 for others, and for ids of another type, of which others tell."""
    if list(ids) == list(scaling.ids_):
        return np.arange(len(ids))
    places = {one: number for number, one in enumerate(scaling.ids_)}
    return np.array([places.get(one, -1) for one in ids])
