"""Plot of how often the student beats its teacher."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from skdistill.comparison._analysis import RollingForecasts, rolling_forecasts, win_rates
from skdistill.plotting._style import BaseDisplay, as_shown

__all__ = ["WinRateDisplay"]


class WinRateDisplay(BaseDisplay):
    """Plot of the share of windows in which the student's error is below its teacher's, by channel.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    rates : Series
        Shares by channel, and over all channels.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.plotting import WinRateDisplay
    >>> truth = np.ones((4, 3, 1))
    >>> display = WinRateDisplay.from_predictions(truth, {"student": truth * 0.9, "teacher": truth * 0.8}, ["load"])
    >>> display.rates["load"].item()
    1.0
    """

    def __init__(self, *, rates: pd.Series) -> None:
        self.rates = rates

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, *, ax: Any = None) -> WinRateDisplay:
        """Forecast every window of a series with student and teacher and plot.

        Parameters
        ----------
        estimator : DistilledForecaster, Pipeline or fitted search
            The fitted estimator, which has a teacher.
        X : array, DataFrame or Series
            A series: context rows, then rows to forecast.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : WinRateDisplay
            The drawn display.
        """
        return cls(rates=win_rates(rolling_forecasts(estimator, X))).plot(ax=ax)

    @classmethod
    def from_predictions(
        cls, truth: Any, forecasts: Mapping[str, Any], channels: list[Any], *, ax: Any = None
    ) -> WinRateDisplay:
        """Plot given forecasts.

        Parameters
        ----------
        truth : array of shape (n_windows, prediction_length, n_targets)
            The true values.
        forecasts : dict of str to array of the same shape
            Forecasts with the keys ``"student"`` and ``"teacher"``.
        channels : list
            Names of the targets.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : WinRateDisplay
            The drawn display.
        """
        rolled = RollingForecasts(truth, forecasts, channels)
        return cls(rates=win_rates(rolled)).plot(ax=ax)

    def plot(self, ax: Any = None) -> WinRateDisplay:
        """Draw one bar per channel."""
        names = [_short(name) for name in self.rates.index]
        height = 0.4 if any("\n" in name for name in names) else 0.3
        ax = self._begin(ax, size=(6.0, 0.9 + height * len(names)))
        positions = np.arange(len(self.rates))[::-1]
        colors = ["#D55E00" if rate >= 0.5 else "#0072B2" for rate in self.rates]
        ax.barh(positions, 100 * self.rates, color=colors, height=0.7)
        ax.axvline(50, color="black", linewidth=0.8)
        for position, rate in zip(positions, self.rates, strict=True):
            text, end = (f"{100 * rate:.0f}", 100 * rate) if rate == rate else ("no true values", 0.0)
            ax.text(end + 1, position, text, va="center", fontsize="small")
        ax.set_yticks(positions, names, linespacing=1.0)
        ax.set(xlim=(0, 106), ylim=(-0.6, len(positions) - 0.4))
        ax.set_xlabel("% of windows in which\nthe student beats its teacher")
        return self


def _short(name: Any) -> str:
    """Return a name as two lines at most, so that it leaves room for its bar."""
    return as_shown("\n".join(textwrap.wrap(str(name), 28, max_lines=2, placeholder=" …")))
