"""Cache of the fused students that estimators forecast with; rebuilt when the student changes.

Weights that are replaced or changed in place are noticed by their address and version, and those that are changed
behind torch's back (``.data``, a NumPy view) by some values of each tensor. A change of single values there that misses
these is not noticed: make it under ``torch.no_grad()``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from skdistill._utils.numpy_student import NumpyStudent
from skdistill.data._context_batch import ContextBatch
from skdistill.data._scaling import Scaling
from skdistill.fused._fuse import fuse
from skdistill.fused._fused import FusedStudent, FusedUnits
from skdistill.networks._base import NetworkSpec

__all__ = ["Answer", "fuse_in_units", "fused_answer", "fused_quantiles", "numpy_student"]

_LARGEST = 1e18  # unit or level; its square is near the end of float32
_N_PROBED = 32  # values of each tensor
_FLOATS = (torch.float32, torch.float64)

Answer = Callable[[ContextBatch], np.ndarray]


@dataclass(frozen=True)
class _Entry:
    """A fused student, and the state it was built from."""

    student: NumpyStudent | None
    offsets: np.ndarray | None
    scaling: Scaling
    tensors: tuple[Tensor, ...]
    probes: tuple[np.ndarray, ...]
    state: tuple[tuple[int, ...] | bytes, ...]


# Stored outside the estimators, so that it is never pickled and predict does not change an estimator.
_ENTRIES: WeakKeyDictionary[nn.Module, _Entry] = WeakKeyDictionary()


def fused_answer(student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str) -> Answer | None:
    """Return the fused student, which works in original units.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        The problem it was built for.
    scaling : Scaling
        Scaling of the series.
    dtype : {"float32", "float64"}
        Type in which the products are computed.

    Returns
    -------
    answer : callable or None
        From contexts to forecasts (n_windows, prediction_length, n_targets); None if the student does not fuse.
    """
    entry = _ENTRIES.get(student)
    offsets = None if entry is None else entry.offsets  # no effect on the point forecast
    fused = _find(student, spec, scaling, dtype, offsets)
    return None if fused is None else _answer(fused, scaling, spec.known, fused.forecast, scaling.forecasts_to_original)


def _answer(
    fused: NumpyStudent,
    scaling: Scaling,
    known: tuple[int, ...],
    forecast: Callable[..., np.ndarray],
    restore: Callable[..., np.ndarray],
) -> Answer:
    """Return the function from contexts to forecasts; a transformer is applied outside of the fused student."""

    def plain(contexts: ContextBatch) -> np.ndarray:
        future = contexts.future if fused.known.size else None
        return forecast(contexts.values, contexts.series, future, contexts.static if fused.n_static else None)

    def transformed(contexts: ContextBatch) -> np.ndarray:
        read = contexts.standardized(scaling, fused.prediction_length, with_time=False, known=known)
        future = None if read.future is None else read.future.numpy()
        static = None if read.static is None else read.static.numpy()
        answers = restore(forecast(read.values.numpy(), None, future, static), read.units)
        return scaling.settle(answers, contexts.values, read.units)

    return plain if scaling.transformer_ is None else transformed


def fused_quantiles(
    student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str, offsets: np.ndarray | None
) -> Answer | None:
    """Return the quantiles of the fused student, in original units.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student, with quantiles.
    spec : NetworkSpec
        The problem it was built for.
    scaling : Scaling
        Scaling of the series.
    dtype : {"float32", "float64"}
        Type in which the products are computed.
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None
        Offsets of a calibration, in standardized units.

    Returns
    -------
    answer : callable or None
        From contexts to quantiles (n_windows, prediction_length, n_targets, n_quantiles); None if the student does not
        fuse.
    """
    fused = _find(student, spec, scaling, dtype, offsets)
    if fused is None:
        return None
    return _answer(fused, scaling, spec.known, fused.forecast_quantiles, scaling.quantiles_to_original)


def _find(
    student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str, offsets: np.ndarray | None
) -> NumpyStudent | None:
    """Return the fused student from the cache; rebuild it if weights, scaling or offsets have changed."""
    entry = _ENTRIES.get(student)
    fresh = entry is not None and entry.scaling is scaling and entry.state == _state(entry.tensors, entry.probes)
    if entry is None or not fresh or entry.offsets is not offsets:
        tensors = (*student.parameters(), *student.buffers())
        probes = _probes(tensors)
        state = _state(tensors, probes)
        made = _make(student, spec, scaling, dtype, offsets)
        entry = _Entry(made, offsets, scaling, tensors, probes, state)
        _ENTRIES[student] = entry
    return entry.student


def fuse_in_units(
    student: nn.Module, spec: NetworkSpec, scaling: Scaling, offsets: np.ndarray | None = None
) -> FusedStudent | None:
    """Fuse a student together with its standardization.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        The problem it was built for.
    scaling : Scaling
        The standardization is folded in; of transformers only SquareRoot is.
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None, default=None
        Offsets of a calibration of the quantiles, in standardized units.

    Returns
    -------
    student : FusedStudent or None
        None if the student does not fuse.
    """
    fused = fuse(student, spec)
    if fused is None:
        return None
    fused = fused.calibrated(offsets).in_units(np.asarray(scaling.mean_), np.asarray(scaling.scale_))
    if fused.extra is not None and scaling.covariates_ is not None:
        own = scaling.covariates_
        fused = replace(fused, extra=replace(fused.extra, center=own.center, unit=own.unit, shared=own.shared))
    return replace(fused, units=_units_of(scaling), bounds=scaling.bounds or (None, None), of_roots=scaling.takes_roots)


def numpy_student(student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str) -> NumpyStudent | None:
    """Return the student in NumPy, in original units, as ``predict`` computes it.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        The problem it was built for.
    scaling : Scaling
        Scaling of the series, whose ``transformer`` is None or SquareRoot.
    dtype : {"float32", "float64"}
        Type in which the products are computed.

    Returns
    -------
    student : NumpyStudent or None
        With bounds; None if the student does not fuse.
    """
    fused = fuse_in_units(student, spec, scaling)
    return None if fused is None else NumpyStudent(fused.arrays(), "float64" if _is_extreme(scaling) else dtype)


def _units_of(scaling: Scaling) -> FusedUnits | None:
    """Say how windows get units of their own; None where nothing is to be said."""
    if scaling.kind == "global":
        return None if scaling.season == 1 else FusedUnits(scaling.season, own_units=False)
    if scaling.kind == "window" or scaling.series_units_ is None or not scaling.ids_:
        return FusedUnits(scaling.season, own_units=True)
    units = scaling.series_units_
    return FusedUnits(scaling.season, True, tuple(scaling.ids_), units.center, units.unit)


def _make(
    student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str, offsets: np.ndarray | None
) -> NumpyStudent | None:
    if scaling.transformer_ is None:
        fused = fuse_in_units(student, spec, scaling, offsets)
        fused = None if fused is None else replace(fused, bounds=(None, None))  # the predictor clips
    else:
        fused = fuse(student, spec)
        fused = None if fused is None else fused.calibrated(offsets)
    if scaling.transformer_ is None and _is_extreme(scaling):
        dtype = "float64"  # the products are computed in original units
    return None if fused is None else NumpyStudent(fused.arrays(), dtype)


def _is_extreme(scaling: Scaling) -> bool:
    """Return whether float32 has too little range around the original units."""
    scale = np.asarray(scaling.scale_)
    return bool((np.maximum(scale, np.abs(scaling.mean_)) > _LARGEST).any() or (scale < 1 / _LARGEST).any())


def _probes(tensors: tuple[Tensor, ...]) -> tuple[np.ndarray, ...]:
    """Return some values of each tensor, spread over it, as views of its memory."""
    flat = [one.detach().view(-1).numpy() for one in tensors if _is_readable(one)]
    return tuple(one[:: max(1, -(-one.size // _N_PROBED))] for one in flat)


def _is_readable(tensor: Tensor) -> bool:
    return tensor.dtype in _FLOATS and tensor.device.type == "cpu" and tensor.is_contiguous()


def _state(tensors: tuple[Tensor, ...], probes: tuple[np.ndarray, ...]) -> tuple[tuple[int, ...] | bytes, ...]:
    """Return what tells whether weights were replaced or changed."""
    told = [(tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version) for tensor in tensors]
    return *told, *(probe.tobytes() for probe in probes)
