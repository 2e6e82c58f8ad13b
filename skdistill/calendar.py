"""Time labels: are they regular, what follows them, and which calendar features do they carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["calendar_features", "check_time_index", "continue_index"]

# Each feature, scaled to [-0.5, 0.5].
_FEATURES: dict[str, Callable[[pd.DatetimeIndex], Any]] = {
    "second": lambda index: index.second / 59.0 - 0.5,
    "minute": lambda index: index.minute / 59.0 - 0.5,
    "hour": lambda index: index.hour / 23.0 - 0.5,
    "weekday": lambda index: index.dayofweek / 6.0 - 0.5,
    "day": lambda index: (index.day - 1) / 30.0 - 0.5,
    "dayofyear": lambda index: (index.dayofyear - 1) / 365.0 - 0.5,
    "week": lambda index: (index.isocalendar().week.to_numpy(dtype=np.float64) - 1) / 52.0 - 0.5,
    "month": lambda index: (index.month - 1) / 11.0 - 0.5,
}
# Features by the least step in seconds that they suit, finest first.
_BY_STEP = (
    (0, ("second", "minute", "hour", "weekday", "day", "dayofyear")),
    (60, ("minute", "hour", "weekday", "day", "dayofyear")),
    (3600, ("hour", "weekday", "day", "dayofyear")),
    (86_400, ("weekday", "day", "dayofyear")),
    (7 * 86_400, ("day", "week")),
    (28 * 86_400, ("month",)),
    (365 * 86_400, ()),
)


def calendar_features(index: pd.Index) -> np.ndarray:
    """Compute calendar features of time labels, each scaled to [-0.5, 0.5].

    The step between labels decides which: hours have hour, weekday, day of month and day of year;
    minutes add the minute, seconds the second; days have the last three; weeks day of month and
    week of year; months and quarters the month; years none.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex of length n
        Time labels.

    Returns
    -------
    features : float32 ndarray of shape (n, n_time_features)
        The features.

    References
    ----------
    The ``timeF`` encoding of the LTSF literature, as TimeDistill (arXiv 2502.15016) feeds it to
    its teachers.

    Examples
    --------
    >>> import pandas as pd
    >>> calendar_features(pd.date_range("2024-01-01 23:00", periods=2, freq="h"))
    array([[ 0.5       , -0.5       , -0.5       , -0.5       ],
           [-0.5       , -0.33333334, -0.46666667, -0.49726027]], dtype=float32)
    """
    moments: Any = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    step = _typical_step(moments, index)
    names = [features for least, features in _BY_STEP if least <= step][-1]
    columns = [np.asarray(_FEATURES[name](moments), dtype=np.float32) for name in names]
    return np.stack(columns, axis=1) if columns else np.empty((len(index), 0), dtype=np.float32)


def continue_index(index: pd.Index, n: int) -> pd.Index:
    """Return the labels that follow an index.

    Parameters
    ----------
    index : pandas.Index
        Time labels: DatetimeIndex, PeriodIndex or whole numbers of a constant step.
    n : int
        How many labels to add.

    Returns
    -------
    following : pandas.Index of length n
        The labels after the last one; 0 .. n - 1 where the index tells no step.

    Examples
    --------
    >>> import pandas as pd
    >>> continue_index(pd.RangeIndex(10), 3)
    RangeIndex(start=10, stop=13, step=1)
    >>> continue_index(pd.date_range("2024-01-31", periods=4, freq="ME"), 2)
    DatetimeIndex(['2024-05-31', '2024-06-30'], dtype='datetime64[...]', freq='ME')
    """
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[-1] + 1, periods=n, freq=index.freq, name=index.name)
    if isinstance(index, pd.DatetimeIndex):
        step = _offset(index)
        if step is not None:
            return pd.date_range(index[-1], periods=n + 1, freq=step, name=index.name)[1:]
    elif pd.api.types.is_integer_dtype(index) and len(index):
        last, stride = int(index[-1]), int(index[-1] - index[-2]) if len(index) > 1 else 1
        return pd.RangeIndex(last + stride, last + stride * (n + 1), stride, name=index.name)
    return pd.RangeIndex(n, name=index.name)


def check_time_index(index: pd.Index, *, name: str = "X") -> None:
    """Raise unless time labels are unique, in order and without holes.

    Calendar frequencies (month ends, business days) and zones with daylight saving are regular.
    Labels that are no times or whole numbers pass.

    Parameters
    ----------
    index : pandas.Index
        The labels of a series' rows.
    name : str, default="X"
        What the series is called in messages.

    Raises
    ------
    ValueError
        With the first offending label, its position, the likely cause and the way out.

    Examples
    --------
    >>> import pandas as pd
    >>> check_time_index(pd.Index([0, 1, 3]))
    Traceback (most recent call last):
        ...
    ValueError: the index of X has a hole between 1 and 3 (rows 1 and 2): ...
    """
    is_time = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)
    if len(index) < 2 or not (is_time or pd.api.types.is_integer_dtype(index)):
        if is_time and index.hasnans:
            raise ValueError(f"the index of {name} contains NaT: every row needs a time.")
        return
    if is_time and index.hasnans:
        row = int(np.argmax(index.isna()))
        raise ValueError(f"the index of {name} contains NaT, first at row {row}: every row needs a time.")
    numbers = index.asi8 if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex) else index.to_numpy()
    steps = np.diff(numbers)
    if (steps == 0).any() or not index.is_unique:
        row = int(np.argmax(index.duplicated()))
        raise ValueError(
            f"the index of {name} must be unique; {index[row]} comes again at row {row}. Drop or average duplicates, "
            "or give several series as a list."
        )
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 1
        raise ValueError(
            f"the index of {name} must be in order of time; row {row} ({index[row]}) comes after {index[row - 1]}. "
            "Shuffled rows are the likely cause, a shuffled cross-validation for example: use "
            "skdistill.model_selection.RollingOriginSplit or KFold(shuffle=False), or X.sort_index()."
        )
    if (steps == steps[0]).all() or (isinstance(index, pd.DatetimeIndex) and _is_calendar_regular(index)):
        return
    row = _first_irregular(steps)
    raise ValueError(
        f"the index of {name} has a hole between {index[row]} and {index[row + 1]} (rows {row} and {row + 1}): missing "
        "rows are the likely cause, or a cross-validation whose training rows are not contiguous. Fill the hole "
        "(X.asfreq(...).interpolate()), give the pieces as a list of series, or use RollingOriginSplit."
    )


def _is_calendar_regular(index: pd.DatetimeIndex) -> bool:
    return index.freq is not None or (len(index) > 2 and pd.infer_freq(index) is not None) or len(index) == 2


def _first_irregular(steps: np.ndarray) -> int:
    values, counts = np.unique(steps, return_counts=True)
    return int(np.argmax(steps != values[np.argmax(counts)]))


def _offset(index: pd.DatetimeIndex) -> pd.offsets.BaseOffset | pd.Timedelta | None:
    if index.freq is not None:
        return index.freq
    inferred = pd.infer_freq(index[-64:]) if len(index) > 2 else None
    if inferred is not None:
        return pd.tseries.frequencies.to_offset(inferred)
    return index[-1] - index[-2] if len(index) > 1 else None


def _typical_step(moments: Any, index: Any) -> float:
    """Return the median step in seconds."""
    if len(moments) > 1:
        unit = np.timedelta64(1, "s") / np.timedelta64(1, moments.unit)
        return float(np.median(np.diff(moments[:64].asi8)) / unit)
    freq = getattr(index, "freq", None)
    if freq is None:
        return 3600.0
    return (
        (moments[0] + freq - moments[0]).total_seconds()
        if isinstance(index, pd.DatetimeIndex)
        else float((index[0].end_time - index[0].start_time).total_seconds() + 1e-9)
    )
