"""The next rows of many streams in one table: columns and values are checked once, and labels once for all alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._forms import CutFrame
from skdistill.data._steps import Step, as_time_index

__all__ = ["NewRows"]

_TIMES = (pd.DatetimeIndex, pd.PeriodIndex, pd.TimedeltaIndex)
_Key = tuple[Any, ...]


class NewRows:
    """Rows of several series with times as labels, read.

    Parameters
    ----------
    parts : CutFrame
        The rows, one series after another.
    values : ndarray of shape (n_rows, n_columns)
        Their finite numbers in the order of ``fit``, NaN where missing.

    Attributes
    ----------
    are_times : bool
        Whether the labels are times, which :meth:`labels_after` needs.
    """

    def __init__(self, parts: CutFrame, values: np.ndarray) -> None:
        self._values, self._bounds = values, parts.bounds
        self._labels = as_time_index(parts.frame.index)
        self.are_times = isinstance(self._labels, _TIMES)
        self._numbers = self._labels.asi8 if self.are_times else np.empty(0)  # type: ignore[attr-defined]  # of times
        self._found: dict[_Key, pd.Index | None] = {}

    def values(self, number: int) -> np.ndarray:
        """Return the rows of a series.

        Parameters
        ----------
        number : int
            Place of the series.

        Returns
        -------
        values : ndarray of shape (n_rows, n_columns)
            Its numbers.
        """
        return self._values[self._bounds[number] : self._bounds[number + 1]]

    def labels_after(self, number: int, last: pd.Index, n_since: int, find_step: Any) -> pd.Index | None:
        """Return the labels of a series with its last ones before them, if they are the next ones.

        Parameters
        ----------
        number : int
            Place of the series.
        last : Index
            Last labels of the stream.
        n_since : int
            Number of its rows after them.
        find_step : callable
            Returns the step of the last labels, or None; asked once for all streams that end alike.

        Returns
        -------
        labels : Index or None
            None if the labels are others, or the step is not known.
        """
        if type(last) is not type(self._labels):
            return None
        first, end = self._bounds[number], self._bounds[number + 1]
        numbers = self._numbers[first:end].tobytes()
        key = (last.asi8.tobytes(), last.dtype, last.freq, n_since, numbers)  # type: ignore[attr-defined]  # of times
        if key not in self._found:
            self._found[key] = _joined(last, n_since, self._labels[first:end], find_step())
        return self._found[key]


def _joined(last: pd.Index, n_since: int, labels: pd.Index, step: Step | None) -> pd.Index | None:
    if step is None or not len(labels):
        return None
    expected = step.follow(last, n_since + len(labels))[n_since:]
    if len(expected) != len(labels) or (expected != labels).any():
        return None
    return labels if n_since or last.dtype != labels.dtype else last.append(labels)
