"""Cross-validation in time order, with the context rows that forecasts need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _num_samples

from skdistill._utils._checks import check_integer
from skdistill._utils._doc_link import DocLink
from skdistill.data._index_checks import check_ids
from skdistill.data._inputs import is_list_of_series
from skdistill.metrics import ForecastScorer

__all__ = ["RollingOriginSplit", "SktimeSplit"]


class RollingOriginSplit(DocLink, BaseEstimator):
    """Rolling-origin cross-validation: the test rows of every fold follow its training rows.

    The last fold ends with the series; each fold before it ends ``step`` rows earlier. The test rows of a fold begin
    with ``context_length`` context rows, which can be training rows; the rows to forecast follow. If ``step`` is at
    most ``prediction_length``, each fold forecasts one horizon; otherwise it forecasts ``step`` rows::

        rows     0                                        n
        fold 0   TTTTTTTTTTTTT cccc fff
        fold 1   TTTTTTTTTTTTTTTT cccc fff       T train, c context, f forecast
        fold 2   TTTTTTTTTTTTTTTTTTT cccc fff    (c overlaps the end of T unless there is a gap)

    As half-open intervals, with m = max(step, prediction_length) and the first forecast row t_k = n - m -
    (n_splits - 1 - k) * step: train [max(0, t_k - gap - window), t_k - gap), test
    [t_k - context_length, t_k + m).

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds.
    context_length : int, default=336
        Number of context rows of a test fold; candidates can use fewer.
    prediction_length : int, default=96
        Number of rows of a forecast.
    step : int or None, default=None
        Number of rows between one fold and the next; None takes ``prediction_length``.
    window : int or None, default=None
        Number of training rows of a fold (sliding window); None takes all earlier rows (expanding window).
    gap : int, default=0
        Number of rows left out between the training rows and the first forecast row.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.model_selection import RollingOriginSplit
    >>> split = RollingOriginSplit(n_splits=2, context_length=3, prediction_length=2)
    >>> for train, test in split.split(np.zeros((12, 1))):
    ...     print(f"train 0..{train[-1]}, test {test[0]}..{test[-1]}")
    train 0..7, test 5..9
    train 0..9, test 7..11
    """

    def __init__(
        self,
        n_splits: int = 5,
        context_length: int = 336,
        prediction_length: int = 96,
        step: int | None = None,
        window: int | None = None,
        gap: int = 0,
    ) -> None:
        self.n_splits = n_splits
        self.context_length = context_length
        self.prediction_length = prediction_length
        self.step = step
        self.window = window
        self.gap = gap

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each fold, in time order.

        Parameters
        ----------
        X : array or DataFrame of shape (n_timestamps, n_channels)
            The series; or a panel, a DataFrame with index levels (series, time); every series is split in time.
        y : None, default=None
            Ignored, present for API consistency.
        groups : None, default=None
            Ignored, present for API consistency.

        Yields
        ------
        train : ndarray of int
            Rows to fit on.
        test : ndarray of int
            Context rows, then rows to forecast.

        Raises
        ------
        ValueError
            If the series is too short for the folds; the message says how many rows they need. In a panel, a short
            series has fewer context rows; with none, it is left out of the fold. This is an error only if no series is
            left.
        """
        step = self._check()
        places = rows_of_series(X)
        if places is not None:
            yield from self._split_panel(places, step)
            return
        n_rows, n_forecast = _num_samples(X), max(step, self.prediction_length)
        first = n_rows - n_forecast - (self.n_splits - 1) * step
        needed = self.context_length + self.prediction_length
        if first - self.gap < needed:
            missing = needed - (first - self.gap)
            raise ValueError(
                f"RollingOriginSplit needs {n_rows + missing} rows for {self.n_splits} folds in which the first can "
                f"be trained"
                f" (context_length + prediction_length = {needed} rows before a gap of {self.gap}); "
                f"got n_samples={n_rows}. Ask for fewer folds or a shorter step, context_length or prediction_length."
            )
        for fold in range(self.n_splits):
            start = first + fold * step
            begin = 0 if self.window is None else max(0, start - self.gap - self.window)
            yield np.arange(begin, start - self.gap), np.arange(start - self.context_length, start + n_forecast)

    def _split_panel(self, places: list[np.ndarray], step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each fold, from all series that have a row before the first forecast row."""
        n_forecast = max(step, self.prediction_length)
        for fold in range(self.n_splits):
            train, test = [], []
            for rows in places:
                start = len(rows) - n_forecast - (self.n_splits - 1 - fold) * step
                stop = start - self.gap
                if stop < 1:
                    continue
                begin = 0 if self.window is None else max(0, stop - self.window)
                train.append(rows[begin:stop])
                test.append(rows[max(0, start - self.context_length) : start + n_forecast])
            if not train:
                longest = max(map(len, places))
                needed = n_forecast + (self.n_splits - 1 - fold) * step + self.gap + 1
                raise ValueError(
                    f"RollingOriginSplit needs a series of at least {needed} rows for fold {fold} of {self.n_splits}; "
                    f"the longest of {len(places)} has {longest}. Ask for fewer folds, or a shorter step or "
                    "prediction_length."
                )
            yield np.concatenate(train), np.concatenate(test)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : None, default=None
            Ignored.
        y : None, default=None
            Ignored.
        groups : None, default=None
            Ignored.

        Returns
        -------
        n_splits : int
            Number of folds.
        """
        return self.n_splits

    def scorer(self, name: str = "mse", *given: Any, **options: Any) -> ForecastScorer:
        """Create a scorer that scores all candidates on the same targets.

        Parameters
        ----------
        name : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
            The error; the score is minus the error, in the units of the data that the forecaster gets.
        *given : object
            None: takes what a search passes to a scorer, for an error that says to call this method first.
        **options : object
            ``steps``, ``channels``, ``season``, ``per`` and ``weights`` of :class:`~skdistill.metrics.ForecastScorer`.

        Returns
        -------
        scorer : ForecastScorer
            For ``GridSearchCV(scoring=...)``. A candidate whose ``context_length`` is shorter than the split's uses the
            last context rows, so that all candidates forecast the same targets. Where a gap leaves it nothing to
            forecast from, a warning says that its score leaves targets out.
        """
        _check_was_called(name, given, self)
        return ForecastScorer(
            name, context_length=self.context_length, prediction_length=self.prediction_length, **options
        )

    def _check(self) -> int:
        for name in ("n_splits", "context_length", "prediction_length"):
            check_integer(getattr(self, name), f"{name} of RollingOriginSplit")
        check_integer(self.gap, "gap of RollingOriginSplit", minimum=0)
        if self.window is not None:
            minimum = self.context_length + self.prediction_length
            check_integer(self.window, "window of RollingOriginSplit", minimum=minimum)
        if self.step is None:
            return self.prediction_length
        return check_integer(self.step, "step of RollingOriginSplit")


def _check_was_called(name: Any, given: tuple[Any, ...], split: Any) -> None:
    """Raise where a search calls the method that makes a scorer as if it were one."""
    if given or hasattr(name, "fit"):
        raise TypeError(
            f"{type(split).__name__}.scorer makes a scorer and is none: pass scoring=split.scorer(), with parentheses, "
            "or split.scorer('mase'), in place of scoring=split.scorer."
        )


def rows_of_series(X: Any) -> list[np.ndarray] | None:
    """Return the positions of the rows of every series of a panel.

    Parameters
    ----------
    X : object
        The data to split.

    Returns
    -------
    rows : list of ndarray of int, or None
        Rows by series, in order of first appearance; None unless X has index levels (series, time).

    Raises
    ------
    TypeError
        If X is a list, dict or 3-D array of series, whose members would be taken for rows.
    ValueError
        If a row of a panel has no id.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b"], range(2)])
    >>> [rows.tolist() for rows in rows_of_series(pd.DataFrame({"y": 0.0}, index=index))]
    [[0, 1], [2, 3]]
    """
    if isinstance(X, dict) or is_list_of_series(X) or len(getattr(X, "shape", ())) > 2:
        raise TypeError(
            "X must be one series, or a panel as one DataFrame with index levels (series, time), to be split in time; "
            f"got a {type(X).__name__} of {len(X)} series, of which a fold would be a part. Stack them: "
            "pd.concat({id: frame, ...})."
        )
    index = getattr(X, "index", None)
    if not isinstance(index, pd.MultiIndex):
        return None
    check_ids(index)
    codes, ids = pd.factorize(index.droplevel(-1))
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(1, len(ids))))


