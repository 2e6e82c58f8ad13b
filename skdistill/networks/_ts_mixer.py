"""TSMixer: layers that mix the steps of a channel, then the channels of a step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._layers import NORMALIZATIONS, make_normalization

__all__ = ["TSMixer"]


class TSMixer(BaseNetwork):
    """Alternating perceptrons over time and over channels, then one linear layer to the forecast.

    Each window is normalized, passes ``n_layers`` blocks that keep its shape, and is projected from context to horizon
    by one linear layer shared by all channels. The output of each perceptron is added to its input. Known covariates
    over the horizon and static covariates are read by one more perceptron, over the channels of each step of the
    forecast. The features are the windows after the last block.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of both perceptrons of a block.
    n_layers : int, default=2
        Blocks.
    dropout : float, default=0.1
        Fraction of a perceptron's output dropped in training.
    normalization : {"revin", "mean", None}, default="revin"
        Normalization of each window: standardize it and learn a scale and a shift per channel, as in TimeDistill;
        subtract its mean; or no normalization, as in Time-Series-Library.

    References
    ----------
    Chen et al. (2023), TSMixer: an all-MLP architecture for time series forecasting (arXiv 2303.06053), in the form
    that TimeDistill uses as a student: without batch normalization, and with the same hidden width for time and
    channels.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import TSMixer
    >>> module = TSMixer(hidden_size=8).build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 12]))
    """

    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 2,
        dropout: float = 0.1,
        normalization: str | None = "revin",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.dropout = dropout
        self.normalization = normalization

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.hidden_size, "hidden_size of TSMixer")
        check_integer(self.n_layers, "n_layers of TSMixer")
        check_real(self.dropout, "dropout of TSMixer", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.normalization, NORMALIZATIONS, "normalization of TSMixer")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _TSMixerModule(self, spec)


class _TSMixerModule(nn.Module):
    def __init__(self, network: TSMixer, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.normalization: Any = make_normalization(network.normalization, spec.n_channels)
        self.blocks = nn.Sequential(*(_Block(network, spec) for _ in range(network.n_layers)))
        self.projection = nn.Linear(spec.context_length, spec.prediction_length)
        self.known = list(spec.known)
        n_more = len(self.known) + spec.n_static
        self.ahead = _perceptron(spec.n_channels + n_more, network, spec.n_channels) if n_more else None

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        values, state = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        features = self.blocks(values)
        steps = self.projection(features)
        if self.ahead is not None:
            steps = steps + self.ahead(self._beside(steps, context, future, static)).transpose(1, 2)
        forecast = self.normalization.undo(steps, state)
        if self.targets is not None:
            forecast, features = forecast[:, self.targets], features[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), features)

    def _beside(self, steps: Tensor, context: Tensor, future: Tensor | None, static: Tensor | None) -> Tensor:
        """Join the steps of the forecast, known covariates less their level, and static covariates, step by step."""
        parts = [steps.transpose(1, 2)]
        if future is not None:
            parts.append(future - context[..., self.known].mean(dim=1, keepdim=True))
        if static is not None:
            parts.append(static.unsqueeze(1).expand(-1, steps.shape[2], -1))
        return torch.cat(parts, dim=2)


class _Block(nn.Module):
    """Mix the steps of every channel, then the channels of every step."""

    def __init__(self, network: TSMixer, spec: NetworkSpec) -> None:
        super().__init__()
        self.time = _perceptron(spec.context_length, network)
        self.channel = _perceptron(spec.n_channels, network)

    def forward(self, values: Tensor) -> Tensor:
        values = values + self.time(values)
        return values + self.channel(values.transpose(1, 2)).transpose(1, 2)


def _perceptron(width: int, network: TSMixer, n_outputs: int | None = None) -> nn.Sequential:
    expand = nn.Linear(width, network.hidden_size)
    contract = nn.Linear(network.hidden_size, width if n_outputs is None else n_outputs)
    return nn.Sequential(expand, nn.ReLU(), contract, nn.Dropout(network.dropout))
