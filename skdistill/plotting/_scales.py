"""Error at several resolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skdistill.comparison import RollingForecasts, error_by_scale, rolling_forecasts
from skdistill.plotting._style import STANDARDISED, BaseDisplay, style_of

__all__ = ["ScalesDisplay"]


class ScalesDisplay(BaseDisplay):
    """The error of averages over 1, 2, 4, ... steps: TimeDistill's multi-scale comparison.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    errors : DataFrame
        Standardised MSE, one row a scale, one column a forecast.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.plotting import ScalesDisplay
    >>> truth = np.random.default_rng(0).normal(size=(5, 12, 2))
    >>> display = ScalesDisplay.from_predictions(truth, {"student": truth * 0.9})
    >>> display.errors.index.tolist()
    [1, 2, 4, 8]
    """

    def __init__(self, *, errors: pd.DataFrame) -> None:
        self.errors = errors

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, train: Any = None, alone: bool = False, ax: Any = None
    ) -> ScalesDisplay:
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
        display : ScalesDisplay
            The display, drawn.
        """
        rolled = rolling_forecasts(estimator, X, train=train, alone=alone)
        return cls(errors=error_by_scale(rolled)).plot(ax=ax)

    @classmethod
    def from_predictions(cls, truth: Any, forecasts: Mapping[str, Any], *, ax: Any = None) -> ScalesDisplay:
        """Draw forecasts that exist.

        Parameters
        ----------
        truth : array of shape (n_windows, prediction_length, n_targets)
            What happened, standardised.
        forecasts : dict of str to array of the same shape
            Forecasts by name.
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : ScalesDisplay
            The display, drawn.
        """
        rolled = RollingForecasts(np.asarray(truth), {k: np.asarray(v) for k, v in forecasts.items()}, [])
        return cls(errors=error_by_scale(rolled)).plot(ax=ax)

    def plot(self, ax: Any = None) -> ScalesDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : ScalesDisplay
            The display.
        """
        ax = self._begin(ax)
        positions = np.arange(len(self.errors))
        width = 0.8 / self.errors.shape[1]
        for number, name in enumerate(self.errors):
            offset = (number - (self.errors.shape[1] - 1) / 2) * width
            color = style_of(name, number)["color"]
            ax.bar(positions + offset, self.errors[name], 0.9 * width, label=name, color=color)
        ax.set_xticks(positions, [str(steps) for steps in self.errors.index])
        ax.set(xlabel="steps averaged", ylabel=STANDARDISED)
        self._legend()
        return self
