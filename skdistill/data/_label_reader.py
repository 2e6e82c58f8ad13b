"""The row labels of many series, of which each kind is checked once."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

from skdistill.data._row_labels import check_row_labels
from skdistill.data._steps import ClockStep, Step
from skdistill.data._wall_clock import DAY, nanoseconds_of

__all__ = ["LabelReader"]

_FEWEST = 32  # labels of one difference that show their step, wherever they start: no business day or hour has as many


class LabelReader:
    """Finds the steps of many series, and looks at labels that say the same once.

    Parameters
    ----------
    known : iterable of Step, default=()
        Steps that the labels may have, those of ``fit``.

    Examples
    --------
    >>> reader = LabelReader()
    >>> str(reader.step(pd.date_range("2024-01-01", periods=40, freq="h"), "X[0]"))
    'h'
    """

    def __init__(self, known: Iterable[Step] = ()) -> None:
        self._known = tuple(known)
        self._plain = all(_is_plain(step) for step in self._known)
        self._steps: dict[Hashable, Step | None] = {}

    def step(self, index: pd.Index, name: str) -> Step | None:
        """Check row labels as :func:`check_row_labels` does, and find their step.

        Parameters
        ----------
        index : Index
            The row labels.
        name : str
            What to call the series in messages.

        Returns
        -------
        step : Step or None
            How the labels go on; None where they do not.

        Raises
        ------
        ValueError
            If the labels are no regular time.
        """
        key = self._key(index)
        if key is None:
            return check_row_labels(index, name=name, known=self._known)
        if key not in self._steps:
            self._steps[key] = check_row_labels(index, name=name, known=self._known)
        return self._steps[key]

    def _key(self, index: pd.Index) -> Hashable | None:
        """Return what the step depends on; None where that is not known."""
        if type(index) is pd.RangeIndex:
            return "range", index.step, min(len(index), 2)
        if isinstance(index, pd.DatetimeIndex):
            kind: tuple[Hashable, ...] = (index.unit, index.tz, index.freq)
            values = index.asi8
        elif isinstance(index, pd.PeriodIndex):
            kind, values = (index.freq,), index.asi8
        elif index.dtype == np.int64:
            kind, values = ("number",), index.to_numpy()
        else:
            return None
        if len(values) < _FEWEST:
            return *kind, values.tobytes()
        steps = values[1:] - values[:-1]
        step = int(steps[0])
        if step <= 0 or not (steps == step).all():
            return *kind, values.tobytes()
        if not isinstance(index, pd.DatetimeIndex):
            return *kind, step
        day = DAY // nanoseconds_of(index)
        if index.tz is not None or step > day or not self._plain or not _is_plain_offset(index.freq):
            return *kind, values.tobytes()
        return *kind, step, int(values[0]) % day if step == day else None


def _is_plain(step: Step) -> bool:
    return not isinstance(step, ClockStep) or _is_plain_offset(step.by)


def _is_plain_offset(offset: pd.offsets.BaseOffset | None) -> bool:
    """Say whether an offset is an amount of time, whatever the calendar says."""
    return offset is None or isinstance(offset, pd.offsets.Tick | pd.offsets.Day)
