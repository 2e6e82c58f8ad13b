"""TimeXer: attention between the patches of a target, which reads covariates through one token."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._covariates import for_each_target
from skdistill.networks._embedding import sinusoids
from skdistill.networks._layers import WindowStandardization
from skdistill.networks._transformer import ACTIVATIONS

__all__ = ["TimeXer"]


class TimeXer(BaseNetwork):
    """The transformer with exogenous variables: patch tokens of the target, one token for each covariate.

    The context of each target is standardized and split into patches that do not overlap, each of which is a token; a
    learned token stands for the whole series. In every layer, self-attention mixes these tokens, and then the token of
    the series attends to the covariates, each of which is one token made of its whole window: a covariate known over
    the horizon with its rows of the horizon. One linear layer maps all tokens of a target to its forecast. Every target
    is forecast separately, with shared weights. The features are the tokens of the series in the last layer.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a token.
    n_layers : int, default=2
        Encoder layers.
    n_heads : int, default=8
        Attention heads, each ``hidden_size // n_heads`` wide.
    feedforward_size : int or None, default=None
        Width of the feed-forward layer; None takes four times ``hidden_size``.
    patch_size : int, default=16
        Number of rows of a patch; the first rows of a target's context that fill no patch are in none. 24 was published
        for hourly prices.
    dropout : float, default=0.1
        Fraction of units and attention weights dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the feed-forward layer.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are covariates, too: if the index has them, always, or never.

    Notes
    -----
    With one target, the covariates are all other channels; with several targets or no other channel, they are all
    channels, the targets included, as in the paper's multivariate setting. Covariates are standardized by their
    context, as the targets are. The paper reads covariates of the past; a known covariate's token has the horizon's
    rows as well, which the paper allows for (windows of unlike length) and does not use.

    References
    ----------
    Wang et al. (2024), TimeXer: empowering transformers for time series forecasting with exogenous variables (arXiv
    2402.19072).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import TimeXer
    >>> spec = NetworkSpec(context_length=12, prediction_length=4, n_channels=3, targets=(0,), known=(1, 2))
    >>> module = TimeXer(hidden_size=8, n_heads=2, patch_size=4).build(spec)
    >>> output = module(torch.zeros(2, 12, 3), future=torch.zeros(2, 4, 2))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 1]), torch.Size([2, 1, 8]))
    """

    reads_past = True
    reads_known = True

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 2,
        n_heads: int = 8,
        feedforward_size: int | None = None,
        patch_size: int = 16,
        dropout: float = 0.1,
        activation: str = "gelu",
        time_features: bool | str = "auto",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.patch_size = patch_size
        self.dropout = dropout
        self.activation = activation
        self.time_features = time_features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range, or the context is shorter than a patch."""
        for name in ("hidden_size", "n_layers", "n_heads", "patch_size"):
            check_integer(getattr(self, name), f"{name} of TimeXer")
        if self.n_heads > self.hidden_size:
            raise ValueError(
                f"n_heads of TimeXer must be at most hidden_size = {self.hidden_size}; got {self.n_heads}."
            )
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, "feedforward_size of TimeXer")
        check_real(self.dropout, "dropout of TimeXer", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.activation, ACTIVATIONS, "activation of TimeXer")
        check_choice(self.time_features, ("auto", True, False), "time_features of TimeXer")
        if spec.context_length < self.patch_size:
            raise ValueError(
                f"context_length must be at least patch_size = {self.patch_size} of TimeXer; got "
                f"{spec.context_length}. Lengthen the context or take smaller patches."
            )

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _TimeXerModule(self, spec)


