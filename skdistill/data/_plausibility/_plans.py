"""Known covariates of the horizon that are hardly meant as they are written: all that is told of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from math import isnan

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._cycles import tell_broken_cycles
from skdistill.data._plausibility._empty_steps import are_usual_gaps, warn_of_empty_steps
from skdistill.data._plausibility._lacking_plans import tell_lacking_plans
from skdistill.data._roles import Roles
from skdistill.data._series import Series, SeriesInput
from skdistill.data._usual_limits import are_small, are_unusual, of_other_flags

__all__ = ["range_of_known", "tell_future"]


def range_of_known(roles: Roles, series: Sequence[Series]) -> tuple[tuple[float, float] | None, ...]:
    """Return the smallest and largest value of each known covariate.

    Parameters
    ----------
    roles : Roles
        Roles of the columns.
    series : sequence of Series
        The series of ``fit``, with the columns as they are given.

    Returns
    -------
    ranges : tuple of (float, float) or None
        In the order of ``roles.known``; None for categories, and where nothing is observed.
    """
    columns = [column for column in roles.known if column not in roles.categories]
    parts = [one.values[:, columns] for one in series if len(one)]
    if not parts:
        return (None,) * len(roles.known)
    low, high = (end.reduce([end.reduce(part, axis=0) for part in parts], axis=0) for end in (np.fmin, np.fmax))
    ends = dict(zip(columns, zip(low.tolist(), high.tolist(), strict=True), strict=True))
    return tuple(None if one not in ends or isnan(ends[one][0]) else ends[one] for one in roles.known)


def tell_future(roles: Roles, given: SeriesInput, future: np.ndarray, *, with_gaps: bool = True) -> None:
    """Warn of known covariates of the horizon that are hardly meant as they are written.

    Parameters
    ----------
    roles : Roles
        Roles of the columns.
    given : SeriesInput
        The series up to the horizon, as channels.
    future : ndarray of shape (n_series, n_steps, n_known)
        Their known covariates, NaN where unknown.
    with_gaps : bool, default=True
        Whether to tell what is missing before steps in which it is there, too, beside other units.
    """
    tell_broken_cycles(roles, given, future)
    low, high = roles.known_limits
    if ((future >= low) & (future <= high)).all():  # nothing is missing, either
        return
    tell_lacking_plans(roles, given, future)
    if with_gaps and given.batch is None:
        _tell_empty_steps(roles, given, future)
    _tell_columns(roles, given, future, with_gaps=with_gaps)


def _tell_empty_steps(roles: Roles, given: SeriesInput, values: np.ndarray) -> None:
    channels = list(roles.known_channels)

    def rows_of(number: int) -> np.ndarray | None:
        one = given.series[number]
        return None if one.index is None else one.values[:, channels]

    def name_of(number: int, step: int) -> str:
        return f"{given.series[number].labels_ahead(step + 1)[-1]} in {given.name_of(number)}"

    warn_of_empty_steps(values, rows_of, name_of)


def _tell_columns(roles: Roles, given: SeriesInput, future: np.ndarray, *, with_gaps: bool) -> None:
    """Warn of known covariates with gaps that their rows so far do not have, or in other units."""
    groups, empty = np.array(roles.known_groups), np.isnan(future).all(axis=2)
    for place, column in enumerate(roles.known):
        values = future[:, :, int(np.argmax(groups == column))]  # of categories, one channel is missing as all are
        missing = np.isnan(values)
        if with_gaps and missing.any():
            _tell_gaps(roles, given, missing, empty, column)
        known = roles.known_range[place] if place < len(roles.known_range) else None
        if known is not None:
            _tell_units(roles, given, values, known, column)


def _tell_gaps(roles: Roles, given: SeriesInput, missing: np.ndarray, empty: np.ndarray, column: int) -> None:
    """Warn of steps in which a covariate is missing, and others are there; of those without any, others tell."""
    later = np.flip(np.logical_or.accumulate(np.flip(~missing, axis=1), axis=1), axis=1)
    gaps = missing & later & ~empty
    if not gaps.any() or given.batch is not None:
        return
    channel = roles.known_channels[roles.known_groups.index(column)]
    for number in np.flatnonzero(gaps.any(axis=1)).tolist():
        before = np.isnan(given.series[number].values[:, channel])
        if len(before) and are_usual_gaps(before, int(gaps[number].sum()), int(later[number].sum())):
            gaps[number] = False  # of those that are mostly missing, fit tells
    if not gaps.any():
        return
    number, step = (int(axis[0]) for axis in np.nonzero(gaps))
    one = given.series[number]
    where = f"step {step + 1}" if one.index is None else str(one.labels_ahead(step + 1)[-1])
    warnings.warn(
        f"the known covariate {roles.name(column)!r} is missing in {gaps.sum()} steps of the horizon before others in "
        f"which it is there, first at {where} of {given.name_of(number)}: it counts as unknown, and is filled from the "
        "values around it. If it is empty because nothing is planned then, such as no promotion, write 0, or a "
        "category of its own.",
        stacklevel=stacklevel_of_user(),
    )


def _tell_units(roles: Roles, given: SeriesInput, values: np.ndarray, known: tuple[float, float], column: int) -> None:
    far, small = are_unusual(values, known), are_small(values, known)
    channel = roles.known_channels[roles.known_groups.index(column)]
    for number in np.flatnonzero(far.any(axis=1) | small).tolist():  # a series of its own size has such values before
        own = given.series[number].values[:, channel] if given.batch is None else given.batch[number, :, channel]
        own = own[~np.isnan(own)]
        if len(own):
            ends = float(own.min()), float(own.max())
            far[number] = are_unusual(values[number], known, ends) | (small and are_small(values[number], ends))
    value = values[far][0] if far.any() else of_other_flags(values, known)
    if value is not None:
        warnings.warn(
            f"the known covariate {roles.name(column)!r} is {value:g} in the horizon, and was between "
            f"{known[0]:g} and {known[1]:g} in fit: are its units or codes others? Forecasts follow it as far as it "
            "goes.",
            stacklevel=stacklevel_of_user(),
        )
