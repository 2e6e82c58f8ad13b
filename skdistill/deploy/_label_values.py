"""Labels of series as JSON: names of columns of any plain type, and the step without a pickled offset."""

from __future__ import annotations

import datetime
import math
import warnings
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._document import SavedFileError
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._series_labels import SeriesLabels
from skdistill.data._steps import ClockStep, DurationStep, NumberStep, PeriodStep, Step

__all__ = ["read_labels", "read_name", "write_labels", "write_name"]

_OFFSETS = {
    name: cls
    for name, cls in vars(pd.offsets).items()
    if isinstance(cls, type) and issubclass(cls, pd.offsets.BaseOffset) and name not in ("BaseOffset", "Tick")
}
_LARGEST = 1 << 53  # largest integer that JSON preserves
_MOST_STEPS = 10_000
_LONGEST = 200  # characters of a description
_MOST_DEEP = 8  # maximum depth of nested tuples


def write_labels(labels: SeriesLabels) -> Any:
    """Convert labels to JSON.

    Parameters
    ----------
    labels : SeriesLabels
        The labels of ``fit``.

    Returns
    -------
    json : object
        A value that ``json`` can write; columns and steps that cannot be written are described.
    """
    columns = labels.columns
    names: Any = None
    if isinstance(columns, pd.RangeIndex):
        names = {"range": [columns.start, columns.stop, columns.step]}
    elif columns is not None:
        written = [write_name(name) for name in columns]
        lost = [repr(name) for name, one in zip(columns, written, strict=True) if one is None]
        names = {"lost": f"column names such as {lost[0]}"[:_LONGEST]} if lost else {"names": written}
    return {"columns": names, "steps": [_write_step(step) for step in labels.steps]}


