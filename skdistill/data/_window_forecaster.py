"""A forecaster of series, as lower layers see it: they never name an estimator."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

__all__ = ["WindowForecaster"]


@runtime_checkable
class WindowForecaster(Protocol):
    """A distilled forecaster of series; once it is fitted, its ``predictor_`` answers for windows.

    What tells it from a regressor, and from the forecasters of others, is that it rolls over a series.
    """

    def backtest(self, X: Any, step: int = 1) -> Any:
        """Forecast from every origin of a series.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            The series.
        step : int, default=1
            Rows between one origin and the next.

        Returns
        -------
        forecasts : ndarray, DataFrame or list
            In original units.
        """

    def backtest_quantiles(self, X: Any, step: int = 1) -> Any:
        """Forecast quantiles from every origin of a series.

        Parameters
        ----------
        X : array, DataFrame, Series or list
            The series.
        step : int, default=1
            Rows between one origin and the next.

        Returns
        -------
        quantiles : ndarray or list
            In original units.
        """
