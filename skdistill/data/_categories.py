"""Categorical columns as numbers: categories are found in training rows, and unknown ones are missing."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.preprocessing import OrdinalEncoder

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import spelling

__all__ = ["MOST_CATEGORIES", "count_channels", "encode_columns", "find_categories", "is_categorical", "spread"]

MOST_CATEGORIES = 256  # of one column; each is a channel
_MOST_SHOWN = 5
_MOST_CODES = 24  # numbers of a column that are taken for codes without a word, such as hours
_MOSTLY_NUMBERS = 0.8  # of the different values, from which others stand for missing ones
_MARKED = re.compile(
    r"[(<>]?[+\-\u2212]?[$€£]?\s*(?!0\d)\d[\d.,' \u00a0\u202f]*(%|€|\$|£|°\s?[CF]|\))"
    r"|[$€£]\s*\d[\d.,']*|\d{1,3}([,' \u00a0\u202f]\d{3})+(\.\d+)?"
)  # 10%, (5.0), $9, 1,200: numbers with marks
_NEARLY_ALL = 0.75  # different values by observed rows, from which a column names its rows


def is_categorical(dtype: Any) -> bool:
    """Return whether a column holds categories: text, pandas categories or objects, but no times.

    Parameters
    ----------
    dtype : dtype
        Type of the column.

    Returns
    -------
    categorical : bool
        False for numbers and booleans, which are the numbers 0 and 1.
    """
    if isinstance(dtype, pd.CategoricalDtype):
        return True
    return pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)


def find_categories(parts: Iterable[pd.Series], name: Hashable) -> tuple[Any, ...]:
    """Return the categories of a column, in order.

    Parameters
    ----------
    parts : iterable of Series
        Training rows of the column, of every series.
    name : hashable
        Name of the column, for error messages.

    Returns
    -------
    categories : tuple
        Text, booleans or numbers; missing values are no category.

    Raises
    ------
    ValueError
        If there are none, more than ``MOST_CATEGORIES``, or values that cannot be ordered.

    Warns
    -----
    UserWarning
        If they look like numbers, or there is nearly another one in every row, and they are no pandas categories; if
        two differ in case or spaces alone.
    """
    parts = list(parts)
    rows = np.concatenate([part.to_numpy(dtype=object) for part in parts])
    distinct = dict.fromkeys(value for value in pd.unique(rows) if not pd.isna(value))  # in order, for messages
    if not distinct:
        raise ValueError(f"column {name!r} has no observed value in the training rows: leave it out, or fill it.")
    values = [value.item() if isinstance(value, np.generic) else value for value in distinct]
    if not all(isinstance(value, str | bool | int | float) for value in values):
        odd = next(value for value in values if not isinstance(value, str | bool | int | float))
        raise ValueError(
            f"categories of column {name!r} must be text, booleans or numbers; got {odd!r} of type "
            f"{type(odd).__name__}. Convert the column, X[{name!r}].astype(str), or leave it out."
        )
    if len(values) > MOST_CATEGORIES:
        raise ValueError(
            f"column {name!r} has {len(values)} categories, and each would be a channel of its own: at most "
            f"{MOST_CATEGORIES} are taken. Group rare ones, leave the column out, or encode it yourself."
        )
    meant = isinstance(parts[0].dtype, pd.CategoricalDtype)
    like_numbers = [value for value in values if _reads_as_number(value)]
    if len(values) > _MOST_CODES and not meant and len(like_numbers) >= _MOSTLY_NUMBERS * len(values):
        others = [value for value in values if value not in set(like_numbers)]
        beside = f" beside {others[0]!r}" if others else ""
        way = f"pd.to_numeric(X[{name!r}]{', errors=' + repr('coerce') if others else ''})"
        warnings.warn(
            f"column {name!r} holds {len(like_numbers)} different numbers as {parts[0].dtype}, such as "
            f"{like_numbers[0]!r}{beside}: each becomes a category of its own. If they are numbers, X[{name!r}] = "
            f"{way}; if they are codes, astype('category') says so.",
            stacklevel=stacklevel_of_user(),
        )
    elif (
        len(values) > _MOST_CODES
        and not meant
        and len(values) > _NEARLY_ALL * (n_observed := int(pd.notna(rows).sum()))
    ):
        warnings.warn(
            f"column {name!r} holds {len(values)} different values in {n_observed} training rows, such as "
            f"{values[0]!r}: each becomes a channel of its own, and hardly any returns in other rows. Leave it out if "
            "it is free text or names the rows, or group its values; if they are categories, astype('category') says "
            "so.",
            stacklevel=stacklevel_of_user(),
        )
    if len({type(value) for value in values}) > 1:
        values = [_text_of(value) for value in values]
    _tell_other_spellings([value for value in values if isinstance(value, str)], name)
    table = np.array(values, dtype=object)[:, None]
    return tuple(OrdinalEncoder().fit(table).categories_[0].tolist())


def _tell_other_spellings(values: Sequence[str], name: Hashable) -> None:
    """Warn of two categories that differ in case or spaces alone; numbers such as 7 and 07 are codes."""
    first: dict[str, str] = {}
    for value in values:
        other = first.setdefault(spelling(value), value)
        if other != value and not spelling(value).isdigit():
            warnings.warn(
                f"column {name!r} has the categories {other!r} and {value!r}, which differ in case or spaces alone and "
                "count as two. If they are one, write it in one way.",
                stacklevel=stacklevel_of_user(),
            )
            return


def _text_of(value: Any) -> str:
    """Return a category as text; a whole number is the same whether a missing value beside it made it a float."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_number(value: Any) -> bool:
    """Return whether a category is a number, or text of one such as "-1.5"; 007 is a code."""
    if not isinstance(value, str):
        return not isinstance(value, bool)
    return re.fullmatch(r"(?=.*\d)\s*[+-]?(0|[1-9]\d*)?([.,]\d+)?([eE][+-]?\d+)?\s*", value) is not None


