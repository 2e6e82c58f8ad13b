"""Plot of the training history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils.validation import check_is_fitted

from skdistill._unwrap import unwrap_model
from skdistill.plotting._style import BaseDisplay, style_of_all

__all__ = ["HistoryDisplay"]


class HistoryDisplay(BaseDisplay):
    """Plot of the loss terms of the student's training and its validation error by epoch.

    The validation error is the MSE, or the pinball loss where there are quantiles. A student that is solved exactly has
    no epochs: its penalties and loss weights are shown in the order in which they were tried.

    Create it with :meth:`from_estimator`.

    Parameters
    ----------
    history : list of dict
        The attribute ``history_`` of a fitted forecaster.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.

    Examples
    --------
    >>> from skdistill.plotting import HistoryDisplay
    >>> epochs = [{"epoch": n, "train_loss": 1 / n, "train_supervised": 1 / n, "valid_loss": 2 / n} for n in (1, 2)]
    >>> HistoryDisplay(history=epochs).plot().ax_.get_xlabel()
    'epoch'
    """

    def __init__(self, *, history: Sequence[dict[str, Any]]) -> None:
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> HistoryDisplay:
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : DistilledForecaster, DistilledRegressor, Pipeline or fitted search
            The fitted estimator; in a search, the chosen student.
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        display : HistoryDisplay
            The drawn display.
        """
        check_is_fitted(estimator)
        fitted = estimator if hasattr(estimator, "history_") else unwrap_model(estimator).forecaster
        return cls(history=fitted.history_).plot(ax=ax)

    def plot(self, ax: Any = None) -> HistoryDisplay:
        """Draw the loss of every epoch, or of every penalty that was tried."""
        ax = self._begin(ax)
        epochs = range(1, len(self.history) + 1)
        keys = dict.fromkeys(key for row in self.history for key in row)  # a solved student has terms in one row only
        terms = [key for key in keys if key.startswith("train_") and key != "train_loss"]
        marks = {"marker": "o", "markersize": 3} if len(self.history) < 30 else {}
        drawn = []
        for key, style in style_of_all(terms).items():
            values = [row.get(key, float("nan")) for row in self.history]
            self._line(epochs, values, key.removeprefix("train_"), style | marks)
            drawn += values
        valid = [row.get("valid_loss", float("nan")) for row in self.history]
        if any(one == one for one in valid):
            self._line(epochs, valid, "validation error", {"color": "black", "linestyle": "--", **marks})
            drawn += valid
            best = min((one, epoch) for one, epoch in zip(valid, epochs, strict=True) if one == one)[1]
            ax.axvline(best, color="0.7", linewidth=0.8, zorder=0)
        is_solved = any("penalty" in row for row in self.history)
        xlabel = "penalty or weights tried (number)" if is_solved else "epoch"
        yscale = "linear" if any(value <= 0 for value in drawn) else "log"  # which has no place for them
        ax.set(xlabel=xlabel, ylabel="weighted loss (standardized)", yscale=yscale)
        self._count_on_x()
        self._legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
        return self
