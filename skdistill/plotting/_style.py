"""Style of all plots: colors for color-blind readers, each with its own line style."""

from __future__ import annotations

import abc
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from skdistill._utils._contract_docs import ContractDocs
from skdistill._utils._optional import import_optional

__all__ = ["ABOVE", "STANDARDIZED", "BaseDisplay", "as_shown", "style_of_all", "without_neighbors"]

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
_OTHERS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442")
_LINES = ("-", "--", ":", "-.")
_HATCHES = (None, "//", "..", "xx")  # of bars, which have no line style
STANDARDIZED = "MSE (standardized)"
_MOST_INSIDE = 4  # entries of a legend inside the axes; more would hide what is drawn
ABOVE: dict[str, Any] = {"ncols": 4, "loc": "lower left", "bbox_to_anchor": (0, 1)}


def style_of_all(names: Iterable[Any]) -> dict[Any, dict[str, Any]]:
    """Return color, line style and hatch of every row; no two rows of up to a dozen share both color and line style.

    Parameters
    ----------
    names : iterable of object
        Names of the rows; ``"MLP: teacher"`` is drawn like ``"teacher"``, unless there is one already.

    Returns
    -------
    styles : dict of object to dict
        By name, ``color`` and ``linestyle``, and the ``hatch`` of bars.
    """
    names = list(names)
    role_of: dict[Any, str] = {}
    for name in names:
        role = str(name).rsplit(": ", 1)[-1]
        if role in _STYLES and role not in role_of.values():
            role_of[name] = role
    taken = {_STYLES[role]["color"] for role in role_of.values()}
    free = [color for color in _OTHERS if color not in taken]
    others = [name for name in names if name not in role_of]
    styles = {name: {**_STYLES[role], "hatch": None} for name, role in role_of.items()}
    for number, name in enumerate(others):
        turn, place = divmod(number, len(free))
        turn %= len(_LINES)
        styles[name] = {"color": free[place], "linestyle": _LINES[turn], "hatch": _HATCHES[turn]}
    return {name: styles[name] for name in names}


def as_shown(name: Any) -> str:
    """Return a name as text of a picture, which takes dollars for formulas and hides what begins with an underscore.

    Parameters
    ----------
    name : object
        The name of a row, a channel or an index.

    Returns
    -------
    text : str
        What matplotlib shows as the name.
    """
    text = str(name).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def without_neighbors(values: Any) -> np.ndarray:
    """Return which values stand between missing ones, so that no line leads to them.

    Parameters
    ----------
    values : array of shape (n,)
        Values, NaN where missing.

    Returns
    -------
    lonely : ndarray of bool of shape (n,)
        True for these.
    """
    seen = np.concatenate([[False], ~np.isnan(np.asarray(values, dtype=np.float64)), [False]])
    return np.asarray(seen[1:-1] & ~seen[:-2] & ~seen[2:])


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

    def _line(self, x: Any, y: Any, name: Any, style: dict[str, Any]) -> None:
        """Draw a line, and points where it would show nothing: a single value, or one between missing ones."""
        options = {key: value for key, value in style.items() if key != "hatch"}
        if "marker" not in style and (lonely := without_neighbors(y)).any():
            options |= {"marker": "o", "markersize": 4, "markevery": np.flatnonzero(lonely).tolist()}
        self.ax_.plot(x, y, label=as_shown(name), **options)

    def _count_on_x(self) -> None:
        """Write whole numbers below the horizontal axis."""
        ticker = import_optional("matplotlib.ticker", extra="plot", purpose="Plotting")
        locator = ticker.MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1)
        self.ax_.xaxis.set_major_locator(locator)

    def _legend(self, **options: Any) -> None:
        handles, _ = self.ax_.get_legend_handles_labels()
        if len(handles) > _MOST_INSIDE and not options:
            options = ABOVE
        self.ax_.legend(frameon=False, fontsize="small", **options)