def _reads_as_number(value: Any) -> bool:
    """Return whether a category is a number, or text of one with a unit, a sign of percent, or marks of thousands."""
    return _is_number(value) or (isinstance(value, str) and _MARKED.fullmatch(value.strip()) is not None)


def encode_columns(frame: pd.DataFrame, categories: Mapping[int, Sequence[Any]], name: str) -> pd.DataFrame:
    """Replace categorical columns by the numbers of their categories.

    Parameters
    ----------
    frame : DataFrame
        The table.
    categories : mapping of int to sequence
        Categories by position of the column.
    name : str
        Name of the table, for warnings.

    Returns
    -------
    frame : DataFrame
        A copy with float columns: the number of the category, NaN for missing and unknown ones.

    Warns
    -----
    UserWarning
        If a category is unknown.
    """
    encoded: dict[int, Any] = {}
    for position, known in categories.items():
        encoded[position] = _encode(frame.iloc[:, position], known, name)
    parts = [encoded.get(place, frame.iloc[:, place]) for place in range(frame.shape[1])]
    columns = {number: part.to_numpy() for number, part in enumerate(parts)}
    return pd.DataFrame(columns, index=frame.index, copy=False).set_axis(frame.columns, axis=1)


def _encode(column: pd.Series, known: Sequence[Any], name: str) -> pd.Series:
    observed = column.notna().to_numpy()
    codes = np.full(len(column), np.nan)
    values = column.to_numpy(dtype=object)[observed]
    if values.size and len({type(one) for one in known}) == 1 and isinstance(known[0], str):
        ours = set(known)  # of a file of an earlier version, "7.0" may be one
        texts = ((str(value), value) for value in values)
        values = np.array([text if text in ours else _text_of(value) for text, value in texts], dtype=object)
    codes[observed] = pd.Index(known, dtype=object).get_indexer(pd.Index(values, dtype=object))
    unknown = codes < 0
    if unknown.any():
        new = list(dict.fromkeys(column.to_numpy(dtype=object)[unknown]))
        warnings.warn(
            f"column {column.name!r} of {name} has categories that the training rows do not have: "
            f"{', '.join(map(repr, new[:_MOST_SHOWN]))}{', ...' if len(new) > _MOST_SHOWN else ''}. They are read as "
            f"missing. The known ones are {', '.join(map(repr, known[:_MOST_SHOWN]))}"
            f"{', ...' if len(known) > _MOST_SHOWN else ''}; fit again to learn new ones.",
            stacklevel=stacklevel_of_user(),
        )
        codes[unknown] = np.nan
    return pd.Series(codes, index=column.index)


def count_channels(categories: Sequence[Any]) -> int:
    """Return how many channels a categorical column becomes.

    Parameters
    ----------
    categories : sequence
        Its categories.

    Returns
    -------
    n_channels : int
        1 for one or two categories, otherwise one per category.
    """
    return 1 if len(categories) <= 2 else len(categories)


def spread(codes: np.ndarray, n_categories: int) -> np.ndarray:
    """Convert numbers of categories to channels of 0 and 1.

    Parameters
    ----------
    codes : ndarray of shape (...)
        Numbers of categories, NaN where missing.
    n_categories : int
        Number of categories.

    Returns
    -------
    channels : ndarray of shape (..., n_channels)
        One channel per category; only that of the second for two. NaN where missing.

    Examples
    --------
    >>> spread(np.array([0.0, 2.0]), 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    own = np.array([1.0]) if n_categories <= 2 else np.arange(float(n_categories))
    hot = (codes[..., None] == own).astype(codes.dtype)
    hot[np.isnan(codes)] = np.nan
    return hot
