"""Comparison of a forecaster with its teacher, its student without a teacher, and baselines."""

from __future__ import annotations

from typing import Any

from skdistill._base import BaseDistilled
from skdistill.data._kept_series import KeptSeries

__all__ = ["ComparableMixin"]


class ComparableMixin(BaseDistilled):
    """Mixin for comparisons; it keeps a reference to the series passed to ``fit``."""

    def compare(self, X: Any, **options: Any) -> Any:
        """Compare teacher, student, the student without a teacher, and baselines on a series.

        Parameters
        ----------
        X : array, DataFrame, Series, or list
            A test series not used in ``fit``; its first ``context_length`` rows can be the last rows of the training
            series.
        **options : object
            Passed to :func:`skdistill.compare`.

        Returns
        -------
        comparison : Comparison
            A table; printing it shows the ratios in words.
        """
        from skdistill.comparison._compare import compare

        return compare({"student": self}, X, **options)

    def report(self, X: Any, path: Any, *, train: Any = None, title: str | None = None) -> Any:
        """Write a self-contained HTML report about this forecaster: comparison, plots, windows and settings.

        Needs matplotlib: ``pip install 'skdistill[plot]'``.

        Parameters
        ----------
        X : array, DataFrame, Series, or a list of them
            A test series not used in ``fit``; its first ``context_length`` rows can be the last rows of the training
            series.
        path : str or Path
            The HTML file to write; an existing file is replaced.
        train : array, DataFrame or None, default=None
            The training series, for the rows of the comparison that need it; None takes the series passed to ``fit``.
        title : str or None, default=None
            Heading of the report.

        Returns
        -------
        path : Path
            The file.
        """
        from skdistill.plotting._report import write_report

        return write_report(self, X, path, train=train, title=title)

    def training_series(self) -> Any:
        """Return the series passed to ``fit``, which :meth:`compare` and :meth:`report` need.

        Returns
        -------
        X : array, DataFrame, Series, list of them, or None
            The object passed to ``fit``; None after pickling and after :meth:`refresh`. After :meth:`partial_fit`, the
            rows so far of one series, in pickles, too; None for a panel.

        Raises
        ------
        ValueError
            If its values were changed since ``fit``.
        """
        seen = self.__dict__.get("_seen")
        if seen is not None and seen.moments is not None:
            return seen.table()
        kept = self.__dict__.get("_kept")
        return None if kept is None else kept.get()

    def _keep_for_comparing(self, X: Any) -> None:
        self._kept = KeptSeries.of(X)

    def __getstate__(self) -> dict[str, Any]:
        """Drop the training series."""
        state = dict(super().__getstate__())
        state.pop("_kept", None)
        return state
