"""Plot of the error at several resolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from skdistill.comparison._analysis import RollingForecasts, error_by_scale
from skdistill.plotting._rolled import RolledDisplay
from skdistill.plotting._style import ABOVE, STANDARDIZED, as_shown, style_of_all

__all__ = ["ScalesDisplay"]


class ScalesDisplay(RolledDisplay):
    """Plot of the error of averages over 1, 2, 4, ... steps, as in TimeDistill's multi-scale comparison.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    errors : DataFrame
        Standardized MSE, one row per scale, one column per forecast.

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

    def __init__(self, errors: pd.DataFrame) -> None:
        self.errors = errors

    @staticmethod
    def _analyze(rolled: RollingForecasts) -> pd.DataFrame:
        return error_by_scale(rolled)

    def plot(self, ax: Any = None) -> ScalesDisplay:
        """Draw one group of bars per scale."""
        ax = self._begin(ax)
        positions = np.arange(len(self.errors))
        width = 0.8 / self.errors.shape[1]
        for number, (name, style) in enumerate(style_of_all(self.errors).items()):
            offset = (number - (self.errors.shape[1] - 1) / 2) * width
            look = {"color": style["color"], "hatch": style["hatch"], "label": as_shown(name)}
            ax.bar(positions + offset, self.errors[name], 0.9 * width, **look)
        ax.set_xticks(positions, [str(steps) for steps in self.errors.index])
        ax.set(xlabel="steps averaged", ylabel=STANDARDIZED)
        self._legend(**ABOVE)  # bars leave no room for it
        return self
