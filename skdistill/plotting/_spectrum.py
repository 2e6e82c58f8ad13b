"""Plot of the amplitude of every period."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skdistill.comparison._analysis import RollingForecasts, period_spectra
from skdistill.plotting._rolled import RolledDisplay
from skdistill.plotting._style import style_of_all

__all__ = ["SpectrumDisplay"]


class SpectrumDisplay(RolledDisplay):
    """Plot of the mean amplitudes of truth and forecasts by period, as in TimeDistill's multi-period comparison.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    amplitudes : DataFrame
        Mean amplitude, one row per period in steps, one column for the truth and each forecast.

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

    def __init__(self, amplitudes: pd.DataFrame) -> None:
        self.amplitudes = amplitudes

    @staticmethod
    def _analyze(rolled: RollingForecasts) -> pd.DataFrame:
        return period_spectra(rolled)

    def plot(self, ax: Any = None) -> SpectrumDisplay:
        """Draw one line per forecast, and one for the truth."""
        if not self.amplitudes["truth"].notna().any():
            raise ValueError(
                "SpectrumDisplay needs a horizon of at least 2 steps, and a window without missing true values; "
                + ("there is no such window." if len(self.amplitudes) else "the horizon is 1 step.")
            )
        ax = self._begin(ax)
        for name, style in style_of_all(self.amplitudes).items():
            self._line(self.amplitudes.index, self.amplitudes[name], name, style)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda period, _: f"{period:g}")
        ax.set(xlabel="period (steps)", ylabel="mean amplitude (standardized)", ylim=(0, None))
        self._legend()
        return self
