"""Labels made once, and looked up by every fold and by the last fit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from skdistill.data._labels import Labels
from skdistill.data._series import SeriesInput
from skdistill.data._training_windows import TrainingWindows, split_windows
from skdistill.data._windows import Windows
from skdistill.labeling._keys import describe_windows, is_unseeded, key_of
from skdistill.labeling._run import fit_and_label
from skdistill.losses._base import BaseLoss
from skdistill.networks._inputs import problem_of
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._probe import probe_teacher
from skdistill.training._batches import LabelSource

__all__ = ["LabelBook", "LookedUp", "label_training", "thin"]

_MOST_ROWS = np.int64(1) << 40  # more than any series has


def thin(windows: Windows, every: int, first_rows: np.ndarray, phases: np.ndarray | None) -> Windows:
    """Keep one of so many windows, the same ones in every fold.

    Parameters
    ----------
    windows : Windows
        The windows.
    every : int
        Distance of the origins that are kept.
    first_rows : ndarray of int of shape (n_series,)
        Row of the whole series at which each series of the windows starts.
    phases : ndarray of int of shape (n_series,) or None
        What is added to the origins of each series; the sums that are multiples of `every` are kept. None adds
        nothing.

    Returns
    -------
    windows : Windows
        The kept windows.

    Raises
    ------
    ValueError
        If none is left.
    """
    if every == 1:
        return windows
    series, origins = _places(windows)
    first_rows, phases = (_of_copies_too(one, len(windows.store.offsets)) for one in (first_rows, phases))
    origins = origins + first_rows[series] + phases[series]
    kept = torch.from_numpy(origins % every == 0)
    if not bool(kept.any()):
        raise ValueError(
            f"max_windows of DistilledForecasterCV keeps one of {every} windows, and none of the {len(kept)} before "
            "the horizons of a fold: give a larger max_windows, or None."
        )
    return windows.take(kept)


def _of_copies_too(values: np.ndarray | None, n_series: int) -> np.ndarray:
    """Return numbers of all series of a store, 0 for copies, which come after the others, and where there are none."""
    whole = np.zeros(n_series, dtype=int)
    if values is not None:
        whole[: len(values)] = values
    return whole


def _places(windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """Return the series and the origin of every window."""
    starts = windows.starts.cpu().numpy()
    series = windows.series_of(starts)
    return series, starts - windows.store.offsets[series] + windows.context_length


def label_training(forecaster: Any, windows: TrainingWindows, teacher: BaseTeacher, loss: BaseLoss) -> LabelSource:
    """Train a teacher if it needs training, and label the training windows.

    Parameters
    ----------
    forecaster : DistilledForecaster
        Its parameters say how and where labels are stored.
    windows : TrainingWindows
        The windows.
    teacher : BaseTeacher
        The teacher, with a seed and a device.
    loss : BaseLoss
        It determines whether features and quantiles are labeled.

    Returns
    -------
    labels : LabelSource
        Labels of the training windows.
    """
    labeling = forecaster._labeling(forecaster.memory)
    labeling = replace(labeling, choice=replace(labeling.choice, seed=(forecaster._seeds() or (0, 0))[0]))
    key = None
    if labeling.cache.persistent and not is_unseeded(teacher):
        key = key_of(teacher.for_cache_key(), describe_windows(windows))
    teacher.check(problem_of(windows.train))
    probe = probe_teacher(teacher, windows)
    return fit_and_label(teacher, windows, loss, labeling, key, probe, forecaster.verbose)[1]


@dataclass(frozen=True)
class LabelBook:
    """Labels of windows of whole series by a teacher that needs no training, at one context length.

    A label reads only the rows of its context, so it is the same in every fold whose training rows include the window.

    Parameters
    ----------
    windows : Windows
        The labeled windows; each is scaled by its own context.
    labels : LabelSource
        Their labels.
    keys : ndarray of int of shape (n_windows,)
        Series and origin of each window in one number, rising.
    """

    windows: Windows
    labels: LabelSource
    keys: np.ndarray

    @classmethod
    def make(
        cls,
        forecaster: Any,
        given: SeriesInput,
        teacher: BaseTeacher,
        loss: BaseLoss,
        *,
        first_stop: int,
        every: int,
        staggered: bool = False,
    ) -> LabelBook:
        """Label the windows of whole series.

        Parameters
        ----------
        forecaster : DistilledForecaster
            Not fitted, without validation, with ``scaling="window"``; its lengths and targets decide the windows.
        given : SeriesInput
            The whole series.
        teacher : BaseTeacher
            The teacher, with a seed and a device.
        loss : BaseLoss
            It determines whether features and quantiles are labeled.
        first_stop : int
            Number of rows at the end of each series in which a fold forecasts; they decide no number of the store.
        every : int
            Distance of the origins that are labeled.
        staggered : bool, default=False
            Whether they are others in each series.

        Returns
        -------
        book : LabelBook
            The labels.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rows left for the scaling; the last fit tells of windows
            cut = forecaster.set_params(validation_fraction=first_stop)._cut(given)
        train = cut.train
        n_before = min(train.store.front, train.context_length)
        whole = split_windows(
            train.store,
            context_length=train.context_length,
            prediction_length=train.prediction_length,
            targets=train.targets,
            validation_rows=[0] * len(given.series),
            min_observed=train.context_length - n_before,
        )
        numbers = np.arange(len(given.series))
        train = thin(whole.train, every, np.zeros_like(numbers), numbers if staggered else None)
        windows = replace(whole, train=train)
        labels = label_training(forecaster, windows, teacher, loss)
        series, origins = _places(windows.train)
        return cls(windows.train, labels, series * _MOST_ROWS + origins)

    def for_windows(self, windows: Windows, numbers: np.ndarray, first_rows: np.ndarray) -> LookedUp:
        """Return the labels of windows of the same series.

        Parameters
        ----------
        windows : Windows
            Windows of parts of the series.
        numbers : ndarray of int of shape (n_series,)
            Number, in the book, of each of their series.
        first_rows : ndarray of int of shape (n_series,)
            Row of the whole series at which each of their series starts.

        Returns
        -------
        labels : LookedUp
            In the order of the windows.

        Raises
        ------
        KeyError
            If a window has no label.
        """
        series, origins = _places(windows)
        keys = numbers[series] * _MOST_ROWS + origins + first_rows[series]
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        if (self.keys[places] != keys).any():
            raise KeyError(f"{int((self.keys[places] != keys).sum())} of {len(keys)} windows have no label.")
        return LookedUp(self, windows, torch.from_numpy(places))


