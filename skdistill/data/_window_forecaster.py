"""Protocol of forecasters of series, used by lower layers."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

__all__ = ["WindowForecaster"]


@runtime_checkable
class WindowForecaster(Protocol):
    """A distilled forecaster of series; after ``fit``, its ``predictor_`` forecasts windows.

    It differs from regressors and other forecasters by its backtest methods.
    """

    def backtest(self, X: Any, step: int = 1) -> Any:
        """Forecast from every origin of a series.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            The series.
        step : int, default=1
            Number of rows between one origin and the next.

        Returns
        -------
        forecasts : ndarray, DataFrame or list
            Values in original units.
        """

    def backtest_quantiles(self, X: Any, step: int = 1) -> Any:
        """Forecast quantiles from every origin of a series.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            The series.
        step : int, default=1
            Number of rows between one origin and the next.

        Returns
        -------
        quantiles : ndarray or list
            Values in original units.
        """
