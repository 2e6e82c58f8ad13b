"""Convert the ids of a long table to numbers of series."""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import spelling
from skdistill.datasets._times import Times

__all__ = ["number_ids", "tell_other_spellings"]

_ODD = ("  ", "\n ", " \n", "\t", ".")  # parts of ids that can be written otherwise
_FEW_SHARED = 0.2  # of the rows of the shorter series, as where two exports overlap
_PADDED = re.compile(r"\b0\d")


def number_ids(frame: pd.DataFrame, columns: Sequence[Hashable], name: str) -> tuple[pd.Index, np.ndarray]:
    """Assign numbers to the series.

    Parameters
    ----------
    frame : DataFrame
        The table.
    columns : sequence of str
        The columns that identify the series; several are joined with ``"/"``.
    name : str
        Name of the table, for error messages.

    Returns
    -------
    labels : Index of shape (n_series,)
        The ids in order.
    codes : ndarray of int of shape (n_rows,)
        Which of them each row has.

    Raises
    ------
    ValueError
        If an id is missing, or ids have types without a common order.
    """
    parts = [_number_one(frame[column], column, name) for column in columns]
    if len(parts) == 1:
        return parts[0]
    together = np.zeros(len(frame), dtype=np.int64)
    for labels, codes in parts:
        together = together * len(labels) + codes
    codes, distinct = pd.factorize(together)
    names: list[np.ndarray] = []
    for labels, _ in reversed(parts):
        distinct, rest = np.divmod(distinct, len(labels))
        names.insert(0, labels.astype(str).to_numpy(dtype=object)[rest])
    texts = pd.Index(["/".join(one) for one in zip(*names, strict=True)])
    if texts.has_duplicates:
        raise ValueError(
            f"the ids of {name} have two meanings: {texts[texts.duplicated()][0]!r} comes from different values of "
            f"{', '.join(map(repr, columns))}. Build one column of ids yourself."
        )
    order = np.argsort(texts.to_numpy(dtype=object), kind="stable")
    return texts[order], np.argsort(order)[codes]


def _number_one(column: pd.Series, name: Hashable, table: str) -> tuple[pd.Index, np.ndarray]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, labels = column.cat.codes.to_numpy(), column.cat.categories
        used = np.zeros(len(labels), dtype=bool)
        used[codes[codes >= 0]] = True
        if not used.all():
            codes, labels = np.where(codes < 0, -1, np.cumsum(used)[codes] - 1), labels[used]
    else:
        codes, labels = pd.factorize(column)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise ValueError(
            f"the id column {name!r} of {table} lacks an id in {(codes < 0).sum()} rows, first in row {row}. Drop or "
            "name them; from a CSV file the texts 'NA', 'null' and 'None' are read as missing unless "
            "keep_default_na=False is given."
        )
    labels = _plain(pd.Index(labels))
    try:
        order = np.argsort(labels.to_numpy(), kind="stable")
    except TypeError:
        kinds = sorted({type(one).__name__ for one in labels})
        raise ValueError(
            f"the ids in {name!r} of {table} have several types, {' and '.join(kinds)}, which have no common order. "
            f"Make "
            "them equal, for example with .astype(str)."
        ) from None
    if (order[1:] > order[:-1]).all():
        return labels, codes
    places = np.empty(len(order), dtype=codes.dtype if codes.dtype.itemsize >= 4 else np.int32)
    places[order] = np.arange(len(order))
    return labels[order], places[codes]


def tell_other_spellings(times: Times, name: str) -> None:
    """Warn of two ids that differ in case, spaces, leading zeros or decimals alone, and share few times.

    Parameters
    ----------
    times : Times
        Series and times of all rows.
    name : str
        Name of the table, for the message.

    Warns
    -----
    UserWarning
        For the first two.
    """
    if _are_unlike(times.labels.tolist()):
        return
    groups, _ = pd.factorize(pd.Index([spelling(one) for one in times.labels], dtype=object))
    is_shared = np.bincount(groups) > 1
    if not is_shared.any():
        return
    rows, n_times = is_shared[groups[times.series]], len(times.moments)
    series, codes = np.divmod(np.unique(times.series[rows].astype(np.int64) * n_times + times.codes[rows]), n_times)
    at_once, counts = np.unique(groups[series] * n_times + codes, return_counts=True)
    n_both = np.bincount(at_once[counts > 1] // n_times, minlength=len(is_shared))
    fewest = np.full(len(is_shared), len(times.codes))
    np.minimum.at(fewest, groups, np.bincount(times.series, minlength=len(groups)))
    is_shared &= n_both <= _FEW_SHARED * fewest
    if is_shared.any():
        one, other = times.labels[groups == np.argmax(is_shared)][:2]
        warnings.warn(
            f"{name} has the ids {one!r} and {other!r}, which differ in case, spaces, leading zeros or decimals alone "
            f"and share {'few times' if n_both[np.argmax(is_shared)] else 'no time'}: they are two series. If they are "
            "one, write its id in one way.",
            stacklevel=stacklevel_of_user(),
        )


def _are_unlike(labels: list[Hashable]) -> bool:
    """Return whether a quick look shows that no two ids have one spelling; False where it does not tell."""
    texts = [one for one in labels if isinstance(one, str)]
    together = "\n".join(texts)
    if len(texts) < len(labels) or not together.isascii() or any(one in f"\n{together}\n" for one in _ODD):
        return False
    is_padded = len(set(map(len, texts))) == 1  # all alike
    return (is_padded or not _PADDED.search(together)) and len(set(map(str.casefold, texts))) == len(texts)


def _plain(labels: pd.Index) -> pd.Index:
    """Convert nullable and Arrow types to pandas' default types."""
    if isinstance(labels.dtype, np.dtype) or labels.dtype.kind in "mM":
        return labels
    return pd.Index(labels.to_numpy(dtype=object)).infer_objects()
