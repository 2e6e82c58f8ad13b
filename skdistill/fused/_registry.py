"""Registry of modules that can be fused, and a check that the result is the same function."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from skdistill._utils._user_line import stacklevel_of_user
from skdistill._utils.numpy_student import NumpyStudent
from skdistill.fused._fused import FusedLayer, FusedStudent
from skdistill.networks._base import NetworkOutput, NetworkSpec
from skdistill.networks._custom_network import own_module

__all__ = ["fuse", "fuse_affine", "fuses"]

Fuser = Callable[[Any, NetworkSpec], FusedStudent | None]
AnyFuser = TypeVar("AnyFuser", bound=Fuser)

_FUSERS: dict[type[nn.Module], Fuser] = {}
_TOLERANCE = 1e-9


def fuses(module_class: type[nn.Module]) -> Callable[[AnyFuser], AnyFuser]:
    """Register a function that fuses modules of a class.

    Parameters
    ----------
    module_class : type
        The class; subclasses are not included, as they can compute something else.

    Returns
    -------
    decorator : callable
        Decorator for a function ``(module, spec) -> FusedStudent or None``.

    Examples
    --------
    To fuse your own student, if it is affine and treats each channel separately:

    >>> from torch import nn
    >>> from skdistill.core import fuse_affine, fuses
    >>> class Repeat(nn.Module):
    ...     pass
    >>> registered = fuses(Repeat)(fuse_affine)
    """

    def register(fuser: AnyFuser) -> AnyFuser:
        _FUSERS[module_class] = fuser
        return fuser

    return register


def fuse(module: nn.Module, spec: NetworkSpec) -> FusedStudent | None:
    """Convert a trained module to matrix products, in standardized units.

    The result is compared with the module, in float64, on a few windows. If it differs, the module is not fused, with a
    warning.

    Parameters
    ----------
    module : torch.nn.Module
        The module; it is used in evaluation mode.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent or None
        The fused student; None if no function is registered for the class, the module reads calendar features, or
        weights are not finite.

    Examples
    --------
    >>> from skdistill.deploy import fuse
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import MLP
    >>> spec = NetworkSpec(context_length=24, prediction_length=6, n_channels=2)
    >>> [layer.weight.shape for layer in fuse(MLP(hidden_size=8).build(spec).eval(), spec).layers]
    [(16, 24), (6, 16)]
    """
    fuser = _FUSERS.get(type(own_module(module)))
    if fuser is None or spec.n_time_features or spec.masks:
        return None
    double = copy.deepcopy(module).cpu().double().eval()
    with torch.no_grad():
        fused = fuser(own_module(double), spec)
    if fused is None or not all(np.isfinite(array).all() for array in fused.arrays().values()):
        return None
    error = _difference(double, fused, spec)
    if not error < _TOLERANCE:
        warnings.warn(
            f"{type(own_module(module)).__name__} is not fused: the fused student differs from it by {error:.2g} in "
            "float64. The module makes the forecasts.",
            stacklevel=stacklevel_of_user(),
        )
        return None
    return fused


def fuse_affine(module: nn.Module, spec: NetworkSpec) -> FusedStudent:
    """Determine the matrix of a module that is affine and treats each channel separately.

    Parameters
    ----------
    module : torch.nn.Module
        The module, in float64.
    spec : NetworkSpec
        The problem it was built for.

    Returns
    -------
    student : FusedStudent
        Student with one layer; its matrix is shared if the matrices of all channels are equal.

    Examples
    --------
    >>> from skdistill.core import fuse_affine
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import DLinear
    >>> spec = NetworkSpec(context_length=8, prediction_length=2, n_channels=3)
    >>> fuse_affine(DLinear().build(spec).double(), spec).layers[0].weight.shape
    (2, 8)
    """
    with torch.no_grad():
        zero = torch.zeros(1, spec.context_length, spec.n_channels, dtype=torch.float64)
        bias = _forecast(module(zero))[0]  # (prediction_length, n_targets)
        columns = []
        for steps in torch.arange(spec.context_length).split(64):
            pulses = zero.repeat(len(steps), 1, 1)
            pulses[torch.arange(len(steps)), steps] = 1.0
            columns.append(_forecast(module(pulses)) - bias)
    weight = torch.cat(columns).permute(2, 1, 0).numpy()  # (n_targets, prediction_length, context_length)
    if np.abs(weight - weight[:1]).max() <= 1e-13 * max(1.0, np.abs(weight).max()):
        weight = weight[0]
    layer = FusedLayer(np.ascontiguousarray(weight), np.ascontiguousarray(bias.numpy().T))
    return FusedStudent.of([layer], targets=spec.targets, n_channels=spec.n_channels)


def _forecast(output: Any) -> torch.Tensor:
    """Return the forecast of a module of the package, or of one in a ``CustomNetwork``."""
    if isinstance(output, NetworkOutput):
        return output.forecast
    return output[0] if isinstance(output, tuple) else output


def _difference(module: nn.Module, fused: FusedStudent, spec: NetworkSpec) -> float:
    """Compare module and fused student on windows of several magnitudes; the error is relative."""
    generator = np.random.default_rng(0)
    windows = generator.normal(size=(6, spec.context_length, spec.n_channels))
    windows[3:] = windows[3:].cumsum(axis=1)
    windows *= np.array([1e-2, 1.0, 30.0] * 2)[:, None, None]
    future = generator.normal(size=(6, spec.prediction_length, len(spec.known))) if spec.known else None
    static = generator.normal(size=(6, spec.n_static)) if spec.n_static else None
    covariates = {name: one for name, one in (("future", future), ("static", static)) if one is not None}
    with torch.no_grad():
        output = module(torch.from_numpy(windows), **{name: torch.from_numpy(one) for name, one in covariates.items()})
    student = NumpyStudent(fused.arrays(), "float64")
    pairs = [(student.forecast(windows, None, future, static), output.forecast.numpy())]
    if output.quantiles is not None:
        pairs.append((student.forecast_quantiles(windows, None, future, static), output.quantiles.numpy()))
    return max(float(np.abs(got - expected).max() / max(1.0, np.abs(expected).max())) for got, expected in pairs)
