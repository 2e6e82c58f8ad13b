"""The splits that published tables use."""

from __future__ import annotations

import pandas as pd

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice

__all__ = ["standard_split"]

_MONTH_ROWS = {"hourly": 30 * 24, "quarter-hourly": 30 * 24 * 4}


def standard_split(
    frame: pd.DataFrame, protocol: str, *, context_length: int
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Split a benchmark series into rows for ``fit`` and rows for testing.

    ``"ett-hourly"`` and ``"ett-quarter-hourly"`` are 12, 4 and 4 months of 30 days; ``"70/10/20"`` are shares of the
    rows. The test part includes the ``context_length`` rows before it, so that its first horizon starts at the first
    test row.

    Parameters
    ----------
    frame : DataFrame
        The whole series.
    protocol : {"ett-hourly", "ett-quarter-hourly", "70/10/20"}
        The split.
    context_length : int
        Number of rows that forecasts are made from.

    Returns
    -------
    train : DataFrame
        Training and validation rows, for ``fit``.
    test : DataFrame
        ``context_length`` rows, then the test rows.
    validation_fraction : float
        The share of ``train`` used for validation, for the forecaster's parameter of this name.

    Raises
    ------
    TypeError
        If it is no DataFrame of one series.
    ValueError
        If rows are not in the order of time, or too few.

    References
    ----------
    The long-term forecasting protocol of Informer (arXiv 2012.07436) and its successors.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"load": np.arange(17420.0)})
    >>> train, test, fraction = standard_split(frame, "ett-hourly", context_length=720)
    >>> len(train), len(test), test.index[0], fraction
    (11520, 3600, 10800, 0.25)
    """
    check_choice(protocol, ("ett-hourly", "ett-quarter-hourly", "70/10/20"), "protocol of standard_split")
    check_integer(context_length, "context_length of standard_split")
    if not isinstance(frame, pd.DataFrame | pd.Series) or isinstance(frame.index, pd.MultiIndex):
        what = "a panel" if isinstance(frame, pd.DataFrame | pd.Series) else type(frame).__name__
        raise TypeError(
            f"frame of standard_split must be a DataFrame of one series; got {what}. For a panel, split each series: "
            "panel.groupby(level=0)."
        )
    if not frame.index.is_monotonic_increasing:
        raise ValueError("frame of standard_split must have rows in the order of time: sort it, frame.sort_index().")
    if protocol == "70/10/20":
        n_train, n_test = int(len(frame) * 0.7), int(len(frame) * 0.2)
        end_train, end = len(frame) - n_test, len(frame)
    else:
        month = _MONTH_ROWS[protocol.removeprefix("ett-")]
        n_train, end_train, end = 12 * month, 16 * month, 20 * month
    if len(frame) < end or end_train < context_length:
        raise ValueError(
            f"the {protocol} split with context_length = {context_length} needs {max(end, context_length)} rows; "
            f"got {len(frame)}."
        )
    train, test = frame.iloc[:end_train], frame.iloc[end_train - context_length : end]
    return train, test, (end_train - n_train) / end_train
