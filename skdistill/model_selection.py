"""Cross-validation in order of time, with the context rows that forecasts need."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import mean_absolute_error, mean_squared_error, root_mean_squared_error
from sklearn.utils.validation import _num_samples

from skdistill._checks import check_integer
from skdistill._choices import check_choice
from skdistill._open_model import open_model

__all__ = ["RollingOriginScorer", "RollingOriginSplit"]

_ERRORS: dict[str, Callable[..., float]] = {
    "mae": mean_absolute_error,
    "mse": mean_squared_error,
    "rmse": root_mean_squared_error,
}


class RollingOriginSplit(BaseEstimator):
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
            The series.
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
            If the series is too short for the folds; says how many rows they need.
        """
        step = self._check()
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

    def scorer(self, name: str = "mse") -> RollingOriginScorer:
        """Make a scorer that judges every candidate on the same targets.

        Parameters
        ----------
        name : {"mae", "mse", "rmse"}, default="mse"
            The error; the score is minus it, in the units the forecaster sees.

        Returns
        -------
        scorer : RollingOriginScorer
            For ``GridSearchCV(scoring=...)``.
        """
        check_choice(name, sorted(_ERRORS), "name of RollingOriginSplit.scorer")
        return RollingOriginScorer(name, self.context_length, self.prediction_length)

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


@dataclass(frozen=True)
class RollingOriginScorer:
    """Minus the error over every stride-1 forecast that starts after a fold's context rows.

    A candidate with a shorter ``context_length`` than the split's uses the last of the context rows, so
    that all candidates forecast identical targets.

    Parameters
    ----------
    name : {"mae", "mse", "rmse"}
        The error.
    context_length : int
        Context rows of a test fold.
    prediction_length : int
        Rows of a forecast.

    Examples
    --------
    >>> from skdistill.model_selection import RollingOriginSplit
    >>> RollingOriginSplit(context_length=48, prediction_length=12).scorer("mae")
    RollingOriginScorer(name='mae', context_length=48, prediction_length=12)
    """

    name: str
    context_length: int
    prediction_length: int

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> float:
        """Score a fitted forecaster, or a pipeline that ends in one, on a test fold."""
        model = open_model(estimator)
        X = model.transform(X)
        spec = model.forecaster.spec_
        if spec.context_length > self.context_length:
            raise ValueError(
                f"a candidate has context_length = {spec.context_length}, more than the {self.context_length} context "
                "rows of a fold: give RollingOriginSplit the longest context_length among the candidates."
            )
        if spec.prediction_length != self.prediction_length:
            raise ValueError(
                f"a candidate has prediction_length = {spec.prediction_length}, but RollingOriginSplit has "
                f"{self.prediction_length}: make them equal, or the candidates' errors cannot be compared."
            )
        rows = X[self.context_length - spec.context_length :]
        forecasts = np.asarray(model.forecaster.backtest(rows))
        targets = np.asarray(rows)[spec.context_length :, list(spec.targets)]
        truth = np.lib.stride_tricks.sliding_window_view(targets, spec.prediction_length, axis=0).transpose(0, 2, 1)
        return -float(_ERRORS[self.name](truth.reshape(-1), forecasts.reshape(-1)))
