"""Given labels: forecasts made elsewhere, assigned to rows by their origins."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import read_numbers
from skdistill.data._contexts import Contexts
from skdistill.data._fit_windows import FitWindows
from skdistill.data._label_kinds import kind_of_labels, same_labels
from skdistill.data._labels import Labels
from skdistill.data._series import Series
from skdistill.data._steps import Step, continue_index
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import NetworkSpec
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._fit_numbers import numbers_of_fit

__all__ = ["GivenLabels", "NoLabelError", "cut_labeled", "holds_given_labels", "warn_left_out"]

_MOST_NAMED = 5


class NoLabelError(ValueError):
    """Raised if a window has no given label."""


def warn_left_out(what: str, error: NoLabelError) -> None:
    """Warn that a teacher with given labels has no label here.

    Parameters
    ----------
    what : str
        What is left out.
    error : NoLabelError
        The reason.
    """
    warnings.warn(f"{what} is left out: {error}", stacklevel=stacklevel_of_user())


def holds_given_labels(teacher: Any) -> bool:
    """Return whether labels of a teacher, or of a member, are looked up instead of computed.

    Parameters
    ----------
    teacher : object
        Value of the parameter ``teacher``.

    Returns
    -------
    holds : bool
        Whether it contains a :class:`GivenLabels`.
    """
    if isinstance(teacher, list | tuple):
        return any(map(holds_given_labels, teacher))
    if not isinstance(teacher, BaseTeacher):
        return False
    return isinstance(teacher, GivenLabels) or holds_given_labels(list(teacher.get_params(deep=False).values()))


def cut_labeled(cutting: FitWindows, series: list[Series], teacher: BaseTeacher | None) -> TrainingWindows:
    """Build the windows of a panel: contexts that start before their series are used where they have a given label.

    Parameters
    ----------
    cutting : FitWindows
        How windows are built.
    series : list of Series
        The series.
    teacher : BaseTeacher or None
        The teacher, which contains a :class:`GivenLabels`.

    Returns
    -------
    windows : TrainingWindows
        Only whole contexts if no other context has a label.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        windows = cutting.cut(series)
    train = windows.train
    starts = train.starts.cpu().numpy()
    numbers = train.series_of(starts)
    kept = starts >= train.store.offsets[numbers]
    places = np.flatnonzero(~kept)
    origins = starts - train.store.offsets[numbers] + train.context_length
    spec = NetworkSpec(train.context_length, train.prediction_length, train.n_channels, train.targets)
    labeled = np.ones(len(places), dtype=bool)
    for one in _given_inside(teacher):
        one.check(spec)
        labeled &= one.covers(train.store, numbers[places], origins[places])
    if not labeled.any():
        return replace(cutting, min_observed=cutting.context_length).cut(series)
    for warning in told:
        warnings.warn(warning.message, warning.category, stacklevel=stacklevel_of_user())
    kept[places] = labeled
    return replace(windows, train=train.take(torch.from_numpy(kept)))


def _given_inside(teacher: Any) -> Iterator[GivenLabels]:
    """Yield the given labels in a teacher and its members."""
    if isinstance(teacher, GivenLabels):
        yield teacher
    elif isinstance(teacher, list | tuple):
        for one in teacher:
            yield from _given_inside(one)
    elif isinstance(teacher, BaseTeacher):
        yield from _given_inside(list(teacher.get_params(deep=False).values()))