class SktimeSplit(DocLink, BaseEstimator):
    """Use a splitter of sktime as ``cv``, with the context rows that forecasts need.

    The test folds of sktime's splitters contain only the rows to forecast. This splitter adds the ``context_length``
    rows before them, and the rows in gaps of the horizon.

    Parameters
    ----------
    splitter : sktime splitter
        The splitter, such as ``ExpandingWindowSplitter(fh=range(1, 97), initial_window=2000, step_length=96)``.
    context_length : int, default=336
        Number of context rows of a test fold; candidates can use fewer.

    Examples
    --------
    >>> import numpy as np
    >>> from sktime.split import ExpandingWindowSplitter
    >>> from skdistill.model_selection import SktimeSplit
    >>> splitter = ExpandingWindowSplitter(fh=[1, 2], initial_window=8, step_length=2)
    >>> for train, test in SktimeSplit(splitter, context_length=3).split(np.zeros((12, 1))):
    ...     print(f"train {train[0]}..{train[-1]}, test {test[0]}..{test[-1]}")
    train 0..7, test 5..9
    train 0..9, test 7..11
    """

    def __init__(self, splitter: Any, context_length: int = 336) -> None:
        self.splitter = splitter
        self.context_length = context_length

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each fold.

        Parameters
        ----------
        X : array or DataFrame of shape (n_timestamps, n_channels)
            The series; or a panel, a DataFrame with index levels (series, time): the splitter splits every series
            separately, and a fold combines the same fold of all series.
        y : None, default=None
            Ignored, present for API consistency.
        groups : None, default=None
            Ignored, present for API consistency.

        Yields
        ------
        train : ndarray of int
            Rows to fit on.
        test : ndarray of int
            Context rows, then rows to forecast.

        Raises
        ------
        ValueError
            If a fold has fewer than ``context_length`` rows before its first forecast row.
        """
        places = rows_of_series(X)
        if places is not None:
            yield from self._split_panel(X, places)
            return
        for train, test in self.splitter.split(self._index(X)):
            first, last = int(np.min(test)), int(np.max(test))
            if first < self.context_length:
                raise ValueError(
                    f"SktimeSplit needs context_length = {self.context_length} rows before the rows to forecast; a "
                    f"fold of {type(self.splitter).__name__} has {first}. Give it a longer initial window, or a "
                    "shorter context_length."
                )
            yield np.asarray(train), np.arange(first - self.context_length, last + 1)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : array or DataFrame of shape (n_timestamps, n_channels), default=None
            The series; for most splitters of sktime the number of folds depends on its length.
        y : None, default=None
            Ignored, present for API consistency.
        groups : None, default=None
            Ignored, present for API consistency.

        Returns
        -------
        n_splits : int
            Number of folds.
        """
        places = rows_of_series(X)
        if places is not None:
            return max(int(self.splitter.get_n_splits(self._index(X.iloc[rows]))) for rows in places)
        return int(self.splitter.get_n_splits(None if X is None else self._index(X)))

    def _split_panel(self, X: Any, places: list[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Combine the folds of all series, aligned at the last fold."""
        folds = []
        for rows in places:
            index = X.index[rows].get_level_values(-1)
            own = [
                (rows[train], rows[max(0, int(test.min()) - self.context_length) : int(test.max()) + 1])
                for train, test in self.splitter.split(index)
            ]
            folds.append(own)
        for back in range(max(map(len, folds)), 0, -1):
            here = [own[-back] for own in folds if len(own) >= back]
            yield np.concatenate([train for train, _ in here]), np.concatenate([test for _, test in here])

    def scorer(self, name: str = "mse", *given: Any, **options: Any) -> ForecastScorer:
        """Create a scorer that scores all candidates on the same targets.

        Parameters
        ----------
        name : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
            The error; the score is minus the error, in the units of the data that the forecaster gets.
        *given : object
            None: takes what a search passes to a scorer, for an error that says to call this method first.
        **options : object
            ``steps``, ``channels``, ``season``, ``per`` and ``weights`` of :class:`~skdistill.metrics.ForecastScorer`.

        Returns
        -------
        scorer : ForecastScorer
            For ``GridSearchCV(scoring=...)``. Candidates must have the same ``prediction_length``, which a splitter of
            sktime does not say; those with another one forecast other windows.
        """
        _check_was_called(name, given, self)
        return ForecastScorer(name, context_length=self.context_length, **options)

    def _index(self, X: Any) -> pd.Index:
        check_integer(self.context_length, "context_length of SktimeSplit")
        if not hasattr(self.splitter, "split_loc"):
            raise TypeError(
                "splitter of SktimeSplit must be a splitter of sktime, such as ExpandingWindowSplitter; "
                f"got {self.splitter!r}. Pass splitters of scikit-learn directly as cv."
            )
        index = getattr(X, "index", None)
        if isinstance(index, pd.MultiIndex):
            index = index.get_level_values(-1)
        return index if isinstance(index, pd.Index) else pd.RangeIndex(_num_samples(X))
