"""Labels of the series in ``fit``: their columns and steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._ends_of_steps import find_another_end, warn_of_another_end
from skdistill.data._pace import find_another_step, warn_of_another_step
from skdistill.data._steps import Step, as_time_index, find_step
from skdistill.data._zones import find_another_zone, warn_of_another_zone, zones_of

__all__ = ["SeriesLabels", "are_reordered", "check_columns", "has_names", "match_columns", "same_columns"]

_MOST_SHOWN = 8  # maximum number of columns in a message


@dataclass(frozen=True)
class SeriesLabels:
    """Labels of the series in ``fit``; immutable. Later calls compare with them and continue the index with them.

    Parameters
    ----------
    columns : pandas.Index or None
        Names of the channels, of any type; None for arrays.
    steps : tuple of Step
        Distinct steps of the series; one, unless the series differ.
    zones : tuple of str or None
        Distinct time zones of timestamps; None for times without a zone.
    """

    columns: pd.Index | None = None
    steps: tuple[Step, ...] = ()
    zones: tuple[str | None, ...] = ()

    @classmethod
    def of(
        cls, columns: pd.Index | None, steps: Iterable[Step | None], indexes: Iterable[pd.Index | None] = ()
    ) -> SeriesLabels:
        """Collect the labels of all series.

        Parameters
        ----------
        columns : pandas.Index or None
            Names of the channels.
        steps : iterable of Step or None
            One per series.
        indexes : iterable of pandas.Index or None
            Time labels, one per series.

        Returns
        -------
        labels : SeriesLabels
            The labels.
        """
        distinct = dict.fromkeys(step for step in steps if step is not None)
        return cls(columns, tuple(distinct), zones_of(indexes))

    def step_of(self, index: pd.Index | None) -> Step | None:
        """Return the step of an index: that of ``fit`` if the labels match it, otherwise inferred from the labels.

        Parameters
        ----------
        index : pandas.Index or None
            Labels in order, possibly few.

        Returns
        -------
        step : Step or None
            None if neither is possible.
        """
        return None if index is None else find_step(as_time_index(index), self.steps)

    def warn_of_others(
        self,
        indexes: Sequence[pd.Index | None],
        steps: Sequence[Step | None],
        name_of: Callable[[int], str],
        *,
        with_calendar: bool,
    ) -> None:
        """Warn of a series with another step than those of ``fit``, with another clock, or labeled by other days.

        Parameters
        ----------
        indexes : sequence of pandas.Index or None
            Time labels, one per series.
        steps : sequence of Step or None
            One per series.
        name_of : callable
            Names the series of a number.
        with_calendar : bool
            Whether the calendar is read, so that the clock counts, and which day of a quarter or week is its label.
        """
        other = find_another_step(steps, self.steps)
        if other is not None:
            warn_of_another_step(name_of(other), steps[other], self.steps)
        other = find_another_zone(indexes, self.zones) if with_calendar else None
        if other is not None:
            warn_of_another_zone(name_of(other), indexes[other], self.zones)
        other = find_another_end(steps, self.steps) if with_calendar else None
        if other is not None:
            warn_of_another_end(name_of(other), steps[other], self.steps)


def has_names(columns: pd.Index | None) -> bool:
    """Return whether channels have names, other than pandas' default numbers from 0.

    Parameters
    ----------
    columns : pandas.Index or None
        Columns of a table.

    Returns
    -------
    named : bool
        Whether the names identify channels.
    """
    return columns is not None and not (
        isinstance(columns, pd.RangeIndex) and columns.start == 0 and columns.step == 1 and columns.name is None
    )


def are_reordered(columns: pd.Index) -> bool:
    """Return whether names are pandas' default numbers from 0, in another order.

    Parameters
    ----------
    columns : pandas.Index
        Columns of a table.

    Returns
    -------
    reordered : bool
        Whether they are those of a table without names whose columns were reordered.

    Examples
    --------
    >>> are_reordered(pd.Index([1, 0])), are_reordered(pd.Index([0, 1])), are_reordered(pd.Index([101, 202]))
    (True, False, False)
    """
    if not pd.api.types.is_integer_dtype(columns.dtype):
        return False
    numbers = np.asarray(columns)
    default = np.arange(len(columns))
    return not np.array_equal(numbers, default) and np.array_equal(np.sort(numbers), default)


def same_columns(known: pd.Index, columns: pd.Index) -> bool:
    """Return whether columns equal the known columns, in order; columns without names are matched by position.

    pandas' default numbers are no names, but beside the same numbers in another order they are.

    Parameters
    ----------
    known, columns : pandas.Index
        The known columns, and the columns to check.

    Returns
    -------
    same : bool
        Whether they are the same channels, according to their names.
    """
    if known is columns:
        return True
    if len(known) != len(columns):
        return False
    if not has_names(columns):
        return not are_reordered(known)
    if not has_names(known) and not pd.api.types.is_integer_dtype(columns.dtype):
        return True
    return all(_same(one, other) for one, other in zip(known, columns, strict=True))


def match_columns(known: pd.Index | None, columns: pd.Index, *, name: str) -> list[int] | None:
    """Return the positions of the columns of ``fit`` among labels in any order.

    Parameters
    ----------
    known : pandas.Index or None
        The known columns.
    columns : pandas.Index
        The labels to check.
    name : str
        Name of the input, for error messages.

    Returns
    -------
    positions : list of int or None
        Position of each column; None if the order is already right or columns are matched by position.

    Raises
    ------
    ValueError
        If a column is missing, new or renamed.

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
    """Raise unless columns equal the known columns, in order; columns without names are accepted.

    Parameters
    ----------
    known : pandas.Index or None
        The known columns; None if they had no names.
    columns : pandas.Index or None
        The columns to check.
    name : str, default="X"
        What to call the table in messages.
    where : str, default="fit"
        Where the known columns come from.

    Raises
    ------
    ValueError
        If a column is missing, new or renamed, or the order differs.

    Warns
    -----
    UserWarning
        If only one of both has names, and they are not text, for which scikit-learn does not warn.

    Examples
    --------
    >>> check_columns(pd.Index([101, 202]), pd.Index([202, 101]))
    Traceback (most recent call last):
        ...
    ValueError: X must have the columns of fit in their order, [101, 202]; got [202, 101]. Reorder them: X[[101, 202]].
    """
    if known is None and columns is not None and are_reordered(columns):
        known = pd.RangeIndex(len(columns))
    if known is None or columns is None:
        return
    if same_columns(known, columns):
        named = known if has_names(known) else columns
        is_text = all(isinstance(one, str) for one in named)  # of which scikit-learn tells
        if has_names(known) != has_names(columns) and not is_text and not all(map(_same, known, columns)):
            warnings.warn(
                f"{name} has the {_kind(columns)}column names {_show(list(columns))}, and {where} saw "
                f"{_show(list(known))}: its columns are taken by position. Give it these names.",
                stacklevel=stacklevel_of_user(),
            )
        return
    wanted, given = list(known), list(columns)
    missing = [one for one in wanted if not _among(one, given)]
    new = [one for one in given if not _among(one, wanted)]
    if not missing and not new and len(given) == len(wanted):
        table = "X" if " " in name else name
        counted = f" If its numbers only count them, in that order: {table}.to_numpy()." * (not has_names(columns))
        raise ValueError(
            f"{name} must have the columns of {where} in their order, {_show(wanted)}; got {_show(given)}. Reorder "
            f"them: {table}[{_show(wanted)}].{counted}"
        )
    parts = [f"missing {_show(missing)}"] * bool(missing) + [f"new {_show(new)}"] * bool(new)
    raise ValueError(
        f"{name} must have the columns of {where}, {_show(wanted)}; got {_show(given)}"
        + (f": {', '.join(parts)}" if parts else "")
        + ". Select or rename them; arrays (X.to_numpy()) are taken by position."
    )


def _kind(columns: pd.Index) -> str:
    return "" if has_names(columns) else "default "


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other) or (pd.isna(one) is True and pd.isna(other) is True)  # NaN is a name, too
    except (TypeError, ValueError):
        return False


def _among(one: Any, others: list[Any]) -> bool:
    return any(_same(one, other) for other in others)


def _show(names: list[Any]) -> str:
    shown = [name.item() if isinstance(name, np.generic) else name for name in names[:_MOST_SHOWN]]
    more = f", ... ({len(names)} in all)" if len(names) > _MOST_SHOWN else ""
    return f"[{', '.join(map(repr, shown))}{more}]"
