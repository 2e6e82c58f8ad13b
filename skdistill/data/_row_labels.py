"""Checks of row labels: errors for several index levels, and for times and numbers of a type without steps."""

from __future__ import annotations

import datetime
import numbers
import re
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._index_checks import can_be_written, checked_step
from skdistill.data._steps import Step, as_time_index

__all__ = ["check_row_labels"]

_N_LOOKED_AT = 3  # labels at both ends checked for dates in text
_TIMES = (datetime.date, datetime.timedelta, np.datetime64, np.timedelta64, pd.Period)
_FIRST_YEAR = 1678  # text that pandas reads as an earlier date is a number or a word: "1000", "T1", "may"


def check_row_labels(index: pd.Index, *, name: str = "X", known: Iterable[Step] = ()) -> Step | None:
    """Raise unless the labels of a table are those of one series, in order if they are times or numbers.

    Parameters
    ----------
    index : Index
        The row labels.
    name : str, default="X"
        What to call the table in messages.
    known : iterable of Step, default=()
        Allowed steps of the labels, those of ``fit``.

    Returns
    -------
    step : Step or None
        Step of the labels; None if they have none.

    Raises
    ------
    ValueError
        If the index has several levels, contains dates as text, times or numbers as objects or beside other labels, or
        is out of order or irregular.

    Examples
    --------
    >>> import pandas as pd
    >>> check_row_labels(pd.Index(["north", "south"]))
    >>> check_row_labels(pd.Index(["2024-01-02", "2024-01-01"]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: The index of X is text, not time: '2024-01-02'. Write X.index = pd.to_datetime(X.index), or ...
    """
    if isinstance(index, pd.MultiIndex):
        outer = 0 if index.nlevels == 2 else list(range(index.nlevels - 1))
        raise ValueError(
            f"The index of {name} has {index.nlevels} levels, but a series has one label per row. For many series in "
            f"one "
            f"table pass a list: [g.droplevel({outer}) for _, g in {name}.groupby(level={outer})], or use "
            "skdistill.sktime.SktimeDistilledForecaster."
        )
    if not pd.api.types.is_numeric_dtype(index.dtype):
        _check_not_disguised(index, name)
    return checked_step(index, name=name, known=known)


def _check_not_disguised(index: pd.Index, name: str) -> None:
    """Raise if the labels are times or numbers in a type without order checks."""
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex):
        return
    if as_time_index(index) is not index:
        return
    labels = [*index[:_N_LOOKED_AT], *index[-_N_LOOKED_AT:]]
    if not labels:
        return
    dates = _are_dates(labels)
    _check_one_kind(index, labels, dates, name)
    is_text = all(isinstance(label, str) for label in labels)
    is_date = all(dates) if is_text else all(isinstance(label, datetime.date) for label in labels)
    if not is_date and (is_text or not _has_an_order(pd.Index(labels))):
        return
    kind = "text" if is_text else f"objects of type {type(labels[0]).__name__}"
    what, way = ("time", "pd.to_datetime({})") if is_date else ("a type with steps", "pd.Index({}.tolist())")
    if can_be_written(name):
        its = f"{name}.index"
        told = f"Write {its} = {way.format(its)}, or {name}.reset_index(drop=True) if the rows are in time order."
    else:
        level = way.format("X.index.levels[-1]")
        told = f"Write index = {way.format('index')}, or X.index = X.index.set_levels({level}, level=-1) of a panel."
    raise ValueError(f"The index of {name} is {kind}, not {what}: {str(labels[0])!r}. {told}")


def _check_one_kind(index: pd.Index, ends: list[Any], dates: list[bool], name: str) -> None:
    """Raise if half of the labels are times or numbers and others are not, as a total under a table is.

    Text is read as dates at both ends alone, where totals stand: whether each label there is one. Of T1 to T59, pandas
    reads T57 as a date in 2057: labels that differ in digits alone are of one kind.
    """
    labels = list(index)
    for what, some, are_one in (
        ("times", ends, dates),
        ("times", labels, [isinstance(label, _TIMES) for label in labels]),
        ("numbers", labels, [_is_number(label) for label in labels]),
    ):
        if all(are_one) or 2 * sum(are_one) < len(some):
            continue
        shapes = {_shape(label) for label, is_one in zip(some, are_one, strict=True) if is_one}
        others = [label for label in some if _shape(label) not in shapes]
        if not others:
            continue
        one, other = some[are_one.index(True)], others[0]
        raise ValueError(
            f"The index of {name} holds {what}, such as {str(one)!r}, and other labels, such as {other!r}: leave out "
            f"rows that are none of the series, such as a total, and write all labels as {what}; or number the rows, "
            "if they are all in time order."
        )


def _shape(label: Any) -> Any:
    return re.sub(r"\d+", "0", label) if isinstance(label, str) else label


def _is_number(label: Any) -> bool:
    is_number = isinstance(label, numbers.Number) and not isinstance(label, bool | np.bool_)
    return is_number and label == label  # not NaN


def _has_an_order(index: pd.Index) -> bool:
    """Say whether what pandas makes of objects is periods, durations or numbers."""
    is_number = pd.api.types.is_numeric_dtype(index.dtype) and not pd.api.types.is_bool_dtype(index.dtype)
    return is_number or isinstance(index, pd.PeriodIndex | pd.TimedeltaIndex)


def _are_dates(labels: list[Any]) -> list[bool]:
    """Return which labels are text of a date."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # day or month first: both are dates
        texts = [label if isinstance(label, str) else None for label in labels]
        moments = pd.to_datetime(pd.Index(texts, dtype=object), format="mixed", utc=True, errors="coerce")
    return (moments.notna() & (moments.year >= _FIRST_YEAR)).tolist()
