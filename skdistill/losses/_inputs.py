"""Inputs of loss terms: one batch, its shapes, and the quadratic form of a term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from torch import Tensor

__all__ = ["LossInputs", "LossShapes", "QuadraticForm"]


class LossInputs(NamedTuple):
    """One batch as passed to a loss term. Forecasts are in standardized units.

    Attributes
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        The student's forecast.
    features : Tensor of shape (n_windows, n_targets, student_feature_size) or None
        The student's hidden state.
    truth : Tensor of shape (n_windows, prediction_length, n_targets)
        The observed values; meaningless where ``known`` is False.
    known : Tensor of bool of shape (n_windows,) or None
        Which windows have a known truth; None means all of them.
    teacher_forecast : Tensor of shape (n_windows, prediction_length, n_targets) or None
        The teacher's forecast; None without a teacher.
    teacher_features : Tensor or None
        The teacher's hidden state: (n_windows, n_targets, D) or (n_windows, n_targets, T, D).
    branches : object or None
        Outputs of the branches of a student that has several, for the terms that read them.
    context : Tensor of shape (n_windows, context_length, n_channels) or None
        Past of the windows with all channels; possibly on another device.
    quantiles : Tensor of shape (n_windows, prediction_length, n_targets, n_quantiles) or None
        The student's quantiles, at the levels in ``LossShapes.quantiles``.
    teacher_quantiles : Tensor of shape (n_windows, n_levels, prediction_length, n_targets) or None
        The teacher's quantiles, at the teacher's levels.
    observed : Tensor of bool of shape (n_windows, prediction_length, n_targets) or None
        Where the truth is observed; it is 0 elsewhere. None means everywhere.
    center, unit : Tensor of shape (n_windows, 1, n_targets) or None
        For windows that are scaled one by one: the original values are ``unit * standardized + center``.
    context_observed : Tensor of bool of the shape of ``context`` or None
        Where the past is observed; it is filled elsewhere. None means everywhere, or that no term reads it: a term
        asks with ``reads_context_mask = True`` of its module.
    label_weight : Tensor of shape (n_windows,) or None
        What the label of each window counts; the objective has applied it to the terms that read labels, which see only
        windows whose labels count. None means that all count 1.
    """

    forecast: Tensor
    features: Tensor | None
    truth: Tensor
    known: Tensor | None = None
    teacher_forecast: Tensor | None = None
    teacher_features: Tensor | None = None
    branches: object = None
    context: Tensor | None = None
    quantiles: Tensor | None = None
    teacher_quantiles: Tensor | None = None
    observed: Tensor | None = None
    center: Tensor | None = None
    unit: Tensor | None = None
    context_observed: Tensor | None = None
    label_weight: Tensor | None = None


@dataclass(frozen=True)
class LossShapes:
    """Shapes and levels of student and labels, known when a loss term is built.

    Parameters
    ----------
    prediction_length : int
        Steps of a forecast.
    n_targets : int
        Number of channels of a forecast.
    student_feature_size : int or None, default=None
        Width of the student's hidden state, None if it has none.
    teacher_feature_shape : tuple of int or None, default=None
        Shape of the teacher's hidden state without the window and channel axes: (D,) or (T, D);
        None if it has none.
    branch_sizes : tuple of int or None, default=None
        Widths of the hidden states of the branches, for a student with two branches.
    context_length : int or None, default=None
        Rows of a context, None if unknown.
    targets : tuple of int or None, default=None
        Positions of the forecast channels among the channels of a context; None means all.
    center, scale : tuple of float or None, default=None
        Scaling of each target: the series is ``scale * standardized + center``; None means 0 and 1.
    quantiles : tuple of float or None, default=None
        Levels of the student's quantiles, None if it has none.
    teacher_quantiles : tuple of float or None, default=None
        Levels of the teacher's quantiles, None if it has none.
    """

    prediction_length: int
    n_targets: int
    student_feature_size: int | None = None
    teacher_feature_shape: tuple[int, ...] | None = None
    branch_sizes: tuple[int, ...] | None = None
    context_length: int | None = None
    targets: tuple[int, ...] | None = None
    center: tuple[float, ...] | None = None
    scale: tuple[float, ...] | None = None
    quantiles: tuple[float, ...] | None = None
    teacher_quantiles: tuple[float, ...] | None = None


@dataclass(frozen=True)
class QuadraticForm:
    """A term that is a squared distance: mean over windows and channels of (s - t)' metric (s - t).

    Parameters
    ----------
    metric : ndarray of shape (prediction_length, prediction_length)
        Symmetric and positive semi-definite.
    target : {"truth", "teacher_forecast"}
        What the forecast is compared with.
    """

    metric: np.ndarray
    target: str
