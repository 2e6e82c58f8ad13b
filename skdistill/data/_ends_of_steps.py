"""The days that stand for quarters and weeks, by which labels of first days are told from those of last days."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._pace import find_unlike
from skdistill.data._steps import PeriodStep, Step

__all__ = ["find_another_end", "warn_of_another_end"]

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class _Shown:
    """What the calendar reads in the labels of a step.

    Parameters
    ----------
    what : str
        Name of the step.
    days : str
        Days or months that its labels show.
    are_periods : bool
        Whether labels are periods, which show their last day.
    """

    what: str
    days: str
    are_periods: bool

    def __str__(self) -> str:
        """Say what they show."""
        return f"{self.days}{' (periods)' * self.are_periods}"


def find_another_end(steps: Sequence[Step | None], known: Sequence[Step]) -> int | None:
    """Find the first series whose quarters or weeks show other months or days than any in ``fit``.

    Parameters
    ----------
    steps : sequence of Step or None
        One per series; None if it is unknown.
    known : sequence of Step
        Steps of ``fit``.

    Returns
    -------
    number : int or None
        Number of the series; None if there is none. Weeks that are all timestamps, or all periods, are let alone:
        series may be reported on other days.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.data._steps import find_step
    >>> first, last = (find_step(pd.date_range("2024-01-01", periods=9, freq=one)) for one in ("QS", "QE"))
    >>> find_another_end([first], [last]), find_another_end([last], [last])
    (0, None)
    """
    of_fit = [_shown(one) for one in known]
    if not of_fit or None in of_fit:
        return None

    def is_like(step: Step) -> bool:
        own = _shown(step)
        return own is None or any(_is_alike(own, one) for one in of_fit)

    return find_unlike(steps, is_like)


def warn_of_another_end(name: str, step: Step | None, known: Sequence[Step]) -> None:
    """Warn of quarters or weeks that are labeled by other days than those of ``fit``, for what reads the calendar.

    Parameters
    ----------
    name : str
        Name of the series, for the message.
    step : Step or None
        Its step.
    known : sequence of Step
        Steps of ``fit``.
    """
    own = None if step is None else _shown(step)
    assert own is not None  # find_another_end
    theirs = " or ".join(dict.fromkeys(str(_shown(one)) for one in known))
    warnings.warn(
        f"the labels of {name} show {own}, and those of fit {theirs}: the calendar is read as labels show it, of a "
        f"period its last day, so that the same {own.what} has another "
        f"{'day' if own.what == 'week' else 'month'}. Label rows as in fit, or fit on labels of this kind.",
        stacklevel=stacklevel_of_user(),
    )


def _is_alike(own: _Shown, other: _Shown | None) -> bool:
    if other is None or own.what != other.what or own.days == other.days:
        return True
    return own.what == "week" and own.are_periods == other.are_periods


@lru_cache(maxsize=256)
def _shown(step: Step) -> _Shown | None:
    """Return what labels show; None for other steps, and those whose labels can show anything."""
    offset: Any = step.offset
    if offset is None:
        return None
    kind, are_periods = type(offset).__name__, isinstance(step, PeriodStep)
    size = 3 if "Quarter" in kind else 6 if "HalfYear" in kind else 0
    first = getattr(offset, "startingMonth", None)
    if size and first is not None and kind != "FY5253Quarter":
        months = [name for number, name in enumerate(_MONTHS, 1) if (number - first) % size == 0]
        return _Shown("quarter" if size == 3 else "half year", ", ".join(months), are_periods)
    weekday = getattr(offset, "weekday", None)
    if kind == "Week" and weekday is not None:
        return _Shown("week", _DAYS[weekday], are_periods)
    return None
