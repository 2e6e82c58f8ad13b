"""Split tables of sktime (a series or a panel) into named series, and combine them again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import pandas as pd

from skdistill.data._finite import without_infinity
from skdistill.data._index_checks import check_ids, checked_step
from skdistill.data._steps import Step, continue_index, noted_step

__all__ = ["append_rows", "covariates_of", "find_labels", "name_instance", "split_panel"]

Key = tuple[object, ...]


def split_panel(
    y: pd.DataFrame, X: pd.DataFrame | None, known: Mapping[Key, Step | None] | None = None
) -> dict[Key, pd.DataFrame]:
    """Split a panel into series, with covariates next to the targets.

    Parameters
    ----------
    y : DataFrame of shape (n_rows, n_targets)
        One series, or many of them under the outer levels of a MultiIndex.
    X : DataFrame of shape (n_rows or more, n_covariates) or None
        Covariates, with a row for every label of ``y``.
    known : dict of tuple to Step, default=None
        Step of the labels of each series in ``fit``.

    Returns
    -------
    series : dict of tuple to DataFrame
        Each series by the labels of its outer levels, ``()`` for a single one.
    """
    table = y.set_axis(["y"] if y.shape[1] == 1 else [f"y:{name}" for name in y.columns], axis=1)
    if X is not None:
        for name, one in (("y", y), ("X", X)):
            if one.index.has_duplicates:
                again = one.index[one.index.duplicated()][0]
                raise ValueError(f"the index of {name} has duplicate labels, first {again}: keep one row per label.")
        if not y.index.isin(X.index).all():
            raise ValueError("X must have a row for every label of y; some are missing.")
        covariates = X.set_axis([f"X:{name}" for name in X.columns], axis=1)
        table = pd.concat([table, covariates.loc[y.index]], axis=1).set_axis(y.index, axis=0)  # its index has the step
    series: dict[Key, pd.DataFrame] = {(): table}
    if isinstance(y.index, pd.MultiIndex):
        check_ids(y.index, "y")
        outer: list[Hashable] = list(range(y.index.nlevels - 1))
        levels = outer if len(outer) > 1 else outer[0]
        series = {
            key if isinstance(key, tuple) else (key,): group.droplevel(outer)
            for key, group in table.groupby(level=levels, sort=False, observed=True)
        }
        if (noted := noted_step(y.index.levels[-1])) is not None:
            series = {key: one.set_axis(noted.note_on(one.index), axis=0) for key, one in series.items()}
    for key, one in series.items():
        step = None if known is None else known.get(key)
        checked_step(one.index, name=name_instance(key), known=() if step is None else (step,))
        without_infinity(one.to_numpy(dtype=np.float64), one.index, one.columns, name_instance(key))
    return series


def append_rows(past: pd.DataFrame, new: pd.DataFrame, step: Step | None, name: str) -> pd.DataFrame:
    """Append new rows to old rows; where they overlap, the new rows replace the old ones.

    Parameters
    ----------
    past, new : DataFrame of shape (n_rows, n_channels)
        Rows in time order.
    step : Step or None
        Step of the series in ``fit``, if known.
    name : str
        Name of the series, for error messages.

    Returns
    -------
    rows : DataFrame
        Old rows before the first new one, then the new ones.

    Raises
    ------
    ValueError
        If the channels differ, or the step of the index changes.
    """
    if list(past.columns) != list(new.columns):
        raise ValueError(f"{name} must have the columns of fit, {list(past.columns)}; got {list(new.columns)}.")
    zones = [str(getattr(one.index, "tz", None)) for one in (past, new)]
    if type(past.index.dtype) is not type(new.index.dtype) or zones[0] != zones[1]:
        raise ValueError(f"the index of {name} must be {past.index.dtype} as in fit; got {new.index.dtype}.")
    if step is not None and not step.keeps(new.index):
        raise ValueError(
            f"the index of {name} must keep the step of fit, {step}; got labels from {new.index[0]} to "
            f"{new.index[-1]} that do not."
        )
    rows = pd.concat([past.loc[past.index < new.index[0]], new])
    rows.index.name = new.index.name
    checked_step(rows.index, name=name, known=() if step is None else (step,))
    return rows


def find_labels(index: pd.Index, wanted: pd.Index, step: Step | None = None) -> np.ndarray:
    """Return the number of steps from the end of an index to later labels.

    Parameters
    ----------
    index : Index
        Labels of the known rows.
    wanted : Index
        Labels of later rows.
    step : Step or None, default=None
        Step of the labels, if known.

    Returns
    -------
    steps : ndarray of int
        1 for the row after the last.

    Raises
    ------
    ValueError
        If a label is not one of the following labels.
    """
    n_ahead = max(len(wanted), 1)
    while (ahead := continue_index(index, n_ahead, step=step))[-1] < wanted.max():
        n_ahead *= 2
    positions = ahead.get_indexer(wanted)
    if (positions < 0).any():
        raise ValueError(
            f"fh requests {wanted[int(np.argmax(positions < 0))]}, which is not one of the labels that follow "
            f"{index[-1]}: these are {ahead[0]}, {ahead[1] if len(ahead) > 1 else '...'}."
        )
    return positions + 1


def covariates_of(X: pd.DataFrame, names: Sequence[str], name: str = "X") -> pd.DataFrame:
    """Select covariates by name, in the order of ``fit``.

    Parameters
    ----------
    X : DataFrame of shape (n_rows, n_covariates)
        Covariates.
    names : sequence of str
        Names of the covariates in ``fit``.
    name : str, default="X"
        What to call the table in messages.

    Returns
    -------
    covariates : DataFrame of shape (n_rows, n_covariates)
        The columns in this order.

    Raises
    ------
    ValueError
        If a covariate is missing, or there are additional ones.
    """
    given = [str(column) for column in X.columns]
    if sorted(given) != sorted(names):
        raise ValueError(f"{name} must have the covariates of fit as columns, {list(names)}; got the columns {given}.")
    return X.iloc[:, [given.index(column) for column in names]]


def name_instance(key: Sequence[object]) -> str:
    """Return the name of a series of a panel for messages.

    Parameters
    ----------
    key : sequence of label
        Labels of the outer levels; empty for a single series.

    Returns
    -------
    name : str
        For messages.
    """
    if not key:
        return "y"
    return f"y of instance {key[0]!r}" if len(key) == 1 else f"y of instance {tuple(key)!r}"
