"""Calendar features of row labels."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from skdistill.data._steps import Step, continue_index, find_step
from skdistill.data._wall_clock import nanoseconds_of, read_wall_clock

__all__ = [
    "FREQUENCIES",
    "calendar_features",
    "calendar_fields",
    "calendar_numbers",
    "calendar_of",
    "parse_frequency",
    "read_field",
]

# number of calendar features -> a frequency with this number
FREQUENCIES = {6: "s", 5: "min", 4: "h", 3: "D", 2: "W", 1: "ME"}

_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_SOME_DAY = pd.Timestamp(2001, 1, 1)

# field -> (lowest value, width of its range)
_SCALES: dict[str, tuple[int, int]] = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "weekday": (0, 6),
    "day": (1, 30),
    "dayofyear": (1, 365),
    "week": (1, 52),
    "month": (1, 11),
}

_NAMES_IN_PANDAS = {"weekday": "day_of_week", "dayofyear": "day_of_year"}  # where both have names of their own

_DAY_FIELDS = ("weekday", "day", "dayofyear")
_FIELDS: dict[str, tuple[str, ...]] = {
    "second": ("second", "minute", "hour", *_DAY_FIELDS),
    "minute": ("minute", "hour", *_DAY_FIELDS),
    "hour": ("hour", *_DAY_FIELDS),
    "day": _DAY_FIELDS,
    "week": ("day", "week"),
    "month": ("month",),
    "year": (),
}

# spellings that some pandas versions reject -> spellings that all versions (>= 2.2) accept
_ALIASES = {
    "M": "ME", "BM": "BME", "Q": "QE", "BQ": "BQE", "Y": "YE", "A": "YE", "BY": "BYE", "BA": "BYE", "AS": "YS",
    "BAS": "BYS", "H": "h", "BH": "bh", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns", "d": "D", "w": "W",
    "b": "B",
}  # fmt: skip


def calendar_features(index: Any, *, frequency: str | pd.offsets.BaseOffset | None = None) -> np.ndarray:
    """Calendar fields of each label, each scaled to [-0.5, 0.5].

    The fields follow the frequency of the labels ("timeF" in TSLib):

    ========================  =====================================================
    frequency                 columns
    ========================  =====================================================
    below one minute          second, minute, hour, weekday, day of month, of year
    below one hour            minute, hour, weekday, day of month, day of year
    hourly                    hour, weekday, day of month, day of year
    daily, business daily     weekday, day of month, day of year
    weekly                    day of month, week of year
    monthly, quarterly        month
    yearly                    none
    ========================  =====================================================

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        The labels. Fields of a time-zone-aware index are those of its local time.
    frequency : str, BaseOffset or None, default=None
        A pandas frequency such as ``"h"``, ``"15min"`` or ``"ME"``, or an offset. By default that of `index`: its
        ``freq``, or else the frequency inferred from its labels, or from their median step.

    Returns
    -------
    ndarray of shape (n_labels, n_fields), dtype float32

    Raises
    ------
    TypeError
        If `index` has another type.
    ValueError
        If `index` contains NaT, `frequency` is unknown, or no frequency is given and it cannot be inferred.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._calendar import calendar_features
    >>> calendar_features(pd.date_range("2024-01-01 22:00", periods=3, freq="h")).round(3).tolist()[1]
    [0.5, -0.5, -0.5, -0.5]
    >>> calendar_features(pd.period_range("2024-01", periods=12, freq="M")).shape
    (12, 1)
    """
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        raise TypeError(f"Calendar features need a DatetimeIndex or a PeriodIndex, got {type(index).__name__}.")
    if index.hasnans:
        raise ValueError(f"The index contains NaT, first at position {int(np.argmax(index.isna()))}.")
    fields = _FIELDS[_family(index, frequency)]
    out = np.empty((len(index), len(fields)), dtype=np.float32)
    for j, field in enumerate(fields):
        low, width = _SCALES[field]
        out[:, j] = (read_field(index, field) - low) / width - 0.5
    return out


def calendar_of(index: pd.Index, n_ahead: int, step: Step | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the calendar features of labels and of the labels that follow them.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        Time labels.
    n_ahead : int
        Number of labels that follow.
    step : Step or None
        Step of the labels; None infers it from the labels.

    Returns
    -------
    features : tuple of ndarray of shape (n_labels, n_fields) and (n_ahead, n_fields)
        Features as from :func:`calendar_features`.

    Raises
    ------
    ValueError
        If the step is unknown and there are too few labels to infer it.
    """
    step = find_step(index) if step is None else step
    if step is None:
        raise ValueError(
            f"the calendar of a series cannot be read from {len(index)} label(s), up to {index[-1]}, whose step is not "
            "known: give more rows, or an index with a freq, pd.DatetimeIndex(index, freq=...)."
        )
    labels = (index, continue_index(index, n_ahead, step=step))
    first, ahead = (calendar_features(part, frequency=step.offset) for part in labels)
    return first, ahead


