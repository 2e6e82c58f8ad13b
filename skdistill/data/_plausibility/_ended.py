"""Covariates that end before the rows of all series do: a column that newer exports lack, or name otherwise."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._plausibility._rows_so_far import rows_so_far
from skdistill.data._series import Series, SeriesInput

__all__ = ["warn_of_ended"]

_COMPLETE = 0.9  # of the rows before its last value


def warn_of_ended(series: Sequence[Series], channels: Sequence[int], targets: Sequence[int], length: int) -> None:
    """Warn of a covariate without a value in the last rows of every series, and nearly complete before.

    Parameters
    ----------
    series : sequence of Series
        The series of ``fit``.
    channels : sequence of int
        Covariates that are read.
    targets : sequence of int
        The targets; rows after the last one that is observed are left out.
    length : int
        Number of rows that a forecast reads.

    Warns
    -----
    UserWarning
        For the first one.
    """
    series = [one for one in series if len(one)]
    rows = rows_so_far(SeriesInput(series), targets)
    if not rows:
        return
    is_open = np.isnan(np.array([one[-1] for one in rows])).all(axis=0)
    for channel in [one for one in channels if is_open[one]]:
        parts = [one[:, channel] for one in rows]
        places = [np.flatnonzero(~np.isnan(part)) for part in parts]
        stops = [int(place[-1]) + 1 if len(place) else 0 for place in places]
        are_ended = [len(part) - stop >= min(length, len(part)) for part, stop in zip(parts, stops, strict=True)]
        if all(are_ended) and sum(map(len, places)) > _COMPLETE * sum(stops):
            number = int(np.argmax([len(place) > 0 for place in places]))
            index = series[number].index
            where = f"row {stops[number]}" if index is None else str(index[stops[number]])
            warnings.warn(
                f"the covariate {series[number].name_of(channel)!r} has no value from {where} on, in any series, and "
                "is nearly complete before: it counts as unknown there, and in forecasts from these rows. If newer "
                "exports name it otherwise, bring it into one column; if it has ended, leave it out.",
                stacklevel=stacklevel_of_user(),
            )
            return
