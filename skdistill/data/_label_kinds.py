"""Kinds of row labels: labels of one kind can be compared, whatever their resolution."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["kind_of_labels", "same_labels"]


def kind_of_labels(labels: pd.Index) -> str:
    """Return what labels are, in words.

    Parameters
    ----------
    labels : Index
        Row labels.

    Returns
    -------
    kind : str
        The same for all labels that can be equal: times of any resolution and, where they have one, of any zone;
        numbers of any type.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
    >>> kind_of_labels(days.as_unit("s")), kind_of_labels(days.as_unit("ns"))
    ('times without a zone', 'times without a zone')
    """
    if isinstance(labels, pd.DatetimeIndex):
        return "times without a zone" if labels.tz is None else "times with a zone"
    if isinstance(labels, pd.TimedeltaIndex):
        return "durations"
    if pd.api.types.is_numeric_dtype(labels.dtype):
        return "numbers"
    return "text" if pd.api.types.is_string_dtype(labels) else str(labels.dtype)


def same_labels(one: pd.Index, other: pd.Index) -> bool:
    """Return whether labels are the same in the same order: to pandas 2, times in another unit are no equals.

    Parameters
    ----------
    one, other : Index
        Row labels.

    Returns
    -------
    same : bool
        Times of any unit are compared by what they mean.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, freq="D")
    >>> same_labels(days.as_unit("s"), days.as_unit("ns")), same_labels(days, days[::-1])
    (True, False)
    >>> moments = days.tz_localize("UTC")
    >>> same_labels(moments, moments.tz_convert("Asia/Tokyo"))  # whose days are others
    False
    """
    if one.equals(other):
        return True
    if not isinstance(one, pd.DatetimeIndex) or not isinstance(other, pd.DatetimeIndex) or len(one) != len(other):
        return False
    return one.tz == other.tz and bool(np.asarray(one == other).all())
