"""The series that ``fit`` saw, kept by reference, and how a change of it is noticed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill._base import BaseDistilled
from skdistill._utils._digest import digest

__all__ = ["ChangedSeriesError", "ComparableMixin", "KeptSeries"]


class ChangedSeriesError(ValueError):
    """The training series was changed in place after ``fit``."""


@dataclass(frozen=True)
class KeptSeries:
    """A reference to what a user gave to ``fit``, with a fingerprint of its values.

    Parameters
    ----------
    X : array, DataFrame, Series, or a list of them
        What the user gave; never copied.
    fingerprint : str
        Of its values at that time.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill._kept_series import KeptSeries
    >>> rows = np.zeros((5, 1))
    >>> kept = KeptSeries.of(rows)
    >>> kept.get() is rows
    True
    >>> rows[0] = 1.0
    >>> kept.get()
    Traceback (most recent call last):
        ...
    skdistill._kept_series.ChangedSeriesError: the training series was changed in place after fit, which keeps ...
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
            The object that was given.

        Raises
        ------
        ChangedSeriesError
            If its values are others now.
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
    for one in X if isinstance(X, list | tuple) else [X]:
        values = one.to_numpy() if isinstance(one, pd.DataFrame | pd.Series) else np.asarray(one)
        if values.dtype == object:
            found.update(digest(values).encode())
            continue
        found.update(repr((values.shape, values.dtype)).encode())
        found.update(np.ascontiguousarray(values).view(np.uint8).data)
    return found.hexdigest()


class ComparableMixin(BaseDistilled):
    """The part of a forecaster that is compared, for which it keeps a reference to the series that ``fit`` saw."""

    def compare(self, X: Any, **options: Any) -> Any:
        """Compare teacher, student, the student without a teacher, and baselines on a series.

        Parameters
        ----------
        X : array, DataFrame, Series, or list
            A test series that ``fit`` has not seen; its first ``context_length`` rows may be the
            last ones of the training series.
        **options : object
            Passed to :func:`skdistill.compare`.

        Returns
        -------
        comparison : Comparison
            A table; printing it says the ratios in words.
        """
        from skdistill.comparison._compare import compare

        return compare({"student": self}, X, **options)

    def report(self, X: Any, path: Any, *, train: Any = None, title: str | None = None) -> Any:
        """Write a self-contained page about this forecaster: comparison, plots, windows, settings.

        Needs matplotlib: ``pip install 'skdistill[plot]'``.

        Parameters
        ----------
        X : array, DataFrame, Series, or a list of them
            A test series that ``fit`` has not seen; its first ``context_length`` rows may be the
            last ones of the training series.
        path : str or Path
            The HTML file to write; an existing one is replaced.
        train : array, DataFrame or None, default=None
            The training series, for the rows of the comparison that need it; None takes the one that
            ``fit`` saw.
        title : str or None, default=None
            Heading of the page.

        Returns
        -------
        path : Path
            The file.
        """
        from skdistill.plotting._report import write_report

        return write_report(self, X, path, train=train, title=title)

    def training_series(self) -> Any:
        """Return the series that ``fit`` saw, which :meth:`compare` and :meth:`report` need.

        Returns
        -------
        X : array, DataFrame, Series, list of them, or None
            The object that was given to ``fit``; after :meth:`partial_fit`, the rows seen; None after pickling.

        Raises
        ------
        ValueError
            If its values were changed since.
        """
        seen = self.__dict__.get("_seen")
        if seen is not None and seen.moments is not None:
            return seen.table()
        kept = self.__dict__.get("_kept")
        return None if kept is None else kept.get()

    def _keep_for_comparing(self, X: Any) -> None:
        self._kept = KeptSeries.of(X)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the training series behind."""
        state = dict(super().__getstate__())
        state.pop("_kept", None)
        return state
