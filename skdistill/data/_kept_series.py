"""Reference to the series passed to ``fit``, with a check for changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._utils._digest import digest

__all__ = ["ChangedSeriesError", "KeptSeries"]


class ChangedSeriesError(ValueError):
    """Raised if the training series was changed in place after ``fit``."""


@dataclass(frozen=True)
class KeptSeries:
    """A reference to the input of ``fit``, with a fingerprint of its values.

    Parameters
    ----------
    X : array, DataFrame, Series, or a list of them
        The input; never copied.
    fingerprint : str
        Fingerprint of its values at that time.

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
        return cls(X, _fingerprint(X))

    def get(self) -> Any:
        """Return the series.

        Returns
        -------
        X : array, DataFrame, Series, or a list of them
            The object passed to ``fit``.

        Raises
        ------
        ChangedSeriesError
            If its values have changed.
        """
        if _fingerprint(self.X) != self.fingerprint:
            raise ChangedSeriesError(
                "the training series was changed in place after fit, which keeps it by reference: what needs it would "
                "learn from other rows. Give the rows that fit saw, train=X_train, or give fit a copy."
            )
        return self.X


def _fingerprint(X: Any) -> str:
    """Digest values and shapes; row labels are immutable in pandas."""
    found = hashlib.blake2b(digest_size=16)
    parts = list(X.values()) if isinstance(X, dict) else X
    for one in parts if isinstance(parts, list | tuple) else [parts]:
        if isinstance(one, pd.DataFrame) and not all(map(_is_number, one.dtypes)):
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


def _is_number(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)
