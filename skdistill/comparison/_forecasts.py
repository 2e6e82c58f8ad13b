"""How students and teachers forecast the windows of a comparison, by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from skdistill._unwrap import UnwrappedModel
from skdistill.comparison._problem import Forecast, Problem
from skdistill.data._context_batch import ContextBatch
from skdistill.data._inputs import read_series
from skdistill.data._labels import Labels
from skdistill.data._levels import covered_levels, interpolation_matrix
from skdistill.data._local_scale import LocalUnits
from skdistill.data._windows import SeriesStore, Windows
from skdistill.teachers._given import NoLabelError

__all__ = ["Around", "student_forecast", "student_quantiles", "teacher_forecast", "teacher_quantiles"]

Around = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # forecasts, and quantiles at the common levels


def student_forecast(model: UnwrappedModel, problem: Problem, X: Any) -> Forecast:
    """Return the student's forecast.

    Parameters
    ----------
    model : UnwrappedModel
        The fitted forecaster.
    problem : Problem
        The windows.
    X : array, DataFrame, Series or list
        The series that they are windows of, in original units.

    Returns
    -------
    forecast : callable
        From numbers of windows to forecasts.
    """
    predictor, gather = model.forecaster.predictor_, _contexts_of(model, problem, X)

    def forecast(windows: np.ndarray) -> np.ndarray:
        return model.restore(predictor.forecast(gather(windows)))

    return forecast


def student_quantiles(model: UnwrappedModel, problem: Problem, X: Any) -> Around | None:
    """Return the student's forecast with quantiles at the common levels, if it covers them.

    Parameters
    ----------
    model : UnwrappedModel
        The fitted forecaster.
    problem : Problem
        The windows.
    X : array, DataFrame, Series or list
        The series that they are windows of, in original units.

    Returns
    -------
    forecast : callable or None
        From numbers of windows to forecasts and quantiles; None if the levels are not covered.
    """
    predictor, gather = model.forecaster.predictor_, _contexts_of(model, problem, X)
    matrix = _to_common(predictor.spec.quantiles, problem)
    if matrix is None:
        return None
    point = student_forecast(model, problem, X)

    def forecast(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return point(windows), model.restore_quantiles(predictor.forecast_quantiles(gather(windows)) @ matrix.T)

    return forecast


def _to_common(levels: tuple[float, ...] | None, problem: Problem) -> np.ndarray | None:
    """Return the map from quantiles at some levels to those at the common ones, if they are covered."""
    if levels is None or problem.levels is None or not covered_levels(levels, problem.levels).all():
        return None
    return interpolation_matrix(levels, problem.levels)


def _contexts_of(model: UnwrappedModel, problem: Problem, X: Any) -> Callable[[np.ndarray], ContextBatch]:
    """Return what gathers the contexts that a model's student reads."""
    series = read_series(model.forecaster, model.transform(X), reset=False, allow_batch=False).series
    cutter = model.forecaster.predictor_.cutter(series)

    def gather(windows: np.ndarray) -> ContextBatch:
        return cutter.cut(problem.numbers[windows], problem.starts[windows])

    return gather


def _labeler(
    model: UnwrappedModel, problem: Problem, X: Any
) -> Callable[[np.ndarray], tuple[Labels, LocalUnits | None]]:
    """Return what asks the teacher about windows, and the units of its answers."""
    forecaster = model.forecaster
    series = read_series(forecaster, model.transform(X), reset=False, allow_batch=False).series
    spec = forecaster.spec_
    numbers = forecaster.scaling_.numbers_of([one.id for one in series]).tolist()
    store = SeriesStore.from_series(series, forecaster.scaling_, padding=spec.prediction_length, numbers=numbers)
    rows = torch.from_numpy(store.offsets[problem.numbers] + problem.starts - spec.context_length)
    windows = Windows(store, rows, spec.context_length, spec.prediction_length, forecaster.targets_)

    def label(numbers: np.ndarray) -> tuple[Labels, LocalUnits | None]:
        contexts = windows.contexts(torch.from_numpy(numbers))
        return forecaster.teacher_.label_new(contexts), contexts.units

    return label


def teacher_forecast(model: UnwrappedModel, problem: Problem, X: Any) -> Forecast:
    """Return the teacher's forecast.

    Parameters
    ----------
    model : UnwrappedModel
        The fitted forecaster.
    problem : Problem
        The windows.
    X : array, DataFrame, Series or list
        The series that they are windows of, in original units.

    Returns
    -------
    forecast : callable
        From numbers of windows to forecasts.
    """
    label, scaling = _labeler(model, problem, X), model.forecaster.scaling_

    def forecast(numbers: np.ndarray) -> np.ndarray:
        labels, units = label(numbers)
        return model.restore(scaling.forecasts_to_original(labels.forecast.numpy(), units))

    return forecast


def teacher_quantiles(model: UnwrappedModel, problem: Problem, X: Any) -> Around | None:
    """Return the teacher's forecast with quantiles at the common levels, if it covers them.

    Parameters
    ----------
    model : UnwrappedModel
        The fitted forecaster.
    problem : Problem
        The windows.
    X : array, DataFrame, Series or list
        The series that they are windows of, in original units.

    Returns
    -------
    forecast : callable or None
        From numbers of windows to forecasts and quantiles; None if the levels are not covered.
    """
    if problem.levels is None:
        return None
    label, scaling = _labeler(model, problem, X), model.forecaster.scaling_
    try:
        levels = label(np.arange(1))[0].quantile_levels
    except NoLabelError:  # which measuring its forecasts tells
        return None
    matrix = _to_common(levels, problem)
    if matrix is None:
        return None

    def forecast(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        labels, units = label(numbers)
        assert labels.quantiles is not None  # it has levels
        quantiles = labels.quantiles.permute(0, 2, 3, 1).numpy() @ matrix.T
        point = model.restore(scaling.forecasts_to_original(labels.forecast.numpy(), units))
        return point, model.restore_quantiles(scaling.quantiles_to_original(quantiles, units))

    return forecast
