"""Forms of panels: convert a panel to a list of series with ids, and results back to the same form."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from skdistill.data._index_checks import check_ids
from skdistill.data._steps import Step, noted_step

__all__ = ["CutFrame", "PanelForm", "join_tables", "take_apart"]

_TIMES = (pd.DatetimeIndex, pd.PeriodIndex)
_MOST_SHOWN = 5  # maximum number of ids in a message


@dataclass(frozen=True)
class PanelForm:
    """The form of a panel: ids of its series, and how to combine results.

    Parameters
    ----------
    ids : tuple of hashable
        One per series, in order.
    kind : {"frame", "dict"}
        A DataFrame with index levels (series, time), or a dict from id to series.
    names : tuple of hashable, default=()
        Names of the outer index levels of a frame.
    was_vector : bool, default=False
        Whether the input was a pandas Series.
    """

    ids: tuple[Hashable, ...]
    kind: str
    names: tuple[Hashable, ...] = ()
    was_vector: bool = False

    def call(self, number: int) -> str:
        """Return the name of a series for messages.

        Parameters
        ----------
        number : int
            Which series.

        Returns
        -------
        name : str
            Such as ``series 'shop 17'``.
        """
        return f"series {self.ids[number]!r}"

    def stack_forecasts(self, forecasts: np.ndarray, labels: pd.Index, columns: pd.Index) -> Any:
        """Stack forecasts of equal length under the ids of a frame, without creating one table per series.

        Parameters
        ----------
        forecasts : ndarray of shape (n_series, prediction_length, n_columns)
            One per series.
        labels : Index of shape (n_series * prediction_length,)
            Labels of the rows, one series after another.
        columns : Index
            Names of the columns.

        Returns
        -------
        panel : DataFrame or Series
            Forecasts in the form of the panel.
        """
        numbers = np.repeat(np.arange(len(self.ids)), forecasts.shape[1])
        index = _under_ids(self.ids, self.names, numbers, [labels], labels.names)
        frame = pd.DataFrame(forecasts.reshape(len(numbers), -1), index=index, columns=columns)
        return frame.iloc[:, 0] if self.was_vector and frame.shape[1] == 1 else frame

    def put_together(self, answers: Sequence[Any]) -> Any:
        """Combine one result per series in the form of the panel.

        Parameters
        ----------
        answers : sequence of object
            Frames, Series or arrays, one per series.

        Returns
        -------
        panel : DataFrame, Series or dict
            Frames are stacked under their ids; anything else is a dict from id to answer.
        """
        if self.kind == "dict" or not all(isinstance(one, pd.DataFrame | pd.Series) for one in answers):
            return dict(zip(self.ids, answers, strict=True))
        stacked = _stack(answers, self.ids, self.names)
        return stacked.iloc[:, 0] if self.was_vector and stacked.ndim == 2 and stacked.shape[1] == 1 else stacked


class CutFrame(Sequence[pd.DataFrame]):
    """A frame with the rows of one series after another, and the row where each series starts.

    Parameters
    ----------
    frame : DataFrame
        Rows of all series, with their time labels as index.
    bounds : list of int
        The row where each series starts, and the number of rows.
    step : Step or None, default=None
        Step of the time labels, if they do not show it themselves.
    """

    def __init__(self, frame: pd.DataFrame, bounds: list[int], step: Step | None = None) -> None:
        self.frame, self.bounds, self.step = frame, bounds, step

    def __len__(self) -> int:
        """Count the series."""
        return len(self.bounds) - 1

    def __getitem__(self, number: Any) -> Any:
        """Return the frame of a series."""
        rows = self.frame.iloc[self.bounds[number] : self.bounds[number + 1]]
        return rows if self.step is None else rows.set_axis(self.step.note_on(rows.index), axis=0)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        """Yield the frame of each series."""
        return (self[number] for number in range(len(self)))


def take_apart(X: Any, name: str = "X") -> tuple[Any, PanelForm | None]:
    """Convert a panel to a list of series, each in the form of a single series.

    Parameters
    ----------
    X : object
        A DataFrame or Series with an index of several levels, the last one time; a dict from id to series; or anything
        else, which is returned unchanged.
    name : str, default="X"
        Name of the input, for error messages.

    Returns
    -------
    series : list, CutFrame or object
        The series in order of first appearance; the input unchanged if it is not a panel.
    form : PanelForm or None
        None if the input is not a panel.

    Raises
    ------
    ValueError, TypeError
        If there is no series, an id is missing, or a value of the dict is not a series.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2024-01-01", periods=2)], names=["shop", "day"])
    >>> series, form = take_apart(pd.DataFrame({"sales": [1.0, 2.0, 3.0, 4.0]}, index=index))
    >>> form.ids, series[1]["sales"].tolist()
    (('a', 'b'), [3.0, 4.0])
    """
    if isinstance(X, dict) and not issparse(X):  # some sparse arrays are dicts
        return _from_dict(X, name)
    if isinstance(X, pd.DataFrame | pd.Series) and isinstance(X.index, pd.MultiIndex):
        return _from_frame(X, name)
    return X, None


def _from_dict(given: dict[Hashable, Any], name: str) -> tuple[list[Any], PanelForm]:
    if not given:
        raise ValueError(f"{name} is an empty dict: give at least one series, such as {{'shop 1': frame}}.")
    for key, one in given.items():
        if isinstance(one, np.ndarray) and one.ndim == 1:
            raise ValueError(
                f"{name}[{key!r}] must be 2-D (n_timestamps, n_channels); got shape {one.shape}. One channel is "
                f"{name}[{key!r}][:, None]."
            )
        if not isinstance(one, pd.DataFrame | pd.Series | np.ndarray):
            raise TypeError(
                f"{name} must map each id to a DataFrame, Series or array of shape (n_timestamps, n_channels); got "
                f"{type(one).__name__} for {key!r}."
            )
    return list(given.values()), PanelForm(tuple(given), "dict")


def _from_frame(frame: pd.DataFrame | pd.Series, name: str) -> tuple[CutFrame, PanelForm]:
    if not len(frame):
        raise ValueError(f"{name} is an empty panel: give at least one series.")
    was_vector = isinstance(frame, pd.Series)
    if isinstance(frame, pd.Series):
        frame = frame.to_frame(frame.name if frame.name is not None else "value")
    index = frame.index
    assert isinstance(index, pd.MultiIndex)  # take_apart
    _check_levels(index, name)
    check_ids(index, name)
    codes, ids = _factorize(index)
    if (codes[1:] < codes[:-1]).any():
        order = np.argsort(codes, kind="stable")
        frame, codes = frame.iloc[order], codes[order]
    times, noted = frame.index.get_level_values(-1), noted_step(index.levels[-1])
    if noted is None and isinstance(times, pd.DatetimeIndex) and times.freq is not None:  # of a single series
        times = pd.DatetimeIndex(times, freq=None)  # type: ignore[arg-type]  # as those of several: the step of fit goes before what labels show
    ends = np.searchsorted(codes, np.arange(len(ids)), side="right")
    cut = CutFrame(frame.set_axis(times, axis=0), np.concatenate([[0], ends]).tolist(), noted)
    return cut, PanelForm(tuple(ids), "frame", tuple(index.names[:-1]), was_vector)


def join_tables(parts: Sequence[Any]) -> CutFrame | None:
    """Join the tables of several series, if they are alike.

    Parameters
    ----------
    parts : sequence of object
        Rows of each series.

    Returns
    -------
    joined : CutFrame or None
        None if some are no tables, or their columns, types or kinds of labels differ.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=3)
    >>> tables = [pd.DataFrame({"sales": [1.0, 2.0]}, days[:2]), pd.DataFrame({"sales": [5.0]}, days[2:])]
    >>> join_tables(tables).bounds
    [0, 2, 3]
    """
    if not parts or not all(isinstance(part, pd.DataFrame) for part in parts):
        return None
    columns, kind = parts[0].columns, _kind(parts[0])
    if not all(part.columns.equals(columns) and _kind(part) == kind for part in parts):
        return None
    ends = np.cumsum([len(part) for part in parts])
    return CutFrame(pd.concat(parts), [0, *ends.tolist()])


def _kind(table: pd.DataFrame) -> tuple[Any, ...]:
    return (type(table.index), table.index.dtype, *table.dtypes)


def _check_levels(index: pd.MultiIndex, name: str) -> None:
    """Raise if times are in an outer level and text is in the last one, because each time would be a series."""
    last = index.levels[-1]
    is_text = pd.api.types.is_string_dtype(last.dtype) or isinstance(last.dtype, pd.CategoricalDtype)
    timed = [number for number, level in enumerate(index.levels[:-1]) if isinstance(level, _TIMES)]
    if is_text and timed:
        raise ValueError(
            f"{name} must have time as the last index level; level {timed[0]} ({index.names[timed[0]]!r}) holds times, "
            f"and the last level ({index.names[-1]!r}) text such as {last[0]!r}. Swap them: "
            f"{name}.swaplevel({timed[0]}, -1)."
        )


def _factorize(index: pd.MultiIndex) -> tuple[np.ndarray, pd.Index]:
    """Return the series number of every row, in order of first appearance."""
    if index.nlevels != 2:
        return pd.factorize(index.droplevel(-1))
    codes, places = pd.factorize(np.asarray(index.codes[0]))  # integer codes avoid comparing ids row by row
    return codes, index.levels[0].take(places)


def _stack(answers: Sequence[Any], ids: Sequence[Hashable], names: Sequence[Hashable]) -> Any:
    """Stack frames under their ids; uses arrays to be fast for thousands of frames."""
    lengths = [len(one) for one in answers]
    inner = [one.index for one in answers]
    deep = isinstance(inner[0], pd.MultiIndex)
    first = inner[0]
    levels = (
        [_join([index.get_level_values(level) for index in inner]) for level in range(first.nlevels)]
        if deep
        else [_join(inner)]
    )
    index = _under_ids(ids, names, np.repeat(np.arange(len(ids)), lengths), levels, first.names)
    values = np.concatenate([one.to_numpy() for one in answers])
    if isinstance(answers[0], pd.Series):
        return pd.Series(values, index=index, name=answers[0].name)
    return pd.DataFrame(values, index=index, columns=answers[0].columns)


def _under_ids(
    ids: Sequence[Hashable],
    names: Sequence[Hashable],
    numbers: np.ndarray,
    inner: list[pd.Index],
    inner_names: Sequence[Hashable],
) -> pd.MultiIndex:
    """Add the ids of series as outer index levels; ids are sorted once, not for every row."""
    outer: pd.Index = pd.Index(list(ids))  # a MultiIndex if ids are tuples
    above = [pd.Categorical(outer.get_level_values(level)) for level in range(outer.nlevels)]
    below = [pd.Categorical(labels) for labels in inner]
    levels: list[Any] = [part.categories for part in (*above, *below)]
    codes = [*(part.codes[numbers] for part in above), *(part.codes for part in below)]
    return pd.MultiIndex(levels, codes, names=[*names, *inner_names], verify_integrity=False)


def _join(parts: list[pd.Index]) -> pd.Index:
    return parts[0].append(parts[1:])
