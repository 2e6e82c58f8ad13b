"""What a search does after fit: the methods of the forecaster that it refitted."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Self

from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdistill._utils._ignored_y import warn_of_ignored_weight, warn_of_ignored_y
from skdistill.forecaster import DistilledForecaster

__all__ = ["RefittedMixin"]


def _refitted_has(name: str) -> Callable[[Any], bool]:
    """Return a check of whether the refitted forecaster has a method; before ``fit``, whether its class has."""

    def check(self: Any) -> bool:
        return hasattr(getattr(self, "forecaster_", DistilledForecaster), name)

    return check


class RefittedMixin:
    """Methods of a search that its refitted forecaster answers."""

    forecaster_: DistilledForecaster

    if TYPE_CHECKING:

        def fit(self, X: Any, y: Any = None) -> Self: ...

    @property
    def best_estimator_(self) -> DistilledForecaster:
        """The refitted forecaster, by the name that searches of scikit-learn have for it."""
        check_is_fitted(self)
        return self.forecaster_

    def predict(self, X: Any, future: Any = None) -> Any:
        """Forecast the ``prediction_length`` rows that follow, with the refitted forecaster.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for :meth:`DistilledForecaster.predict <skdistill.DistilledForecaster.predict>`.
        future : array, DataFrame, panel, list or None, default=None
            Known covariates of the rows that follow, as for that method.

        Returns
        -------
        forecast : ndarray, DataFrame or list
            Forecasts in original units, in the form of ``X``.
        """
        return self.best_estimator_.predict(X, future)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the MSE over every stride-1 window of a series, in original units.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for :meth:`DistilledForecaster.score <skdistill.DistilledForecaster.score>`.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.
        sample_weight : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.

        Returns
        -------
        score : float
            Minus the mean squared error, in squared units of ``X``: higher is better, 0 is perfect.
        """
        warn_of_ignored_y(y, "DistilledForecasterCV.score", "scores forecasts of")
        warn_of_ignored_weight(sample_weight, "DistilledForecasterCV.score")
        return self.best_estimator_.score(X)

    def backtest(self, X: Any, step: int = 1) -> Any:
        """Forecast from every origin of a series, with the refitted forecaster.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for :meth:`DistilledForecaster.backtest <skdistill.DistilledForecaster.backtest>`.
        step : int, default=1
            Number of rows between consecutive origins.

        Returns
        -------
        forecasts : ndarray, DataFrame or list
            Forecasts in original units.
        """
        return self.best_estimator_.backtest(X, step)

    def predict_quantiles(self, X: Any, **options: Any) -> Any:
        """Forecast quantiles, if ``quantiles`` are set.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for ``predict``.
        **options : object
            As for the method of the refitted forecaster.

        Returns
        -------
        quantiles : ndarray, DataFrame or list
            Quantiles in original units.
        """
        return self.best_estimator_.predict_quantiles(X, **options)

    def predict_interval(self, X: Any, **options: Any) -> Any:
        """Forecast intervals, if ``quantiles`` are set.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for ``predict``.
        **options : object
            As for the method of the refitted forecaster.

        Returns
        -------
        intervals : ndarray, DataFrame or list
            Intervals in original units.
        """
        return self.best_estimator_.predict_interval(X, **options)

    def backtest_quantiles(self, X: Any, step: int = 1) -> Any:
        """Forecast quantiles from every origin of a series, if ``quantiles`` are set.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for ``backtest``.
        step : int, default=1
            Number of rows between consecutive origins.

        Returns
        -------
        quantiles : ndarray or list
            Quantiles in original units.
        """
        return self.best_estimator_.backtest_quantiles(X, step)

    def predict_teacher(self, X: Any, future: Any = None) -> Any:
        """Forecast with the teacher of the refitted forecaster, if it has one.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            As for ``predict``.
        future : array, DataFrame, panel, list or None, default=None
            As for ``predict``.

        Returns
        -------
        forecast : ndarray, DataFrame or list
            The teacher's forecasts in original units.
        """
        return self.best_estimator_.predict_teacher(X, future)

    def compare(self, X: Any, **options: Any) -> Any:
        """Compare teacher, student, the student without a teacher, and baselines on a test series.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            A test series not used in ``fit``.
        **options : object
            Passed to :func:`skdistill.compare`.

        Returns
        -------
        comparison : Comparison
            A table.
        """
        return self.best_estimator_.compare(X, **options)

    def report(self, X: Any, path: Any, **options: Any) -> Any:
        """Write a self-contained HTML report about the refitted forecaster.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            A test series not used in ``fit``.
        path : str or Path
            The HTML file to write.
        **options : object
            As for the method of the refitted forecaster.

        Returns
        -------
        path : Path
            The file.
        """
        from skdistill.plotting._report import write_report

        check_is_fitted(self)
        return write_report(self, X, path, **options)

    def save(self, path: str | os.PathLike[str], *, teacher: bool = False) -> None:
        """Save the refitted forecaster to one file; :func:`skdistill.load` returns a DistilledForecaster.

        Parameters
        ----------
        path : str or Path
            The file.
        teacher : bool, default=False
            Whether to also save the weights of a teacher that is a network.
        """
        self.best_estimator_.save(path, teacher=teacher)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        precision: str = "float32",
        tolerance: float | None = None,
        data: Any = None,
    ) -> Any:
        """Export the student of the refitted forecaster for another runtime.

        Parameters
        ----------
        path : str or Path
            The file; its suffix determines the format: ``.onnx``, ``.npz``, ``.pt2`` or ``.h``.
        precision : {"float32", "bfloat16", "int8"}, default="float32"
            Type that the weights are rounded to: all three for ``.npz``, float32 and int8 for ``.onnx`` and ``.h``.
        tolerance : float or None, default=None
            Largest difference that rounding may make, in standard deviations of a channel; None allows any.
        data : array or DataFrame, or None, default=None
            A series on which to measure the error before and after rounding, as for the forecaster.

        Returns
        -------
        report : ExportReport
            Size and errors.
        """
        return self.best_estimator_.export(path, precision=precision, tolerance=tolerance, data=data)

    def calibrate(self, X: Any, y: Any = None) -> Self:
        """Calibrate the quantiles of the refitted forecaster on other rows.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            Rows that were not used in ``fit``.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.

        Returns
        -------
        self : DistilledForecasterCV
            This search.
        """
        warn_of_ignored_y(y, "DistilledForecasterCV.calibrate", "calibrates quantiles of")
        self.best_estimator_.calibrate(X)
        return self

    def stream(self, recent: Any = None) -> Any:
        """Return a stream of the refitted forecaster, which takes new rows one at a time.

        Parameters
        ----------
        recent : array, DataFrame or None, default=None
            Rows to start from.

        Returns
        -------
        stream : Stream
            Object with ``append(row)`` and ``predict()``.
        """
        return self.best_estimator_.stream(recent)

    @available_if(_refitted_has("partial_fit"))
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Add rows to the refitted forecaster, if its student is solved exactly without a teacher; or fit.

        Parameters
        ----------
        X : array, DataFrame, Series or panel
            The rows that follow those of ``fit``.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.

        Returns
        -------
        self : DistilledForecasterCV
            This search.
        """
        warn_of_ignored_y(y, "DistilledForecasterCV.partial_fit")
        if not hasattr(self, "forecaster_"):
            return self.fit(X)
        self.best_estimator_.partial_fit(X)
        return self

    @available_if(_refitted_has("refresh"))
    def refresh(self, X: Any, *, max_epochs: int = 1) -> Self:
        """Let the refitted forecaster learn from new rows: label their windows, and train its student on.

        Parameters
        ----------
        X : array, DataFrame, Series or panel
            The rows that follow those so far.
        max_epochs : int, default=1
            Passes over the new windows, for students that are trained by gradient descent.

        Returns
        -------
        self : DistilledForecasterCV
            This search.

        See Also
        --------
        DistilledForecaster.refresh : What it does.
        """
        self.best_estimator_.refresh(X, max_epochs=max_epochs)
        return self

    def predict_table(
        self, table: Any, *, id: Hashable = "unique_id", time: Hashable = "ds", future: Any = None
    ) -> Any:
        """Forecast a long table with the refitted forecaster; the result is one, too.

        Parameters
        ----------
        table : table, str or Path
            As for :meth:`DistilledForecaster.predict_table <skdistill.DistilledForecaster.predict_table>`.
        id : str, default="unique_id"
            The column of ids.
        time : str, default="ds"
            The column of times.
        future : table, str, Path or None, default=None
            Known covariates of the horizon, with the same columns of ids and times.

        Returns
        -------
        forecasts : table of shape (n_series * prediction_length, 2 + n_targets)
            Ids, times and forecasts.
        """
        return self.best_estimator_.predict_table(table, id=id, time=time, future=future)

    def predictor(self, *, id: Hashable = "unique_id", time: Hashable = "ds") -> Any:
        """Return a small object that forecasts long tables as the refitted forecaster, for engines that map functions.

        Parameters
        ----------
        id : str, default="unique_id"
            The column of ids.
        time : str, default="ds"
            The column of times.

        Returns
        -------
        predictor : FramePredictor
            As from :meth:`DistilledForecaster.predictor <skdistill.DistilledForecaster.predictor>`.
        """
        return self.best_estimator_.predictor(id=id, time=time)

    def count_parameters(self) -> int:
        """Return the number of parameters of the chosen student.

        Returns
        -------
        n_parameters : int
            Number of parameters.
        """
        return self.best_estimator_.count_parameters()
