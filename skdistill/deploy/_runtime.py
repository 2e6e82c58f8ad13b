"""The fused student that an estimator forecasts with: made once, remade when the student changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from torch import Tensor, nn

from skdistill._scaling import Scaling
from skdistill.deploy._fuse import fuse
from skdistill.deploy._fused import FusedStudent
from skdistill.deploy.numpy_student import NumpyStudent
from skdistill.networks import NetworkSpec

__all__ = ["Answer", "fuse_in_units", "fused_answer"]

Answer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Entry:
    """An answer, and what it was made from."""

    answer: Answer | None
    scaling: Scaling
    tensors: tuple[Tensor, ...]
    state: tuple[tuple[int, int], ...]


# Outside the estimators: never pickled, and a predict leaves them unchanged.
_ENTRIES: WeakKeyDictionary[nn.Module, _Entry] = WeakKeyDictionary()


def fused_answer(student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str) -> Answer | None:
    """Return the fused student, from original units to original units.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        What it was built for.
    scaling : Scaling
        Units of the series.
    dtype : {"float32", "float64"}
        What the products are computed in.

    Returns
    -------
    answer : callable or None
        From contexts (n_windows, context_length, n_channels) to forecasts (n_windows, prediction_length, n_targets);
        None if the student does not fuse.
    """
    entry = _ENTRIES.get(student)
    if entry is None or entry.scaling is not scaling or entry.state != _state(entry.tensors):
        tensors = (*student.parameters(), *student.buffers())
        entry = _Entry(_make(student, spec, scaling, dtype), scaling, tensors, _state(tensors))
        _ENTRIES[student] = entry
    return entry.answer


def fuse_in_units(student: nn.Module, spec: NetworkSpec, scaling: Scaling) -> FusedStudent | None:
    """Fuse a student with the standardisation around it.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        What it was built for.
    scaling : Scaling
        Its standardisation is folded in; its ``transformer``, if any, is not.

    Returns
    -------
    student : FusedStudent or None
        None if the student does not fuse.
    """
    fused = fuse(student, spec)
    return None if fused is None else fused.in_units(np.asarray(scaling.mean_), np.asarray(scaling.scale_))


def _make(student: nn.Module, spec: NetworkSpec, scaling: Scaling, dtype: str) -> Answer | None:
    if scaling.transformer_ is None:
        fused = fuse_in_units(student, spec, scaling)
        return None if fused is None else NumpyStudent(fused.arrays(), dtype).forecast
    fused = fuse(student, spec)
    if fused is None:
        return None
    inner = NumpyStudent(fused.arrays(), dtype)
    return lambda contexts: scaling.forecasts_to_original(inner.forecast(scaling.standardise(contexts)))


def _state(tensors: tuple[Tensor, ...]) -> tuple[tuple[int, int], ...]:
    """Tell whether weights were replaced or written to."""
    return tuple((tensor.data_ptr(), 0 if tensor.is_inference() else tensor._version) for tensor in tensors)
