"""ModernTCN: large depthwise convolutions over patches, then layers over units and over channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

from skdistill._utils._checks import check_boolean, check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._channel_linear import ChannelLinear
from skdistill.networks._layers import (
    NoNormalization,
    ReversibleNormalization,
    WindowStandardization,
    decompose,
)

__all__ = ["ModernTCN"]

_NORMALIZATIONS = ("standard", "revin", None)


class ModernTCN(BaseNetwork):
    """Convolutional network that mixes time, hidden units and channels in separate layers.

    Each window is standardized and split into overlapping patches, each embedded by one linear layer. A block convolves
    the patches of every channel and unit with a large and a small kernel, mixes the units of each channel, then the
    channels of each unit, and adds the result to its input. There can be several stages of blocks, each on fewer and
    wider steps. One linear layer maps all steps of a channel to the forecast. The features are the steps of the last
    stage, flattened.

    Parameters
    ----------
    hidden_size : int or sequence of int, default=64
        Width of a step; a sequence gives one value per stage.
    n_layers : int or sequence of int, default=1
        Number of blocks; a sequence gives one value per stage, and so sets the number of stages.
    large_kernel : int or sequence of int, default=51
        Size of the large kernel in steps, an odd number; a sequence gives one value per stage.
    small_kernel : int or sequence of int, default=5
        Size of the small kernel in steps, an odd number; a sequence gives one value per stage.
    feedforward_ratio : int, default=8
        Width of the inner layers divided by the width of a step.
    patch_size : int, default=8
        Number of rows of a patch; a context must have at least as many.
    patch_stride : int, default=4
        Number of rows from one patch to the next; at most ``patch_size``. The patches must reach the last row of a
        context, which they do if ``context_length`` is a multiple of it, and with any ``context_length`` if it is at
        most half of ``patch_size``.
    downsample_ratio : int, default=2
        Number of steps of a stage that form one step of the next.
    dropout : float, default=0.3
        Fraction of units dropped in training.
    head_dropout : float, default=0.0
        Fraction of the forecast's steps dropped in training.
    normalization : {"standard", "revin", None}, default="standard"
        Normalization of each window: standardize it; standardize it and learn a scale and a shift per channel; or no
        normalization.
    subtract_last : bool, default=False
        Whether normalization subtracts the last row of a window instead of its mean.
    individual : bool, default=False
        Whether the last layer has separate weights for every channel.
    decomposition : bool, default=False
        Whether trend and remainder have separate networks; their forecasts are added.
    kernel_size : int, default=25
        Window length of the moving average that gives the trend, in steps.

    References
    ----------
    Luo and Wang (2024), ModernTCN: a modern pure convolution structure for general time series analysis (ICLR). The
    defaults are its settings for ETTh1.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import ModernTCN
    >>> network = ModernTCN((8, 16), n_layers=(1, 1), large_kernel=5, small_kernel=3, patch_size=4, patch_stride=2)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 48]))
    """

    reads_past = True

    def __init__(
        self,
        hidden_size: int | Sequence[int] = 64,
        *,
        n_layers: int | Sequence[int] = 1,
        large_kernel: int | Sequence[int] = 51,
        small_kernel: int | Sequence[int] = 5,
        feedforward_ratio: int = 8,
        patch_size: int = 8,
        patch_stride: int = 4,
        downsample_ratio: int = 2,
        dropout: float = 0.3,
        head_dropout: float = 0.0,
        normalization: str | None = "standard",
        subtract_last: bool = False,
        individual: bool = False,
        decomposition: bool = False,
        kernel_size: int = 25,
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.large_kernel = large_kernel
        self.small_kernel = small_kernel
        self.feedforward_ratio = feedforward_ratio
        self.patch_size = patch_size
        self.patch_stride = patch_stride
        self.downsample_ratio = downsample_ratio
        self.dropout = dropout
        self.head_dropout = head_dropout
        self.normalization = normalization
        self.subtract_last = subtract_last
        self.individual = individual
        self.decomposition = decomposition
        self.kernel_size = kernel_size

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range, or the context is too short for patches and stages."""
        for name in ("hidden_size", "n_layers", "large_kernel", "small_kernel"):
            for value in self.by_stage(name):
                check_integer(value, f"{name} of ModernTCN")
                if name.endswith("kernel") and value % 2 == 0:
                    raise ValueError(f"{name} of ModernTCN must be odd, so that no step is added; got {value}.")
        for name in ("feedforward_ratio", "patch_size", "patch_stride", "downsample_ratio", "kernel_size"):
            check_integer(getattr(self, name), f"{name} of ModernTCN")
        if self.patch_stride > self.patch_size:
            raise ValueError(
                f"patch_stride of ModernTCN must be at most patch_size = {self.patch_size}, or rows are left out; "
                f"got {self.patch_stride}."
            )
        check_real(self.dropout, "dropout of ModernTCN", minimum=0.0, maximum=1.0, include_maximum=False)
        check_real(self.head_dropout, "head_dropout of ModernTCN", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.normalization, _NORMALIZATIONS, "normalization of ModernTCN")
        check_boolean(self.subtract_last, "subtract_last of ModernTCN")
        check_boolean(self.individual, "individual of ModernTCN")
        check_boolean(self.decomposition, "decomposition of ModernTCN")
        if spec.context_length < self.patch_size:
            raise ValueError(
                f"context_length must be at least patch_size = {self.patch_size} of ModernTCN; got "
                f"{spec.context_length}. Lengthen the context or take smaller patches."
            )
        unread = spec.context_length % self.patch_stride - (self.patch_size - self.patch_stride)
        if unread > 0:
            raise ValueError(
                f"patch_stride = {self.patch_stride} of ModernTCN leaves the last {unread} of context_length = "
                f"{spec.context_length} rows out of all patches of patch_size = {self.patch_size}. Take a "
                "context_length that is a multiple of patch_stride, or a smaller patch_stride."
            )
        self._check_steps(spec)

    def n_stages(self) -> int:
        """Return the number of stages.

        Returns
        -------
        n_stages : int
            The length of the longest sequence among the parameters that can differ by stage.
        """
        given: list[Any] = [self.hidden_size, self.n_layers, self.large_kernel, self.small_kernel]
        return max(len(one) if isinstance(one, Sequence) else 1 for one in given)

    def by_stage(self, name: str) -> list[int]:
        """Return a parameter's value for every stage.

        Parameters
        ----------
        name : str
            The parameter.

        Returns
        -------
        values : list of int
            One value per stage.

        Raises
        ------
        ValueError
            If it is a sequence of the wrong length.
        """
        value: Any = getattr(self, name)
        if not isinstance(value, Sequence):
            return [value] * self.n_stages()
        if len(value) != self.n_stages():
            raise ValueError(
                f"{name} of ModernTCN must be one number, or one number per stage: {self.n_stages()}; got {len(value)}."
            )
        return list(value)

    def n_steps(self, context_length: int) -> list[int]:
        """Return the number of steps of every stage.

        Parameters
        ----------
        context_length : int
            Number of rows of a context.

        Returns
        -------
        n_steps : list of int
            One value per stage.
        """
        steps = [context_length // self.patch_stride]
        while len(steps) < self.n_stages():
            steps.append(-(-steps[-1] // self.downsample_ratio))
        return steps

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name what belongs to the trend, to a normalization or to later stages, where there are none."""
        unread = {} if self.decomposition else {"kernel_size": "with decomposition=False"}
        if self.normalization is None:
            unread["subtract_last"] = "with normalization=None"
        return unread if self.n_stages() > 1 else unread | {"downsample_ratio": "with a single stage"}

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _ModernTCNModule(self, spec)

    def _check_steps(self, spec: NetworkSpec) -> None:
        """Raise if a stage has too few steps to pad the steps of the next stage."""
        for steps in self.n_steps(spec.context_length)[:-1]:
            if -steps % self.downsample_ratio > steps:
                raise ValueError(
                    f"context_length = {spec.context_length} leaves a stage of ModernTCN {steps} steps, too few for "
                    f"downsample_ratio = {self.downsample_ratio}. Lengthen the context or take fewer stages."
                )


class _ModernTCNModule(nn.Module):
    def __init__(self, network: ModernTCN, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.kernel_size = network.kernel_size
        self.seasonal = _Branch(network, spec)
        self.trend = _Branch(network, spec) if network.decomposition else None

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values = context.transpose(1, 2)  # (n_windows, n_channels, context_length)
        if self.trend is None:
            forecast, features = self.seasonal(values)
        else:
            fast, slow = decompose(values, self.kernel_size)
            forecast, features = self.seasonal(fast)
            slow_forecast, slow_features = self.trend(slow)
            forecast, features = forecast + slow_forecast, torch.cat([features, slow_features], dim=-1)
        if self.targets is not None:
            forecast, features = forecast[:, self.targets], features[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), features)


class _Branch(nn.Module):
    """The network for windows or one of their parts; returns the forecast and the steps of the last stage."""

    def __init__(self, network: ModernTCN, spec: NetworkSpec) -> None:
        super().__init__()
        widths, channels = network.by_stage("hidden_size"), spec.n_channels
        self.normalization: Any = _make_normalization(network, channels)
        self.entries = nn.ModuleList([_Patches(network, widths[0])])
        self.entries.extend(_Pooling(*pair, network.downsample_ratio) for pair in pairwise(widths))
        self.stages = nn.ModuleList(_make_stage(network, stage, channels) for stage in range(len(widths)))
        last = widths[-1] * network.n_steps(spec.context_length)[-1]
        self.projection = ChannelLinear(last, spec.prediction_length, channels if network.individual else None)
        self.dropout = nn.Dropout(network.head_dropout)

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        values, state = self.normalization(values)
        steps = values.unsqueeze(2)  # (n_windows, n_channels, width, n_steps)
        for entry, stage in zip(self.entries, self.stages, strict=True):
            steps = stage(entry(steps.flatten(0, 1)).unflatten(0, values.shape[:2]))
        features = steps.flatten(2)
        forecast = self.dropout(self.projection(features))
        return self.normalization.undo(forecast, state), features


class _Patches(nn.Module):
    """Embed overlapping patches; the last row is repeated so that the last patch is whole."""

    def __init__(self, network: ModernTCN, width: int) -> None:
        super().__init__()
        self.missing = network.patch_size - network.patch_stride
        self.embedding = nn.Conv1d(1, width, network.patch_size, stride=network.patch_stride, bias=False)
        self.norm = nn.BatchNorm1d(width)  # its shift replaces a bias of the embedding

    def forward(self, values: Tensor) -> Tensor:
        return self.norm(self.embedding(pad(values, (0, self.missing), mode="replicate")))


class _Pooling(nn.Module):
    """Merge several steps into one wider step; the last steps are repeated if some are missing."""

    def __init__(self, width: int, outer: int, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        self.norm = nn.BatchNorm1d(width)
        self.embedding = nn.Conv1d(width, outer, ratio, stride=ratio)

    def forward(self, steps: Tensor) -> Tensor:
        missing = -steps.shape[-1] % self.ratio
        if missing:
            steps = torch.cat([steps, steps[..., -missing:]], dim=-1)
        return self.embedding(self.norm(steps))


def _make_stage(network: ModernTCN, stage: int, n_channels: int) -> nn.Sequential:
    width, n_blocks, large, small = (
        network.by_stage(name)[stage] for name in ("hidden_size", "n_layers", "large_kernel", "small_kernel")
    )
    inner = width * network.feedforward_ratio
    blocks = [_Block(n_channels, width, inner, (large, small), network.dropout) for _ in range(n_blocks)]
    return nn.Sequential(*blocks)


class _Block(nn.Module):
    """One block: mixes time, units and channels, and adds the result to the input."""

    def __init__(self, n_channels: int, width: int, inner: int, kernels: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.time = nn.ModuleList(_Depthwise(n_channels * width, kernel) for kernel in kernels)
        self.norm = nn.BatchNorm1d(width)
        self.units = _Grouped(n_channels, width, inner, dropout)
        self.channels = _Grouped(width, n_channels, inner // width * n_channels, dropout)

    def forward(self, steps: Tensor) -> Tensor:
        series = steps.flatten(1, 2)
        mixed = torch.stack([convolve(series) for convolve in self.time]).sum(dim=0).view_as(steps)
        mixed = self.norm(mixed.flatten(0, 1)).view_as(steps)
        mixed = self.units(mixed)
        return steps + self.channels(mixed.transpose(1, 2)).transpose(1, 2)


class _Depthwise(nn.Module):
    """Convolve every unit of every channel with its own kernel."""

    def __init__(self, n_series: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_series, n_series, kernel, padding=kernel // 2, groups=n_series, bias=False)
        self.norm = nn.BatchNorm1d(n_series)

    def forward(self, series: Tensor) -> Tensor:
        return self.norm(self.conv(series))


class _Grouped(nn.Module):
    """A perceptron for each group: (n_windows, n_groups, width, n_steps) to the same shape."""

    def __init__(self, n_groups: int, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.expand = _GroupedLinear(n_groups, width, inner)
        self.contract = _GroupedLinear(n_groups, inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: Tensor) -> Tensor:
        return self.dropout(self.contract(gelu(self.dropout(self.expand(values)))))


class _GroupedLinear(nn.Module):
    """A linear layer for each group, run as one batched product, which is faster than a grouped convolution."""

    def __init__(self, n_groups: int, width: int, outer: int) -> None:
        super().__init__()
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(n_groups, outer, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_groups, outer, 1).uniform_(-bound, bound))

    def forward(self, values: Tensor) -> Tensor:
        return self.weight @ values + self.bias


def _make_normalization(network: ModernTCN, n_channels: int) -> nn.Module:
    if network.normalization is None:
        return NoNormalization()
    if network.normalization == "revin":
        return ReversibleNormalization(n_channels, subtract_last=network.subtract_last)
    return WindowStandardization(detach_scale=True, subtract_last=network.subtract_last)
