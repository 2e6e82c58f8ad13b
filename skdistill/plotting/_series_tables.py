"""Tables of a report about the series of a panel: the best, the worst, and all of them by size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["errors_by_series", "errors_by_size"]

_N_BEST, _N_WORST = 5, 10
_N_GROUPS = 4


def errors_by_series(table: Any) -> tuple[str, pd.DataFrame]:
    """Show the series in which the student gains and loses most against the best baseline.

    Parameters
    ----------
    table : Comparison
        Of a panel.

    Returns
    -------
    note : str
        What is shown.
    errors : DataFrame of shape (n_shown, n_rows)
        MSE of every row of the comparison, from the best series to the worst.
    """
    errors, best = table.per_series["mse"], table.facts["best_baseline"]
    neither = (errors["student"] == 0) & (errors[best] == 0)  # as in constant series, where both are right
    order = (errors["student"] / errors[best]).mask(neither, 1.0).sort_values(kind="stable").index
    if len(order) <= _N_BEST + _N_WORST:
        shown, what = order, "All"
    else:
        shown = order[:_N_BEST].append(order[-_N_WORST:])
        what = f"The {_N_BEST} best and {_N_WORST} worst of {len(order)}"
    return f"{what} series by the MSE of the student relative to {best}, the best baseline.", errors.loc[shown]


def errors_by_size(table: Any, size: pd.Series) -> pd.DataFrame:
    """Compare student and best baseline in groups of series of like size.

    Parameters
    ----------
    table : Comparison
        Of a panel.
    size : Series of shape (n_series,)
        Mean absolute value of the true targets by series; labels as in ``table.per_series``.

    Returns
    -------
    groups : DataFrame
        For at most four groups of equally many series, from small to large: number of series, range of sizes, the
        geometric mean of the MSE of the student relative to the best baseline, without series in which a row has no
        error, and the share of series in which the student is better.
    """
    errors, best = table.per_series["mse"], table.facts["best_baseline"]
    size = size.reindex(errors.index)
    ratio = (errors["student"] / errors[best]).where((errors > 0).all(axis=1))
    better = errors["student"] < errors[best]
    group = pd.qcut(size.rank(method="first"), min(_N_GROUPS, len(size)), labels=False)
    rows = [
        {
            "series": len(labels),
            "smallest": size[labels].min(),
            "largest": size[labels].max(),
            f"MSE relative to {best}": np.exp(np.log(ratio[labels]).mean()),
            "share better": better[labels].mean(),
        }
        for labels in errors.groupby(group).groups.values()
    ]
    return pd.DataFrame(rows)
