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
from skdistill.data._plain_steps import LONGEST, read_step, what_is_lost, whole, write_step
from skdistill.data._series_labels import SeriesLabels

__all__ = ["read_labels", "read_name", "write_labels", "write_name"]

_LARGEST = 1 << 53  # largest integer that JSON preserves
_MOST_STEPS = 10_000
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
        names = {"lost": f"column names such as {lost[0]}"[:LONGEST]} if lost else {"names": written}
    return {"columns": names, "steps": [write_step(step) for step in labels.steps], "zones": list(labels.zones)}


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
        lost = what_is_lost(content["columns"])
        columns = None if lost else _read_columns(content["columns"])
        if columns is not None and len(columns) != n_columns:
            raise ValueError("their number is not that of the channels")
        steps = content["steps"]
        if not isinstance(steps, list) or len(steps) > _MOST_STEPS:
            raise ValueError("too many steps")
        lost_step = next((what_is_lost(one) for one in steps if what_is_lost(one)), None)
        zones = content.get("zones", [])  # files of earlier versions have none
        if not isinstance(zones, list) or not all(one is None or isinstance(one, str) for one in zones):
            raise ValueError("zones are no list of names")
        known = tuple(read_step(one) for one in steps if not what_is_lost(one))
        labels = SeriesLabels(columns, known, tuple(zones))
        if lost or lost_step:
            _warn_of_lost(lost, lost_step)
        return labels
    except (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError) as error:
        raise SavedFileError(f"its labels are malformed: {error}") from error


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
        return pd.Period(ordinal=whole(ordinal), freq=unit)
    if kind == "duration":
        return pd.Timedelta(whole(value), unit="ns")
    if kind == "date" and isinstance(value, str):
        return datetime.date.fromisoformat(value)
    raise ValueError("a name of no known kind")


def _read_columns(content: Any) -> pd.Index | None:
    if content is None:
        return None
    ((kind, value),) = content.items()
    if kind == "range":
        start, stop, step = (whole(one) for one in value)
        return pd.RangeIndex(start, stop, step)
    names = [read_name(one) for one in value]
    if names and all(isinstance(name, tuple) for name in names):
        return pd.MultiIndex.from_tuples(names)
    return pd.Index(names)
