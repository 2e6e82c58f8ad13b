"""Students as torch modules from original units to original units, for exports."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from skdistill._scaling import Scaling
from skdistill.deploy._fused import FusedLayer, FusedStudent
from skdistill.deploy._runtime import fuse_in_units
from skdistill.networks import NetworkSpec

__all__ = ["FusedModule", "deployed_module"]


def deployed_module(student: nn.Module, spec: NetworkSpec, scaling: Scaling) -> nn.Module:
    """Put the scaling around a student: the fused one where it fuses.

    Parameters
    ----------
    student : torch.nn.Module
        The trained student.
    spec : NetworkSpec
        What it was built for.
    scaling : Scaling
        Units of the series; without a ``transformer``.

    Returns
    -------
    module : torch.nn.Module
        From float32 contexts (n_windows, context_length, n_channels) to forecasts (n_windows, prediction_length,
        n_targets), both in original units.
    """
    fused = fuse_in_units(student, spec, scaling)
    module = _ScaledModule(student.float(), spec, scaling) if fused is None else FusedModule(fused)
    return module.eval().requires_grad_(False)


class FusedModule(nn.Module):
    """A fused student in torch.

    Parameters
    ----------
    fused : FusedStudent
        The student.
    """

    centre: Tensor
    targets: Tensor | None
    level: Tensor | None
    epsilon: Tensor | None

    def __init__(self, fused: FusedStudent) -> None:
        super().__init__()
        every = fused.targets == tuple(range(fused.n_channels))
        self.register_buffer("targets", None if every else torch.tensor(fused.targets))
        self.register_buffer("centre", _float(fused.centre))
        self.register_buffer("level", None if fused.level is None else _float(fused.level[:, None]))
        self.register_buffer("epsilon", None if fused.epsilon is None else _float(fused.epsilon))
        self.layers = nn.ModuleList(_Product(layer) for layer in fused.layers)

    def forward(self, context: Tensor) -> Tensor:
        """Forecast.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Windows in original units.

        Returns
        -------
        forecast : Tensor of shape (n_windows, prediction_length, n_targets)
            Forecasts in original units.
        """
        if self.targets is not None:
            context = context.index_select(-1, self.targets)
        rows = (context - self.centre).transpose(1, 2)
        hidden, spread = rows, None
        if self.epsilon is not None:
            variance = (rows - rows.mean(dim=-1, keepdim=True)).square().mean(dim=-1, keepdim=True)
            spread = (variance + self.epsilon.unsqueeze(-1)).sqrt()
        for number, layer in enumerate(self.layers):
            hidden = layer(hidden.relu() if number else hidden, spread)
        if self.level is not None:
            hidden = (
                hidden + rows @ self.level
            )  # a matrix: onnxruntime 1.31 gets a transposed product with a vector wrong
        return hidden.transpose(1, 2) + self.centre


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
    """A student that does not fuse, with the standardisation before and after it."""

    mean: Tensor
    scale: Tensor

    def __init__(self, student: nn.Module, spec: NetworkSpec, scaling: Scaling) -> None:
        super().__init__()
        self.student = student
        self.register_buffer("mean", _float(np.asarray(scaling.mean_)))
        self.register_buffer("scale", _float(np.asarray(scaling.scale_)))
        self.targets = list(spec.targets)

    def forward(self, context: Tensor) -> Tensor:
        forecast = self.student((context - self.mean) / self.scale).forecast
        return forecast * self.scale[self.targets] + self.mean[self.targets]


def _float(values: np.ndarray) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
