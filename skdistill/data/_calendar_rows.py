"""Calendar features of the rows of a series, with checks that many series share one calendar."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skdistill.data._calendar import calendar_fields
from skdistill.data._steps import Step

__all__ = ["check_one_calendar", "fields_of", "have_calendar", "odd_calendar", "step_of"]

_CALENDARS = (pd.DatetimeIndex, pd.PeriodIndex)


def have_calendar(indexes: Sequence[pd.Index | None]) -> bool:
    """Return whether the labels of all series are times."""
    return all(isinstance(index, _CALENDARS) for index in indexes)


def step_of(steps: Sequence[Step | None], number: int) -> Step | None:
    """Return the step of a series, if it is known."""
    return steps[number] if number < len(steps) else None


def fields_of(indexes: Sequence[pd.Index | None], steps: Sequence[Step | None]) -> list[tuple[str, ...]]:
    """Return the names of the calendar fields of every series."""
    known = [step_of(steps, number) for number in range(len(indexes))]
    offsets = [None if step is None else step.offset for step in known]
    return [calendar_fields(index, frequency=offset) for index, offset in zip(indexes, offsets, strict=True)]


def odd_calendar(indexes: Sequence[pd.Index | None], steps: Sequence[Step | None]) -> int | None:
    """Return the first series whose calendar fields differ from those of series 0, if any."""
    fields = fields_of(indexes, steps)
    return next((number for number, one in enumerate(fields) if one != fields[0]), None)


def check_one_calendar(indexes: Sequence[pd.Index | None], steps: Sequence[Step | None]) -> None:
    """Raise if every series has a calendar but their frequencies differ."""
    if not have_calendar(indexes) or (odd := odd_calendar(indexes, steps)) is None:
        return
    fields = fields_of(indexes, steps)
    first, other = (", ".join(fields[number]) or "no field" for number in (0, odd))
    raise ValueError(
        f"a network that reads the calendar needs series of one frequency: the calendar of X[0] has {first}; that of "
        f"X[{odd}] has {other}. Set time_features=False of the network, fit each frequency separately, or resample."
    )
