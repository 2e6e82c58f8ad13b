"""The labels before a time index."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skdistill.data._offsets import is_exact
from skdistill.data._steps import ClockStep, PeriodStep, Step, find_step
from skdistill.data._wall_clock import read_wall_clock, set_wall_clock

__all__ = ["labels_of_context", "precede_index"]


def precede_index(index: Any, n: int, step: Step | None = None) -> pd.DatetimeIndex | pd.PeriodIndex:
    """Return the labels that come before a regular index.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        A regular index of at least one label.
    n : int
        Number of labels.
    step : Step or None, default=None
        Step of the labels; None infers it.

    Returns
    -------
    labels : index of the same type
        The ``n`` labels before the first one; daily labels if the step is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> precede_index(pd.date_range("2024-03-31", periods=4, freq="ME"), 2).strftime("%Y-%m-%d").tolist()
    ['2024-01-31', '2024-02-29']
    """
    step = find_step(index) if step is None else step
    if isinstance(index, pd.PeriodIndex):
        size = step.size if isinstance(step, PeriodStep) else 1
        ordinals = [index[0].ordinal - size * back for back in range(n, 0, -1)]
        return pd.PeriodIndex.from_ordinals(ordinals, freq=index.freq)  # type: ignore[attr-defined]
    by = step.by if isinstance(step, ClockStep) else pd.offsets.Day()
    if is_exact(by):
        return pd.date_range(end=index[0], periods=n + 1, freq=by)[:-1]
    first = read_wall_clock(index[:2], step.time if isinstance(step, ClockStep) else None)[0]
    return set_wall_clock(pd.date_range(end=first, periods=n + 1, freq=by)[:-1], index.tz)


def labels_of_context(index: pd.Index, origin: int, context_length: int, step: Step | None) -> pd.Index:
    """Return the labels of the rows of a context, which may start before the series.

    Parameters
    ----------
    index : Index
        Labels of the series.
    origin : int
        Row of the series after the context.
    context_length : int
        Number of rows of the context.
    step : Step or None
        Step of the labels.

    Returns
    -------
    labels : Index
        As many as the context has rows; without a calendar only those of the series.

    Examples
    --------
    >>> labels_of_context(pd.date_range("2024-01-01", periods=5), 1, 3, None).strftime("%m-%d").tolist()
    ['12-30', '12-31', '01-01']
    """
    n_before = max(0, context_length - origin)
    labels = index[max(0, origin - context_length) : origin]
    if not n_before or not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        return labels
    return precede_index(index, n_before, step).append(labels)
