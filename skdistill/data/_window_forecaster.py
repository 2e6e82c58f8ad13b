"""What turns contexts into forecasts, as lower layers see it: they never name an estimator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

__all__ = ["WindowForecaster"]


@runtime_checkable
class WindowForecaster(Protocol):
    """A fitted forecaster that answers for windows, from original units to original units."""

    def forecast_windows(self, contexts: np.ndarray, indexes: Sequence[pd.Index | None] | None = None) -> np.ndarray:
        """Forecast windows.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, n_timestamps, n_channels)
            Windows in original units.
        indexes : sequence of pandas.Index or None, default=None
            Time labels of each window's rows.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units.
        """

    def forecast_quantiles(self, contexts: np.ndarray, indexes: Sequence[pd.Index | None] | None = None) -> np.ndarray:
        """Forecast quantiles of windows.

        Parameters
        ----------
        contexts : ndarray of shape (n_windows, n_timestamps, n_channels)
            Windows in original units.
        indexes : sequence of pandas.Index or None, default=None
            Time labels of each window's rows.

        Returns
        -------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Quantiles in original units.
        """
