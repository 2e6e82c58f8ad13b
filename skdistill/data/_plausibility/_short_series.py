"""Series of a panel that are too short for a window: left out, and named."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._series import Series

__all__ = ["name_series", "warn_of_short_series"]

_MOST_NAMED = 5


def name_series(series: Sequence[Series], number: int) -> str:
    """Return what to call one of several series in messages.

    Parameters
    ----------
    series : sequence of Series
        All of them.
    number : int
        Which one.

    Returns
    -------
    name : str
        By its id, or else by its position.

    Examples
    --------
    >>> import numpy as np
    >>> name_series([Series(np.zeros((3, 1)), id="shop 17"), Series(np.zeros((3, 1)))], 1)
    'X[1]'
    """
    one = series[number]
    return f"X[{number}]" if one.id is None else f"series {one.id!r}"


def warn_of_short_series(series: Sequence[Series], needed: int, what: str) -> None:
    """Warn of the series of a panel that have too few rows.

    Parameters
    ----------
    series : sequence of Series
        All of them.
    needed : int
        Rows that a series must have.
    what : str
        Who leaves the short ones out.
    """
    short = [number for number, one in enumerate(series) if len(one) < needed]
    if not short:
        return
    named = ", ".join(f"{name_series(series, number)} ({len(series[number])} rows)" for number in short[:_MOST_NAMED])
    more = f" and {len(short) - _MOST_NAMED} more" if len(short) > _MOST_NAMED else ""
    warnings.warn(
        f"{what} leaves out {len(short)} of {len(series)} series, which have fewer than the {needed} rows of a window: "
        f"{named}{more}.",
        stacklevel=stacklevel_of_user(),
    )