class _TimeXerModule(nn.Module):
    position: Tensor

    def __init__(self, network: TimeXer, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets, self.known = list(spec.targets), list(spec.known)
        others = [channel for channel in range(spec.n_channels) if channel not in spec.targets]
        read = others if others and spec.n_targets == 1 else list(range(spec.n_channels))
        self.past = [channel for channel in read if channel not in spec.known]
        self.patch_size, width = network.patch_size, network.hidden_size
        self.horizon, self.n_time_features = spec.prediction_length, spec.n_time_features
        n_patches = spec.context_length // network.patch_size
        self.normalization = WindowStandardization()
        self.embedding = nn.Linear(network.patch_size, width, bias=False)
        self.register_buffer("position", sinusoids(n_patches, width), persistent=False)
        self.series_token = nn.Parameter(torch.randn(1, 1, width))
        n_rows = spec.context_length + spec.prediction_length
        self.embed_past = nn.Linear(spec.context_length, width) if self.past else None
        self.embed_known = nn.Linear(n_rows, width) if self.known else None
        self.embed_time = nn.Linear(n_rows, width) if spec.n_time_features else None
        self.dropout = nn.Dropout(network.dropout)
        self.layers = nn.ModuleList(_Layer(network) for _ in range(network.n_layers))
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Linear((n_patches + 1) * width, spec.prediction_length)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
    ) -> NetworkOutput:
        values, state = self.normalization(context[..., self.targets].transpose(1, 2))
        n_windows, n_targets, length = values.shape
        kept = values[..., length % self.patch_size :].unflatten(-1, (-1, self.patch_size))
        patches = self.dropout(self.embedding(kept.flatten(0, 1)) + self.position)
        tokens = torch.cat([patches, self.series_token.expand(len(patches), 1, -1)], dim=1)
        covariates = self.covariate_tokens(context, context_time, decoder_time, future)
        shared = for_each_target(covariates, n_targets).flatten(0, 1)
        for layer in self.layers:
            tokens = layer(tokens, shared)
        tokens = self.norm(tokens).unflatten(0, (n_windows, n_targets))
        forecast = self.normalization.undo(self.projection(tokens.flatten(2)), state)
        return NetworkOutput(forecast.transpose(1, 2), tokens[:, :, -1])

    def covariate_tokens(
        self, context: Tensor, context_time: Tensor | None, decoder_time: Tensor | None, future: Tensor | None
    ) -> Tensor:
        """Embed each covariate's window as one token, (n_windows, n_covariates, hidden_size)."""
        tokens = []
        if self.embed_past is not None:
            tokens.append(self.embed_past(self.normalization(context[..., self.past].transpose(1, 2))[0]))
        if self.embed_known is not None and future is not None:
            values, (mean, scale) = self.normalization(context[..., self.known].transpose(1, 2))
            ahead = (future.transpose(1, 2) - mean) / scale
            tokens.append(self.embed_known(torch.cat([values, ahead], dim=-1)))
        if self.embed_time is not None and context_time is not None and decoder_time is not None:
            time = torch.cat([context_time, decoder_time[:, -self.horizon :]], dim=1)
            tokens.append(self.embed_time(time.to(context.dtype).transpose(1, 2)))
        return self.dropout(torch.cat(tokens, dim=1))


class _Layer(nn.Module):
    """Self-attention of all tokens, attention of the series token to the covariates, feed-forward."""

    def __init__(self, network: TimeXer) -> None:
        super().__init__()
        width = network.hidden_size
        inner = 4 * width if network.feedforward_size is None else network.feedforward_size
        self.self_attention = _Attention(width, network.n_heads, network.dropout)
        self.cross_attention = _Attention(width, network.n_heads, network.dropout)
        self.expand, self.contract = nn.Linear(width, inner), nn.Linear(inner, width)
        self.self_norm, self.cross_norm, self.feedforward_norm = (nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(network.dropout)
        self.activation = ACTIVATIONS[network.activation]

    def forward(self, tokens: Tensor, covariates: Tensor) -> Tensor:
        tokens = self.self_norm(tokens + self.dropout(self.self_attention(tokens, tokens)))
        series = tokens[:, -1:]
        series = self.cross_norm(series + self.dropout(self.cross_attention(series, covariates)))
        tokens = torch.cat([tokens[:, :-1], series], dim=1)
        inner = self.dropout(self.activation(self.expand(tokens)))
        return self.feedforward_norm(tokens + self.dropout(self.contract(inner)))


class _Attention(nn.Module):
    """Attention of some tokens to others."""

    def __init__(self, hidden_size: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        inner = hidden_size // n_heads * n_heads
        self.n_heads, self.dropout_share = n_heads, dropout
        self.query, self.key_value = nn.Linear(hidden_size, inner), nn.Linear(hidden_size, 2 * inner)
        self.output = nn.Linear(inner, hidden_size)

    def forward(self, tokens: Tensor, others: Tensor) -> Tensor:
        query = self.query(tokens).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        key, value = self.key_value(others).unflatten(-1, (2, self.n_heads, -1)).permute(2, 0, 3, 1, 4)
        share = self.dropout_share if self.training else 0.0
        mixed = scaled_dot_product_attention(query, key, value, dropout_p=share)
        return self.output(mixed.transpose(1, 2).flatten(2))
