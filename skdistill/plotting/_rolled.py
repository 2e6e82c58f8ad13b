"""Base class of displays computed from rolling forecasts of several models."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, Self

import pandas as pd

from skdistill.comparison._analysis import RollingForecasts, rolling_forecasts
from skdistill.plotting._style import BaseDisplay

__all__ = ["RolledDisplay"]


class RolledDisplay(BaseDisplay):
    """Display of a table with one column per model; a subclass computes the table from forecasts.

    Parameters
    ----------
    table : DataFrame
        One column per forecast.
    """

    def __init__(self, table: pd.DataFrame) -> None:  # called by from_estimator and from_predictions
        raise TypeError(f"{type(self).__name__} is a base class.")

    @staticmethod
    @abc.abstractmethod
    def _analyze(rolled: RollingForecasts) -> pd.DataFrame:
        """Compute the table."""

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, train: Any = None, alone: bool = False, ax: Any = None) -> Self:
        """Forecast every window of a series and plot.

        Parameters
        ----------
        estimator : DistilledForecaster, Pipeline or fitted search
            The fitted estimator.
        X : array, DataFrame or Series
            A series: context rows, then rows to forecast.
        train : array, DataFrame or None, default=None
            The training series, for the student without a teacher; None takes the series passed to ``fit``.
        alone : bool, default=False
            Whether to train the student again without a teacher and plot its forecasts, too.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : display
            The drawn display.
        """
        rolled = rolling_forecasts(estimator, X, train=train, alone=alone)
        return cls(cls._analyze(rolled)).plot(ax=ax)

    @classmethod
    def from_predictions(cls, truth: Any, forecasts: Mapping[str, Any], *, ax: Any = None) -> Self:
        """Plot given forecasts.

        Parameters
        ----------
        truth : array of shape (n_windows, prediction_length, n_targets)
            The true values, standardized.
        forecasts : dict of str to array of the same shape
            Forecasts by name.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : display
            The drawn display.
        """
        rolled = RollingForecasts(truth, forecasts, [])
        return cls(cls._analyze(rolled)).plot(ax=ax)
