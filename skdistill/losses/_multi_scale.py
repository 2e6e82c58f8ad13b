"""Multi-scale term: agreement with the teacher at several resolutions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from skdistill._utils._checks import check_integer, check_real
from skdistill.losses._base import LossTerm
from skdistill.losses._horizon_weights import step_weights
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm
from skdistill.losses._trust import window_trust
from skdistill.losses._unread import unread_at_one_scale
from skdistill.networks._base import NetworkSpec

__all__ = ["MultiScale", "check_scales", "multi_scale_error", "pool", "weigh_windows"]

_LARGE_BLOCK = 16  # steps that a product takes at once


class MultiScale(LossTerm):
    """MSE between student and teacher forecasts, averaged over scales.

    Each scale averages the previous one over ``pooling_window`` steps; a remainder of steps is dropped. Only scales
    with at least one step are used, and the mean is over those. With ``n_scales=1`` this is the MSE to the teacher.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    n_scales : int, default=4
        Number of scales, including the original one.
    pooling_window : int, default=2
        Number of steps averaged into one step of the next scale.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step. At every scale the weights are pooled like the forecasts and rescaled to mean one.
    trust : float, default=0.0
        How much more the labels count where the teacher was accurate. A window has weight ``exp(-trust * e / mean e)``,
        where e is the teacher's MSE in that window; weights are rescaled to mean one in the batch. 0 weights all
        windows equally.

    References
    ----------
    TimeDistill (arXiv 2502.15016), multi-scale distillation at the prediction level.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import MultiScale
    >>> term = MultiScale(n_scales=2).build(LossShapes(prediction_length=2, n_targets=1))
    >>> zeros, wave = torch.zeros(1, 2, 1), torch.tensor([[[1.0], [-1.0]]])
    >>> term(LossInputs(zeros, None, truth=zeros, teacher_forecast=wave))  # the wave is gone at scale 2
    tensor(0.5000)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(
        self,
        weight: float = 1.0,
        *,
        n_scales: int = 4,
        pooling_window: int = 2,
        horizon_weights: Any = None,
        trust: float = 0.0,
    ) -> None:
        self.weight = weight
        self.n_scales = n_scales
        self.pooling_window = pooling_window
        self.horizon_weights = horizon_weights
        self.trust = trust

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_scales(self.n_scales, self.pooling_window, "MultiScale")
        check_real(self.trust, "trust of MultiScale", minimum=0.0)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the pooling of further scales, where there is none."""
        return unread_at_one_scale(self.n_scales)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        weights = step_weights(self.horizon_weights, shapes.prediction_length, "MultiScale")
        return _MultiScaleModule(self.n_scales, self.pooling_window, weights, self.trust)

    def quadratic_form(self, prediction_length: int) -> QuadraticForm | None:
        """Return the term as a quadratic form: pooling is linear.

        Returns
        -------
        form : QuadraticForm or None
            The mean over scales of P'DP / n, with P the pooling to n steps and D their weights; None unless all windows
            have equal weight.
        """
        if self.trust:
            return None
        weights = step_weights(self.horizon_weights, prediction_length, "MultiScale")
        steps = torch.ones(prediction_length) if weights is None else weights
        metrics = []
        pooling = torch.eye(prediction_length, dtype=torch.float64)  # pooling acts on the last axis
        for level in _levels(pooling, self.n_scales, self.pooling_window):
            diagonal = steps.double() / steps.mean() / level.shape[-1]
            metrics.append(level @ torch.diag(diagonal) @ level.T)
            steps = pool(steps, self.pooling_window)
        return QuadraticForm(torch.stack(metrics).mean(dim=0).numpy(), "teacher_forecast")


class _MultiScaleModule(nn.Module):
    weights: Tensor | None

    def __init__(self, n_scales: int, pooling_window: int, weights: Tensor | None, trust: float) -> None:
        super().__init__()
        self.trust = trust
        self.n_scales = n_scales
        self.pooling_window = pooling_window
        self.register_buffer("weights", weights)

    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("MultiScale needs the teacher's forecast")
        # With time as the last axis, pooling reads memory in order.
        difference = (inputs.forecast - inputs.teacher_forecast).transpose(1, 2)
        difference = weigh_windows(difference, window_trust(inputs, self.trust))
        return multi_scale_error(difference, self.n_scales, self.pooling_window, self.weights)


def weigh_windows(difference: Tensor, windows: Tensor | None) -> Tensor:
    """Scale differences so that their squares are weighted by window.

    Parameters
    ----------
    difference : Tensor of shape (n_windows, n_targets, length)
        Student minus teacher.
    windows : Tensor of shape (n_windows,) or None
        Weights of the windows; None leaves the differences unchanged.

    Returns
    -------
    difference : Tensor of the same shape
        The differences times the square roots of the weights.
    """
    return difference if windows is None else difference * windows.sqrt()[:, None, None]


def multi_scale_error(difference: Tensor, n_scales: int, window: int, weights: Tensor | None = None) -> Tensor:
    """Average the squared difference over scales. Pooling is linear, so the difference itself is pooled.

    Parameters
    ----------
    difference : Tensor of shape (..., length)
        Student minus teacher; the last axis is pooled.
    n_scales : int
        Number of scales, including the original one.
    window : int
        Number of steps averaged into one.
    weights : Tensor of shape (length,) or None, default=None
        Weights of mean one.

    Returns
    -------
    error : Tensor
        A scalar.
    """
    if weights is None:
        return _MeanOverScales.apply(difference, n_scales, window)
    errors = []
    for level in _levels(difference, n_scales, window):
        errors.append((level.square() * weights).mean())
        weights = pool(weights, window)
        weights = weights / weights.mean()
    return torch.stack(errors).mean()


def _levels(values: Tensor, n_scales: int, window: int) -> Iterator[Tensor]:
    """Yield the values at every scale that has at least one step."""
    yield values
    for _ in range(n_scales - 1):
        if values.shape[-1] < window:
            return
        values = pool(values, window)
        yield values


class _MeanOverScales(torch.autograd.Function):
    """Mean over scales of the mean square, a quadratic form: its gradient is one product, which gives the value, too.

    Scale k averages window^k steps, so the form combines only steps of the same block of window^(n_scales - 1) steps,
    in the same way in each block; what remains after the last block has a smaller form of the same kind.
    """

    @staticmethod
    def forward(ctx: Any, difference: Tensor, n_scales: int, window: int) -> Tensor:
        length = difference.shape[-1]
        block, metric, last_metric = _forms(length, n_scales, window, difference.dtype, difference.device)
        n_rows, whole = difference.numel() // length, length // block * block
        rows = difference.reshape(n_rows, length)
        if whole == length:
            gradient = (rows.reshape(-1, block) @ metric).view(n_rows, length)
        else:
            blocks = rows[:, :whole].reshape(-1, block) @ metric
            gradient = torch.cat([blocks.view(n_rows, whole), rows[:, whole:] @ last_metric], dim=-1)
        ctx.save_for_backward(gradient)
        ctx.factor = 2.0 / max(n_rows, 1)
        ctx.shape = difference.shape
        return torch.dot(rows.reshape(-1), gradient.view(-1)) / n_rows

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * (grad * ctx.factor)).view(ctx.shape), None, None


@lru_cache(maxsize=64)
def _forms(
    length: int, n_scales: int, window: int, dtype: torch.dtype, device: torch.device
) -> tuple[int, Tensor, Tensor]:
    """Return the steps of a block, and the forms of a block and of the steps after the last block."""
    n_steps = [length]
    while len(n_steps) < n_scales and n_steps[-1] >= window:
        n_steps.append(n_steps[-1] // window)
    block = window ** (len(n_steps) - 1)
    while 2 * block <= min(length, _LARGE_BLOCK):  # narrow products are slow
        block *= 2
    forms = [_form(steps, n_steps, window).to(device, dtype) for steps in (block, length % block)]
    return block, *forms


def _form(n_own: int, n_steps: list[int], window: int) -> Tensor:
    """Return the mean over scales of P P' / n of the first steps, with P the pooling to scales of n steps."""
    level = torch.eye(n_own, dtype=torch.float64)
    total = torch.zeros_like(level)
    for n in n_steps:
        total += level @ level.T / (n * len(n_steps))
        level = pool(level, window)
    return total


def pool(values: Tensor, window: int) -> Tensor:
    """Average neighboring values along the last axis and drop the remainder.

    Parameters
    ----------
    values : Tensor of shape (..., length)
        Values to pool.
    window : int
        Number of neighbors averaged into one value.

    Returns
    -------
    pooled : Tensor of shape (..., length // window)
        The averages.

    Examples
    --------
    >>> import torch
    >>> pool(torch.tensor([1.0, 3.0, 5.0]), 2)
    tensor([2.])
    """
    length = values.shape[-1] // window * window
    # Strided sums: a reduction over a last axis of length two or three takes twice as long.
    total = values[..., 0:length:window]
    for offset in range(1, window):
        total = total + values[..., offset:length:window]
    return total / window


def check_scales(n_scales: Any, pooling_window: Any, owner: str) -> None:
    """Raise unless scales and pooling window are in their ranges.

    Parameters
    ----------
    n_scales, pooling_window : object
        The values received.
    owner : str
        Class of the term.
    """
    check_integer(n_scales, f"n_scales of {owner}")
    check_integer(pooling_window, f"pooling_window of {owner}", minimum=2)
