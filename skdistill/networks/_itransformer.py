"""ITransformer: attention between channels; each channel is one token."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._layers import NoNormalization, WindowStandardization
from skdistill.networks._transformer import ACTIVATIONS, EncoderLayer

__all__ = ["ITransformer"]

_NORMALIZATIONS: dict[str | None, type[nn.Module]] = {"standard": WindowStandardization, None: NoNormalization}


class ITransformer(BaseNetwork):
    """The inverted transformer: each channel's whole window is one token.

    Each window is standardized, embedded by Linear(context_length, hidden_size), mixed over channels by transformer
    encoder layers, and projected to the forecast. Calendar features, if any, are extra tokens that are dropped before
    the projection. The token of a known covariate also has its rows of the horizon, by a second embedding; static
    covariates are one more token. The features are the channel tokens of the last layer.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a token.
    n_layers : int, default=2
        Encoder layers.
    n_heads : int, default=8
        Number of attention heads, each ``hidden_size // n_heads`` wide.
    feedforward_size : int or None, default=None
        Width of the feed-forward layer; None takes ``hidden_size``.
    dropout : float, default=0.1
        Fraction of units dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the feed-forward layer.
    normalization : {"standard", None}, default="standard"
        Normalization of each window: standardize it, or None for no normalization.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are added as tokens: if the index has them, always, or never.

    References
    ----------
    Liu et al. (2024), iTransformer (arXiv 2310.06625). TimeDistill's teacher has 2 layers, 8 heads,
    and width 256 on ETTh1, 128 on ETTh2.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import ITransformer
    >>> network = ITransformer(hidden_size=16, n_heads=2)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 16]))
    """

    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 2,
        n_heads: int = 8,
        feedforward_size: int | None = None,
        dropout: float = 0.1,
        activation: str = "gelu",
        normalization: str | None = "standard",
        time_features: bool | str = "auto",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.dropout = dropout
        self.activation = activation
        self.normalization = normalization
        self.time_features = time_features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.hidden_size, "hidden_size of ITransformer")
        check_integer(self.n_layers, "n_layers of ITransformer")
        check_integer(self.n_heads, "n_heads of ITransformer")
        if self.n_heads > self.hidden_size:
            raise ValueError(
                f"n_heads of ITransformer must be at most hidden_size = {self.hidden_size}; got {self.n_heads}."
            )
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, "feedforward_size of ITransformer")
        check_real(self.dropout, "dropout of ITransformer", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.activation, ACTIVATIONS, "activation of ITransformer")
        check_choice(self.normalization, _NORMALIZATIONS, "normalization of ITransformer")
        check_choice(self.time_features, ("auto", True, False), "time_features of ITransformer")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _ITransformerModule(self, spec)


class _ITransformerModule(nn.Module):
    def __init__(self, network: ITransformer, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.n_channels = spec.n_channels
        self.reads_time = spec.n_time_features > 0
        self.normalization: Any = _NORMALIZATIONS[network.normalization]()
        self.embedding = nn.Linear(spec.context_length, network.hidden_size)
        self.known = list(spec.known)
        self.embedding_ahead = (
            nn.Linear(spec.prediction_length, network.hidden_size, bias=False) if spec.known else None
        )
        self.embedding_static = nn.Linear(spec.n_static, network.hidden_size) if spec.n_static else None
        self.dropout = nn.Dropout(network.dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(
                network.hidden_size,
                n_heads=network.n_heads,
                feedforward_size=network.feedforward_size or network.hidden_size,
                dropout=network.dropout,
                activation=network.activation,
            )
            for _ in range(network.n_layers)
        )
        self.norm = nn.LayerNorm(network.hidden_size)
        self.projection = nn.Linear(network.hidden_size, spec.prediction_length)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        values, state = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        if self.reads_time and context_time is not None:
            values = torch.cat([values, context_time.transpose(1, 2)], dim=1)
        embedded = self.embedding(values)
        if self.embedding_ahead is not None and future is not None:
            ahead = self.embedding_ahead(self._normalized(future, state))
            embedded = embedded.index_add(1, torch.tensor(self.known, device=ahead.device), ahead)
        if self.embedding_static is not None and static is not None:
            embedded = torch.cat([embedded, self.embedding_static(static).unsqueeze(1)], dim=1)
        tokens = self.dropout(embedded)
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)[:, : self.n_channels]
        forecast = self.normalization.undo(self.projection(tokens), state)
        if self.targets is not None:
            forecast, tokens = forecast[:, self.targets], tokens[:, self.targets]
        return NetworkOutput(forecast.transpose(1, 2), tokens)

    def _normalized(self, future: Tensor, state: Any) -> Tensor:
        """Normalize known covariates over the horizon by their context, (n_windows, n_known, prediction_length)."""
        ahead = future.transpose(1, 2)
        if state is None:
            return ahead
        mean, scale = state
        return (ahead - mean[:, self.known]) / scale[:, self.known]
