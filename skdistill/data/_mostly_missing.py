"""Covariates whose rows are mostly empty, because nothing was there: no promotion, no discount."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user

__all__ = ["is_mostly_missing", "warn_of_mostly_missing"]

_MOST_NAMED = 5
_FEWEST_GAPS = 3
_MOST_MISSING = 0.5  # of the rows between the first and the last value of each series
_REGULAR = 0.8  # of the distances between values: a price of every Monday is one value a week
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