def calendar_fields(index: Any, *, frequency: str | pd.offsets.BaseOffset | None = None) -> tuple[str, ...]:
    """Return the names of the columns of :func:`calendar_features`.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        Time labels.
    frequency : str, BaseOffset or None, default=None
        The frequency, if known.

    Returns
    -------
    fields : tuple of str
        Names of the columns, which depend on the frequency of the labels.

    Examples
    --------
    >>> import pandas as pd
    >>> calendar_fields(pd.date_range("2024-01-01", periods=3, freq="D"))
    ('weekday', 'day', 'dayofyear')
    """
    return _FIELDS[_family(index, frequency)]


def read_field(labels: pd.DatetimeIndex | pd.PeriodIndex, field: str) -> np.ndarray:
    """Return a calendar field of each label as integers.

    Parameters
    ----------
    labels : DatetimeIndex or PeriodIndex
        Time labels.
    field : str
        Name of the field; a week is that of ISO 8601.

    Returns
    -------
    values : ndarray of int of shape (n_labels,)
        Weekdays count from Monday, 0.

    Examples
    --------
    >>> import pandas as pd
    >>> read_field(pd.date_range("2024-12-29", periods=2), "week")
    array([52,  1])
    """
    if field == "week" and isinstance(labels, pd.DatetimeIndex):
        return labels.isocalendar()["week"].to_numpy(dtype=np.int64)
    return np.asarray(getattr(labels, _NAMES_IN_PANDAS.get(field, field)), dtype=np.int64)


def calendar_numbers(index: Any) -> np.ndarray:
    """Return the calendar fields of each label as integers, to look up in embedding tables.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        The labels.

    Returns
    -------
    ndarray of shape (n_labels, 5), dtype float32
        Month, day of month, weekday from Monday, hour, and quarter of the hour, as in TSLib without "timeF".

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._calendar import calendar_numbers
    >>> calendar_numbers(pd.date_range("2024-01-01 22:45", periods=1, freq="h"))
    array([[ 1.,  1.,  0., 22.,  3.]], dtype=float32)
    """
    fields = (index.month, index.day, index.day_of_week, index.hour, index.minute // 15)
    return np.stack([np.asarray(field, dtype=np.float32) for field in fields], axis=1)


def _family(index: pd.DatetimeIndex | pd.PeriodIndex, frequency: str | pd.offsets.BaseOffset | None) -> str:
    """Return the key of `_FIELDS` for the labels."""
    offset: pd.offsets.BaseOffset | None
    if frequency is not None:
        offset = parse_frequency(frequency)
    else:
        step = find_step(index)
        offset = None if step is None else step.offset
    if offset is not None:
        return _offset_family(offset)
    if len(index) < 2:
        raise ValueError(f"The frequency of {len(index)} label(s) cannot be inferred; pass `frequency`.")
    start = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    # sorted and distinct, so that the frequency does not depend on the order of the rows
    step_sizes = np.diff(np.unique(read_wall_clock(start).asi8))
    if len(step_sizes) == 0:
        raise ValueError("The frequency of equal labels cannot be inferred; pass `frequency`.")
    return _family_of_size(float(np.median(step_sizes)) * nanoseconds_of(start))


def _family_of_size(nanoseconds: float) -> str:
    sizes = {"second": _MINUTE, "minute": _HOUR, "hour": _DAY, "day": 7 * _DAY, "week": 28 * _DAY, "month": 360 * _DAY}
    return next((key for key, size in sizes.items() if nanoseconds < size), "year")


def parse_frequency(frequency: str | pd.offsets.BaseOffset) -> pd.offsets.BaseOffset:
    """Read a pandas frequency, in the spelling of any version.

    Parameters
    ----------
    frequency : str or BaseOffset
        Such as ``"h"``, ``"15min"``, ``"M"`` or an offset.

    Returns
    -------
    offset : BaseOffset
        The offset.

    Raises
    ------
    ValueError
        If pandas does not know it.
    """
    if not isinstance(frequency, str):
        return frequency
    match = re.fullmatch(r"([+-]?\d*)([A-Za-z]+)(-.*)?", frequency)
    if match:
        number, alias, anchor = match.groups()
        frequency = f"{number}{_ALIASES.get(alias, alias)}{anchor or ''}"
    try:
        return to_offset(frequency)
    except ValueError:
        raise ValueError(
            f"Unknown frequency {frequency!r}: use a pandas frequency such as 'h', '15min', 'D', 'ME'."
        ) from None


def _offset_family(offset: pd.offsets.BaseOffset) -> str:
    kind = type(offset).__name__
    if "Quarter" in kind or "HalfYear" in kind:
        return "month"
    if "Year" in kind or kind in ("FY5253", "Easter"):
        return "year"
    if "SemiMonth" in kind:
        return "week"
    if "Month" in kind:
        return "month" if abs(offset.n) < 12 else "year"
    if kind == "Week":
        return "week"
    if kind.endswith("BusinessHour"):
        return "hour"
    if kind.endswith("BusinessDay"):
        return "day"
    if kind == "DateOffset":  # with any parts: classified by what it adds to a day
        return _family_of_size(pd.Timedelta(_SOME_DAY + offset - _SOME_DAY).as_unit("ns").value)
    span = offset.n * _DAY if kind == "Day" else int(pd.Timedelta(offset).as_unit("ns").value)  # type: ignore[arg-type]
    if span % (7 * _DAY) == 0:
        return "week"
    return next(
        (key for key, size in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)) if span % size == 0), "second"
    )
