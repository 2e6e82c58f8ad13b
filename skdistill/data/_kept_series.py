"""Reference to the series passed to ``fit``, with a check for changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._digest import digest
from skdistill.data._forms import join_tables

__all__ = ["ChangedSeriesError", "KeptSeries"]


class ChangedSeriesError(ValueError):
    """Raised if the training series was changed in place after ``fit``."""


@dataclass(frozen=True)
class KeptSeries:
    """A reference to the input of ``fit``, with a fingerprint of its values, and its labels.

    Parameters
    ----------
    X : array, DataFrame, Series, or a list of them
        The input; never copied.
    fingerprint : str
        Fingerprint of its values at that time.
    labels : tuple
        Its row and column labels at that time.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.data._kept_series import KeptSeries
    >>> rows = np.zeros((5, 1))
    >>> kept = KeptSeries.of(rows)
    >>> kept.get() is rows
    True
    >>> rows[0] = 1.0
    >>> kept.get()
    Traceback (most recent call last):
        ...
    skdistill.data._kept_series.ChangedSeriesError: the training series was changed in place after fit, which keeps ...
    """

    X: Any
    fingerprint: str
    labels: tuple[Any, ...]

    @classmethod
    def of(cls, X: Any) -> KeptSeries:
        """Keep a reference to a series.

        Parameters
        ----------
        X : array, DataFrame, Series, or a list of them
            The series.

        Returns
        -------
        kept : KeptSeries
            The reference.
        """
        return cls(X, _fingerprint(X), _labels(X))

    def get(self) -> Any:
        """Return the series.

        Returns
        -------
        X : array, DataFrame, Series, or a list of them
            The object passed to ``fit``.

        Raises
        ------
        ChangedSeriesError
            If its values or labels have changed.
        """
        if _fingerprint(self.X) != self.fingerprint or not _are_equal(_labels(self.X), self.labels):
            raise ChangedSeriesError(
                "the training series was changed in place after fit, which keeps it by reference: what needs it would "
                "learn from other rows. Give the rows that fit saw, train=X_train, or give fit a copy."
            )
        return self.X


def _fingerprint(X: Any) -> str:
    """Digest values and shapes; labels are kept, because an index is immutable in pandas."""
    found = hashlib.blake2b(digest_size=16)
    parts = list(X.values()) if isinstance(X, dict) else X
    parts = parts if isinstance(parts, list | tuple) else [parts]
    if len(parts) > 1 and _has_text(parts[0]) and (joined := join_tables(parts)) is not None:
        found.update(repr(joined.bounds).encode())
        parts = [joined.frame]  # hashed one by one, many take long
    for one in parts:
        if _has_text(one):
            hashed = pd.util.hash_pandas_object(one, index=False)  # text and categories, by their values
            found.update(repr(one.shape).encode() + hashed.to_numpy().tobytes())
            continue
        values = one.to_numpy() if isinstance(one, pd.DataFrame | pd.Series) else np.asarray(one)
        if values.dtype == object:
            found.update(digest(values).encode())
            continue
        found.update(repr((values.shape, values.dtype)).encode())
        found.update(np.ascontiguousarray(values).view(np.uint8).data)
    return found.hexdigest()


def _labels(X: Any) -> tuple[Any, ...]:
    """Return the ids, and the labels of rows and columns, of a series or of several."""
    if isinstance(X, dict):
        return (pd.Index(list(X), tupleize_cols=False), *_labels(list(X.values())))
    if isinstance(X, list | tuple):
        return tuple(label for one in X for label in _labels(one))
    return tuple(X.axes) if isinstance(X, pd.DataFrame | pd.Series) else ()


def _are_equal(some: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    """Return whether labels are equal, each in its order."""
    return len(some) == len(others) and all(map(pd.Index.equals, some, others))


def _has_text(X: Any) -> bool:
    """Return whether a table has columns of text, categories or objects."""
    return isinstance(X, pd.DataFrame) and not all(map(_is_number, X.dtypes))


def _is_number(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
