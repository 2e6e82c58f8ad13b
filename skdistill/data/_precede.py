"""The labels before a time index."""

from __future__ import annotations

from typing import Any

import pandas as pd

__all__ = ["precede_index"]


def precede_index(index: Any, n: int) -> pd.DatetimeIndex | pd.PeriodIndex:
    """Return the labels that come before a regular index.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        A regular index of at least one label.
    n : int
        How many labels.

    Returns
    -------
    labels : index of the same type
        The ``n`` labels before the first; where the step is not known, of fixed distance.

    Examples
    --------
    >>> import pandas as pd
    >>> precede_index(pd.date_range("2024-03-31", periods=4, freq="ME"), 2).strftime("%Y-%m-%d").tolist()
    ['2024-01-31', '2024-02-29']
    """
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(end=index[0], periods=n + 1, freq=index.freq)[:-1]
    step: Any = index.freq
    if step is None and len(index) > 2:
        inferred = pd.infer_freq(index)
        step = None if inferred is None else pd.tseries.frequencies.to_offset(inferred)
    if step is None:
        step = (index[1] - index[0]) if len(index) > 1 else pd.Timedelta(days=1)
    return pd.date_range(end=index[0], periods=n + 1, freq=step)[:-1]
