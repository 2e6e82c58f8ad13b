"""Plot of the error at each step of the horizon."""

from __future__ import annotations

from typing import Any

import pandas as pd

from skdistill.comparison._analysis import RollingForecasts, error_by_step
from skdistill.plotting._rolled import RolledDisplay
from skdistill.plotting._style import STANDARDIZED, style_of_all

__all__ = ["HorizonErrorDisplay"]


class HorizonErrorDisplay(RolledDisplay):
    """Plot of the error of teacher, student and student without teacher at each step of the horizon.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    errors : DataFrame
        Standardized MSE, one row per step, one column per forecast.

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

    def __init__(self, errors: pd.DataFrame) -> None:
        self.errors = errors

    @staticmethod
    def _analyze(rolled: RollingForecasts) -> pd.DataFrame:
        return error_by_step(rolled)

    def plot(self, ax: Any = None) -> HorizonErrorDisplay:
        """Draw one line per forecast."""
        ax = self._begin(ax)
        for name, style in style_of_all(self.errors).items():
            self._line(self.errors.index, self.errors[name], name, style)
        self._count_on_x()
        ax.set(xlabel="step of the horizon", ylabel=STANDARDIZED, ylim=(0, None))
        self._legend()
        return self
