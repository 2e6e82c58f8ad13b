"""Students as torch modules in original units, for exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from skdistill.data._scaling import Scaling
from skdistill.deploy._context_frame import ContextFrame, fill_gaps
from skdistill.fused._fuse import fuse
from skdistill.fused._fused import FusedLayer, FusedQuantiles, FusedStudent
from skdistill.fused._runtime import fuse_in_units
from skdistill.networks._base import NetworkSpec
from skdistill.networks._quantile_head import sum_gaps

__all__ = [
    "deployed_module",
]


def deployed_module(
    student: nn.Module, spec: NetworkSpec, scaling: Scaling, offsets: np.ndarray | None = None
) -> nn.Module:
    """Wrap a student (fused, if possible) with its scaling.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        The problem it was built for.
    scaling : Scaling
        The scaling, whose ``transformer`` is None or SquareRoot.
    offsets : ndarray of shape (prediction_length, n_targets, n_quantiles) or None, default=None
        Offsets of a calibration of the quantiles, in standardized units.

    Returns
    -------
    module : torch.nn.Module
        Module from float32 contexts (n_windows, context_length, n_channels) to forecasts (n_windows, prediction_length,
        n_targets), both in original units; for a student with quantiles, to a pair of forecasts and quantiles
        (n_windows, prediction_length, n_targets, n_quantiles). If the training series were scaled separately by id, it
        also takes the numbers of the series; for a student with known or static covariates, ``future`` and ``static``.
    """
    if spec.known or spec.n_static:
        module: nn.Module = _FramedModule(student.float(), spec, scaling, offsets)
    elif _reads_through_frame(scaling):
        fused = None if spec.covariates else fuse(student, spec)  # _FusedModule reads rows of targets alone
        inner = student.float() if fused is None else _FusedModule(fused.calibrated(offsets))
        module = _FramedModule(inner, spec, scaling, None if fused is not None else offsets)
    else:
        fused = None if spec.covariates else fuse_in_units(student, spec, scaling, offsets)
        module = _ScaledModule(student.float(), spec, scaling, offsets) if fused is None else _FusedModule(fused)
        module = _FilledModule(module, scaling)
    if scaling.takes_roots:
        module = _RootModule(module)
    module = _BlankModule(module, spec)
    if scaling.bounds is not None:
        module = _BoundedModule(module, *scaling.bounds)
    return module.eval().requires_grad_(False)


def _reads_through_frame(scaling: Scaling) -> bool:
    """Return whether windows are scaled separately, or a value was missing in ``fit``."""
    return scaling.kind != "global" or scaling.saw_missing


class _FramedModule(nn.Module):
    """A student, fused or not, in standardized units, wrapped with the units of each window."""

    offsets: Tensor | None

    def __init__(self, student: nn.Module, spec: NetworkSpec, scaling: Scaling, offsets: np.ndarray | None) -> None:
        super().__init__()
        self.student = student
        self.frame = ContextFrame(scaling)
        self.reads_series = self.frame.reads_series
        self.levels = spec.quantiles
        self.targets, self.known, self.n_static = list(spec.targets), list(spec.known), spec.n_static
        self.register_buffer("offsets", None if offsets is None else _float(offsets))

    def forward(
        self,
        context: Tensor,
        series: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> Any:
        """Forecast in original units.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Contexts in original units, NaN where missing.
        series : Tensor of int64 of shape (n_windows,) or None, default=None
            Number of the series of each window, -1 for series without units from training rows.
        future : Tensor of shape (n_windows, prediction_length, n_known) or None, default=None
            Known covariates over the horizon in original units, NaN where unknown.
        static : Tensor of shape (n_windows, n_static) or None, default=None
            Static covariates, standardized.

        Returns
        -------
        forecast : Tensor of shape (n_windows, prediction_length, n_targets), or a pair with quantiles
            Forecasts in original units.
        """
        values, center, unit = self.frame(context, series)
        given = {}
        if future is not None and self.known:
            places = self.known
            given["future"] = self.frame.ahead(future, values[..., places], center[..., places], unit[..., places])
        if static is not None and self.n_static:
            given["static"] = static
        center, unit = self.frame.settled(context, center, unit)
        center, unit = center[..., self.targets], unit[..., self.targets]
        output = self.student(values, **given)
        if self.levels is None:
            return (output if isinstance(output, Tensor) else output.forecast) * unit + center
        forecast, quantiles = output if type(output) is tuple else (output.forecast, output.quantiles)
        if self.offsets is not None:
            quantiles = _shift(quantiles, self.offsets, self.levels)
        return forecast * unit + center, quantiles * unit[..., None] + center[..., None]


class _FilledModule(nn.Module):
    """Fills missing values before a module forecasts, for students that share one standardization."""

    center: Tensor

    def __init__(self, module: nn.Module, scaling: Scaling) -> None:
        super().__init__()
        self.module, self.season = module, scaling.season
        self.register_buffer("center", _float(np.asarray(scaling.mean_)))

    def forward(self, context: Tensor) -> Any:
        """Forecast in original units.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Contexts in original units, NaN where missing.

        Returns
        -------
        forecast : Tensor, or a pair with quantiles
            Forecasts in original units.
        """
        missing = torch.isnan(context)
        if torch.compiler.is_compiling():
            return self.module(torch.cond(missing.any(), self._fill, lambda c, m: c.clone(), (context, missing)))
        return self.module(self._fill(context, missing) if bool(missing.any()) else context)

    def _fill(self, context: Tensor, missing: Tensor) -> Tensor:
        around = fill_gaps(torch.where(missing, 0.0, context - self.center), missing, self.season)
        return torch.where(missing, around + self.center, context)


class _Wrapped(nn.Module):
    """A module in original units whose inputs or answers are changed."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.reads_series = getattr(module, "reads_series", False)

    def forward(
        self,
        context: Tensor,
        series: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> Any:
        ahead = None if future is None else self._take(future)
        given = {"series": series, "future": ahead, "static": static}
        answer = self.module(self._take(context), **{name: one for name, one in given.items() if one is not None})
        if isinstance(answer, Tensor):
            return self._give((answer,), context)[0]
        return self._give(answer, context)

    def _take(self, values: Tensor) -> Tensor:
        """Return context or future as the module reads it."""
        return values

    def _give(self, answers: tuple[Tensor, ...], context: Tensor) -> tuple[Tensor, ...]:
        """Return what is answered for the module's forecasts, and quantiles if there are any."""
        raise NotImplementedError


class _BlankModule(_Wrapped):
    """Answers NaN where nothing of a target is observed, as ``predict`` does."""

    def __init__(self, module: nn.Module, spec: NetworkSpec) -> None:
        super().__init__(module)
        self.targets = list(spec.targets)
        self.every = spec.targets == tuple(range(spec.n_channels))

    def _give(self, answers: tuple[Tensor, ...], context: Tensor) -> tuple[Tensor, ...]:
        unseen = torch.isnan(context if self.every else context[..., self.targets]).all(dim=1, keepdim=True)
        return tuple(torch.where(unseen if one.ndim == 3 else unseen[..., None], torch.nan, one) for one in answers)


class _BoundedModule(_Wrapped):
    """Clips forecasts and quantiles; a bound of None leaves a side open."""

    def __init__(self, module: nn.Module, low: float | None, high: float | None) -> None:
        super().__init__(module)
        self.low, self.high = low, high

    def _give(self, answers: tuple[Tensor, ...], context: Tensor) -> tuple[Tensor, ...]:
        return tuple(one.clamp(self.low, self.high) for one in answers)


class _RootModule(_Wrapped):
    """Takes and returns values for a module of signed square roots."""

    def _take(self, values: Tensor) -> Tensor:
        return values.sign() * values.abs().sqrt()

    def _give(self, answers: tuple[Tensor, ...], context: Tensor) -> tuple[Tensor, ...]:
        return tuple(one * one.abs() for one in answers)


class _FusedModule(nn.Module):
    """A fused student in torch."""

    center: Tensor
    targets: Tensor | None
    level: Tensor | None
    epsilon: Tensor | None

    def __init__(self, fused: FusedStudent) -> None:
        super().__init__()
        every = fused.targets == tuple(range(fused.n_channels))
        self.register_buffer("targets", None if every else torch.tensor(fused.targets))
        self.register_buffer("center", _float(fused.center))
        self.register_buffer("level", None if fused.level is None else _float(fused.level[:, None]))
        self.register_buffer("epsilon", None if fused.epsilon is None else _float(fused.epsilon))
        self.layers = nn.ModuleList(_Product(layer) for layer in fused.layers)
        self.head = None if fused.quantiles is None else _Distances(fused.quantiles, fused.prediction_length)

    def forward(self, context: Tensor) -> Any:
        """Forecast.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Windows in original units.

        Returns
        -------
        forecast : Tensor of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units; a student with quantiles returns forecast and quantiles, (n_windows,
            prediction_length, n_targets, n_quantiles).
        """
        if self.targets is not None:
            context = context.index_select(-1, self.targets)
        rows = (context - self.center).transpose(1, 2)
        hidden, spread = rows, None
        if self.epsilon is not None:
            variance = (rows - rows.mean(dim=-1, keepdim=True)).square().mean(dim=-1, keepdim=True)
            spread = (variance + self.epsilon.unsqueeze(-1)).sqrt()
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden.relu() if number else hidden, spread)
        if self.level is not None:
            hidden = (
                hidden + rows @ self.level
            )  # a matrix, because onnxruntime 1.31 computes a transposed product with a vector incorrectly
        forecast = hidden.transpose(1, 2) + self.center
        return forecast if self.head is None else (forecast, forecast.unsqueeze(-1) + self.head(rows))


