"""Time indices: calendar features, the labels that follow, and checks of order and regularity."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

__all__ = [
    "FREQUENCIES",
    "calendar_features",
    "calendar_fields",
    "calendar_numbers",
    "check_time_index",
    "continue_index",
]

# calendar features of a row -> the frequency that has as many
FREQUENCIES = {6: "s", 5: "min", 4: "h", 3: "D", 2: "W", 1: "ME"}

_SECOND = 1_000_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

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

# spellings that one pandas version or another refuses -> those that all of them (>= 2.2) take
_ALIASES = {
    "M": "ME", "BM": "BME", "Q": "QE", "BQ": "BQE", "Y": "YE", "A": "YE", "BY": "BYE", "BA": "BYE", "AS": "YS",
    "BAS": "BYS", "H": "h", "BH": "bh", "T": "min", "S": "s", "L": "ms", "U": "us", "N": "ns", "d": "D", "w": "W",
    "b": "B",
}  # fmt: skip


def calendar_features(index: Any, *, frequency: str | None = None) -> np.ndarray:
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
    frequency : str, default=None
        A pandas frequency such as ``"h"``, ``"15min"`` or ``"ME"``. By default that of `index`: its own, else the
        inferred one, else the one its median step suggests.

    Returns
    -------
    ndarray of shape (n_labels, n_fields), dtype float32

    Raises
    ------
    TypeError
        If `index` is of another kind.
    ValueError
        If `index` holds NaT, `frequency` is unknown, or none is given and fewer than two labels do not show one.

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
        raise ValueError(f"The index holds NaT, first at position {_first(index.isna())}.")
    fields = _FIELDS[_family(index, frequency)]
    out = np.empty((len(index), len(fields)), dtype=np.float32)
    for j, field in enumerate(fields):
        if field == "week" and isinstance(index, pd.DatetimeIndex):
            values = index.isocalendar()["week"].to_numpy(dtype=np.float64)
        else:
            values = np.asarray(getattr(index, field), dtype=np.float64)
        low, width = _SCALES[field]
        out[:, j] = (values - low) / width - 0.5
    return out


def calendar_fields(index: Any) -> tuple[str, ...]:
    """Name the columns of :func:`calendar_features`.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        Time labels.

    Returns
    -------
    fields : tuple of str
        What the columns hold, which follows the frequency of the labels.

    Examples
    --------
    >>> import pandas as pd
    >>> calendar_fields(pd.date_range("2024-01-01", periods=3, freq="D"))
    ('weekday', 'day', 'dayofyear')
    """
    return _FIELDS[_family(index, None)]


def calendar_numbers(index: Any) -> np.ndarray:
    """Calendar fields of each label as whole numbers, to look up in tables.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        The labels.

    Returns
    -------
    ndarray of shape (n_labels, 5), dtype float32
        Month, day of month, weekday from Monday, hour, and quarter of the hour, as TSLib has them without "timeF".

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._calendar import calendar_numbers
    >>> calendar_numbers(pd.date_range("2024-01-01 22:45", periods=1, freq="h"))
    array([[ 1.,  1.,  0., 22.,  3.]], dtype=float32)
    """
    fields = (index.month, index.day, index.weekday, index.hour, index.minute // 15)
    return np.stack([np.asarray(field, dtype=np.float32) for field in fields], axis=1)


def continue_index(index: pd.Index, n: int) -> pd.Index:
    """Return the `n` labels that follow `index`.

    Parameters
    ----------
    index : Index
        A DatetimeIndex, PeriodIndex, RangeIndex or integer index of regular step.
    n : int
        The number of labels, at least 0.

    Returns
    -------
    Index
        Of the kind of `index` and with its name; ``RangeIndex(n)`` where `index` is of another kind or shows no
        regular step.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._calendar import continue_index
    >>> continue_index(pd.RangeIndex(0, 10, 2), 3)
    RangeIndex(start=10, stop=16, step=2)
    >>> continue_index(pd.DatetimeIndex(["2024-01-31", "2024-02-29", "2024-03-31"]), 2).strftime("%Y-%m-%d").tolist()
    ['2024-04-30', '2024-05-31']
    >>> continue_index(pd.Index(["a", "b"]), 2)
    RangeIndex(start=0, stop=2, step=1)
    """
    if n < 0:
        raise ValueError(f"n must be at least 0, got {n}.")
    name = index.name
    plain = pd.RangeIndex(n, name=name)
    if isinstance(index, pd.RangeIndex):
        start = index.start + len(index) * index.step
        return pd.RangeIndex(start, start + n * index.step, index.step, name=name)
    if isinstance(index, pd.MultiIndex) or len(index) == 0 or index.hasnans:
        return plain
    ahead = np.arange(1, n + 1, dtype=np.int64)
    if isinstance(index, pd.PeriodIndex):
        ordinals = index.asi8
        step = index.freq.n if len(index) == 1 else _constant(np.diff(ordinals))  # type: ignore[union-attr]
        if not step:
            return plain
        return pd.PeriodIndex.from_ordinals(ordinals[-1] + step * ahead, freq=index.freq, name=name)  # type: ignore[attr-defined]
    if isinstance(index, pd.DatetimeIndex):
        following = _continue_datetimes(index, n)
        return plain if following is None else following.as_unit(index.unit).rename(name)
    if pd.api.types.is_integer_dtype(index.dtype):
        values = index.to_numpy(dtype=np.int64)
        step = _constant(np.diff(values))
        if not step:
            return plain
        labels = pd.Index(values[-1] + step * ahead, name=name)
        kept = labels.to_numpy().astype(getattr(index.dtype, "numpy_dtype", index.dtype))
        return labels.astype(index.dtype) if np.array_equal(kept, labels.to_numpy()) else labels
    return plain


def check_time_index(index: Any, *, name: str = "X") -> None:
    """Raise unless the labels of a time index are distinct, in order and of regular step.

    A DatetimeIndex, a PeriodIndex and an integer index are checked; a TimedeltaIndex and an index of floats must be
    distinct and in order, of any steps; any other kind passes. Month ends, business days and time-zone-aware steps
    across a change of the clock are regular.

    Parameters
    ----------
    index : Index
        The row labels.
    name : str, default="X"
        What to call the table in messages.

    Raises
    ------
    ValueError
        If a label is missing (NaT), repeated, out of order, or not one regular step after the one before.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._calendar import check_time_index
    >>> check_time_index(pd.date_range("2024-01-31", periods=12, freq="ME"))
    >>> check_time_index(pd.Index([0, 1, 3]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: The index of X has an irregular step between 1 and 3 (positions 1 and 2). Likely causes: ...
    """
    if isinstance(index, pd.RangeIndex):
        if index.step < 0 and len(index) > 1:
            _raise_order(index, 1, name)
        return
    timed = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)
    counted = _is_kind(index, pd.api.types.is_integer_dtype)
    if not (timed or counted or _is_kind(index, pd.api.types.is_float_dtype)):
        return
    if index.hasnans:
        missing = "NaT" if timed else "a missing label"
        raise ValueError(f"The index of {name} holds {missing}, first at position {_first(index.isna())}.")
    if len(index) < 2:
        return
    values = index.asi8 if timed else index.to_numpy(dtype=np.int64 if counted else np.float64)
    steps = np.diff(values)
    if steps.min() <= 0:
        repeated = index.duplicated()
        if repeated.any():
            i = _first(repeated)
            raise ValueError(
                f"The index of {name} has duplicate labels: {_show(index[i])} at position {i} was seen before. "
                "Keep one row per label."
            )
        _raise_order(index, _first(steps < 0) + 1, name)
    has_regular_step = counted or isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)
    if len(index) == 2 or steps.min() == steps.max() or not has_regular_step:
        return
    if isinstance(index, pd.DatetimeIndex):
        if _offset(index) is not None:
            return
        steps = _local_steps(index)
        if steps.min() == steps.max():
            return
        steps = _natural_steps(index)
    found, counts = np.unique(steps, return_counts=True)
    i = _first(steps != found[counts.argmax()])
    raise ValueError(
        f"The index of {name} has an irregular step between {_show(index[i])} and {_show(index[i + 1])} "
        f"(positions {i} and {i + 1}). Likely causes: missing rows (holidays included), or a cross-validation whose "
        "training folds are not contiguous; fill in the rows, or use RollingOriginSplit."
    )


def _is_kind(index: Any, is_dtype: Callable[[Any], bool]) -> bool:
    return isinstance(index, pd.Index) and not isinstance(index, pd.MultiIndex) and is_dtype(index.dtype)


def _raise_order(index: pd.Index, i: int, name: str) -> None:
    raise ValueError(
        f"The index of {name} is out of order: {_show(index[i])} at position {i} comes after {_show(index[i - 1])}. "
        "Shuffled rows are the likely cause, e.g. a shuffled cross-validation: use RollingOriginSplit or "
        "KFold(shuffle=False), or sort the rows."
    )


def _show(label: object) -> str:
    return str(label)


def _first(mask: Any) -> int:
    return int(np.argmax(np.asarray(mask)))


def _constant(steps: np.ndarray) -> int | None:
    """Return the one value of `steps`, or None."""
    if len(steps) == 0 or steps.min() != steps.max():
        return None
    return int(steps[0])


def _nanoseconds(index: pd.DatetimeIndex) -> int:
    """Length in nanoseconds of one unit of ``index.asi8``."""
    return {"s": _SECOND, "ms": 1_000_000, "us": 1_000, "ns": 1}[index.unit]


def _local(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return index if index.tz is None else index.tz_localize(None)


def _local_steps(index: pd.DatetimeIndex) -> np.ndarray:
    return np.diff(_local(index).asi8)


def _offset(index: pd.DatetimeIndex) -> pd.offsets.BaseOffset | None:
    """Return the offset from each label to the next, or None; a constant step is left to the caller."""
    if index.freq is not None:
        return index.freq
    if len(index) < 3:
        return None
    local = _local(index)
    months = local.year.to_numpy().astype(np.int64) * 12 + local.month.to_numpy()
    month_step = _constant(np.diff(months))
    inferred = pd.infer_freq(index)
    if inferred is not None and not (inferred.startswith("WOM") and month_step != 1):
        return to_offset(inferred)
    if month_step and _constant(local.day.to_numpy()) and (local - local.normalize()).nunique() == 1:
        return pd.DateOffset(months=month_step)  # e.g. the 15th of each month
    return None


def _continue_datetimes(index: pd.DatetimeIndex, n: int) -> pd.DatetimeIndex | None:
    """Return the `n` labels after the last, or None where no step is regular."""
    last = index[-1]
    offset = _offset(index)
    if offset is not None:
        return pd.date_range(start=last, periods=n + 1, freq=offset)[1:]
    ahead = np.arange(1, n + 1, dtype=np.int64)
    step, local_step = _constant(np.diff(index.asi8)), _constant(_local_steps(index))
    unit = f"datetime64[{index.unit}]"
    if index.tz is not None and local_step and (not step or local_step * _nanoseconds(index) % _DAY == 0):
        wall = pd.DatetimeIndex((_local(index).asi8[-1] + local_step * ahead).view(unit))
        return wall.tz_localize(index.tz, ambiguous=np.zeros(n, dtype=bool), nonexistent="shift_forward")
    if not step:
        return None
    following = pd.DatetimeIndex((index.asi8[-1] + step * ahead).view(unit))
    return following if index.tz is None else following.tz_localize("UTC").tz_convert(index.tz)


def _natural_steps(index: pd.DatetimeIndex) -> np.ndarray:
    """Count steps in the unit (month, business day, day, instant) in which one odd step stands out."""
    local = _local(index)
    unit = _nanoseconds(index)
    raw = _local_steps(index)
    median = float(np.median(raw)) * unit
    candidates = []
    if median >= 27 * _DAY:
        candidates.append(np.diff(local.year.to_numpy().astype(np.int64) * 12 + local.month.to_numpy()))
    elif raw.min() * unit >= _DAY // 2 and median == _DAY and (local.weekday < 5).all():
        days = local.to_numpy().astype("datetime64[D]")
        candidates.append(np.busday_count(days[:-1], days[1:]))
    instants = np.diff(index.asi8)
    candidates += [raw, instants] if median % _DAY == 0 else [instants]
    return next((steps for steps in candidates if steps.min() != steps.max()), raw)


def _family(index: pd.DatetimeIndex | pd.PeriodIndex, frequency: str | None) -> str:
    """Return the key of `_FIELDS` for the labels."""
    offset: pd.offsets.BaseOffset | None
    if frequency is not None:
        offset = _parse(frequency)
    elif isinstance(index, pd.PeriodIndex):
        offset = index.freq
    else:
        offset = _offset(index)
    family = None if offset is None else _offset_family(offset)
    if family is not None:
        return family
    if len(index) < 2:
        raise ValueError(f"The frequency of {len(index)} label(s) cannot be told; give `frequency`.")
    start = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    # sorted and distinct: the frequency does not depend on the order of the rows
    step = np.diff(np.unique(_local(start).asi8))
    if len(step) == 0:
        raise ValueError("The frequency of equal labels cannot be told; give `frequency`.")
    median = float(np.median(step)) * _nanoseconds(start)
    sizes = {"second": _MINUTE, "minute": _HOUR, "hour": _DAY, "day": 7 * _DAY, "week": 28 * _DAY, "month": 360 * _DAY}
    return next((key for key, size in sizes.items() if median < size), "year")


def _parse(frequency: str) -> pd.offsets.BaseOffset:
    match = re.fullmatch(r"([+-]?\d*)([A-Za-z]+)(-.*)?", frequency)
    if match:
        number, alias, anchor = match.groups()
        frequency = f"{number}{_ALIASES.get(alias, alias)}{anchor or ''}"
    try:
        return to_offset(frequency)
    except ValueError:
        raise ValueError(
            f"Unknown frequency {frequency!r}: give a pandas one such as 'h', '15min', 'D', 'ME'."
        ) from None


def _offset_family(offset: pd.offsets.BaseOffset) -> str | None:
    kind = type(offset).__name__
    if "Quarter" in kind or "HalfYear" in kind:
        return "month"
    if "Year" in kind or kind in ("FY5253", "Easter"):
        return "year"
    if "SemiMonth" in kind:
        return "week"
    if "Month" in kind:
        return "month"
    if kind == "Week":
        return "week"
    if kind.endswith("BusinessHour"):
        return "hour"
    if kind.endswith("BusinessDay"):
        return "day"
    if kind == "DateOffset":  # of mixed parts: judged by the size of the steps
        return None
    span = offset.n * _DAY if kind == "Day" else int(pd.Timedelta(offset).as_unit("ns").value)  # type: ignore[arg-type]
    if span % (7 * _DAY) == 0:
        return "week"
    return next(
        (key for key, size in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)) if span % size == 0), "second"
    )
