"""TimesNet: a window as two-dimensional images, one per dominant period."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, gelu, pad

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._embedding import StepEmbedding
from skdistill.networks._layers import WindowStandardization

__all__ = ["TimesNet"]


class TimesNet(BaseNetwork):
    """Two-dimensional convolutions within and between the periods of a window.

    Each window is standardized, embedded step by step and extended over the horizon by one linear layer. Each layer
    finds the strongest frequencies, folds the steps into rows of one period, convolves these images with kernels of
    several sizes, unfolds them, and adds the results weighted by the amplitude of their frequency. One linear layer
    maps each step back to the channels.

    Parameters
    ----------
    hidden_size : int, default=16
        Width of a step.
    n_layers : int, default=2
        Number of layers; each is followed by the same LayerNorm.
    feedforward_size : int or None, default=None
        Width between the two convolutions of a layer; None takes twice ``hidden_size``.
    n_periods : int, default=5
        Number of frequencies of a layer; at most half as many as rows of context and horizon.
    periods_of : {"batch", "window"}, default="batch"
        Which frequencies a layer takes in training: the strongest on average over the batch, as published, or the
        strongest of each window. Outside of training they are always those of each window, so that a forecast does not
        depend on the windows beside it.
    n_kernels : int, default=6
        Number of kernel sizes: 1 x 1, 3 x 3, 5 x 5, ...
    dropout : float, default=0.1
        Fraction of embedded units dropped in training.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are embedded with the values: if the index has them, always, or never.
    features : {"whole", "published"}, default="whole"
        Features of a channel for feature-level losses: the reconstructed context and horizon, before the normalization
        is undone, or its last ``hidden_size`` steps, as in TimeDistill.

    References
    ----------
    Wu et al. (2023), TimesNet: temporal 2D-variation modeling for general time series analysis (arXiv 2210.02186). The
    defaults are the settings of Time-Series-Library for ETTh1.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import TimesNet
    >>> network = TimesNet(hidden_size=8, n_kernels=2)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 16]))
    """

    reads_past = True

    settings_of_features: ClassVar[tuple[str, ...]] = ("features",)

    def __init__(
        self,
        hidden_size: int = 16,
        *,
        n_layers: int = 2,
        feedforward_size: int | None = None,
        n_periods: int = 5,
        periods_of: str = "batch",
        n_kernels: int = 6,
        dropout: float = 0.1,
        time_features: bool | str = "auto",
        features: str = "whole",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.feedforward_size = feedforward_size
        self.n_periods = n_periods
        self.periods_of = periods_of
        self.n_kernels = n_kernels
        self.dropout = dropout
        self.time_features = time_features
        self.features = features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.hidden_size, "hidden_size of TimesNet")
        check_integer(self.n_layers, "n_layers of TimesNet")
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, "feedforward_size of TimesNet")
        check_integer(self.n_periods, "n_periods of TimesNet")
        check_choice(self.periods_of, ("batch", "window"), "periods_of of TimesNet")
        check_integer(self.n_kernels, "n_kernels of TimesNet")
        check_real(self.dropout, "dropout of TimesNet", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.time_features, ("auto", True, False), "time_features of TimesNet")
        check_choice(self.features, ("whole", "published"), "features of TimesNet")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _TimesNetModule(self, spec)


class _TimesNetModule(nn.Module):
    def __init__(self, network: TimesNet, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.prediction_length = spec.prediction_length
        total = spec.context_length + spec.prediction_length
        self.last_features = network.hidden_size if network.features == "published" else total
        self.normalization = WindowStandardization()
        self.embedding = StepEmbedding(
            spec.n_channels,
            network.hidden_size,
            spec,
            network.dropout,
            n_positions=spec.context_length,
        )
        self.horizon = nn.Linear(spec.context_length, total)
        self.layers = nn.ModuleList(_Layer(network) for _ in range(network.n_layers))
        self.norm = nn.LayerNorm(network.hidden_size)
        self.projection = nn.Linear(network.hidden_size, spec.n_channels)

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values, state = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        steps = self.embedding(values.transpose(1, 2), context_time)
        steps = self.horizon(steps.transpose(1, 2)).transpose(1, 2)
        for layer in self.layers:
            steps = self.norm(layer(steps))
        whole = self.projection(steps).transpose(1, 2)  # (n_windows, n_channels, context and prediction length)
        forecast = self.normalization.undo(whole[..., -self.prediction_length :], state)
        features = whole[..., -self.last_features :]
        if self.targets is not None:
            forecast, features = forecast[:, self.targets], features[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), features)


class _Layer(nn.Module):
    """Fold at each period, convolve twice, unfold, and add the results weighted by their frequencies."""

    def __init__(self, network: TimesNet) -> None:
        super().__init__()
        width = network.hidden_size
        inner = 2 * width if network.feedforward_size is None else network.feedforward_size
        self.n_periods = network.n_periods
        self.shared = network.periods_of == "batch"
        self.expand = _Inception(width, inner, network.n_kernels)
        self.contract = _Inception(inner, width, network.n_kernels)

    def forward(self, steps: Tensor) -> Tensor:
        strength = torch.fft.rfft(steps, dim=1).abs().mean(dim=-1)  # (n_windows, n_frequencies)
        frequencies = self.choose(strength.detach())
        weights = strength.gather(1, frequencies).softmax(dim=1)
        series = steps.transpose(1, 2)
        added = torch.zeros_like(series)
        for frequency in frequencies.unique().tolist():
            windows, places = (frequencies == frequency).nonzero(as_tuple=True)
            part = self.convolve(series[windows], steps.shape[1] // frequency)
            weighted = part * weights[windows, places, None, None]  # float32 under autocast, too
            added = added.index_add(0, windows, weighted.to(added.dtype))
        return steps + added.transpose(1, 2)

    def choose(self, strength: Tensor) -> Tensor:
        """Return the strongest frequencies of each window, (n_windows, n_periods), without the frequency 0."""
        shared = self.shared and self.training
        judged = strength[:, 1:].mean(dim=0, keepdim=True) if shared else strength[:, 1:]
        best = judged.topk(min(self.n_periods, judged.shape[1])).indices + 1
        return best.expand(len(strength), -1)

    def convolve(self, series: Tensor, period: int) -> Tensor:
        """Convolve (n_windows, width, n_steps), folded at a period; zeros fill up the last row."""
        length = series.shape[-1]
        image = pad(series, (0, -length % period)).unflatten(-1, (-1, period))
        return self.contract(gelu(self.expand(image))).flatten(-2)[..., :length]


class _Inception(nn.Module):
    """The mean of convolutions with kernels of several sizes, run as one convolution with their mean."""

    def __init__(self, width: int, outer: int, n_kernels: int) -> None:
        super().__init__()
        self.kernels = nn.ModuleList(_Kernel(width, outer, reach) for reach in range(n_kernels))

    def forward(self, image: Tensor) -> Tensor:
        reach = len(self.kernels) - 1
        weights, biases = zip(*(kernel(reach) for kernel in self.kernels), strict=True)
        return conv2d(image, torch.stack(weights).mean(dim=0), torch.stack(biases).mean(dim=0), padding=reach)


class _Kernel(nn.Module):
    """A square kernel; ``forward`` returns it, padded to a larger width, and its bias."""

    def __init__(self, width: int, outer: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.weight = nn.Parameter(torch.empty(outer, width, 2 * reach + 1, 2 * reach + 1))
        self.bias = nn.Parameter(torch.zeros(outer))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, reach: int) -> tuple[Tensor, Tensor]:
        return pad(self.weight, [reach - self.reach] * 4), self.bias
