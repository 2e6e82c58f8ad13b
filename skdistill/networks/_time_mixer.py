"""TimeMixer: a window at several scales; seasonal parts and trends are mixed in opposite directions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_boolean, check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._embedding import StepEmbedding
from skdistill.networks._layers import NORMALIZATIONS, decompose, make_normalization

__all__ = ["TimeMixer"]

_POOLINGS: dict[str, Callable[[int], nn.Module]] = {"avg": nn.AvgPool1d, "max": nn.MaxPool1d}


class TimeMixer(BaseNetwork):
    """Multi-scale mixing: seasonal parts from fine to coarse, trends from coarse to fine, one forecast per scale.

    Each window is pooled to ``n_scales`` lengths; each is normalized separately and embedded step by step. Every block
    splits each scale by a moving average, adds the fine seasonal parts to the coarse ones and the coarse trends to the
    fine ones through small perceptrons over time, and mixes the hidden units. Each scale then forecasts the horizon,
    and the forecasts are added. The features are this sum before the normalization is undone.

    Parameters
    ----------
    hidden_size : int, default=16
        Width of a step.
    n_layers : int, default=2
        Number of blocks.
    feedforward_size : int or None, default=None
        Width of the perceptron over hidden units; None takes twice ``hidden_size``.
    n_scales : int, default=4
        Number of scales, including the original one.
    down_sampling_window : int, default=2
        Number of rows pooled into one row of the next scale.
    pooling : {"avg", "max"}, default="avg"
        Kind of pooling.
    kernel_size : int, default=25
        Window length of the moving average, in steps.
    decomposition : {"moving_average", "first_window"}, default="moving_average"
        How a block splits a scale. ``"moving_average"`` uses a moving average. ``"first_window"`` does what
        ``dft_decomp`` of the released code effectively does, as it sets the spectrum of the first window of a batch to
        zero and keeps the others: the first window (or its first channel, if channels are independent) is all trend,
        the others are all seasonal. A forecast then depends on the batch. Use it only for checkpoints trained in this
        way.
    dropout : float, default=0.1
        Fraction of the embedding dropped in training.
    normalization : {"revin", "mean", None}, default="revin"
        Normalization of each window and scale: standardize it and learn a scale and a shift per channel; subtract its
        mean; or no normalization.
    channel_independent : bool, default=True
        Whether every channel is a separate window; all share the weights. False embeds the channels of a step together,
        without the trend; separate linear layers forecast the trend.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are embedded with the values: if the index has them, always, or never.
    time_by_window : bool, default=True
        Whether every channel gets the calendar of its own window. The released code gives channel c of window b the
        calendar of window (b C + c) mod B in a batch of B windows of C channels, so that a forecast depends on the
        batch. False does the same; use it only for checkpoints trained in this way.

    References
    ----------
    Wang et al. (2024), TimeMixer: decomposable multiscale mixing for time series forecasting (arXiv 2405.14616).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import TimeMixer
    >>> network = TimeMixer(hidden_size=8, n_scales=3)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 4]))
    """

    def __init__(
        self,
        hidden_size: int = 16,
        *,
        n_layers: int = 2,
        feedforward_size: int | None = None,
        n_scales: int = 4,
        down_sampling_window: int = 2,
        pooling: str = "avg",
        kernel_size: int = 25,
        decomposition: str = "moving_average",
        dropout: float = 0.1,
        normalization: str | None = "revin",
        channel_independent: bool = True,
        time_features: bool | str = "auto",
        time_by_window: bool = True,
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.feedforward_size = feedforward_size
        self.n_scales = n_scales
        self.down_sampling_window = down_sampling_window
        self.pooling = pooling
        self.kernel_size = kernel_size
        self.decomposition = decomposition
        self.dropout = dropout
        self.normalization = normalization
        self.channel_independent = channel_independent
        self.time_features = time_features
        self.time_by_window = time_by_window

    @property
    def reads_past(self) -> bool:  # type: ignore[override]
        """Whether channels are mixed."""
        return not self.channel_independent

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range, or the context is too short for the scales."""
        check_integer(self.hidden_size, "hidden_size of TimeMixer")
        check_integer(self.n_layers, "n_layers of TimeMixer")
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, "feedforward_size of TimeMixer")
        check_integer(self.n_scales, "n_scales of TimeMixer")
        check_integer(self.down_sampling_window, "down_sampling_window of TimeMixer")
        check_choice(self.pooling, _POOLINGS, "pooling of TimeMixer")
        check_integer(self.kernel_size, "kernel_size of TimeMixer")
        check_choice(self.decomposition, ("moving_average", "first_window"), "decomposition of TimeMixer")
        check_real(self.dropout, "dropout of TimeMixer", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.normalization, NORMALIZATIONS, "normalization of TimeMixer")
        check_boolean(self.channel_independent, "channel_independent of TimeMixer")
        check_choice(self.time_features, ("auto", True, False), "time_features of TimeMixer")
        check_boolean(self.time_by_window, "time_by_window of TimeMixer")
        shortest = self.down_sampling_window ** (self.n_scales - 1)
        if spec.context_length < shortest:
            raise ValueError(
                f"context_length must be at least {shortest} for TimeMixer with n_scales = {self.n_scales} and "
                f"down_sampling_window = {self.down_sampling_window}; got {spec.context_length}. "
                "Lengthen the context or take fewer scales."
            )

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name what belongs to further scales, a moving average or the calendar, where there are none."""
        unread: dict[str, str] = {}
        if self.n_scales == 1:
            unread |= dict.fromkeys(("down_sampling_window", "pooling"), "with n_scales=1")
        if not self.channel_independent:
            unread["time_by_window"] = "with channel_independent=False"
        elif not spec.n_time_features:
            unread["time_by_window"] = "without calendar features"
        if self.channel_independent and self.decomposition == "first_window":
            unread["kernel_size"] = "with decomposition='first_window'"
        return unread

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _IndependentChannels(self, spec) if self.channel_independent else _JointChannels(self, spec)


class _TimeMixerModule(nn.Module):
    """Base class of both variants: scales, normalization and blocks."""

    def __init__(self, network: TimeMixer, spec: NetworkSpec, *, n_channels: int, joint: bool) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.window = network.down_sampling_window
        self.pool = _POOLINGS[network.pooling](self.window)
        self.lengths = [spec.context_length // self.window**scale for scale in range(network.n_scales)]
        self.normalizations = nn.ModuleList(make_normalization(network.normalization, n_channels) for _ in self.lengths)
        self.embedding = StepEmbedding(n_channels if joint else 1, network.hidden_size, spec, network.dropout)
        self.blocks = nn.ModuleList(_Block(network, self.lengths, joint=joint) for _ in range(network.n_layers))
        self.horizon = nn.ModuleList(nn.Linear(length, spec.prediction_length) for length in self.lengths)
        self.projection = nn.Linear(network.hidden_size, n_channels if joint else 1)

    def scales(self, values: Tensor) -> tuple[list[Tensor], Any]:
        """Pool and normalize (n_windows, n_channels, context_length); also return the state of the finest scale."""
        scaled, states = [], []
        for normalization in self.normalizations:
            normalized, state = normalization(values)
            scaled.append(normalized)
            states.append(state)
            if len(scaled) < len(self.lengths):
                values = self.pool(values)
        return scaled, states[0]

    def calendars(self, context_time: Tensor | None) -> list[Tensor | None]:
        """Subsample the calendar features to each scale, by taking the first of the pooled rows."""
        if context_time is None:
            return [None] * len(self.lengths)
        return [context_time[:, :: self.window**scale][:, :length] for scale, length in enumerate(self.lengths)]

    def encode(self, values: list[Tensor], calendars: list[Tensor | None]) -> list[Tensor]:
        """Embed (n_windows, n_timestamps, n_values) of each scale and run the blocks."""
        tokens = [self.embedding(rows, time) for rows, time in zip(values, calendars, strict=True)]
        for block in self.blocks:
            tokens = block(tokens)
        return tokens

    def predict(self, tokens: list[Tensor]) -> list[Tensor]:
        """Forecast from each scale: (n_windows, prediction_length, n_values)."""
        pairs = zip(self.horizon, tokens, strict=True)
        return [self.projection(horizon(rows.transpose(1, 2)).transpose(1, 2)) for horizon, rows in pairs]


class _IndependentChannels(_TimeMixerModule):
    """Variant in which every channel is a separate window."""

    def __init__(self, network: TimeMixer, spec: NetworkSpec) -> None:
        super().__init__(network, spec, n_channels=spec.n_targets, joint=False)
        self.time_by_window = network.time_by_window

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values = context.transpose(1, 2)  # (n_windows, n_channels, context_length)
        if self.targets is not None:
            values = values[:, self.targets]
        scales, state = self.scales(values)
        if context_time is not None:
            context_time = self.spread(context_time, values.shape[1])
        windows = [scale.reshape(-1, scale.shape[-1], 1) for scale in scales]
        tokens = self.encode(windows, self.calendars(context_time))
        features = torch.stack(self.predict(tokens)).sum(dim=0).squeeze(-1).unflatten(0, values.shape[:2])
        forecast = self.normalizations[0].undo(features, state)  # type: ignore[operator]
        return NetworkOutput(forecast.transpose(1, 2), features)

    def spread(self, time: Tensor, n_channels: int) -> Tensor:
        """Repeat the calendar features for every channel."""
        return time.repeat_interleave(n_channels, dim=0) if self.time_by_window else time.repeat(n_channels, 1, 1)


class _JointChannels(_TimeMixerModule):
    """Variant in which the channels of a step are embedded together and their trends are forecast separately."""

    def __init__(self, network: TimeMixer, spec: NetworkSpec) -> None:
        super().__init__(network, spec, n_channels=spec.n_channels, joint=True)
        self.kernel_size = network.kernel_size
        self.trend = nn.ModuleList(
            nn.Sequential(nn.Linear(length, length), nn.Linear(length, spec.prediction_length))
            for length in self.lengths
        )

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        scales, state = self.scales(context.transpose(1, 2))
        parts = [decompose(scale, self.kernel_size) for scale in scales]
        tokens = self.encode([seasonal.transpose(1, 2) for seasonal, _ in parts], self.calendars(context_time))
        trends = [layer(trend) for layer, (_, trend) in zip(self.trend, parts, strict=True)]
        forecasts = [part.transpose(1, 2) for part in self.predict(tokens)]
        features = torch.stack(forecasts + trends).sum(dim=0)  # (n_windows, n_channels, prediction_length)
        forecast = self.normalizations[0].undo(features, state)  # type: ignore[operator]
        if self.targets is not None:
            forecast, features = forecast[:, self.targets], features[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), features)


class _Block(nn.Module):
    """Split every scale, mix seasonal parts from fine to coarse and trends from coarse to fine, mix hidden units."""

    def __init__(self, network: TimeMixer, lengths: list[int], *, joint: bool) -> None:
        super().__init__()
        self.kernel_size = network.kernel_size if network.decomposition == "moving_average" else None
        self.joint = joint
        steps = list(pairwise(lengths))
        self.down = nn.ModuleList(_perceptron(fine, coarse, coarse) for fine, coarse in steps)
        self.up = nn.ModuleList(_perceptron(coarse, fine, fine) for fine, coarse in steps)
        width = network.hidden_size
        inner = network.feedforward_size if network.feedforward_size is not None else 2 * width
        self.units = _perceptron(width, inner, width)

    def forward(self, tokens: list[Tensor]) -> list[Tensor]:
        parts = [self.split(rows.transpose(1, 2)) for rows in tokens]
        if self.joint:  # mix hidden units in each part; otherwise after both are added to the tokens
            parts = [(self.mix_units(seasonal), self.mix_units(trend)) for seasonal, trend in parts]
        seasonal = [part[0] for part in parts]
        trend = [part[1] for part in parts]
        for fine, layer in enumerate(self.down):
            seasonal[fine + 1] = seasonal[fine + 1] + layer(seasonal[fine])
        for fine, layer in reversed(list(enumerate(self.up))):
            trend[fine] = trend[fine] + layer(trend[fine + 1])
        mixed = [(fast + slow).transpose(1, 2) for fast, slow in zip(seasonal, trend, strict=True)]
        return mixed if self.joint else [rows + self.units(both) for rows, both in zip(tokens, mixed, strict=True)]

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Split (n_windows, hidden_size, n_timestamps) into a seasonal part and a trend."""
        if self.kernel_size is not None:
            return decompose(rows, self.kernel_size)
        nothing = torch.zeros_like(rows)
        return torch.cat([nothing[:1], rows[1:]]), torch.cat([rows[:1], nothing[1:]])

    def mix_units(self, part: Tensor) -> Tensor:
        return self.units(part.transpose(1, 2)).transpose(1, 2)


def _perceptron(width: int, inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, inner), nn.GELU(), nn.Linear(inner, outer))