class GivenLabels(BaseTeacher):
    """Teacher with forecasts made elsewhere, looked up by the row of their first step.

    Parameters
    ----------
    forecasts : array of shape (n_forecasts, prediction_length, n_targets)
        The forecasts, in original units; (n_forecasts, prediction_length) is accepted for one target.
    origins : array of shape (n_forecasts,)
        Row of the first step of each forecast: its index label if the series is a DataFrame (works in any fold of a
        cross-validation), otherwise its position in the series passed to ``fit`` (works only in folds that start at row
        0).
    series : array of int of shape (n_forecasts,) or None, default=None
        Number of the series that each forecast belongs to, in the order of ``fit``, if it gets several. After ``fit``,
        series with ids are found by them. In a panel, contexts that start before their series count where they have a
        forecast.

    Notes
    -----
    Forecasts of a model that was trained on rows of a test fold leak these rows.

    After ``fit``, ``predict_teacher`` and ``compare`` find forecasts only by index labels, because a position is
    meaningless in another series.

    Examples
    --------
    >>> import numpy as np
    >>> from skdistill.teachers import GivenLabels
    >>> teacher = GivenLabels(np.zeros((3, 2, 1)), origins=[8, 9, 10])
    >>> teacher.n_forecasts
    3
    """

    reads_validation = False
    labels_alone = True
    keeps_what_fit_learned = False
    source: str | None = "given forecasts"

    def __init__(self, forecasts: Any, origins: Any, *, series: Any = None) -> None:
        self.forecasts = forecasts
        self.origins = origins
        self.series = series

    @property
    def n_forecasts(self) -> int:
        """Number of forecasts."""
        return len(self.forecasts)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if forecasts and origins do not fit together or do not fit the problem."""
        self.__dict__.pop("_lookup", None)
        forecasts = self._forecasts()
        expected = (spec.prediction_length, spec.n_targets)
        if forecasts.shape[1:] != expected:
            raise ValueError(
                f"forecasts of GivenLabels must have shape (n_forecasts, prediction_length, n_targets) = "
                f"(n_forecasts, {expected[0]}, {expected[1]}); got {np.shape(self.forecasts)}."
            )
        for name, values in (("origins", self.origins), ("series", self.series)):
            if values is not None and len(values) != len(forecasts):
                raise ValueError(
                    f"{name} of GivenLabels must have one entry per forecast: {len(forecasts)}; got {len(values)}."
                )
        self._check_order()
        bad = np.argwhere(~np.isfinite(forecasts))
        if len(bad):
            row, step, channel = bad[0]
            raise ValueError(
                f"forecasts of GivenLabels must be finite; forecast {row} (origin {self.origins[row]}), step {step}, "
                f"target {channel} is {forecasts[row, step, channel]}."
            )
        if self._lookup.has_duplicates:
            raise ValueError(
                "origins of GivenLabels must be unique within a series; "
                f"{self._lookup[self._lookup.duplicated()][0]} comes twice."
            )

    def _check_order(self) -> None:
        """Raise if forecasts are labeled by their origins, in another order than origins."""
        labels, origins = getattr(self.forecasts, "index", None), pd.Index(self.origins)
        if not isinstance(labels, pd.Index) or labels.nlevels > 1:
            return
        if kind_of_labels(labels) != kind_of_labels(origins):
            return
        if not same_labels(labels, origins) and same_labels(labels.sort_values(), origins.sort_values()):
            raise ValueError(
                "forecasts of GivenLabels are labeled by their origins, in another order than origins: give "
                "origins=forecasts.index, or arrays in one order."
            )

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label one window, after a check that several series have numbers."""
        n_series = len(windows.train.store.indexes)
        if self.series is None and n_series > 1:
            raise ValueError(
                f"series of GivenLabels is None, and fit got {n_series} series: the forecasts of one would label all. "
                "Give the number of the series of each forecast, in the order of fit."
            )
        return super().probe(windows)

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> GivenLabels:
        """Store the ids of the series; nothing is learned.

        Parameters
        ----------
        windows : TrainingWindows
            Only the ids of their series are read.
        checkpoint : Path or None, default=None
            Ignored.
        """
        self.ids_ = tuple(windows.train.store.ids)
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Look up the forecasts.

        Raises
        ------
        ValueError
            If a window has no forecast.
        """
        way_out = (
            "forecasts for every training window (of those that label_share or max_labels choose, if set), and index "
            "labels as origins if folds do not start at row 0"
        )
        return self._look_up(contexts, "training needs", way_out)

    def label_new(self, contexts: Contexts) -> Labels:
        """Look up the forecasts by index labels, which identify rows in any series.

        Raises
        ------
        ValueError
            If there are no index labels, a series is not one of ``fit``, or a window has no forecast.
        """
        if any(contexts.indexes[number] is None for number in np.unique(contexts.series)):
            raise NoLabelError(
                "origins of GivenLabels are positions in the rows passed to fit, which have no index, and do not "
                "apply to "
                "other rows. Use timestamps as origins, and DataFrames in fit and here; or look at the forecasts "
                "themselves."
            )
        places = numbers_of_fit(contexts, self.ids_)
        unknown = contexts.series[places[contexts.series] < 0]
        if len(unknown):
            raise NoLabelError(
                f"GivenLabels knows the series of fit, {_some(self.ids_)}, and not {contexts.ids[unknown[0]]!r}. Leave "
                "it out."
            )
        by_position = not (self.ids_ and contexts.ids)
        if self.series is not None and by_position and len(contexts.indexes) <= max(self.series):
            raise NoLabelError(
                f"series of GivenLabels are numbers, up to {max(self.series)}, in the list passed to fit; got "
                f"{len(contexts.indexes)} series. Pass the same number of series in the same order."
            )
        return self._look_up(contexts, "was requested", "a forecast for it, or use rows that have one", places)

    def covers(self, store: SeriesStore, series: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Return which windows have a given label.

        Parameters
        ----------
        store : SeriesStore
            The series passed to ``fit``.
        series : ndarray of int of shape (n_windows,)
            Number of the series of each window.
        origins : ndarray of int of shape (n_windows,)
            Row of the first step of each window in its series.

        Returns
        -------
        covered : ndarray of bool of shape (n_windows,)
            Whether there is a forecast for it.
        """
        return np.asarray(self._lookup.get_indexer(self._keys(series, origins, store.indexes, store.steps)) >= 0)

    def _look_up(self, contexts: Contexts, need: str, way_out: str, places: np.ndarray | None = None) -> Labels:
        """Look up forecasts; ``places`` are the numbers in ``fit`` of the series of contexts, if they differ."""
        keys = self._keys(contexts.series, contexts.origins, contexts.indexes, contexts.steps, places)
        positions = self._lookup.get_indexer(keys)
        if (positions < 0).any():
            first = keys[int(np.argmax(positions < 0))]
            raise NoLabelError(
                f"GivenLabels covers no forecast that starts at row {first}, which {need} "
                f"({int((positions < 0).sum())} of the {len(positions)} windows looked up have none). Give {way_out}."
            )
        forecast = contexts.forecasts_to_standard(self._forecasts()[positions])
        return Labels(torch.from_numpy(np.ascontiguousarray(forecast)))

    def __getstate__(self) -> dict[str, Any]:
        """Drop the lookup table, which follows from the parameters."""
        state = dict(super().__getstate__())
        state.pop("_lookup", None)
        return state

    @cached_property
    def _lookup(self) -> pd.Index:
        origins = pd.Index(self.origins)
        return origins if self.series is None else pd.MultiIndex.from_arrays([np.asarray(self.series), origins])

    def _forecasts(self) -> np.ndarray:
        forecasts = read_numbers(self.forecasts, "forecasts of GivenLabels").astype(np.float64, copy=False)
        return forecasts[:, :, None] if forecasts.ndim == 2 else forecasts

    def _keys(
        self,
        series: np.ndarray,
        origins: np.ndarray,
        indexes: Sequence[pd.Index | None],
        steps: Sequence[Step | None],
        places: np.ndarray | None = None,
    ) -> pd.Index:
        """Return the label, or else the position, of the first horizon row of each window."""
        labels: list[Any] = []
        for number, origin in zip(series, origins, strict=True):
            index, step = indexes[number], steps[number] if number < len(steps) else None
            labels.append(origin if index is None else _label_at(index, int(origin), step))
        keys = pd.Index(labels)
        if self.series is None:
            return keys
        return pd.MultiIndex.from_arrays([series if places is None else places[series], keys])


def _some(ids: Sequence[Any]) -> str:
    return f"{', '.join(map(repr, ids[:_MOST_NAMED]))}{', ...' if len(ids) > _MOST_NAMED else ''}"


def _label_at(index: pd.Index, position: int, step: Step | None) -> Any:
    """Return the label of a row, also after the last label."""
    if position < len(index):
        return index[position]
    return continue_index(index, position - len(index) + 1, step=step)[-1]
