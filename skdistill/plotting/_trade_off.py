"""Plot of accuracy against latency and size."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._choices import check_choice
from skdistill.plotting._style import STANDARDIZED, BaseDisplay, as_shown, style_of_all

__all__ = ["TradeOffDisplay"]

_COSTS = {
    "ms_per_window": "ms per window (log)",
    "ms_per_batch": "ms per batch (log)",
    "parameters": "parameters (log)",
}


class TradeOffDisplay(BaseDisplay):
    """Plot of error against cost: every row of a comparison is a point with an error bar.

    Create it with :meth:`from_comparison` or :meth:`from_estimator`.

    Parameters
    ----------
    table : DataFrame
        A comparison with ``mse``, ``standard_error`` of the difference to the first row, and the costs.
    cost : {"ms_per_window", "ms_per_batch", "parameters"}, default="ms_per_window"
        The horizontal axis.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdistill.plotting import TradeOffDisplay
    >>> table = pd.DataFrame(
    ...     {"mse": [0.37, 0.39], "standard_error": [0.0, 0.01], "ms_per_window": [0.3, 1.2]},
    ...     index=["student", "teacher"],
    ... )
    >>> TradeOffDisplay.from_comparison(table).ax_.get_xlabel()
    'ms per window (log)'
    """

    def __init__(self, *, table: pd.DataFrame, cost: str = "ms_per_window") -> None:
        self.table = table
        self.cost = cost

    @classmethod
    def from_comparison(cls, table: pd.DataFrame, *, cost: str = "ms_per_window", ax: Any = None) -> TradeOffDisplay:
        """Plot a given comparison.

        Parameters
        ----------
        table : Comparison
            Result of :func:`skdistill.compare`.
        cost : {"ms_per_window", "ms_per_batch", "parameters"}, default="ms_per_window"
            The horizontal axis.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : TradeOffDisplay
            The drawn display.
        """
        check_choice(cost, sorted(_COSTS), "cost of TradeOffDisplay")
        return cls(table=table, cost=cost).plot(ax=ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, train: Any = None, cost: str = "ms_per_window", ax: Any = None
    ) -> TradeOffDisplay:
        """Compare a fitted forecaster on a series and plot.

        Parameters
        ----------
        estimator : DistilledForecaster, Pipeline or fitted search
            The fitted estimator.
        X : array, DataFrame or Series
            A series: context rows, then rows to forecast.
        train : array, DataFrame or None, default=None
            The training series; None takes the series passed to ``fit``.
        cost : {"ms_per_window", "ms_per_batch", "parameters"}, default="ms_per_window"
            The horizontal axis.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : TradeOffDisplay
            The drawn display.
        """
        from skdistill.comparison._compare import compare

        return cls.from_comparison(compare({"student": estimator}, X, train), cost=cost, ax=ax)

    def plot(self, ax: Any = None) -> TradeOffDisplay:
        """Draw. Rows without the cost are left out (a naive forecast has no parameters)."""
        ax = self._begin(ax)
        costs = self.table[self.cost].astype("float64")
        shown = self.table[(costs > 0).to_numpy()]
        if not len(shown):
            raise ValueError(f"TradeOffDisplay needs rows whose {self.cost!r} is above 0; the table has none.")
        x, y = costs[shown.index].to_numpy(), shown["mse"].to_numpy(dtype=np.float64)
        styles = style_of_all(shown.index)
        for number, name in enumerate(shown.index):
            error = shown["standard_error"].iloc[number]
            ax.errorbar(x[number], y[number], yerr=error, fmt="o", color=styles[name]["color"], capsize=3)
        ax.set_xscale("log")
        ax.set_xlim(x.min() / 2, x.max() * 4)
        heights = _spread_labels(y, np.ptp(ax.get_ylim()))
        for name, *point, height in zip(shown.index, x, y, heights, strict=True):
            ax.annotate(as_shown(name), point, (point[0] * 1.12, height), fontsize="small", va="center")
        ax.set(xlabel=_COSTS[self.cost], ylabel=STANDARDIZED)
        return self


def _spread_labels(heights: np.ndarray, axis: float, share: float = 0.06) -> np.ndarray:
    """Move labels until they do not overlap; the axis has the given height, error bars included."""
    gap = share * axis
    order = np.argsort(heights)
    placed = heights.astype(float).copy()
    for lower, upper in pairwise(order):
        placed[upper] = max(placed[upper], placed[lower] + gap)
    return placed
