"""What a search does after fit: the methods of the forecaster that it refitted."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdistill._partial_fit import check_forgets_nothing
from skdistill._utils._contract_docs import ContractDocs
from skdistill._utils._ignored_y import warn_of_ignored_weight, warn_of_ignored_y
from skdistill.forecaster import DistilledForecaster

__all__ = ["RefittedMixin"]


def _refitted_has(name: str) -> Callable[[Any], bool]:
    """Return a check of whether the refitted forecaster has a method; before ``fit``, whether its class has."""

    def check(self: Any) -> bool:
        return hasattr(getattr(self, "forecaster_", DistilledForecaster), name)

    return check


class RefittedMixin(ContractDocs):
    """Methods of a search that its refitted forecaster answers."""

    _forwards_to: ClassVar[type | None] = DistilledForecaster
    forecaster_: DistilledForecaster

    if TYPE_CHECKING:

        def fit(self, X: Any, y: Any = None) -> Self: ...

    @property
    def best_estimator_(self) -> DistilledForecaster:
        """The refitted forecaster, by the name that searches of scikit-learn have for it."""
        check_is_fitted(self)
        return self.forecaster_

    def predict(self, X: Any, future: Any = None) -> Any:
        """Forecast the ``prediction_length`` rows that follow, with the refitted forecaster."""
        return self.best_estimator_.predict(X, future)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return minus the MSE over every stride-1 window of a series, in original units."""
        warn_of_ignored_y(y, "DistilledForecasterCV.score", "scores forecasts of")
        warn_of_ignored_weight(sample_weight, "DistilledForecasterCV.score")
        return self.best_estimator_.score(X)

    def backtest(self, X: Any, step: int = 1) -> Any:
        """Forecast from every origin of a series, with the refitted forecaster."""
        return self.best_estimator_.backtest(X, step)

    def predict_quantiles(self, X: Any, quantiles: Sequence[float] | None = None, *, future: Any = None) -> Any:
        """Forecast quantiles, if ``quantiles`` are set.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for ``predict``.
        quantiles : sequence of float or None, default=None
            Levels within the range of the fitted levels; None returns the fitted levels.
        future : array, DataFrame, panel, list or None, default=None
            As for ``predict``.

        Returns
        -------
        quantiles : ndarray, DataFrame or list
            Quantiles in original units.
        """
        return self.best_estimator_.predict_quantiles(X, quantiles, future=future)

    def predict_interval(self, X: Any, coverage: float = 0.8, *, future: Any = None) -> Any:
        """Forecast intervals, if ``quantiles`` are set.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            As for ``predict``.
        coverage : float, default=0.8
            Share of true values that should lie inside; the rest is split equally below and above.
        future : array, DataFrame, panel, list or None, default=None
            As for ``predict``.

        Returns
        -------
        intervals : ndarray, DataFrame or list
            Intervals in original units.
        """
        return self.best_estimator_.predict_interval(X, coverage, future=future)

    def backtest_quantiles(self, X: Any, step: int = 1) -> Any:
        """Forecast quantiles from every origin of a series, if ``quantiles`` are set."""
        return self.best_estimator_.backtest_quantiles(X, step)

    def predict_teacher(self, X: Any, future: Any = None) -> Any:
        """Forecast with the teacher of the refitted forecaster, if it has one."""
        return self.best_estimator_.predict_teacher(X, future)

    def compare(self, X: Any, **options: Any) -> Any:
        """Compare teacher, student, the student without a teacher, and baselines on a test series."""
        return self.best_estimator_.compare(X, **options)

    def report(self, X: Any, path: Any, *, train: Any = None, title: str | None = None) -> Any:
        """Write a self-contained HTML report about the refitted forecaster.

        Parameters
        ----------
        X : array, DataFrame, Series, panel or list
            A test series not used in ``fit``.
        path : str or Path
            The HTML file to write.
        train : array, DataFrame or None, default=None
            The training series, for the rows of the comparison that need it; None takes the series passed to ``fit``.
        title : str or None, default=None
            Heading of the report.
        """
        from skdistill.plotting._report import write_report

        check_is_fitted(self)
        return write_report(self, X, path, train=train, title=title)

    def save(self, path: str | os.PathLike[str], *, teacher: bool = False) -> None:
        """Save the refitted forecaster to one file; :func:`skdistill.load` returns a DistilledForecaster."""
        self.best_estimator_.save(path, teacher=teacher)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        precision: str = "float32",
        tolerance: float | None = None,
        data: Any = None,
    ) -> Any:
        """Export the student of the refitted forecaster for another runtime."""
        return self.best_estimator_.export(path, precision=precision, tolerance=tolerance, data=data)

    def calibrate(self, X: Any, y: Any = None) -> Self:
        """Calibrate the quantiles of the refitted forecaster on other rows.

        Returns
        -------
        self : DistilledForecasterCV
            This search.
        """
        warn_of_ignored_y(y, "DistilledForecasterCV.calibrate", "calibrates quantiles of")
        self.best_estimator_.calibrate(X)
        return self

    def stream(self, recent: Any = None) -> Any:
        """Return a stream of the refitted forecaster, which takes new rows one at a time."""
        return self.best_estimator_.stream(recent)

    @available_if(_refitted_has("partial_fit"))
    def partial_fit(self, X: Any, y: Any = None, *, forget: int = 0) -> Self:
        """Add rows to the refitted forecaster, if its student is solved exactly without a teacher; or fit.

        Parameters
        ----------
        X : array, DataFrame, Series or panel
            The rows that follow those of ``fit``.
        y : None, default=None
            Ignored, present for API consistency; anything but None gives a warning.
        forget : int, default=0
            Number of rows to forget at the start, for a sliding window; of one series only, and not before ``fit``.

        Returns
        -------
        self : DistilledForecasterCV
            This search.
        """
        warn_of_ignored_y(y, "DistilledForecasterCV.partial_fit")
        if hasattr(self, "forecaster_"):
            self.forecaster_.partial_fit(X, forget=forget)
            return self
        check_forgets_nothing(forget)
        return self.fit(X)

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
        """Forecast a long table with the refitted forecaster; the result is one, too."""
        return self.best_estimator_.predict_table(table, id=id, time=time, future=future)

    def predictor(self, *, id: Hashable = "unique_id", time: Hashable = "ds") -> Any:
        """Return a small object that forecasts long tables as the refitted forecaster does."""
        return self.best_estimator_.predictor(id=id, time=time)

    def count_parameters(self) -> int:
        """Return the number of parameters of the chosen student."""
        return self.best_estimator_.count_parameters()
