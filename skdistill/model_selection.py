"""Cross-validation in order of time, with the context rows that forecasts need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _num_samples

from skdistill._utils._checks import check_integer
from skdistill._utils._doc_link import DocLink
from skdistill.metrics import ForecastScorer

__all__ = ["RollingOriginSplit", "SktimeSplit"]


class RollingOriginSplit(DocLink, BaseEstimator):
    """Folds whose test rows follow their training rows, as if time rolled on.

    The last fold ends with the series; each fold before it ends ``step`` rows earlier. The test rows
    of a fold begin with ``context_length`` rows that forecasts are made from, and which may be training
    rows; after them come the rows that are forecast. With ``step`` at most ``prediction_length`` each fold
    forecasts one horizon, with a longer step ``step`` rows::

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
        Folds.
    context_length : int, default=336
        Context rows of a test fold; candidates may use fewer.
    prediction_length : int, default=96
        Rows of a forecast.
    step : int or None, default=None
        Rows between one fold and the next; None takes ``prediction_length``.
    window : int or None, default=None
        Training rows of a fold (sliding); None takes all rows before it (expanding).
    gap : int, default=0
        Rows left out between training rows and the first forecast row.

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
        """Yield the rows of each fold, in order of time.

        Parameters
        ----------
        X : array or DataFrame of shape (n_timestamps, n_channels)
            The series; or a panel, a DataFrame with index levels (series, time), every series of which is cut in time.
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
            If the series is too short for the folds; says how many rows they need. In a panel, a short series has
            fewer context rows, or none and is left out of a fold; that fails only where no series is left.
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
                f"RollingOriginSplit needs {n_rows + missing} rows for {self.n_splits} folds whose first can be trained"
                f" (context_length + prediction_length = {needed} rows before a gap of {self.gap}); "
                f"got n_samples={n_rows}. Ask for fewer folds or a shorter step, context_length or prediction_length."
            )
        for fold in range(self.n_splits):
            start = first + fold * step
            begin = 0 if self.window is None else max(0, start - self.gap - self.window)
            yield np.arange(begin, start - self.gap), np.arange(start - self.context_length, start + n_forecast)

    def _split_panel(self, places: list[np.ndarray], step: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the rows of each fold: those of every series that has a row before its first forecast row."""
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
        """Count the folds.

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
            The folds.
        """
        return self.n_splits

    def scorer(self, name: str = "mse", **options: Any) -> ForecastScorer:
        """Make a scorer that judges every candidate on the same targets.

        Parameters
        ----------
        name : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
            The error; the score is minus it, in the units the forecaster sees.
        **options : object
            ``steps``, ``channels`` and ``season`` of :class:`~skdistill.metrics.ForecastScorer`.

        Returns
        -------
        scorer : ForecastScorer
            For ``GridSearchCV(scoring=...)``. A candidate with a shorter ``context_length`` than the
            split's uses the last of the context rows, so all forecast identical targets.
        """
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


def rows_of_series(X: Any) -> list[np.ndarray] | None:
    """Return the positions of the rows of every series of a panel.

    Parameters
    ----------
    X : object
        Whatever is split.

    Returns
    -------
    rows : list of ndarray of int, or None
        In the order in which the series first appear; None unless X has index levels (series, time).

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b"], range(2)])
    >>> [rows.tolist() for rows in rows_of_series(pd.DataFrame({"y": 0.0}, index=index))]
    [[0, 1], [2, 3]]
    """
    index = getattr(X, "index", None)
    if not isinstance(index, pd.MultiIndex):
        return None
    codes, ids = pd.factorize(index.droplevel(-1))
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.searchsorted(codes[order], np.arange(1, len(ids))))


class SktimeSplit(DocLink, BaseEstimator):
    """A splitter of sktime as ``cv``, with the context rows that forecasts need.

    The test folds of sktime's splitters hold the rows to forecast only. Here the ``context_length`` rows
    before them come along, and rows between horizons with gaps are filled in.

    Parameters
    ----------
    splitter : sktime splitter
        Such as ``ExpandingWindowSplitter(fh=range(1, 97), initial_window=2000, step_length=96)``.
    context_length : int, default=336
        Context rows of a test fold; candidates may use fewer.

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
            The series; or a panel, a DataFrame with index levels (series, time), every series of which the splitter
            cuts by itself. A fold holds the same fold of every series.
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
        """Count the folds.

        Parameters
        ----------
        X : array or DataFrame of shape (n_timestamps, n_channels), default=None
            The series; most splitters of sktime have as many folds as it has room for.
        y : None, default=None
            Ignored, present for API consistency.
        groups : None, default=None
            Ignored, present for API consistency.

        Returns
        -------
        n_splits : int
            The folds.
        """
        places = rows_of_series(X)
        if places is not None:
            return max(int(self.splitter.get_n_splits(self._index(X.iloc[rows]))) for rows in places)
        return int(self.splitter.get_n_splits(None if X is None else self._index(X)))

    def _split_panel(self, X: Any, places: list[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Put the folds of every series together, the last ones beside one another."""
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

    def scorer(self, name: str = "mse", **options: Any) -> ForecastScorer:
        """Make a scorer that judges every candidate on the same targets.

        Parameters
        ----------
        name : {"mae", "mase", "mse", "rmse", "smape"}, default="mse"
            The error; the score is minus it, in the units the forecaster sees.
        **options : object
            ``steps``, ``channels`` and ``season`` of :class:`~skdistill.metrics.ForecastScorer`.

        Returns
        -------
        scorer : ForecastScorer
            For ``GridSearchCV(scoring=...)``.
        """
        return ForecastScorer(name, context_length=self.context_length, **options)

    def _index(self, X: Any) -> pd.Index:
        check_integer(self.context_length, "context_length of SktimeSplit")
        if not hasattr(self.splitter, "split_loc"):
            raise TypeError(
                "splitter of SktimeSplit must be a splitter of sktime, such as ExpandingWindowSplitter; "
                f"got {self.splitter!r}. Those of scikit-learn are given as cv directly."
            )
        index = getattr(X, "index", None)
        if isinstance(index, pd.MultiIndex):
            index = index.get_level_values(-1)
        return index if isinstance(index, pd.Index) else pd.RangeIndex(_num_samples(X))
