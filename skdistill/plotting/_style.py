"""Style of all plots: colors for color-blind readers, each with its own line style."""

from __future__ import annotations

import abc
from typing import Any, Self

from skdistill._utils._contract_docs import ContractDocs
from skdistill._utils._optional import import_optional

__all__ = ["STANDARDIZED", "BaseDisplay", "style_of"]

# Okabe and Ito (2008), Color universal design; each color has a line style, so that gray prints are readable, too.
_STYLES: dict[str, dict[str, Any]] = {
    "truth": {"color": "black", "linestyle": "-"},
    "context": {"color": "0.6", "linestyle": "-"},
    "student": {"color": "#D55E00", "linestyle": "-"},
    "teacher": {"color": "#0072B2", "linestyle": "--"},
    "alone": {"color": "#009E73", "linestyle": ":"},
    "exact linear": {"color": "#CC79A7", "linestyle": "-."},
    "seasonal naive": {"color": "#999999", "linestyle": (0, (1, 3))},
}
_OTHERS = ("#E69F00", "#56B4E9", "#F0E442", "#009E73", "#CC79A7")
STANDARDIZED = "MSE (standardized)"


def style_of(name: Any, number: int = 0) -> dict[str, Any]:
    """Return color and line style of a row.

    Parameters
    ----------
    name : object
        Name of the row; ``"MLP: teacher"`` is drawn like ``"teacher"``.
    number : int, default=0
        Number of the name among unknown names.

    Returns
    -------
    style : dict
        Keyword arguments of matplotlib's ``plot``.
    """
    role = str(name).rsplit(": ", 1)[-1]
    return _STYLES.get(role, {"color": _OTHERS[number % len(_OTHERS)], "linestyle": "-"})


class BaseDisplay(ContractDocs):
    """Base class of the displays: ``plot`` draws on given or new axes.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        The axes that were drawn on.
    figure_ : matplotlib.figure.Figure
        Their figure.
    """

    ax_: Any
    figure_: Any

    @abc.abstractmethod
    def plot(self, ax: Any = None) -> Self:
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self : display
            The display.
        """

    def _begin(self, ax: Any, size: tuple[float, float] = (6.0, 3.4)) -> Any:
        """Set ``ax_`` and ``figure_``, and return the axes."""
        if ax is None:
            pyplot = import_optional("matplotlib.pyplot", extra="plot", purpose="Plotting")
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        ax.spines[["top", "right"]].set_visible(False)
        return ax

    def _legend(self, **options: Any) -> None:
        self.ax_.legend(frameon=False, fontsize="small", **options)