class _Distances(nn.Module):
    """Distances of the quantiles from the forecast, from centered rows (n_windows, n_targets, context_length)."""

    hidden: Tensor
    hidden_bias: Tensor
    output: Tensor
    output_bias: Tensor
    unit: Tensor
    offsets: Tensor | None

    def __init__(self, fused: FusedQuantiles, prediction_length: int) -> None:
        super().__init__()
        arrays = fused.arrays()
        for name in ("hidden", "output"):
            self.register_buffer(name, _float(arrays[f"quantile_{name}"].T))
        for name in ("hidden_bias", "output_bias"):
            self.register_buffer(name, _float(arrays[f"quantile_{name}"]))
        self.register_buffer("unit", _float(arrays["quantile_unit"][:, None]))
        self.register_buffer("offsets", None if fused.offsets is None else _float(fused.offsets))
        self.n_lower = sum(level < 0.5 for level in fused.levels)
        self.n_gaps = sum(level != 0.5 for level in fused.levels)
        self.has_median = self.n_gaps < len(fused.levels)
        self.shape = (len(arrays["quantile_unit"]), prediction_length, len(fused.output) // prediction_length)

    def forward(self, rows: Tensor) -> Tensor:
        hidden = (rows @ self.hidden / self.unit + self.hidden_bias).relu()
        outputs = (hidden @ self.output + self.output_bias).reshape(-1, *self.shape).transpose(1, 2)
        distances = sum_gaps(outputs, self.n_lower, self.n_gaps, has_median=self.has_median)
        if self.offsets is not None:
            distances = order_outwards(distances + self.offsets, self.n_lower, has_median=self.has_median)
        return distances * self.unit


def _shift(quantiles: Tensor, offsets: Tensor, levels: Sequence[float]) -> Tensor:
    """Add the offsets of a calibration to the quantiles at rising levels, which then do not cross."""
    n_lower = sum(level < 0.5 for level in levels)
    return order_outwards(quantiles + offsets, n_lower, has_median=0.5 in levels)


def order_outwards(quantiles: Tensor, n_lower: int, *, has_median: bool) -> Tensor:
    """Set each quantile that crosses its neighbor towards the median to that neighbor.

    Parameters
    ----------
    quantiles : Tensor of shape (..., n_quantiles)
        Quantiles at rising levels; they can cross.
    n_lower : int
        Number of levels below 0.5.
    has_median : bool
        Whether the next level is the median.

    Returns
    -------
    quantiles : Tensor of the same shape
        The quantiles, non-decreasing along the last axis.
    """
    each = list(quantiles.unbind(-1))
    for level in range(n_lower - 1, -1, -1):
        if level + 1 < n_lower or has_median:
            each[level] = torch.minimum(each[level], each[level + 1])
    for level in range(max(n_lower + has_median, 1), len(each)):
        each[level] = torch.maximum(each[level], each[level - 1])
    return torch.stack(each, dim=-1)


class _Product(nn.Module):
    weight: Tensor
    bias: Tensor
    scale: Tensor | None

    def __init__(self, layer: FusedLayer) -> None:
        super().__init__()
        self.register_buffer("weight", _float(np.swapaxes(layer.weight, -1, -2)))
        self.register_buffer("bias", _float(layer.bias))
        self.register_buffer("scale", None if layer.scale is None else _float(layer.scale))

    def forward(self, hidden: Tensor, spread: Tensor | None) -> Tensor:
        """Multiply (n_windows, n_targets, n_inputs)."""
        own = self.weight.ndim == 3
        hidden = (hidden.unsqueeze(-2) @ self.weight).squeeze(-2) if own else hidden @ self.weight
        if self.scale is not None:
            hidden = hidden * self.scale
        return hidden + (self.bias if spread is None else self.bias * spread)


class _ScaledModule(nn.Module):
    """A student that cannot be fused, with the standardization before and after it."""

    mean: Tensor
    scale: Tensor
    offsets: Tensor | None

    def __init__(
        self, student: nn.Module, spec: NetworkSpec, scaling: Scaling, offsets: np.ndarray | None = None
    ) -> None:
        super().__init__()
        self.student = student
        self.levels = spec.quantiles
        self.register_buffer("offsets", None if offsets is None else _float(offsets))
        self.register_buffer("mean", _float(np.asarray(scaling.mean_)))
        self.register_buffer("scale", _float(np.asarray(scaling.scale_)))
        self.targets = list(spec.targets)

    def forward(self, context: Tensor) -> Any:
        output = self.student((context - self.mean) / self.scale)
        scale, mean = self.scale[self.targets], self.mean[self.targets]
        forecast = output.forecast * scale + mean
        if self.levels is None:
            return forecast
        quantiles = output.quantiles if self.offsets is None else _shift(output.quantiles, self.offsets, self.levels)
        return forecast, quantiles * scale.unsqueeze(-1) + mean.unsqueeze(-1)


def _float(values: np.ndarray) -> Tensor:
    return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32)
