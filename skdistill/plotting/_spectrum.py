"""Strength of every period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skdistill.comparison import RollingForecasts, period_spectra, rolling_forecasts
from skdistill.plotting._style import BaseDisplay, style_of

__all__ = ["SpectrumDisplay"]


class SpectrumDisplay(BaseDisplay):
    """Mean amplitudes of truth and forecasts over the period: TimeDistill's multi-period comparison.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    amplitudes : DataFrame
        Mean amplitude, one row a period in steps, one column for the truth and each forecast.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.plotting import SpectrumDisplay
    >>> truth = np.random.default_rng(0).normal(size=(5, 12, 2))
    >>> display = SpectrumDisplay.from_predictions(truth, {"student": truth * 0.9})
    >>> display.amplitudes.index.tolist()
    [12.0, 6.0, 4.0, 3.0, 2.4, 2.0]
    """

    def __init__(self, *, amplitudes: pd.DataFrame) -> None:
        self.amplitudes = amplitudes

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, train: Any = None, alone: bool = False, ax: Any = None
    ) -> SpectrumDisplay:
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
        display : SpectrumDisplay
            The display, drawn.
        """
        rolled = rolling_forecasts(estimator, X, train=train, alone=alone)
        return cls(amplitudes=period_spectra(rolled)).plot(ax=ax)

    @classmethod
    def from_predictions(cls, truth: Any, forecasts: Mapping[str, Any], *, ax: Any = None) -> SpectrumDisplay:
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
        display : SpectrumDisplay
            The display, drawn.
        """
        rolled = RollingForecasts(np.asarray(truth), {k: np.asarray(v) for k, v in forecasts.items()}, [])
        return cls(amplitudes=period_spectra(rolled)).plot(ax=ax)

    def plot(self, ax: Any = None) -> SpectrumDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        self : SpectrumDisplay
            The display.
        """
        ax = self._begin(ax)
        for number, name in enumerate(self.amplitudes):
            ax.plot(self.amplitudes.index, self.amplitudes[name], label=name, **style_of(name, number))
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda period, _: f"{period:g}")
        ax.set(xlabel="period (steps)", ylabel="mean amplitude (standardised)", ylim=(0, None))
        self._legend()
        return self
