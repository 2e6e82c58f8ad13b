"""Rows of series in the forms of sktime, and sktime without its warning of a future default."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._contexts import Contexts
from skdistill.data._steps import Step, find_step
from skdistill.data._training_windows import TrainingWindows
from skdistill.teachers._sktime_labels import index_forms

__all__ = ["RowLabels", "as_series", "quiet", "training_rows", "under_labels"]

_NOTE = "The default of config ``remember_data``"


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress sktime's warning on a future default, which every fit repeats.

    A warnings filter does not work: sktime adds its own filter before it, which shows every FutureWarning.
    """
    with warnings.catch_warnings():
        show = warnings.showwarning

        def show_others(message: Warning | str, *details: Any, **more: Any) -> None:
            if not str(message).startswith(_NOTE):
                show(message, *details, **more)

        warnings.filterwarnings("ignore", message=_NOTE, category=FutureWarning)
        warnings.showwarning = show_others
        yield


@dataclass(frozen=True)
class RowLabels:
    """The labels of some rows of a series, in all forms.

    Parameters
    ----------
    series : int
        Number of the series.
    index : Index or None
        Labels of the series.
    step : Step or None
        Step of the labels.
    first, stop : int
        Positions of the first row and after the last one.
    """

    series: int
    index: pd.Index | None
    step: Step | None
    first: int
    stop: int

    @classmethod
    def of(cls, contexts: Contexts, window: int) -> RowLabels:
        """Return the labels of a context.

        Parameters
        ----------
        contexts : Contexts
            A batch of contexts.
        window : int
            Which of them.

        Returns
        -------
        labels : RowLabels
            Labels of its rows.
        """
        series, origin = int(contexts.series[window]), int(contexts.origins[window])
        index = contexts.indexes[series]
        step = contexts.step_of(series)
        step = find_step(index) if step is None and index is not None else step
        return cls(series, index, step, origin - contexts.values.shape[1], origin)

    def without(self, n_rows: int) -> RowLabels:
        """Return the labels without those of the first rows.

        Parameters
        ----------
        n_rows : int
            How many rows.

        Returns
        -------
        labels : RowLabels
            Labels of the rows that remain.
        """
        return RowLabels(self.series, self.index, self.step, self.first + n_rows, self.stop)

    @property
    def positions(self) -> pd.RangeIndex:
        """Positions of the rows."""
        return pd.RangeIndex(self.first, self.stop)

    @property
    def last(self) -> Any:
        """Label, or else position, of the last row."""
        return self.stop - 1 if self.index is None else self.index[self.stop - 1]

    def forms(self) -> Iterator[tuple[str, pd.Index]]:
        """Yield the labels in the forms that a forecaster can accept, best first.

        Yields
        ------
        form : tuple of str and Index
            See :func:`~skdistill.teachers._sktime_labels.index_forms`.
        """
        return index_forms(self.index, self.step, self.first, self.stop)


def as_series(values: np.ndarray, index: pd.Index) -> pd.Series | pd.DataFrame:
    """Return rows in a form of sktime.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps, n_channels)
        The rows.
    index : Index of shape (n_timestamps,)
        Their labels.

    Returns
    -------
    y : Series or DataFrame
        A Series of a single channel.
    """
    if values.shape[1] == 1:
        return pd.Series(values[:, 0], index=index)
    return pd.DataFrame(values, index=index)


def under_labels(
    ask: Callable[[pd.Series | pd.DataFrame], Any],
    values: np.ndarray,
    labels: RowLabels,
    known: dict[Any, str],
    is_good: Callable[[Any], bool] = lambda answer: True,
) -> Any:
    """Ask with the labels in one form after another, and remember the form that works.

    Parameters
    ----------
    ask : callable
        Gets the rows with labels; it raises where it does not accept them.
    values : ndarray of shape (n_timestamps, n_channels)
        The rows.
    labels : RowLabels
        Their labels.
    known : dict
        The form that worked before, by kind of labels; changed in place.
    is_good : callable, default=always
        Whether an answer is one, so that no other form is tried.

    Returns
    -------
    answer : object
        The first good answer, or else the first one.

    Raises
    ------
    Exception
        What ``ask`` raised first, if it never answered.
    """
    kind = (type(labels.index), labels.step)
    forms = sorted(labels.forms(), key=lambda form: form[0] != known.get(kind))  # first what worked before
    failed: list[Exception] = []
    answers = []
    for name, form in forms:
        try:
            answer = ask(as_series(values, form))
        except Exception as error:  # forecasters raise anything for labels they do not accept
            failed.append(error)
            continue
        if is_good(answer):
            known[kind] = name
            return answer
        answers.append(answer)
    if answers:
        return answers[0]
    raise failed[0]


def training_rows(windows: TrainingWindows, *, with_unknown: bool = False) -> list[tuple[np.ndarray, RowLabels] | None]:
    """Return the rows of each series that training windows use.

    Parameters
    ----------
    windows : TrainingWindows
        The windows.
    with_unknown : bool, default=False
        Whether contexts without a known horizon count.

    Returns
    -------
    rows : list of (ndarray of shape (n_timestamps, n_targets), RowLabels) or None
        In original units, NaN where missing, up to the last row with a target, or the end of the last context; None for
        a series without such windows.
    """
    train, store = windows.train, windows.train.store
    known = np.ones(len(train), dtype=bool) if train.known is None else train.known.cpu().numpy()
    starts = train.starts.cpu().numpy()
    numbers = train.series_of(starts)
    ends = starts + train.context_length + train.prediction_length * known
    counted = known | with_unknown
    stops, least = np.full((2, len(store.offsets)), -1)
    np.maximum.at(stops, numbers[counted], ends[counted])
    np.maximum.at(least, numbers[counted], starts[counted] + train.context_length)
    found: list[tuple[np.ndarray, RowLabels] | None] = []
    for number, (offset, index) in enumerate(zip(store.offsets, store.indexes, strict=True)):
        if stops[number] < 0:
            found.append(None)
            continue
        values = store.original(number, int(stops[number] - offset))[:, list(train.targets)]
        observed = np.flatnonzero(~np.isnan(values).all(axis=1))
        n_rows = max(int(least[number] - offset), int(observed[-1]) + 1 if len(observed) else 0)
        step = store.steps[number] if number < len(store.steps) else None
        found.append((values[:n_rows], RowLabels(number, index, step, 0, n_rows)))
    return found
