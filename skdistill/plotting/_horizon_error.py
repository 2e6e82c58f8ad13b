"""Error by step of the horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skdistill.comparison import RollingForecasts, error_by_step, rolling_forecasts
from skdistill.plotting._style import STANDARDISED, BaseDisplay, style_of

__all__ = ["HorizonErrorDisplay"]


class HorizonErrorDisplay(BaseDisplay):
    """How the error of teacher, student and the student alone grows over the horizon.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    errors : DataFrame
        Standardised MSE, one row a step, one column a forecast.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.plotting import HorizonErrorDisplay
    >>> truth = np.random.default_rng(0).normal(size=(5, 12, 2))
    >>> display = HorizonErrorDisplay.from_predictions(truth, {"student": truth * 0.9})
    >>> display.ax_.get_xlabel()
    'step of the horizon'
    """

    def __init__(self, *, errors: pd.DataFrame) -> None:
        self.errors = errors

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, train: Any = None, alone: bool = False, ax: Any = None
    ) -> HorizonErrorDisplay:
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
        display : HorizonErrorDisplay
            The display, drawn.
        """
        rolled = rolling_forecasts(estimator, X, train=train, alone=alone)
        return cls(errors=error_by_step(rolled)).plot(ax=ax)

    @classmethod
    def from_predictions(cls, truth: Any, forecasts: Mapping[str, Any], *, ax: Any = None) -> HorizonErrorDisplay:
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
        display : HorizonErrorDisplay
            The display, drawn.
        """
        rolled = RollingForecasts(np.asarray(truth), {k: np.asarray(v) for k, v in forecasts.items()}, [])
        return cls(errors=error_by_step(rolled)).plot(ax=ax)

    def plot(self, ax: Any = None) -> HorizonErrorDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : HorizonErrorDisplay
            The display.
        """
        ax = self._begin(ax)
        for number, name in enumerate(self.errors):
            ax.plot(self.errors.index, self.errors[name], label=name, **style_of(name, number))
        ax.set(xlabel="step of the horizon", ylabel=STANDARDISED, ylim=(0, None))
        self._legend()
        return self
