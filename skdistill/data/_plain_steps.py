"""Steps of time labels as plain values, without a pickled offset: what saved and exported files hold."""

from __future__ import annotations

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._steps import ClockStep, DurationStep, NumberStep, PeriodStep, Step

__all__ = ["LONGEST", "read_step", "what_is_lost", "whole", "write_step"]

_OFFSETS = {
    name: cls
    for name, cls in vars(pd.offsets).items()
    if isinstance(cls, type) and issubclass(cls, pd.offsets.BaseOffset) and name not in ("BaseOffset", "Tick")
}
LONGEST = 200  # characters of a description


def write_step(step: Step) -> Any:
    """Convert a step to JSON.

    Parameters
    ----------
    step : Step
        The step.

    Returns
    -------
    json : object
        A value that ``json`` can write; a step that cannot be written is described.
    """
    written = _write_plain_step(step)
    return {"lost": f"the step {step}"[:LONGEST]} if written is None else written


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


def read_step(content: Any) -> Step:
    """Convert JSON to a step.

    Parameters
    ----------
    content : object
        Result of :func:`write_step`.

    Returns
    -------
    step : Step
        The step.

    Raises
    ------
    AttributeError, LookupError, TypeError, ValueError
        If it was not written by :func:`write_step`.
    """
    ((kind, value),) = content.items()
    if kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not value:
            raise ValueError("a step that is no number")
        return NumberStep(value)
    if kind == "duration":
        return DurationStep(pd.Timedelta(whole(value), unit="ns"))
    offset = _read_offset(value[0])
    if kind == "period":
        return PeriodStep(offset, whole(value[1]))
    if kind == "clock":
        return ClockStep(offset, None if value[1] is None else pd.Timedelta(whole(value[1]), unit="ns"))
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
        return datetime.timedelta(microseconds=whole(value))
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
    return cls(whole(content["n"]), **more, **arguments)


def what_is_lost(content: Any) -> str | None:
    """Return the description of what no file can contain; None for everything else."""
    if not isinstance(content, dict) or set(content) != {"lost"}:
        return None
    what = content["lost"]
    if not isinstance(what, str) or not 0 < len(what) <= LONGEST:
        raise ValueError("a description of no known kind")
    return what


def whole(value: Any) -> int:
    """Return a whole number, or raise ValueError."""
    if type(value) is not int or abs(value) > 1 << 62:
        raise ValueError("no whole number where one is needed")
    return value
