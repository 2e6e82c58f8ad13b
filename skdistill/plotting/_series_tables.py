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
    relative = (errors["student"] / errors[best]).mask(neither, 1.0)
    ordered = errors.iloc[np.argsort(relative.to_numpy(), kind="stable")]  # by place: ids can be truth values
    what = "All"
    if len(errors) > _N_BEST + _N_WORST:
        ordered = pd.concat([ordered[:_N_BEST], ordered[-_N_WORST:]])
        what = f"The {_N_BEST} best and {_N_WORST} worst of {len(errors)}"
    return f"{what} series by the MSE of the student relative to {best}, the best baseline.", ordered


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
    members = [(group == one).to_numpy() for one in np.unique(group)]
    rows = [
        {
            "series": int(own.sum()),
            "smallest": size[own].min(),
            "largest": size[own].max(),
            f"MSE relative to {best}": np.exp(np.log(ratio[own]).mean()),
            "share better": better[own].mean(),
        }
        for own in members
    ]
    return pd.DataFrame(rows)
