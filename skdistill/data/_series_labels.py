"""What the series of ``fit`` were called: their columns and how their rows go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._steps import Step, as_time_index, find_step

__all__ = ["SeriesLabels", "check_columns", "has_names", "match_columns", "same_columns"]

_MOST_SHOWN = 8  # columns that a message lists


@dataclass(frozen=True)
class SeriesLabels:
    """The labels that ``fit`` saw; immutable. Every later door compares with them and carries the index on from them.

    Parameters
    ----------
    columns : pandas.Index or None
        Names of the channels, of any type, as they were given; None where an array was given.
    steps : tuple of Step
        How rows go on, each step once: one, unless the series differ.
    """

    columns: pd.Index | None = None
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, columns: pd.Index | None, steps: Iterable[Step | None]) -> SeriesLabels:
        """Gather the labels of all series.

        Parameters
        ----------
        columns : pandas.Index or None
            Names of the channels.
        steps : iterable of Step or None
            One per series.

        Returns
        -------
        labels : SeriesLabels
            The labels.
        """
        distinct = dict.fromkeys(step for step in steps if step is not None)
        return cls(columns, tuple(distinct))

    def step_of(self, index: pd.Index | None) -> Step | None:
        """Say how an index goes on: as in ``fit`` where its labels allow that, else by what they show themselves.

        Parameters
        ----------
        index : pandas.Index or None
            Labels in order, however few.

        Returns
        -------
        step : Step or None
            None where neither tells.
        """
        if index is None:
            return None
        index = as_time_index(index)
        if getattr(index, "freq", None) is None and not isinstance(index, pd.RangeIndex):
            kept = [step for step in self.steps if step.keeps(index)]
            if len(kept) == 1:
                return kept[0]
            if len(kept) > 1 and len(index) < 3:  # which one, such labels do not tell
                return None
        return find_step(index)


def has_names(columns: pd.Index | None) -> bool:
    """Say whether channels have names, other than the numbers from 0 that pandas gives a table without any.

    Parameters
    ----------
    columns : pandas.Index or None
        Columns of a table.

    Returns
    -------
    named : bool
        Whether they say which channel is which.
    """
    return columns is not None and not (
        isinstance(columns, pd.RangeIndex) and columns.start == 0 and columns.step == 1 and columns.name is None
    )


def same_columns(known: pd.Index, columns: pd.Index) -> bool:
    """Say whether columns are those that were seen before, in their order; what has no names is taken by position.

    Parameters
    ----------
    known, columns : pandas.Index
        The columns that were seen, and those that are given now.

    Returns
    -------
    same : bool
        Whether the same channels are meant, as far as names say.
    """
    if known is columns:
        return True
    if len(known) != len(columns):
        return False
    if not has_names(columns) or (not has_names(known) and not pd.api.types.is_integer_dtype(columns.dtype)):
        return True
    return all(_same(one, other) for one, other in zip(known, columns, strict=True))


def match_columns(known: pd.Index | None, columns: pd.Index, *, name: str) -> list[int] | None:
    """Find the columns of ``fit`` among labels in any order.

    Parameters
    ----------
    known : pandas.Index or None
        The columns that were seen.
    columns : pandas.Index
        The labels that are given now.
    name : str
        What to call what has them in messages.

    Returns
    -------
    positions : list of int or None
        Where each column is; None where everything is in its place, or taken by position.

    Raises
    ------
    ValueError
        If one is missing, new or renamed.

    Examples
    --------
    >>> match_columns(pd.Index(["load", "price"]), pd.Index(["price", "load"]), name="row")
    [1, 0]
    """
    if known is None or same_columns(known, columns):
        return None
    given = list(columns)
    places = [next((place for place, other in enumerate(given) if _same(one, other)), -1) for one in known]
    if min(places) < 0 or len(set(places)) < len(given):
        check_columns(known, columns, name=name)
    return places


def check_columns(known: pd.Index | None, columns: pd.Index | None, *, name: str = "X", where: str = "fit") -> None:
    """Raise unless columns are those that were seen before, in their order; what has no names passes.

    Parameters
    ----------
    known : pandas.Index or None
        The columns that were seen.
    columns : pandas.Index or None
        The columns that are given now.
    name : str, default="X"
        What to call the table in messages.
    where : str, default="fit"
        Where the known ones were seen.

    Raises
    ------
    ValueError
        If one is missing, new or renamed, or their order differs.

    Examples
    --------
    >>> check_columns(pd.Index([101, 202]), pd.Index([202, 101]))
    Traceback (most recent call last):
        ...
    ValueError: X must have the columns of fit in their order, [101, 202]; got [202, 101]. Reorder them: X[[101, 202]].
    """
    if known is None or columns is None or same_columns(known, columns):
        return
    wanted, given = list(known), list(columns)
    missing = [one for one in wanted if not _among(one, given)]
    new = [one for one in given if not _among(one, wanted)]
    if not missing and not new and len(given) == len(wanted):
        raise ValueError(
            f"{name} must have the columns of {where} in their order, {_show(wanted)}; got {_show(given)}. Reorder "
            f"them: {name}[{_show(wanted)}]."
        )
    parts = [f"missing {_show(missing)}"] * bool(missing) + [f"new {_show(new)}"] * bool(new)
    raise ValueError(
        f"{name} must have the columns of {where}, {_show(wanted)}; got {_show(given)}"
        + (f": {', '.join(parts)}" if parts else "")
        + ". Select or rename them; arrays (X.to_numpy()) are taken by position."
    )


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False


def _among(one: Any, others: list[Any]) -> bool:
    return any(_same(one, other) for other in others)


def _show(names: list[Any]) -> str:
    shown = [name.item() if isinstance(name, np.generic) else name for name in names[:_MOST_SHOWN]]
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_SHOWN else ""
    return f"[{', '.join(map(repr, shown))}{more}]"
