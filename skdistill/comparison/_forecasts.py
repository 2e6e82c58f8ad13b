"""How students and teachers forecast the windows of a comparison, by number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from skdistill._unwrap import UnwrappedModel
from skdistill.comparison._problem import Problem
from skdistill.data._bounds import warn_of_truth_outside
from skdistill.data._context_batch import ContextBatch
from skdistill.data._inputs import read_series
from skdistill.data._labels import Labels
from skdistill.data._levels import covered_levels, interpolation_matrix
from skdistill.data._local_scale import LocalUnits
from skdistill.data._store import SeriesStore
from skdistill.data._windows import Windows
from skdistill.teachers._another_zone import warn_of_zone_of_teacher
from skdistill.teachers._given import NoLabelError

__all__ = ["Around", "ModelForecasts", "StudentForecasts", "TeacherForecasts"]

Around = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # forecasts, and quantiles at the common levels


class ModelForecasts(ABC):
    """Forecasts of windows by the student or the teacher of a fitted forecaster.

    Parameters
    ----------
    model : UnwrappedModel
        The fitted forecaster.
    problem : Problem
        The windows.
    X : array, DataFrame, Series or list
        The series that they are windows of, in original units.
    """

    def __init__(self, model: UnwrappedModel, problem: Problem, X: Any) -> None:
        self.model = model
        self.problem = problem
        self.series = read_series(model.forecaster, model.transform(X), reset=False, allow_batch=False).series

    @abstractmethod
    def forecast(self, windows: np.ndarray) -> np.ndarray:
        """Forecast windows.

        Parameters
        ----------
        windows : ndarray of int of shape (n_windows,)
            Numbers of the windows.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            In original units.
        """

    def around(self) -> Around | None:
        """Return what forecasts quantiles at the common levels, too, if the model covers them.

        Returns
        -------
        forecast : callable or None
            From numbers of windows to forecasts and quantiles; None if the levels are not covered.
        """
        common = self.problem.levels
        own = None if common is None else self._levels()
        if own is None or common is None or not covered_levels(own, common).all():
            return None
        return partial(self._forecast_both, matrix=interpolation_matrix(own, common).T)

    @abstractmethod
    def _levels(self) -> tuple[float, ...] | None:
        """Return the levels of the model's own quantiles, if it has any."""

    @abstractmethod
    def _forecast_both(self, windows: np.ndarray, *, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forecast windows, and map the model's quantiles to the common levels."""


class StudentForecasts(ModelForecasts):
    """Forecasts by the student; see :class:`ModelForecasts`."""

    def __init__(self, model: UnwrappedModel, problem: Problem, X: Any) -> None:
        super().__init__(model, problem, X)
        forecaster = model.forecaster
        warn_of_truth_outside(self.series, forecaster.targets_, forecaster.scaling_.bounds, type(forecaster).__name__)
        self.predictor = forecaster.predictor_
        self.cutter = self.predictor.cutter(self.series)

    def forecast(self, windows: np.ndarray) -> np.ndarray:
        """Forecast windows; see :meth:`ModelForecasts.forecast`."""
        return self.model.restore(self.predictor.forecast(self._contexts(windows)))

    def _contexts(self, windows: np.ndarray) -> ContextBatch:
        return self.cutter.cut(self.problem.numbers[windows], self.problem.starts[windows])

    def _levels(self) -> tuple[float, ...] | None:
        return self.predictor.spec.quantiles

    def _forecast_both(self, windows: np.ndarray, *, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        quantiles = self.predictor.forecast_quantiles(self._contexts(windows)) @ matrix
        return self.forecast(windows), self.model.restore_quantiles(quantiles)


class TeacherForecasts(ModelForecasts):
    """Forecasts by the teacher, within the bounds of its student; see :class:`ModelForecasts`."""

    def __init__(self, model: UnwrappedModel, problem: Problem, X: Any) -> None:
        super().__init__(model, problem, X)
        forecaster = model.forecaster
        warn_of_zone_of_teacher(forecaster, self.series)
        self.teacher, self.scaling, spec = forecaster.teacher_, forecaster.scaling_, forecaster.spec_
        numbers = self.scaling.numbers_of([one.id for one in self.series]).tolist()
        store = SeriesStore.from_series(
            self.series,
            self.scaling,
            padding=spec.prediction_length,
            numbers=numbers,
            known=forecaster.predictor_.known,
        )
        rows = torch.from_numpy(store.offsets[problem.numbers] + problem.starts - spec.context_length)
        self.windows = Windows(store, rows, spec.context_length, spec.prediction_length, forecaster.targets_)

    def forecast(self, windows: np.ndarray) -> np.ndarray:
        """Forecast windows; see :meth:`ModelForecasts.forecast`."""
        return self._restore(*self._label(windows))

    def _label(self, windows: np.ndarray) -> tuple[Labels, LocalUnits | None]:
        """Return the teacher's labels of windows, and the units they are in."""
        contexts = self.windows.contexts(torch.from_numpy(windows))
        return self.teacher.label_new(contexts), contexts.units

    def _restore(self, labels: Labels, units: LocalUnits | None) -> np.ndarray:
        forecasts = self.scaling.forecasts_to_original(labels.forecast.numpy(), units)
        return self.model.restore(self.scaling.clip(forecasts))

    def _levels(self) -> tuple[float, ...] | None:
        try:
            return self._label(np.arange(1))[0].quantile_levels
        except NoLabelError:  # the point forecasts will report it
            return None

    def _forecast_both(self, windows: np.ndarray, *, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        labels, units = self._label(windows)
        assert labels.quantiles is not None  # it has levels
        quantiles = labels.quantiles.permute(0, 2, 3, 1).numpy() @ matrix
        restored = self.scaling.clip(self.scaling.quantiles_to_original(quantiles, units))
        return self._restore(labels, units), self.model.restore_quantiles(restored)
