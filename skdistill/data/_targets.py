"""Positions of the target channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdistill._utils._choices import check_choice
from skdistill.data._inputs import Series

__all__ = ["find_targets"]


_MOST_SHOWN = 8  # columns in a message


def _shown(names: list[Any]) -> str:
    """Return names of columns for messages; the first ones, if there are many."""
    more = ", ..." if len(names) > _MOST_SHOWN else ""
    return f"[{', '.join(map(repr, names[:_MOST_SHOWN]))}{more}]"


def find_targets(targets: Any, series: Series, owner: str) -> tuple[int, ...]:
    """Return the positions of the channels to forecast.

    Parameters
    ----------
    targets : list of column name or int, or None
        Value of the parameter; None means all channels.
    series : Series
        A series with these channels.
    owner : str
        Name of the estimator, for error messages.

    Returns
    -------
    positions : tuple of int
        Positions in the requested order.

    Raises
    ------
    TypeError
        If it is not a list.
    ValueError
        If a target is not a channel, or occurs twice.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skdistill.data._inputs import Series
    >>> find_targets(["b"], Series(np.zeros((5, 2)), columns=pd.Index(["a", "b"])), "DistilledForecaster")
    (1,)
    """
    n_channels = series.values.shape[1]
    if targets is None:
        return tuple(range(n_channels))
    if isinstance(targets, str | int | np.integer):
        raise TypeError(
            f"targets of {owner} must be a list of column names or positions; got the "
            f"{type(targets).__name__} {targets!r}: write targets=[{targets!r}]."
        )
    names = [] if series.columns is None else list(series.columns)
    positions = []
    for target in targets:
        if target in names:
            positions.append(names.index(target))
        elif isinstance(target, int | np.integer) and 0 <= target < n_channels:
            positions.append(int(target))
        else:
            texts = [str(name) for name in names]
            if isinstance(target, str) and names and target not in texts:
                check_choice(target, texts, f"targets of {owner}")
            raise ValueError(
                f"targets of {owner} must name columns of X or be positions from 0 to "
                f"{n_channels - 1}; got {target!r}"
                + (f", and the columns are {_shown(names)}." if names else ", and X has no column names.")
            )
    if not positions or len(set(positions)) < len(positions):
        raise ValueError(f"targets of {owner} must name each column once; got {targets!r}.")
    return tuple(positions)
