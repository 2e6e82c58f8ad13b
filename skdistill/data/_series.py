"""One series, or several, in normal form, and forecasts given back in the form of what was read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from skdistill.data._forms import PanelForm
from skdistill.data._labels_ahead import labels_ahead, stacked_labels
from skdistill.data._statics import Statics
from skdistill.data._steps import Step, continue_index

__all__ = ["Series", "SeriesInput"]


@dataclass(frozen=True)
class Series:
    """One series in normal form.

    Parameters
    ----------
    values : ndarray of shape (n_timestamps, n_channels)
        Floats in original units, NaN where missing.
    index : pandas.Index or None, default=None
        Time labels, if the input had them.
    columns : pandas.Index or None, default=None
        Channel names, if the input had them.
    was_vector : bool, default=False
        Whether the input was a pandas Series.
    step : Step or None, default=None
        Step of its index, if known.
    label_type : ExtensionDtype or None, default=None
        Original type of the index, if it was an Arrow type.
    id : hashable or None, default=None
        Id of the series in its panel.
    static : ndarray of shape (n_static,) or None, default=None
        Static covariates, standardized; None if there are none.
    ahead : ndarray of shape (n_timestamps + 1, prediction_length, n_known) or None, default=None
        Known covariates as they were known at each row, for the steps from that row on, in original units; NaN where
        unknown. None means that they are the values of the later rows.
    statics : Statics or None, default=None
        Names and units of the static covariates.
    """

    values: np.ndarray
    index: pd.Index | None = None
    columns: pd.Index | None = None
    was_vector: bool = False
    step: Step | None = None
    label_type: Any = None
    id: Hashable | None = None
    static: np.ndarray | None = None
    ahead: np.ndarray | None = None
    statics: Statics | None = None

    def __len__(self) -> int:
        """Return the number of timestamps."""
        return len(self.values)

    def name_of(self, channel: int) -> Hashable:
        """Return the name of a channel, or its number where channels have no names.

        Parameters
        ----------
        channel : int
            Its number.

        Returns
        -------
        name : hashable
            For messages and tables.
        """
        return channel if self.columns is None else self.columns[channel]

    def labels_ahead(self, n: int) -> pd.Index:
        """Return the labels of the next rows.

        Parameters
        ----------
        n : int
            Number of labels.

        Returns
        -------
        labels : Index of shape (n,)
            The continued index; numbers from 0 if it cannot be continued.
        """
        assert self.index is not None  # the series has labels
        ahead = continue_index(self.index, n, step=self.step)
        return ahead if self.label_type is None or type(ahead) is pd.RangeIndex else ahead.astype(self.label_type)

    def wrap_forecast(self, forecast: np.ndarray, targets: Sequence[int]) -> Any:
        """Convert a forecast to the form of this series.

        Parameters
        ----------
        forecast : ndarray of shape (prediction_length, n_targets)
            The rows that follow this series.
        targets : sequence of int
            The forecast channels.

        Returns
        -------
        forecast : ndarray, DataFrame or Series
            The same numbers; for pandas with the continued index.
        """
        if self.index is None or self.columns is None:
            return forecast
        index = self.labels_ahead(len(forecast))
        is_all = tuple(targets) == tuple(range(len(self.columns)))
        frame = pd.DataFrame(forecast, index=index, columns=self.columns if is_all else self.columns[list(targets)])
        return frame.iloc[:, 0] if self.was_vector else frame


@dataclass(frozen=True)
class SeriesInput:
    """User input in normal form: one series, a batch or a list.

    Parameters
    ----------
    series : list of Series
        The series; empty for a batch.
    batch : ndarray of shape (n_windows, n_timestamps, n_channels) or None, default=None
        The windows, if the input was a 3-D array.
    is_list : bool, default=False
        Whether the input was a list.
    form : PanelForm or None, default=None
        Form of a panel with ids.
    static : ndarray of shape (n_windows, n_static) or None, default=None
        Static covariates of the windows of a batch, standardized.
    """

    series: list[Series]
    batch: np.ndarray | None = None
    is_list: bool = False
    form: PanelForm | None = None
    static: np.ndarray | None = None

    @property
    def is_panel(self) -> bool:
        """Whether there can be several series."""
        return self.is_list or self.form is not None

    def name_of(self, number: int) -> str:
        """Return the name of a series for messages.

        Parameters
        ----------
        number : int
            Its place.

        Returns
        -------
        name : str
            Its id, or its place in a list.
        """
        one = self.series[number]
        if one.id is not None:
            return f"series {one.id!r}"
        return f"X[{number}]" if self.is_list else "X"

    def map(self, function: Callable[[Series], Any]) -> Any:
        """Apply a function to every series; the result has the form of the input.

        Parameters
        ----------
        function : callable
            Function of a series.

        Returns
        -------
        result : object, list of object or panel
            One result, or one per series in the form of the input.
        """
        return self.put_together([function(one) for one in self.series])

    def put_together(self, results: list[Any]) -> Any:
        """Convert one result per series to the form of the input.

        Parameters
        ----------
        results : list of object
            In the order of the series.

        Returns
        -------
        result : object, list of object or panel
            The only result, a list of results, or a panel with their ids.
        """
        if self.form is not None:
            return self.form.put_together(results)
        return results if self.is_list else results[0]

    def wrap_forecasts(self, forecasts: np.ndarray, targets: Sequence[int]) -> Any:
        """Give forecasts of every series the form of what was given.

        Parameters
        ----------
        forecasts : ndarray of shape (n_series, prediction_length, n_targets)
            The rows that follow each series.
        targets : sequence of int
            The channels that were forecast.

        Returns
        -------
        forecasts : list or panel
            The same numbers; for pandas with the index carried on.
        """
        length, columns = forecasts.shape[1], self.series[0].columns
        labeled = all(one.index is not None and one.columns is not None for one in self.series)
        if labeled and columns is not None and self.form is not None and self.form.kind == "frame":
            return self.form.stack_forecasts(forecasts, stacked_labels(self.series, length), columns[list(targets)])
        if not labeled or columns is None:
            pairs = zip(self.series, forecasts, strict=True)
            return self.put_together([one.wrap_forecast(rows, targets) for one, rows in pairs])
        frames = []
        last, chosen = columns, columns[list(targets)]
        for one, rows, labels in zip(self.series, forecasts, labels_ahead(self.series, length), strict=True):
            if one.columns is not None and one.columns is not last:
                last = one.columns
                chosen = last[list(targets)]
            frame = pd.DataFrame(rows, index=labels, columns=chosen, copy=False)
            frames.append(frame.iloc[:, 0] if one.was_vector else frame)
        return self.put_together(frames)

    def wrap_quantiles(
        self, quantiles: list[np.ndarray], targets: Sequence[int], labels: Sequence[Any], name: str
    ) -> Any:
        """Convert quantiles of every series to the form of the input.

        Parameters
        ----------
        quantiles : list of ndarray of shape (prediction_length, n_targets, n_quantiles)
            Quantiles of the rows that follow each series.
        targets : sequence of int
            The forecast channels.
        labels : sequence of object
            One label per quantile.
        name : str
            Name of the labels.

        Returns
        -------
        quantiles : ndarray, DataFrame, list or panel
            The same numbers; for pandas with the continued index, and columns of channel and label.
        """
        length, last = len(quantiles[0]), None
        labeled = [one for one in self.series if one.index is not None and one.columns is not None]
        ahead = iter(labels_ahead(labeled, length))
        results: list[Any] = []
        for one, rows in zip(self.series, quantiles, strict=True):
            if one.index is None or one.columns is None:
                results.append(rows)
                continue
            if one.columns is not last:
                last, columns = one.columns, _columns_of_quantiles(one.columns, targets, labels, name)
            results.append(pd.DataFrame(rows.reshape(length, -1), index=next(ahead), columns=columns, copy=False))
        return self.put_together(results)


def _columns_of_quantiles(columns: pd.Index, targets: Sequence[int], labels: Sequence[Any], name: str) -> pd.MultiIndex:
    """Return columns of channel and label."""
    channels = columns[list(targets)]
    if isinstance(channels, pd.MultiIndex):  # as tuples: pandas 2.2 makes no products of several levels
        channels = pd.Index(list(channels), tupleize_cols=False)
    both: list[Any] = [channels, list(labels)]
    return pd.MultiIndex.from_product(both, names=[channels.name or "channel", name])
