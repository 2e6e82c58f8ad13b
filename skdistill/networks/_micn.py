"""MICN: local features from strided convolutions, global features from a convolution as long as the series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._embedding import StepEmbedding, decoder_calendar
from skdistill.networks._layers import decompose, moving_average

__all__ = ["MICN"]


class MICN(BaseNetwork):
    """Multi-scale isometric convolution: a linear layer on the trend, convolutions on the remainder.

    The trend of a window is the mean of its moving averages, one per scale; one linear layer projects it to the
    horizon. The remainder is continued with zeros over the horizon and embedded step by step. Every layer works on each
    scale: it splits off the moving average, shortens the seasonal part by a convolution with its stride equal to its
    kernel, applies a causal convolution with a kernel as long as the result, and restores the length. Then it merges
    the scales.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a step.
    n_layers : int, default=1
        Number of layers of convolutions.
    conv_kernels : sequence of int, default=(12, 16)
        Kernel and stride of each scale. The moving average of a scale has the same number of steps, plus one if it is
        even.
    dropout : float, default=0.05
        Fraction of units dropped in training.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are embedded with the values: if the index has them, always, or never. (The code of
        TimeDistill never reads them; that of Time-Series-Library does.)
    features : {"whole", "published"}, default="whole"
        Features of a channel for feature-level losses: the reconstructed remainder over context and horizon, or its
        last ``hidden_size`` steps, as in TimeDistill.

    References
    ----------
    Wang et al. (2023), MICN: multi-scale local and global context modeling for long-term series forecasting (ICLR).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import MICN
    >>> network = MICN(hidden_size=8, conv_kernels=(3, 4))
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 16]))
    """

    reads_past = True
    settings_of_features: ClassVar[tuple[str, ...]] = ("features",)

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 1,
        conv_kernels: Sequence[int] = (12, 16),
        dropout: float = 0.05,
        time_features: bool | str = "auto",
        features: str = "whole",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.conv_kernels = conv_kernels
        self.dropout = dropout
        self.time_features = time_features
        self.features = features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.hidden_size, "hidden_size of MICN")
        check_integer(self.n_layers, "n_layers of MICN")
        if isinstance(self.conv_kernels, str) or not isinstance(self.conv_kernels, Sequence) or not self.conv_kernels:
            raise TypeError(
                "conv_kernels of MICN must be a sequence of at least one integer, one per scale; "
                f"got {self.conv_kernels!r}."
            )
        for kernel in self.conv_kernels:
            check_integer(kernel, "each of conv_kernels of MICN")
        check_real(self.dropout, "dropout of MICN", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.time_features, ("auto", True, False), "time_features of MICN")
        check_choice(self.features, ("whole", "published"), "features of MICN")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _MICNModule(self, spec)


class _MICNModule(nn.Module):
    def __init__(self, network: MICN, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.context_length = spec.context_length
        self.prediction_length = spec.prediction_length
        self.kernel_sizes = [_smoothing(kernel) for kernel in network.conv_kernels]
        self.feature_length = network.hidden_size if network.features == "published" else None
        length = spec.context_length + spec.prediction_length
        self.embedding = StepEmbedding(spec.n_channels, network.hidden_size, spec, network.dropout, n_positions=length)
        last = network.n_layers - 1
        self.layers = nn.ModuleList(_Layer(network, length, last=layer == last) for layer in range(network.n_layers))
        self.projection = nn.Linear(network.hidden_size, spec.n_channels)
        self.trend = nn.Linear(spec.context_length, spec.prediction_length)
        nn.init.constant_(self.trend.weight, 1 / spec.prediction_length)  # as published

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values = context.transpose(1, 2)  # (n_windows, n_channels, context_length)
        trend = torch.stack([moving_average(values, kernel) for kernel in self.kernel_sizes]).mean(dim=0)
        rest = pad(values - trend, (0, self.prediction_length))
        tokens = self.embedding(rest.transpose(1, 2), self.calendar(context_time, decoder_time))
        for layer in self.layers:
            tokens = layer(tokens)
        rest = self.projection(tokens).transpose(1, 2)  # (n_windows, n_channels, context_length + prediction_length)
        if self.targets is not None:
            rest, trend = rest[:, self.targets], trend[:, self.targets]
        forecast = rest[..., self.context_length :] + self.trend(trend)
        features = rest if self.feature_length is None else rest[..., -self.feature_length :]
        return NetworkOutput(forecast.transpose(1, 2), features)

    def calendar(self, context_time: Tensor | None, decoder_time: Tensor | None) -> Tensor | None:
        """Concatenate the calendar features of context and horizon."""
        if context_time is None or decoder_time is None:
            return None
        lengths = {"label_length": self.context_length, "prediction_length": self.prediction_length}
        return decoder_calendar(context_time, decoder_time, **lengths)


class _Layer(nn.Module):
    """One layer: all scales, merged step by step, and a linear feed-forward part.

    The last norm has no bias: the next layer subtracts a moving average, so a bias would have no effect.
    """

    def __init__(self, network: MICN, length: int, *, last: bool) -> None:
        super().__init__()
        width = network.hidden_size
        self.scales = nn.ModuleList(_Scale(network, kernel, length) for kernel in network.conv_kernels)
        self.scale_norm = nn.LayerNorm(width)
        self.merge = nn.Linear(len(network.conv_kernels) * width, width)
        self.merge_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)
        self.norm = nn.LayerNorm(width, bias=last)

    def forward(self, tokens: Tensor) -> Tensor:
        merged = self.merge(torch.cat([scale(tokens, self.scale_norm) for scale in self.scales], dim=-1))
        return self.norm(merged + self.contract(self.expand(self.merge_norm(merged))))


class _Scale(nn.Module):
    """Shorten the seasonal part, convolve it with a kernel of its whole length, and restore its length."""

    def __init__(self, network: MICN, kernel: int, length: int) -> None:
        super().__init__()
        width = network.hidden_size
        self.kernel_size = _smoothing(kernel)
        self.shorten = nn.Conv1d(width, width, kernel, stride=kernel, padding=kernel // 2)
        short = (length + 2 * (kernel // 2) - kernel) // kernel + 1
        self.isometric = nn.Conv1d(width, width, short)
        self.lengthen = nn.ConvTranspose1d(width, width, kernel, stride=kernel)
        self.dropout = nn.Dropout(network.dropout)

    def forward(self, tokens: Tensor, norm: nn.Module) -> Tensor:
        seasonal, _ = decompose(tokens.transpose(1, 2), self.kernel_size)  # (n_windows, hidden_size, n_timestamps)
        local = self.dropout(self.shorten(seasonal).tanh())
        spread = self.dropout(self.isometric(pad(local, (local.shape[-1] - 1, 0))).tanh())
        both = norm((local + spread).transpose(1, 2)).transpose(1, 2)
        back = self.dropout(self.lengthen(both).tanh())[..., : seasonal.shape[-1]]
        return norm((seasonal + back).transpose(1, 2))


def _smoothing(kernel: int) -> int:
    """Return the (odd) number of steps of the moving average that belongs to a convolution."""
    return kernel + 1 - kernel % 2
