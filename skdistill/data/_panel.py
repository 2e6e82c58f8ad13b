"""sktime's tables, one series or a panel, taken apart into named series and put together again."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from skdistill.data._index_checks import check_time_index
from skdistill.data._steps import continue_index

__all__ = ["append_rows", "find_labels", "name_instance", "regular_step", "split_panel", "with_step"]

Key = tuple[object, ...]


def split_panel(y: pd.DataFrame, X: pd.DataFrame | None) -> dict[Key, pd.DataFrame]:
    """Take a panel apart, covariates beside the targets.

    Parameters
    ----------
    y : DataFrame of shape (n_rows, n_targets)
        One series, or many of them under the outer levels of a MultiIndex.
    X : DataFrame of shape (n_rows or more, n_covariates) or None
        Covariates, with every label of ``y`` among theirs.

    Returns
    -------
    series : dict of tuple to DataFrame
        Each series by the labels of its outer levels, ``()`` for a single one.
    """
    table = y.set_axis(["y"] if y.shape[1] == 1 else [f"y:{name}" for name in y.columns], axis=1)
    if X is not None:
        if not y.index.isin(X.index).all():
            raise ValueError("X must have a row for every label of y; some are missing.")
        covariates = X.set_axis([f"X:{name}" for name in X.columns], axis=1)
        table = pd.concat([table, covariates.loc[y.index]], axis=1)
    series: dict[Key, pd.DataFrame] = {(): table}
    if isinstance(y.index, pd.MultiIndex):
        outer: list[Hashable] = list(range(y.index.nlevels - 1))
        levels = outer if len(outer) > 1 else outer[0]
        series = {
            key if isinstance(key, tuple) else (key,): group.droplevel(outer)
            for key, group in table.groupby(level=levels, sort=False)
        }
    for key, one in series.items():
        check_time_index(one.index, name=name_instance(key))
    return series


def append_rows(past: pd.DataFrame, new: pd.DataFrame, step: pd.offsets.BaseOffset | None, name: str) -> pd.DataFrame:
    """Let new rows follow old ones; where they overlap, the new ones count.

    Parameters
    ----------
    past, new : DataFrame of shape (n_rows, n_channels)
        Rows in order of time.
    step : BaseOffset or None
        Step of the series when it was fitted, where it is known.
    name : str
        What to call the series in messages.

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
    if type(past.index.dtype) is not type(new.index.dtype):
        raise ValueError(f"the index of {name} must be {past.index.dtype} as in fit; got {new.index.dtype}.")
    _check_step(new.index, step, name)
    rows = pd.concat([past.loc[past.index < new.index[0]], new])
    rows.index.name = new.index.name
    check_time_index(rows.index, name=name)
    return rows


def _check_step(index: pd.Index, step: pd.offsets.BaseOffset | None, name: str) -> None:
    frequency = getattr(index, "freq", None) if isinstance(index, pd.PeriodIndex) else step
    regular = frequency == step
    if regular and isinstance(index, pd.DatetimeIndex) and step is not None:
        regular = index.equals(pd.date_range(index[0], periods=len(index), freq=step).as_unit(index.unit))
    if not regular:
        raise ValueError(
            f"the index of {name} must keep the step of fit, {getattr(step, 'freqstr', step)}; "
            f"got labels from {index[0]} to {index[-1]} that do not."
        )


def regular_step(index: pd.Index) -> pd.offsets.BaseOffset | None:
    """Return the step of a time index, where pandas can tell it.

    Parameters
    ----------
    index : Index
        Labels in order.

    Returns
    -------
    step : BaseOffset or None
        None for whole numbers, and where there are too few labels.
    """
    if isinstance(index, pd.PeriodIndex):
        return index.freq
    if not isinstance(index, pd.DatetimeIndex) or (index.freq is None and len(index) < 3):
        return None
    name = index.freqstr or pd.infer_freq(index)
    return None if name is None else pd.tseries.frequencies.to_offset(name)


def with_step(index: pd.Index, step: pd.offsets.BaseOffset | None) -> pd.Index:
    """Let a part of a time index know the step of the whole, which a few labels do not tell.

    Parameters
    ----------
    index : Index
        Labels in order.
    step : BaseOffset or None
        From :func:`regular_step`.

    Returns
    -------
    index : Index
        The same labels; with this ``freq`` where they had none and keep the step.
    """
    if step is None or not isinstance(index, pd.DatetimeIndex) or index.freq is not None:
        return index
    try:
        return pd.DatetimeIndex(index, freq=step)
    except ValueError:
        return index


def find_labels(index: pd.Index, wanted: pd.Index) -> np.ndarray:
    """Count the steps from the end of an index to labels that follow it.

    Parameters
    ----------
    index : Index
        Labels of the rows that are known.
    wanted : Index
        Labels of rows that follow.

    Returns
    -------
    steps : ndarray of int
        1 for the row after the last.

    Raises
    ------
    ValueError
        If a label is none of those that follow.
    """
    n_ahead = max(len(wanted), 1)
    while (ahead := continue_index(index, n_ahead))[-1] < wanted.max():
        n_ahead *= 2
    positions = ahead.get_indexer(wanted)
    if (positions < 0).any():
        raise ValueError(
            f"fh asks for {wanted[int(np.argmax(positions < 0))]}, which is none of the labels that follow "
            f"{index[-1]}: they go on {ahead[0]}, {ahead[1] if len(ahead) > 1 else '...'}."
        )
    return positions + 1


def name_instance(key: Sequence[object]) -> str:
    """Say which series of a panel is meant.

    Parameters
    ----------
    key : sequence of label
        Its labels on the outer levels; empty for a single series.

    Returns
    -------
    name : str
        For messages.
    """
    if not key:
        return "y"
    return f"y of instance {key[0]!r}" if len(key) == 1 else f"y of instance {tuple(key)!r}"
