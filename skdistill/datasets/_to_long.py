"""A panel as a long table."""

from __future__ import annotations

from collections.abc import Hashable

import pandas as pd

__all__ = ["to_long"]


def to_long(panel: pd.DataFrame, *, id: Hashable = "unique_id", time: Hashable = "ds") -> pd.DataFrame:
    """Convert a panel to a long table; the inverse of :func:`read_panel`.

    Parameters
    ----------
    panel : DataFrame of shape (n_rows, n_channels)
        With index levels (series, time).
    id : str, default="unique_id"
        Name of the column of ids.
    time : str, default="ds"
        Name of the column of times.

    Returns
    -------
    table : DataFrame of shape (n_rows, 2 + n_channels)
        Ids, times, channels.

    Raises
    ------
    ValueError
        If the index does not have two levels, or a channel has one of the two names.

    Examples
    --------
    >>> import pandas as pd
    >>> index = pd.MultiIndex.from_product([["a", "b"], [0, 1]], names=["series", "time"])
    >>> to_long(pd.DataFrame({"y": [1.0, 2.0, 3.0, 4.0]}, index))
      unique_id  ds    y
    0         a   0  1.0
    1         a   1  2.0
    2         b   0  3.0
    3         b   1  4.0
    """
    levels = panel.index.nlevels if isinstance(panel, pd.DataFrame) else 0
    if levels != 2:
        raise ValueError(
            "panel must be a DataFrame whose index has the levels (series, time), as read_panel gives it; got "
            f"{f'{levels} level(s)' if levels else type(panel).__name__}."
        )
    taken = [name for name in (id, time) if name in panel.columns]
    if taken or id == time:
        raise ValueError(f"{(taken or [id])[0]!r} is the name of another column: choose other names for id= and time=.")
    labels = [panel.index.get_level_values(level) for level in (0, 1)]
    keys = pd.DataFrame({id: labels[0], time: labels[1]})
    return pd.concat([keys, panel.reset_index(drop=True)], axis=1)