@dataclass(frozen=True)
class LookedUp:
    """Labels of a book in the units of other windows.

    Parameters
    ----------
    book : LabelBook
        The labels.
    windows : Windows
        The windows that the labels are for.
    places : Tensor of int64 of shape (n_windows,)
        Their numbers in the book.
    """

    book: LabelBook
    windows: Windows
    places: Tensor

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.places)

    @property
    def weight(self) -> Tensor | None:
        """What each label counts; None if all count 1."""
        weight = self.book.labels.weight
        return None if weight is None else weight[self.places]

    def take(self, indices: Tensor) -> Labels:
        """Return the labels of some windows.

        Parameters
        ----------
        indices : Tensor of int64 of shape (n,)
            Numbers of the windows.

        Returns
        -------
        labels : Labels
            In their standardized units.
        """
        indices = indices.cpu()
        places = self.places[indices]
        labels = self.book.labels.take(places)
        forecast = self._convert(labels.forecast, indices, places)
        quantiles = labels.quantiles
        if quantiles is not None:
            levels = [self._convert(quantiles[:, level], indices, places) for level in range(quantiles.shape[1])]
            quantiles = torch.stack(levels, dim=1)
        return replace(labels, forecast=forecast, quantiles=quantiles)

    def _convert(self, values: Tensor, indices: Tensor, places: Tensor) -> Tensor:
        book = self.book.windows
        original = book.store.scaling.forecasts_to_original(values.cpu().numpy(), book.local_units(places))
        scaling = self.windows.store.scaling
        return torch.from_numpy(scaling.forecasts_to_standard(original, self.windows.local_units(indices)))
