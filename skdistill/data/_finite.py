"""Values of a series that must be finite or missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["without_infinity"]


def without_infinity(values: np.ndarray, index: pd.Index | None, columns: pd.Index | None, name: str) -> np.ndarray:
    """Return values that hold no infinity.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps, n_channels)
        The values, NaN where missing.
    index, columns : Index or None
        Labels of rows and channels, for the message.
    name : str
        What to call the values in the message.

    Returns
    -------
    values : ndarray of the same shape
        The same array.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    if not np.isinf(values).any():
        return values
    row, channel = np.argwhere(np.isinf(values))[0]
    where = f"row {row}" + ("" if index is None else f" ({index[row]})")
    which = f"channel {channel}" + ("" if columns is None else f" ({columns[channel]!r})")
    raise ValueError(
        f"{name} contains infinity, first at {where}, {which}: every value must be finite, or NaN where it is missing."
    )
