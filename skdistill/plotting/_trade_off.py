"""Plot of accuracy against latency and size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.isotonic import isotonic_regression

from skdistill._utils._choices import check_choice
from skdistill.plotting._style import STANDARDIZED, BaseDisplay, as_shown, style_of_all

__all__ = ["TradeOffDisplay"]

_COSTS = {
    "ms_per_window": "ms per window (log)",
    "ms_per_batch": "ms per batch (log)",
    "parameters": "parameters (log)",
}
_LABEL_WIDTH, _LABEL_HEIGHT, _BESIDE = 0.3, 0.06, 0.025  # shares of the axes; the last one is left of a label


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
        """Draw. Rows without the cost (a naive forecast has no parameters) or without an error are left out."""
        ax = self._begin(ax)
        costs = self.table[self.cost].astype("float64")
        shown = self.table[((costs > 0) & self.table["mse"].notna()).to_numpy()]
        if not len(shown):
            raise ValueError(f"TradeOffDisplay needs rows whose {self.cost!r} is above 0; the table has none.")
        x, y = costs[shown.index].to_numpy(), shown["mse"].to_numpy(dtype=np.float64)
        styles = style_of_all(shown.index)
        for number, name in enumerate(shown.index):
            error = shown["standard_error"].iloc[number]
            ax.errorbar(x[number], y[number], yerr=error, fmt="o", color=styles[name]["color"], capsize=3)
        ax.margins(y=0.12)  # labels may be above and below the points
        ax.set_xscale("log")
        ax.set_xlim(x.min() / 2, x.max() * 4)
        width, height = np.ptp(np.log(ax.get_xlim())), np.ptp(ax.get_ylim())
        heights = height * _spread_labels(np.log(x) / width, y / height)
        for name, *point, height in zip(shown.index, x, y, heights, strict=True):
            leader = {"arrowstyle": "-", "color": styles[name]["color"], "linewidth": 0.8, "relpos": (0, 0.5)}
            leader |= {"shrinkA": 0, "shrinkB": 0}
            place = (point[0] * np.exp(_BESIDE * width), height)
            ax.annotate(as_shown(name), point, place, fontsize="small", va="center", arrowprops=leader)
        ax.set(xlabel=_COSTS[self.cost], ylabel=STANDARDIZED)
        return self


def _spread_labels(x: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Move labels up and down, as little as possible, until they do not overlap; all lengths are shares of the axes."""
    placed = heights.astype(np.float64)
    order = np.argsort(x, kind="stable")
    apart = np.flatnonzero(np.diff(x[order]) > _LABEL_WIDTH) + 1
    for beside in np.split(order, apart):
        rising = beside[np.argsort(heights[beside], kind="stable")]
        offsets = _LABEL_HEIGHT * np.arange(len(rising))
        placed[rising] = isotonic_regression(heights[rising] - offsets) + offsets
    return placed
