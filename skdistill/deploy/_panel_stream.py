"""Streams of many series: forecast all of them at once while rows arrive."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from skdistill.data._context_batch import ContextBatch
from skdistill.data._forms import CutFrame, join_tables, take_apart
from skdistill.data._inputs import read_series
from skdistill.data._plausibility._new_ids import warn_of_alike_ids
from skdistill.data._row_labels import check_row_labels
from skdistill.data._series_labels import SeriesLabels
from skdistill.deploy._new_rows import NewRows
from skdistill.deploy._stream import Stream, tell_ahead
from skdistill.probabilistic._settings import at_levels

__all__ = ["PanelStream"]


class PanelStream:
    """The last context of every series of a panel, and their forecasts; created by ``forecaster.stream(panel)``.

    Series are known by their ids. A series that ``fit`` has seen keeps its units; a new one starts with its first row.
    One batch forecasts all series.

    Parameters
    ----------
    forecaster : DistilledForecaster
        A fitted forecaster with a student that reads no calendar features.
    recent : DataFrame with index levels (series, time), dict from id to series, or None, default=None
        Rows to start from; series can be shorter than ``context_length``.

    Examples
    --------
    >>> from skdistill import DistilledForecaster
    >>> from skdistill.datasets import make_multiseasonal
    >>> rows = make_multiseasonal(200, 1, seasons=(12,), random_state=0).to_numpy()
    >>> panel = {"shop 1": rows, "shop 2": 100 * rows}
    >>> forecaster = DistilledForecaster(
    ...     None, "linear", "response", context_length=24, prediction_length=6
    ... ).fit(panel)
    >>> stream = forecaster.stream({name: one[-24:] for name, one in panel.items()})
    >>> stream.append("shop 1", [0.3])
    >>> stream.extend({"shop 2": [[25.0]], "new": [[3.0], [4.0]]})
    >>> stream.ids, stream.predict().shape
    (('shop 1', 'shop 2', 'new'), (3, 6, 1))
    """

    def __init__(self, forecaster: Any, recent: Any = None) -> None:
        self.forecaster = forecaster
        self._streams: dict[Hashable, Stream] = {}
        self._told_ids = False
        Stream(forecaster)  # checks the forecaster
        if recent is not None:
            series = read_series(forecaster, recent, reset=False, allow_batch=False).series
            known = forecaster.predictor_.numbers_of(series)
            for number, one in enumerate(series):
                own = None if known is None else known[number : number + 1]
                self._streams[one.id] = Stream.of_series(forecaster, one, own)

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self._streams)

    @property
    def ids(self) -> tuple[Hashable, ...]:
        """Ids of the series, in the order of forecasts."""
        return tuple(self._streams)

    def append(self, id: Hashable, row: Any) -> None:
        """Append the next row of a series.

        Parameters
        ----------
        id : hashable
            Id of the series; an unknown one starts a series, with a warning if a series has it in another type.
        row : array of shape (n_channels,), Series or DataFrame of one row
            Numbers in original units, NaN where missing, as for :meth:`Stream.append`.

        Raises
        ------
        ValueError
            If it has wrong channels, a value is infinite, or its label is not the next one.
        """
        stream = self._streams.get(id)
        if stream is None and not self._told_ids:
            self._told_ids = warn_of_alike_ids([id], self._streams, "the stream")
        try:
            if stream is None:
                stream = Stream(self.forecaster)
                stream.set_id(id)
            stream.append(row)
        except ValueError as error:
            raise ValueError(f"series {id!r}: {error}") from error
        self._streams[id] = stream

    def extend(self, rows: Any) -> None:
        """Append the next rows of many series.

        Parameters
        ----------
        rows : DataFrame with index levels (series, time), or dict from id to rows
            One or more rows of some of the series; an unknown id starts a series. Numbers as labels only count the rows
            of a table: they must rise by one step, and can start anywhere.

        Raises
        ------
        ValueError
            If a row does not fit; series before it have their rows.
        """
        parts, form = take_apart(rows, "rows of extend") if not isinstance(rows, dict) else (list(rows.values()), None)
        if form is None and not isinstance(rows, dict):
            raise TypeError(
                "rows of extend must be a DataFrame with index levels (series, time), or a dict from id to rows; got "
                f"{type(rows).__name__}."
            )
        ids = list(rows) if form is None else list(form.ids)
        whole = self._read_whole(join_tables(parts) if form is None else parts)
        for number, id_ in enumerate(ids):
            stream = None if whole is None else self._streams.get(id_)
            if stream is None or whole is None or not stream.take_read(whole, number):
                self._append_each(id_, parts[number])

    def _read_whole(self, parts: Any) -> NewRows | None:
        """Read all rows at once; None if they are not one table, or if a row is odd: read alone, it is named."""
        if not isinstance(parts, CutFrame) or not self._streams:
            return None
        try:
            values = next(iter(self._streams.values())).read_values(parts.frame, "rows of extend")
        except ValueError:
            return None
        whole = NewRows(parts, values)
        return whole if whole.are_times and not np.isinf(values).any() else None

    def _append_each(self, id: Hashable, part: Any) -> None:
        """Append the rows of a series one by one."""
        if not hasattr(part, "iloc"):
            for row in part:
                self.append(id, row)
            return
        labels: SeriesLabels = getattr(self.forecaster, "series_labels_", None) or SeriesLabels()
        check_row_labels(part.index, name=f"series {id!r}", known=labels.steps)
        for number in range(len(part)):
            self.append(id, part.iloc[[number]])

    def predict(self, future: Any = None) -> np.ndarray:
        """Forecast the rows that follow the last one of each series, in one batch.

        Parameters
        ----------
        future : DataFrame with index levels (series, time), dict from id to rows, or None, default=None
            Known covariates of the rows that follow in every series, as for :meth:`Stream.predict`.

        Returns
        -------
        forecasts : ndarray of shape (n_series, prediction_length, n_targets)
            In original units, in the order of :attr:`ids`; NaN for a series whose context has no observed value.

        Raises
        ------
        ValueError
            If there is no series.
        """
        return self.forecaster.predictor_.forecast(self._contexts(future))

    def predict_quantiles(self, quantiles: Sequence[float] | None = None, *, future: Any = None) -> np.ndarray:
        """Forecast quantiles of the rows that follow the last one of each series, in one batch.

        Parameters
        ----------
        quantiles : sequence of float or None, default=None
            Levels within the range of the fitted levels; None returns the fitted levels.
        future : DataFrame, dict or None, default=None
            Known covariates of the rows that follow, as for :meth:`predict`.

        Returns
        -------
        quantiles : ndarray of shape (n_series, prediction_length, n_targets, n_quantiles)
            In original units, in the order of :attr:`ids`.

        Raises
        ------
        ValueError
            If there is no series, or the forecaster has no quantiles.
        """
        _, matrix = self.forecaster._asked(quantiles)
        return at_levels(self.forecaster.predictor_.forecast_quantiles(self._contexts(future)), matrix)

    def _contexts(self, future: Any) -> ContextBatch:
        if not self._streams:
            raise ValueError("stream has no series to forecast: append rows first, append('shop 1', row).")
        ahead = self._split_future(future)
        read = [stream.read_ahead(ahead.get(id_)) for id_, stream in self._streams.items()]
        each, series = [contexts for contexts, _ in read], [one for _, one in read if one is not None]

        def join(name: str) -> Any:
            parts = [getattr(one, name) for one in each]
            return None if parts[0] is None else np.concatenate(parts)

        future = join("future")
        if series:
            tell_ahead(self.forecaster, series, future)
        return ContextBatch(join("values"), series=join("series"), static=join("static"), future=future)

    def _split_future(self, future: Any) -> dict[Hashable, Any]:
        """Return the rows that follow each series, which must be those of the stream."""
        if future is None:
            return {}
        parts, form = take_apart(future, "future of predict")
        if form is None:
            raise TypeError(
                "future of predict must be a DataFrame with index levels (series, time), or a dict from id to rows; "
                f"got {type(future).__name__}."
            )
        ahead = dict(zip(form.ids, parts, strict=True))
        if missing := [id_ for id_ in self._streams if id_ not in ahead]:
            raise ValueError(f"future of predict must have rows for every series; series {missing[0]!r} has none.")
        if new := [id_ for id_ in ahead if id_ not in self._streams]:
            raise ValueError(f"future of predict has rows for series {new[0]!r}, which the stream does not have.")
        return ahead
