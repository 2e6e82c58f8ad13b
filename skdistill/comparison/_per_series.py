"""Errors of a comparison by series of a panel."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["PanelWindows", "share_ahead", "shares_best"]


@dataclass(frozen=True)
class PanelWindows:
    """Which window is of which series.

    Parameters
    ----------
    ids : list of hashable
        What the series are called.
    numbers : ndarray of int of shape (n_windows,)
        Series of each window, in order.

    Examples
    --------
    >>> PanelWindows(["a", "b", "c"], np.array([0, 0, 2])).means({"student": np.array([1.0, 3.0, 5.0])})
            student
    series
    a           2.0
    c           5.0
    """

    ids: list[Hashable]
    numbers: np.ndarray

    def means(self, errors: dict[str, np.ndarray]) -> pd.DataFrame:
        """Average errors of windows by series.

        Parameters
        ----------
        errors : dict of str to ndarray of shape (n_windows,)
            By row of the comparison.

        Returns
        -------
        means : DataFrame of shape (n_series, n_rows)
            The series that have a window.
        """
        present, places = np.unique(self.numbers, return_inverse=True)
        count = np.bincount(places)
        index = pd.Index([self.ids[number] for number in present], name="series", tupleize_cols=False)
        return pd.DataFrame({name: np.bincount(places, one) / count for name, one in errors.items()}, index=index)


def shares_best(errors: pd.DataFrame) -> pd.Series:
    """Return the share of series in which each row has the smallest error; rows that tie share a series.

    Parameters
    ----------
    errors : DataFrame of shape (n_series, n_rows)
        Errors by series.

    Returns
    -------
    shares : Series of shape (n_rows,)
        Their sum is 1.

    Examples
    --------
    >>> shares_best(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 3.0]})).to_dict()
    {'a': 0.75, 'b': 0.25}
    """
    best = errors.eq(errors.min(axis=1), axis=0)
    return best.div(best.sum(axis=1), axis=0).mean()


def share_ahead(errors: pd.DataFrame, row: str, others: Sequence[str]) -> float:
    """Return the share of series in which a row has a smaller error than each of some others.

    Parameters
    ----------
    errors : DataFrame of shape (n_series, n_rows)
        Errors by series.
    row : str
        Whose wins are counted.
    others : sequence of str
        The rows it is compared with.

    Returns
    -------
    share : float
        Between 0 and 1.

    Examples
    --------
    >>> share_ahead(pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 1.0], "c": [3.0, 3.0]}), "a", ["b", "c"])
    0.5
    """
    return float(errors[list(others)].gt(errors[row], axis=0).all(axis=1).mean())
