"""Row labels that the door refuses: several levels, and moments that are not of a time type."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterable

import pandas as pd

from skdistill.data._index_checks import checked_step
from skdistill.data._steps import Step, as_time_index

__all__ = ["check_row_labels"]

_N_LOOKED_AT = 3  # labels at either end that say whether text holds dates
_FIRST_YEAR = 1678  # what pandas reads as earlier is a number or a word: "1000", "T1", "may"


def check_row_labels(index: pd.Index, *, name: str = "X", known: Iterable[Step] = ()) -> Step | None:
    """Raise unless the labels of a table are those of one series, and in order where they are moments or numbers.

    Parameters
    ----------
    index : Index
        The row labels.
    name : str, default="X"
        What to call the table in messages.
    known : iterable of Step, default=()
        Steps that the labels may have, those of ``fit``.

    Returns
    -------
    step : Step or None
        How the labels go on; None where they do not.

    Raises
    ------
    ValueError
        If the index has several levels, holds dates as text or as date objects, or is out of order or irregular.

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
            f"The index of {name} has {index.nlevels} levels, but a series has one label a row. Of many series in one "
            f"table give a list: [g.droplevel({outer}) for _, g in {name}.groupby(level={outer})], or use "
            "skdistill.sktime.SktimeDistilledForecaster."
        )
    if not pd.api.types.is_numeric_dtype(index.dtype):
        _check_not_disguised(index, name)
    return checked_step(index, name=name, known=known)


def _check_not_disguised(index: pd.Index, name: str) -> None:
    """Raise if the labels are moments in a type whose order nobody checks."""
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex):
        return
    if as_time_index(index) is not index:
        return
    labels = [*index[:_N_LOOKED_AT], *index[-_N_LOOKED_AT:]]
    is_text = bool(labels) and all(isinstance(label, str) for label in labels)
    if not (_are_dates(labels) if is_text else _are_date_objects(labels)):
        return
    kind = "text" if is_text else f"objects of type {type(labels[0]).__name__}"
    raise ValueError(
        f"The index of {name} is {kind}, not time: {str(labels[0])!r}. Write {name}.index = "
        f"pd.to_datetime({name}.index), or {name}.reset_index(drop=True) if the rows are in order of time."
    )


def _are_date_objects(labels: list[object]) -> bool:
    return bool(labels) and all(isinstance(label, datetime.date) for label in labels)


def _are_dates(labels: list[str]) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # day or month first: either is a date
            moments = pd.to_datetime(labels, format="mixed", utc=True)
    except (ValueError, OverflowError):
        return False
    return not moments.hasnans and bool((moments.year >= _FIRST_YEAR).all())
