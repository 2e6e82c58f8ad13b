"""What a loss term is, and what it sees."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skdistill._utils._checks import check_real
from skdistill._utils._doc_link import DocLink

__all__ = ["BaseLoss", "LossInputs", "LossShapes", "LossTerm", "QuadraticForm"]


class LossInputs(NamedTuple):
    """One batch, as a loss term sees it. Forecasts are in standardized units.

    Attributes
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        The student's forecast.
    features : Tensor of shape (n_windows, n_targets, student_feature_size) or None
        The student's hidden state.
    truth : Tensor of shape (n_windows, prediction_length, n_targets)
        What really happened; meaningless where ``known`` is False.
    known : Tensor of bool of shape (n_windows,) or None
        Which windows have a known truth; None means all of them.
    teacher_forecast : Tensor of shape (n_windows, prediction_length, n_targets) or None
        The teacher's forecast; None without a teacher.
    teacher_features : Tensor or None
        The teacher's hidden state: (n_windows, n_targets, D) or (n_windows, n_targets, T, D).
    branches : object or None
        What a student with several branches hands to its own terms.
    context : Tensor of shape (n_windows, context_length, n_channels) or None
        The windows' past, all channels, maybe on another device.
    quantiles : Tensor of shape (n_windows, prediction_length, n_targets, n_quantiles) or None
        The student's quantiles, at the levels that the shapes name.
    teacher_quantiles : Tensor of shape (n_windows, n_levels, prediction_length, n_targets) or None
        The teacher's quantiles, at levels of its own.
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


@dataclass(frozen=True)
class LossShapes:
    """What is known of student and labels when a loss term is built.

    Parameters
    ----------
    prediction_length : int
        Steps of a forecast.
    n_targets : int
        Channels of a forecast.
    student_feature_size : int or None, default=None
        Width of the student's hidden state, None if it has none.
    teacher_feature_shape : tuple of int or None, default=None
        Shape of the teacher's hidden state without the window and channel axes: (D,) or (T, D);
        None if it has none.
    branch_sizes : tuple of int or None, default=None
        Widths of the hidden states that a student with two branches hands to its own terms.
    context_length : int or None, default=None
        Rows of a context, None if unknown.
    targets : tuple of int or None, default=None
        The forecast channels among those of a context; None means all.
    center, scale : tuple of float or None, default=None
        Of each target: the series is ``scale * standardized + center``; None means 0 and 1.
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


class BaseLoss(DocLink, BaseEstimator, abc.ABC):
    """Anything that ``loss=`` takes: one term or a sum of named terms."""

    @abc.abstractmethod
    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return the terms with their names, each name unique.

        Returns
        -------
        terms : sequence of (str, LossTerm)
            The terms of the objective, in order.
        """

    def __add__(self, other: BaseLoss) -> BaseLoss:
        """Add two losses to one :class:`~skdistill.losses.LossSum`."""
        from skdistill.losses._sum import add_losses

        return add_losses(self, other) if isinstance(other, BaseLoss) else NotImplemented


class LossTerm(BaseLoss):
    """One addend of the objective: a parameter object with a ``weight``.

    A subclass declares in ``requires`` what it reads and returns in :meth:`build` a module whose
    ``forward(inputs: LossInputs)`` gives the *unweighted* scalar; the objective multiplies it by
    ``weight``. Parameters of that module train with the student and are dropped after.

    Attributes
    ----------
    requires : frozenset of str
        What the term reads: ``"truth"``, ``"teacher_forecast"``, ``"teacher_features"``, ``"teacher_quantiles"``,
        ``"student_features"``, ``"student_quantiles"``, ``"branches"``. A term that needs nothing of the teacher
        survives ``teacher=None``.
    prefers : frozenset of str
        What the term reads where it exists, and can do without.
    weight : float
        Non-negative factor in the objective; a term of weight 0 is left out.
    """

    requires: ClassVar[frozenset[str]] = frozenset()
    prefers: ClassVar[frozenset[str]] = frozenset()
    weight: float

    def check(self) -> None:
        """Raise if a parameter is out of its range; called before any training."""
        check_real(self.weight, f"weight of {type(self).__name__}", minimum=0.0)

    @abc.abstractmethod
    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term.

        Parameters
        ----------
        shapes : LossShapes
            What is known of student and labels.

        Returns
        -------
        module : torch.nn.Module
            Its ``forward`` maps :class:`LossInputs` to a scalar.
        """

    def quadratic_form(self, prediction_length: int) -> QuadraticForm | None:
        """Return the term as a quadratic form, for students that are solved exactly.

        Parameters
        ----------
        prediction_length : int
            Steps of a forecast.

        Returns
        -------
        form : QuadraticForm or None
            None where the term is no quadratic form of the forecast.
        """
        return None

    def named_terms(self) -> Sequence[tuple[str, LossTerm]]:
        """Return this term under its class name in lower case.

        Returns
        -------
        terms : list of (str, LossTerm)
            One pair.
        """
        return [(type(self).__name__.lower(), self)]
