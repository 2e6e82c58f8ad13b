"""TSMixer: layers that mix the steps of a channel, then the channels of a step."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._layers import NORMALIZATIONS, make_normalization

__all__ = ["TSMixer"]


class TSMixer(BaseNetwork):
    """Alternating perceptrons over time and over channels, then one linear layer to the forecast.

    Each window is normalized, passes ``n_layers`` blocks that keep its shape, and is projected from context to horizon
    by one linear layer shared by all channels. The output of each perceptron is added to its input. The features are
    the windows after the last block.

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

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values, state = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        features = self.blocks(values)
        forecast = self.normalization.undo(self.projection(features), state)
        if self.targets is not None:
            forecast, features = forecast[:, self.targets], features[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), features)


class _Block(nn.Module):
    """Mix the steps of every channel, then the channels of every step."""

    def __init__(self, network: TSMixer, spec: NetworkSpec) -> None:
        super().__init__()
        self.time = _perceptron(spec.context_length, network)
        self.channel = _perceptron(spec.n_channels, network)

    def forward(self, values: Tensor) -> Tensor:
        values = values + self.time(values)
        return values + self.channel(values.transpose(1, 2)).transpose(1, 2)


def _perceptron(width: int, network: TSMixer) -> nn.Sequential:
    expand, contract = nn.Linear(width, network.hidden_size), nn.Linear(network.hidden_size, width)
    return nn.Sequential(expand, nn.ReLU(), contract, nn.Dropout(network.dropout))
