"""Forecast contexts in blocks; all estimators use this module."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils._usual_modes import inference
from skdistill.data._context_batch import ContextBatch, ContextCutter
from skdistill.data._contexts import Contexts
from skdistill.data._scaling import Scaling
from skdistill.data._scaling_checks import FAR
from skdistill.data._series import Series
from skdistill.fused._runtime import fused_answer, fused_quantiles
from skdistill.networks._base import NetworkOutput, NetworkSpec
from skdistill.networks._inputs import network_inputs
from skdistill.probabilistic._calibration import shift_quantiles
from skdistill.teachers._base import BaseTeacher

__all__ = ["Predictor", "blocks"]

_BLOCK = 1024  # number of windows forecast at once, which bounds memory


def blocks(n_windows: int) -> Iterator[slice]:
    """Split windows into blocks that are forecast at once.

    Parameters
    ----------
    n_windows : int
        Number of windows.

    Yields
    ------
    block : slice
        The next windows.

    Examples
    --------
    >>> list(blocks(1500))
    [slice(0, 1024, None), slice(1024, 1500, None)]
    """
    for first in range(0, n_windows, _BLOCK):
        yield slice(first, min(first + _BLOCK, n_windows))


@dataclass(frozen=True)
class Predictor:
    """A trained student that forecasts in original units.

    A student that can be fused forecasts with matrix products, any other with its module, on the CPU.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        What it was built for.
    scaling : Scaling
        Scaling of the series.
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None, default=None
        Offsets of a calibration, added to the quantiles in standardized units.
    dtype : {"float32", "float64"}, default="float32"
        Type of the computation.
    bounded : bool, default=True
        Whether forecasts and quantiles are clipped to the bounds of ``scaling``.
    known : tuple of int, default=()
        Channels that are known covariates, whether the student reads them or not.
    lacks_vintages : bool, default=False
        Whether what was known at earlier origins is unknown, so that contexts need ``future``.
    """

    student: nn.Module
    spec: NetworkSpec
    scaling: Scaling
    offsets: np.ndarray | None = None
    dtype: str = "float32"
    bounded: bool = True
    known: tuple[int, ...] = ()
    lacks_vintages: bool = False

    @property
    def reads_calendar(self) -> bool:
        """Whether the student reads the time labels of contexts."""
        return self.spec.n_time_features > 0

    def _clip(self, values: np.ndarray) -> np.ndarray:
        return self.scaling.clip(values) if self.bounded else values

    def cutter(self, series: list[Series]) -> ContextCutter:
        """Return an object that builds the contexts that the student reads.

        Parameters
        ----------
        series : list of Series
            The series, in original units.

        Returns
        -------
        cutter : ContextCutter
            The cutter, with time labels if the student reads the calendar.
        """
        return ContextCutter(
            series,
            self.spec.context_length,
            self.reads_calendar,
            self.numbers_of(series),
            self.spec.known,
            self.spec.prediction_length,
            self.lacks_vintages,
        )

    def numbers_of(self, series: list[Series]) -> np.ndarray | None:
        """Find series among those that the units were found on, by their ids.

        Parameters
        ----------
        series : list of Series
            The series.

        Returns
        -------
        numbers : ndarray of int of shape (n_series,) or None
            -1 for a series that ``fit`` has not seen; None where units do not depend on it.
        """
        return self.scaling.numbers_of([one.id for one in series]) if self.scaling.kind == "series" else None

    def forecast(self, contexts: ContextBatch) -> np.ndarray:
        """Forecast what follows each context.

        Parameters
        ----------
        contexts : ContextBatch
            Contexts of at least ``context_length`` rows; the last ones are used.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units, in the float type of the contexts.
        """
        fused = fused_answer(self.student, self.spec, self.scaling, self.dtype)

        def answer(block: ContextBatch) -> np.ndarray:
            if fused is not None:
                return fused(block)
            read = self._read(block)
            forecasts = read.forecasts_to_original(self._ask(read).forecast.numpy())
            return self.scaling.settle(forecasts, block.values, read.units)

        return self._clip(self._in_blocks(contexts, answer, ()))

    def forecast_quantiles(self, contexts: ContextBatch) -> np.ndarray:
        """Forecast quantiles after each context.

        Parameters
        ----------
        contexts : ContextBatch
            Contexts of at least ``context_length`` rows; the last ones are used.

        Returns
        -------
        quantiles : ndarray of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Quantiles in original units, shifted by ``offsets``, at the levels of ``spec.quantiles``.
        """
        levels = self.spec.quantiles
        assert levels is not None  # the estimators request quantiles only if there are some
        fused = fused_quantiles(self.student, self.spec, self.scaling, self.dtype, self.offsets)

        def answer(block: ContextBatch) -> np.ndarray:
            if fused is not None:
                return fused(block)
            read = self._read(block)
            quantiles = self._ask(read).quantiles
            assert quantiles is not None  # the student was built for levels
            shifted = read.quantiles_to_original(shift_quantiles(quantiles.numpy(), self.offsets, levels))
            return self.scaling.settle(shifted, block.values, read.units)

        return self._clip(self._in_blocks(contexts, answer, (len(levels),)))

    def forecast_teacher(
        self, teacher: BaseTeacher, contexts: ContextBatch, *, number: int | None = None, n_series: int = 1
    ) -> np.ndarray:
        """Forecast after each context with a teacher.

        Parameters
        ----------
        teacher : BaseTeacher
            The fitted teacher.
        contexts : ContextBatch
            Contexts, with time labels if there are any.
        number : int or None, default=None
            Number of the series that a single context belongs to; None if each context is a separate series.
        n_series : int, default=1
            Number of series.

        Returns
        -------
        forecasts : ndarray of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units, in the float type of the contexts.
        """

        def answer(block: ContextBatch) -> np.ndarray:
            read = block.standardized(self.scaling, self.spec.prediction_length, with_time=True, known=self.known)
            read = read if number is None else read.as_series(number, n_series)
            return read.forecasts_to_original(teacher.label_new(read).forecast.numpy())

        return self._in_blocks(contexts, answer, ())

    def _in_blocks(
        self, contexts: ContextBatch, answer: Callable[[ContextBatch], np.ndarray], more: tuple[int, ...]
    ) -> np.ndarray:
        """Forecast in blocks; ``more`` are the axes after the axis of targets."""
        contexts = contexts.last(self.spec.context_length)
        dtype = contexts.values.dtype
        if len(contexts) <= _BLOCK:
            return self._blank(self._checked(np.ascontiguousarray(answer(contexts), dtype), contexts), contexts)
        answers = np.empty((len(contexts), self.spec.prediction_length, self.spec.n_targets, *more), dtype)
        for block in blocks(len(contexts)):
            answers[block] = answer(contexts[block])
        return self._blank(self._checked(answers, contexts), contexts)

    def _checked(self, answers: np.ndarray, contexts: ContextBatch) -> np.ndarray:
        """Raise where an answer is not finite because of a value that was given, else warn."""
        finite = np.isfinite(answers)
        if finite.all():
            return answers
        reason = self.scaling.explain_overflow(contexts.values, contexts.series) or self._explain_covariates(contexts)
        if reason:
            raise ValueError(reason)
        if self.scaling.transformer_ is not None:
            window, _, target, *_ = (int(axis[0]) for axis in np.nonzero(~finite))
            n_spoiled = int((~finite).reshape(len(finite), -1).any(axis=1).sum())
            warnings.warn(
                f"the forecasts of {n_spoiled} of {len(answers)} windows hold NaN or infinity, first window {window}, "
                f"target {self.spec.targets[target]}: the inverse of transformer={self.scaling.transformer_!r} has no "
                "value for what the student forecasts. Take a transformer whose inverse takes every number, such as "
                "StandardScaler, or None.",
                stacklevel=stacklevel_of_user(),
            )
            return answers
        unseen = contexts.unseen(self.spec.targets)
        if unseen is not None:  # these will be NaN
            np.moveaxis(finite, 2, 1)[unseen] = True
        n_spoiled = int((~finite).reshape(len(finite), -1).any(axis=1).sum())
        if n_spoiled:
            warnings.warn(
                f"the forecasts of {n_spoiled} of {len(answers)} windows hold NaN or infinity, though no given number "
                "is too large: weights are (fit again, with a smaller lr), or a network or teacher of your own "
                "computes what has no value, such as 0 / 0.",
                stacklevel=stacklevel_of_user(),
            )
        return answers

    def _explain_covariates(self, contexts: ContextBatch) -> str | None:
        """Describe a known or static covariate that is too large for networks, if there is one."""
        with np.errstate(over="ignore", invalid="ignore"):
            read = contexts.standardized(
                self.scaling, self.spec.prediction_length, with_time=False, dtype="float64", known=self.spec.known
            )
        ahead = None if contexts.future is None else read.future
        for values, name in ((ahead, "known covariates over the horizon"), (read.static, "static covariates")):
            if values is None or not bool((values.abs() > FAR).any()):
                continue
            window = int(torch.argwhere(values.abs() > FAR)[0, 0])
            return (
                f"the forecast of window {window} is not finite: its {name} have a value "
                f"{values[window].abs().max():.3g} standard deviations from the training rows, beyond what float32 can "
                "compute with. Write NaN where a value is unknown, or clip it."
            )
        return None

    def _blank(self, answers: np.ndarray, contexts: ContextBatch) -> np.ndarray:
        """Write NaN where nothing of a target is observed in its context: there is nothing to forecast from."""
        unseen = contexts.unseen(self.spec.targets)
        if unseen is not None:
            np.moveaxis(answers, 2, 1)[unseen] = np.nan
        return answers

    def _read(self, contexts: ContextBatch) -> Contexts:
        """Standardize contexts, with calendar features if the student reads them."""
        return contexts.standardized(
            self.scaling,
            self.spec.prediction_length,
            with_time=self.reads_calendar,
            dtype=self.dtype,
            known=self.spec.known,
        )

    def _ask(self, contexts: Contexts) -> NetworkOutput:
        with inference():
            return self.student(**network_inputs(self.spec, contexts, torch.device("cpu")))
