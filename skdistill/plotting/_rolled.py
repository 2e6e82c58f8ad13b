"""Displays of what is computed from rolling forecasts of several models."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from skdistill.comparison._analysis import RollingForecasts, rolling_forecasts
from skdistill.plotting._style import BaseDisplay

__all__ = ["RolledDisplay"]


class RolledDisplay(BaseDisplay):
    """A display of a table with one column a model; a subclass says how the table follows from forecasts.

    Parameters
    ----------
    table : DataFrame
        One column a forecast.
    """

    def __init__(self, table: pd.DataFrame) -> None:  # what from_estimator and from_predictions call
        raise TypeError(f"{type(self).__name__} is a base class.")

    @staticmethod
    @abc.abstractmethod
    def _analyze(rolled: RollingForecasts) -> pd.DataFrame:
        """Compute the table."""

    @abc.abstractmethod
    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : display
            The display.
        """

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, train: Any = None, alone: bool = False, ax: Any = None) -> Self:
        """Forecast every window of a series, and draw.

        Parameters
        ----------
        estimator : DistilledForecaster, Pipeline or fitted search
            What was fitted.
        X : array, DataFrame or Series
            Context rows, then rows to forecast.
        train : array, DataFrame or None, default=None
            The training series, for the student alone; None takes the one ``fit`` saw.
        alone : bool, default=False
            Whether to train the student once more without a teacher, and draw it.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : display
            Drawn.
        """
        rolled = rolling_forecasts(estimator, X, train=train, alone=alone)
        return cls(cls._analyze(rolled)).plot(ax=ax)

    @classmethod
    def from_predictions(cls, truth: Any, forecasts: Mapping[str, Any], *, ax: Any = None) -> Self:
        """Draw forecasts that exist.

        Parameters
        ----------
        truth : array of shape (n_windows, prediction_length, n_targets)
            What happened, standardized.
        forecasts : dict of str to array of the same shape
            Forecasts by name.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : display
            Drawn.
        """
        rolled = RollingForecasts(np.asarray(truth), {k: np.asarray(v) for k, v in forecasts.items()}, [])
        return cls(cls._analyze(rolled)).plot(ax=ax)
