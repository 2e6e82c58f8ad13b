"""LightTS: perceptrons on chunks of a window and on evenly spaced rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._layers import NORMALIZATIONS, make_normalization

__all__ = ["LightTS"]


class LightTS(BaseNetwork):
    """Perceptrons on two samplings of each channel and across channels, added to a linear forecast.

    Each window is sampled in two ways: into chunks of successive rows, and into the same number of sets of evenly
    spaced rows. A perceptron with a bottleneck mixes the rows within each chunk and then the chunks; a weighted sum of
    the chunks gives one vector per sampling. A third such perceptron takes both vectors of every channel and mixes the
    channels. A linear map of the whole window is added. The features are the two vectors, concatenated.

    If the length of the context is not a multiple of the chunk size, its first row is repeated.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of the features; an even number, at least 8.
    chunk_size : int, default=72
        Number of rows of a chunk, limited to ``prediction_length``. A context must have at least as many rows.
    normalization : {"mean", "revin", None}, default=None
        Normalization of each window: subtract its mean; standardize it and learn a scale and a shift per channel; or no
        normalization, as published.

    References
    ----------
    Zhang et al. (2022), Less is more: fast multivariate time series forecasting with light sampling-oriented MLP
    structures (arXiv 2207.01186), with the widths and chunks of TimeDistill's student. (LightTS of Campos et al.
    (2023), a method to distill ensembles, is a different work.)

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import LightTS
    >>> module = LightTS(hidden_size=8).build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 8]))
    """

    reads_past = True

    def __init__(self, hidden_size: int = 512, *, chunk_size: int = 72, normalization: str | None = None) -> None:
        self.hidden_size = hidden_size
        self.chunk_size = chunk_size
        self.normalization = normalization

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range, or the context is shorter than a chunk."""
        check_integer(self.hidden_size, "hidden_size of LightTS", minimum=8)
        if self.hidden_size % 2:
            raise ValueError(f"hidden_size of LightTS must be even; got {self.hidden_size}.")
        check_integer(self.chunk_size, "chunk_size of LightTS")
        check_choice(self.normalization, NORMALIZATIONS, "normalization of LightTS")
        rows = min(self.chunk_size, spec.prediction_length)
        if spec.context_length < rows:
            raise ValueError(
                f"context_length must be at least {rows}, the smaller of chunk_size of LightTS and prediction_length; "
                f"got {spec.context_length}. Lengthen the context or take smaller chunks."
            )

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _LightTSModule(self, spec)


class _LightTSModule(nn.Module):
    def __init__(self, network: LightTS, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        chunk, half = min(network.chunk_size, spec.prediction_length), network.hidden_size // 2
        self.n_chunks = -(-spec.context_length // chunk)
        self.missing = self.n_chunks * chunk - spec.context_length
        self.normalization: Any = make_normalization(network.normalization, spec.n_channels)
        self.successive = _Exchange(chunk, half, half, self.n_chunks)
        self.successive_weights = nn.Linear(self.n_chunks, 1)
        self.spread = _Exchange(chunk, half, half, self.n_chunks)
        self.spread_weights = nn.Linear(self.n_chunks, 1)
        self.channels = _Exchange(network.hidden_size, network.hidden_size, spec.prediction_length, spec.n_channels)
        self.direct = nn.Linear(self.n_chunks * chunk, spec.prediction_length)

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values, state = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        if self.missing:
            values = pad(values, (self.missing, 0), mode="replicate")
        features = self.sample(values)
        forecast = self.normalization.undo(self.channels(features) + self.direct(values), state)
        if self.targets is not None:
            forecast, features = forecast[:, self.targets], features[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), features)

    def sample(self, values: Tensor) -> Tensor:
        """Map each channel, (n_windows, n_channels, n_rows), to one vector per sampling, concatenated."""
        chunks = values.unflatten(-1, (self.n_chunks, -1))
        combs = values.unflatten(-1, (-1, self.n_chunks)).transpose(-1, -2)
        near = self.successive_weights(self.successive(chunks).transpose(-1, -2))
        far = self.spread_weights(self.spread(combs).transpose(-1, -2))
        return torch.cat([near, far], dim=-2).squeeze(-1)


class _Exchange(nn.Module):
    """A perceptron with a bottleneck that mixes nodes: (..., n_nodes, width) to (..., outer)."""

    def __init__(self, width: int, inner: int, outer: int, n_nodes: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, inner)
        self.contract = nn.Linear(inner, inner // 4)
        self.activation = nn.LeakyReLU()
        self.nodes = nn.Linear(n_nodes, n_nodes)
        nn.init.eye_(self.nodes.weight)
        self.output = nn.Linear(inner // 4, outer)

    def forward(self, values: Tensor) -> Tensor:
        hidden = self.contract(self.activation(self.expand(values)))
        return self.output(hidden + self.nodes(hidden.transpose(-1, -2)).transpose(-1, -2))
