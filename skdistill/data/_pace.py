"""The pace of a step, by which rows of one step are told from rows of another."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache

import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._offsets import span_of
from skdistill.data._steps import DurationStep, NumberStep, PeriodStep, Step

__all__ = ["find_another_step", "find_unlike", "same_pace", "warn_of_another_step"]

_TOLERANCE = 0.05  # relative; holidays and the lengths of months make less, a weekend more
_N_STEPS = 48
_START = pd.Timestamp("2024-01-01")


def same_pace(step: Step, other: Step) -> bool:
    """Return whether two steps take the same time on average, or are of kinds that cannot be compared.

    Parameters
    ----------
    step, other : Step
        The steps.

    Returns
    -------
    same : bool
        True for month starts and month ends, for days and 24 hours, and for times and numbers.

    Examples
    --------
    >>> from skdistill.data._steps import find_step
    >>> days, hours = (find_step(pd.date_range("2024-01-01", periods=30, freq=one)) for one in ("D", "h"))
    >>> same_pace(days, hours), same_pace(days, days)
    (False, True)
    """
    if step is other or step == other:
        return True
    (kind, size), (other_kind, other_size) = _pace(step), _pace(other)
    return kind != other_kind or abs(size - other_size) <= _TOLERANCE * max(size, other_size)


def find_another_step(steps: Sequence[Step | None], known: Sequence[Step]) -> int | None:
    """Find the first series whose step has the pace of no step of ``fit``.

    Parameters
    ----------
    steps : sequence of Step or None
        One per series; None if it is unknown.
    known : sequence of Step
        Steps of ``fit``; none if it got no labels.

    Returns
    -------
    number : int or None
        Number of the series; None if there is none.
    """
    return find_unlike(steps, lambda step: any(same_pace(step, one) for one in known)) if known else None


def find_unlike(steps: Sequence[Step | None], is_like: Callable[[Step], bool]) -> int | None:
    """Find the first series whose step is unlike those of ``fit``; a step that many have in a row is looked at once.

    Parameters
    ----------
    steps : sequence of Step or None
        One per series; None if it is unknown.
    is_like : callable
        Whether a step is like one of ``fit``.

    Returns
    -------
    number : int or None
        Number of the series; None if there is none.
    """
    last = None
    for number, step in enumerate(steps):
        if step is None or step is last:
            continue
        last = step
        if not is_like(step):
            return number
    return None


def warn_of_another_step(name: str, step: Step | None, known: Sequence[Step]) -> None:
    """Warn of rows with another step than those of ``fit``.

    Parameters
    ----------
    name : str
        Name of the series, for the message.
    step : Step or None
        Its step.
    known : sequence of Step
        Steps of ``fit``.
    """
    warnings.warn(
        f"the rows of {name} have the step {step}, and those of fit {', '.join(dict.fromkeys(map(str, known)))}: a "
        f"student knows rows, not hours or days, and takes these for rows of its own step. Resample them to "
        f"{known[0]}, or fit on rows of their step.",
        stacklevel=stacklevel_of_user(),
    )


@lru_cache(maxsize=256)
def _pace(step: Step) -> tuple[str, float]:
    """Return what a step counts, and how much of it on average: nanoseconds of time, or a number."""
    if isinstance(step, NumberStep):
        return "number", float(step.size)
    if isinstance(step, DurationStep):
        return "time", float(step.size.value)
    assert step.offset is not None  # clocks and periods
    span = span_of(step.offset)
    if span is None:
        moments = pd.date_range(_START, periods=_N_STEPS + 1, freq=step.offset)
        span = (moments[-1] - moments[0]) / _N_STEPS
    times = step.size / step.offset.n if isinstance(step, PeriodStep) else 1.0
    return "time", float(span.as_unit("ns").value) * times