def read_labels(content: Any, n_columns: int) -> SeriesLabels:
    """Convert JSON to labels.

    Parameters
    ----------
    content : object
        A value read by ``json``.
    n_columns : int
        Number of channels of the student.

    Returns
    -------
    labels : SeriesLabels
        The labels.

    Raises
    ------
    SavedFileError
        If it was not written by :func:`write_labels`.

    Warns
    -----
    UserWarning
        If columns or steps are only described.
    """
    try:
        lost = _what_is_lost(content["columns"])
        columns = None if lost else _read_columns(content["columns"])
        if columns is not None and len(columns) != n_columns:
            raise ValueError("their number is not that of the channels")
        steps = content["steps"]
        if not isinstance(steps, list) or len(steps) > _MOST_STEPS:
            raise ValueError("too many steps")
        lost_step = next((_what_is_lost(one) for one in steps if _what_is_lost(one)), None)
        labels = SeriesLabels(columns, tuple(_read_step(one) for one in steps if not _what_is_lost(one)))
        if lost or lost_step:
            _warn_of_lost(lost, lost_step)
        return labels
    except (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        raise SavedFileError(f"its labels are malformed: {error}") from error


def _what_is_lost(content: Any) -> str | None:
    """Return the description of what no file can contain; None for everything else."""
    if not isinstance(content, dict) or set(content) != {"lost"}:
        return None
    what = content["lost"]
    if not isinstance(what, str) or not 0 < len(what) <= _LONGEST:
        raise ValueError("a description of no known kind")
    return what


def _warn_of_lost(columns: str | None, step: str | None) -> None:
    parts = [f"{columns}: columns will be taken by position"] if columns else []
    parts += [f"{step}: labels will be continued as they show themselves"] if step else []
    warnings.warn(
        f"a saved file cannot contain {', and '.join(parts)}. Use text or numbers as names, and offsets of pandas.",
        stacklevel=stacklevel_of_user(),
    )


def write_name(name: Any) -> Any:
    """Convert the name of a column or series to JSON.

    Parameters
    ----------
    name : object
        The name.

    Returns
    -------
    json : dict or None
        A value that :func:`read_name` restores with the same type; None if the type is not known.
    """
    name = name.item() if isinstance(name, np.number | np.bool_) else name
    if isinstance(name, bool | str):
        return {"plain": name}
    if isinstance(name, int):
        return {"plain": name} if abs(name) <= _LARGEST else None
    if isinstance(name, float):
        return {"plain": name} if math.isfinite(name) else None
    if isinstance(name, tuple):
        parts = [write_name(one) for one in name]
        return None if any(one is None for one in parts) else {"tuple": parts}
    return None if isinstance(name, np.generic) or pd.isna(name) is True else _write_time(name)


def _write_time(name: Any) -> Any:
    if isinstance(name, datetime.datetime):
        name = pd.Timestamp(name)
        zone = None if name.tz is None else str(name.tz)
        return {"time": [name.tz_localize(None).isoformat() if zone is None else name.isoformat(), zone]}
    if isinstance(name, pd.Period):
        return {"period": [name.ordinal, name.freqstr]}
    if isinstance(name, pd.Timedelta):
        return {"duration": name.as_unit("ns").value}
    if type(name) is datetime.date:
        return {"date": name.isoformat()}
    return None


def read_name(content: Any, depth: int = 0) -> Any:
    """Convert JSON to the name of a column or series.

    Parameters
    ----------
    content : object
        Result of :func:`write_name`.
    depth : int, default=0
        Number of tuples around it.

    Returns
    -------
    name : object
        The name.

    Raises
    ------
    AttributeError, LookupError, TypeError, ValueError
        If it was not written by :func:`write_name`.
    """
    ((kind, value),) = content.items()
    if kind == "plain" and isinstance(value, bool | int | float | str):
        return value
    if kind == "tuple" and isinstance(value, list) and depth < _MOST_DEEP:
        return tuple(read_name(one, depth + 1) for one in value)
    if kind == "time":
        text, zone = value
        moment = pd.Timestamp(text)
        return moment if zone is None else moment.tz_convert(zone)
    if kind == "period":
        ordinal, unit = value
        return pd.Period(ordinal=_whole(ordinal), freq=unit)
    if kind == "duration":
        return pd.Timedelta(_whole(value), unit="ns")
    if kind == "date" and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    raise ValueError("a name of no known kind")


def _read_columns(content: Any) -> pd.Index | None:
    if content is None:
        return None
    ((kind, value),) = content.items()
    if kind == "range":
        start, stop, step = (_whole(one) for one in value)
        return pd.RangeIndex(start, stop, step)
    names = [read_name(one) for one in value]
    if names and all(isinstance(name, tuple) for name in names):
        return pd.MultiIndex.from_tuples(names)
    return pd.Index(names)


def _write_step(step: Step) -> Any:
    written = _write_plain_step(step)
    return {"lost": f"the step {step}"[:_LONGEST]} if written is None else written


def _write_plain_step(step: Step) -> Any:
    if isinstance(step, NumberStep):
        return {"number": step.size}
    if isinstance(step, DurationStep):
        return {"duration": step.size.as_unit("ns").value}
    if isinstance(step, PeriodStep):
        offset = _write_offset(step.unit)
        return None if offset is None else {"period": [offset, step.size]}
    if isinstance(step, ClockStep):
        offset = _write_offset(step.by)
        time = None if step.time is None else step.time.as_unit("ns").value
        return None if offset is None else {"clock": [offset, time]}
    return None


def _read_step(content: Any) -> Step:
    ((kind, value),) = content.items()
    if kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not value:
            raise ValueError("a step that is no number")
        return NumberStep(value)
    if kind == "duration":
        return DurationStep(pd.Timedelta(_whole(value), unit="ns"))
    offset = _read_offset(value[0])
    if kind == "period":
        return PeriodStep(offset, _whole(value[1]))
    if kind == "clock":
        return ClockStep(offset, None if value[1] is None else pd.Timedelta(_whole(value[1]), unit="ns"))
    raise ValueError("a step of no known kind")


def _write_offset(offset: pd.offsets.BaseOffset) -> Any:
    """Return an offset as its public class and arguments; None for classes not from pandas."""
    name = type(offset).__name__
    if _OFFSETS.get(name) is not type(offset):
        return None
    arguments = {key: _write_argument(value) for key, value in offset.kwds.items() if key != "calendar"}
    if any(value is _MISSING for value in arguments.values()):
        return None
    return {
        "class": name,
        "n": offset.n,
        "normalize": bool(getattr(offset, "normalize", False)),
        "arguments": arguments,
    }


_MISSING = object()


def _write_argument(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64) else value
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, datetime.timedelta):
        return {"microseconds": round(value / datetime.timedelta(microseconds=1))}
    if isinstance(value, datetime.time):
        return {"clock": value.strftime("%H:%M")}
    if isinstance(value, np.datetime64):
        return {"day": str(value.astype("datetime64[D]"))}
    if isinstance(value, tuple | list):
        parts = [_write_argument(one) for one in value]
        return _MISSING if any(one is _MISSING for one in parts) else parts
    return _MISSING


def _read_argument(content: Any) -> Any:
    if content is None or isinstance(content, bool | int | str):
        return content
    if isinstance(content, list):
        return [_read_argument(one) for one in content]
    ((kind, value),) = content.items()
    if kind == "microseconds":
        return datetime.timedelta(microseconds=_whole(value))
    if kind == "clock" and isinstance(value, str):
        return value
    if kind == "day" and isinstance(value, str):
        return np.datetime64(value, "D")
    raise ValueError("an argument of no known kind")


def _read_offset(content: Any) -> pd.offsets.BaseOffset:
    cls: Any = _OFFSETS[content["class"]]
    arguments = {str(key): _read_argument(value) for key, value in content["arguments"].items()}
    normalize = content["normalize"]
    if not isinstance(normalize, bool):
        raise ValueError("an offset of no known kind")
    more = {"normalize": normalize} if normalize else {}
    return cls(_whole(content["n"]), **more, **arguments)


def _whole(value: Any) -> int:
    if type(value) is not int or abs(value) > 1 << 62:
        raise ValueError("no whole number where one is needed")
    return value
