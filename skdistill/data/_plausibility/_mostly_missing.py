"""Covariates whose rows are mostly empty, because nothing was there: no promotion, no discount."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user

__all__ = [
    "is_mostly_missing",
    "mostly_missing",
    "series_without_values",
    "warn_of_mostly_missing",
    "warn_of_series_without_values",
]

_MOST_NAMED = 5
_FEWEST_GAPS = 3
_MOST_MISSING = 0.5  # of the rows between the first and the last value of each series
_REGULAR = 0.8  # of the distances between values: a price of every Monday is one value a week
_COMPLETE = 0.9  # of the rows of the other series
_NEARLY = 0.1  # relative; months are 28 to 31 days


def is_mostly_missing(parts: Sequence[np.ndarray]) -> bool:
    """Return whether a covariate is missing in most rows, in gaps that come at no regular distance.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_timestamps,)
        Its values in each series; NaN is missing.

    Returns
    -------
    is_mostly_missing : bool
        False if missing rows are those before or after all values, or if values come every so many rows, or nearly so,
        as once a month.

    Examples
    --------
    >>> import numpy as np
    >>> sparse = np.full(30, np.nan)
    >>> sparse[[1, 4, 13, 19, 28]] = 10.0
    >>> weekly = np.where(np.arange(30) % 7, np.nan, 10.0)
    >>> is_mostly_missing([sparse]), is_mostly_missing([weekly])
    (True, False)
    """
    steps = np.concatenate([np.diff(np.flatnonzero(~np.isnan(values))) for values in parts])
    gaps = steps[steps > 1]
    if len(gaps) < _FEWEST_GAPS or len(steps) > (1 - _MOST_MISSING) * steps.sum():
        return False
    usual = float(np.median(gaps))
    nearly = max(_NEARLY * usual, 1.0 if usual > 2 else 0.0)  # Mondays and Thursdays are 3 and 4 rows apart
    return bool((np.abs(gaps - usual) <= nearly).sum() < _REGULAR * len(steps))


def mostly_missing(parts: Sequence[np.ndarray], channels: Sequence[int], targets: Sequence[int]) -> list[int]:
    """Return the covariates that are missing in most rows, in irregular gaps, though a target is observed there.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_timestamps, n_channels)
        The rows of each series; NaN is missing.
    channels : sequence of int
        The covariates.
    targets : sequence of int
        The targets.

    Returns
    -------
    channels : list of int
        None where whole rows are missing, such as those that readers insert.
    """
    found = [one for one in channels if is_mostly_missing([part[:, one] for part in parts])]
    if not found:
        return []
    observed = [part[~np.isnan(part[:, list(targets)]).all(axis=1)] for part in parts]
    return [one for one in found if is_mostly_missing([part[:, one] for part in observed])]


def series_without_values(parts: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Return the series in which a covariate has no value, if it is nearly complete in the others, and they are more.

    Parameters
    ----------
    parts : sequence of ndarray of shape (n_timestamps,), or ndarray of shape (n_series, n_timestamps)
        Its values in each series; NaN is missing.

    Returns
    -------
    places : ndarray of int
        The places of these series; none where others have gaps, too.

    Examples
    --------
    >>> import numpy as np
    >>> series_without_values([np.ones(9), np.full(9, np.nan), np.ones(9)])
    array([1])
    """
    lengths = np.array([len(values) for values in parts])
    is_there = ~np.isnan(np.concatenate(parts))
    if is_there.all() or not lengths.all():
        return np.zeros(0, dtype=np.int64)
    counts = np.add.reduceat(is_there, np.cumsum(lengths) - lengths)
    empty = counts == 0
    is_complete = counts[~empty].sum() >= _COMPLETE * lengths[~empty].sum()
    return np.flatnonzero(empty if is_complete and 2 * empty.sum() < len(empty) else np.zeros(0, dtype=bool))


def warn_of_series_without_values(name: Hashable, series: Sequence[str], n_series: int) -> None:
    """Warn of a known covariate that has no value in some series.

    Parameters
    ----------
    name : hashable
        Its name.
    series : sequence of str
        Names of the series.
    n_series : int
        Number of all series.
    """
    warnings.warn(
        f"the known covariate {name!r} has no value in the training rows of {series[0]} ({len(series)} of {n_series} "
        "series), and is nearly complete in the others: it counts as unknown there. If it was joined by id, look at "
        "how ids are written in both tables.",
        stacklevel=stacklevel_of_user(),
    )


def warn_of_mostly_missing(names: Sequence[Hashable]) -> None:
    """Warn of covariates that are missing in most rows.

    Parameters
    ----------
    names : sequence of hashable
        Their names; none, no warning.
    """
    if not names:
        return
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    warnings.warn(
        f"the covariates {', '.join(map(repr, names[:_MOST_NAMED]))}{more} are missing in most training rows. NaN "
        "counts as unknown, and is filled from the values around it: where an empty row means that nothing was there, "
        "such as no promotion, write 0, or a category of its own.",
        stacklevel=stacklevel_of_user(),
    )
