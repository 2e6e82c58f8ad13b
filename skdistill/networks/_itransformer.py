"""ITransformer: attention between channels, one token each."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, relu, scaled_dot_product_attention

from skdistill._checks import check_integer, check_real
from skdistill._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._layers import WindowStandardization

__all__ = ["ITransformer"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": relu}


class ITransformer(BaseNetwork):
    """The inverted transformer: each channel's whole window is one token.

    Windows are standardised one by one, embedded by Linear(context_length, hidden_size), mixed
    over channels by transformer encoder layers, and projected to the forecast. Calendar features,
    where there are any, are extra tokens that are cut off before the projection. Its features are
    the channel tokens of the last layer.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a token.
    n_layers : int, default=2
        Encoder layers.
    n_heads : int, default=8
        Attention heads; must divide ``hidden_size``.
    feedforward_size : int or None, default=None
        Width of the feed-forward layer; None takes ``hidden_size``.
    dropout : float, default=0.1
        Share of units dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Of the feed-forward layer.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features join as tokens: where the index has them, always, or never.

    References
    ----------
    Liu et al. (2024), iTransformer (arXiv 2310.06625). TimeDistill's teacher has 2 layers, 8 heads,
    and width 256 on ETTh1, 128 on ETTh2.

    Examples
    --------
    >>> import torch
    >>> from skdistill.networks import ITransformer, NetworkSpec
    >>> network = ITransformer(hidden_size=16, n_heads=2)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 16]))
    """

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 2,
        n_heads: int = 8,
        feedforward_size: int | None = None,
        dropout: float = 0.1,
        activation: str = "gelu",
        time_features: bool | str = "auto",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_heads = n_heads
        self.feedforward_size = feedforward_size
        self.dropout = dropout
        self.activation = activation
        self.time_features = time_features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range.

        Parameters
        ----------
        spec : NetworkSpec
            The problem the network is about to be built for.
        """
        check_integer(self.hidden_size, "hidden_size of ITransformer")
        check_integer(self.n_layers, "n_layers of ITransformer")
        check_integer(self.n_heads, "n_heads of ITransformer")
        if self.hidden_size % self.n_heads:
            raise ValueError(
                f"n_heads of ITransformer must divide hidden_size = {self.hidden_size}; got {self.n_heads}."
            )
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, "feedforward_size of ITransformer")
        check_real(self.dropout, "dropout of ITransformer", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.activation, _ACTIVATIONS, "activation of ITransformer")
        check_choice(self.time_features, ("auto", True, False), "time_features of ITransformer")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module.

        Parameters
        ----------
        spec : NetworkSpec
            Lengths, channels and calendar features.

        Returns
        -------
        module : torch.nn.Module
            The network.
        """
        self.check(spec)
        return _ITransformerModule(self, spec)


class _ITransformerModule(nn.Module):
    def __init__(self, network: ITransformer, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.n_channels = spec.n_channels
        self.reads_time = spec.n_time_features > 0
        self.normalization = WindowStandardization()
        self.embedding = nn.Linear(spec.context_length, network.hidden_size)
        self.dropout = nn.Dropout(network.dropout)
        self.layers = nn.ModuleList(_EncoderLayer(network) for _ in range(network.n_layers))
        self.norm = nn.LayerNorm(network.hidden_size)
        self.projection = nn.Linear(network.hidden_size, spec.prediction_length)

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        values, (mean, scale) = self.normalization(context.transpose(1, 2))  # (n_windows, n_channels, context_length)
        if self.reads_time:
            if context_time is None:
                raise ValueError(
                    "ITransformer built with n_time_features > 0 needs context_time of shape (n_windows, "
                    "context_length, n_time_features); got None. Build it with time_features=False to do without."
                )
            values = torch.cat([values, context_time.transpose(1, 2)], dim=1)
        tokens = self.dropout(self.embedding(values))
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.norm(tokens)[:, : self.n_channels]
        if self.targets is not None:
            tokens, mean, scale = tokens[:, self.targets], mean[:, self.targets], scale[:, self.targets]
        forecast = self.normalization.undo(self.projection(tokens), (mean, scale))
        return NetworkOutput(forecast.transpose(1, 2), tokens)


class _EncoderLayer(nn.Module):
    """Self-attention and a feed-forward layer, each added to its input and normalised after."""

    def __init__(self, network: ITransformer) -> None:
        super().__init__()
        width = network.hidden_size
        inner = network.feedforward_size or width
        self.n_heads = network.n_heads
        self.dropout_share = network.dropout
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_output = nn.Linear(width, width)
        self.expand = nn.Linear(width, inner)
        self.contract = nn.Linear(inner, width)
        self.attention_norm = nn.LayerNorm(width)
        self.feedforward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(network.dropout)
        self.activation = _ACTIVATIONS[network.activation]

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = self.attention_norm(tokens + self.dropout(self.attend(tokens)))
        inner = self.dropout(self.activation(self.expand(tokens)))
        return self.feedforward_norm(tokens + self.dropout(self.contract(inner)))

    def attend(self, tokens: Tensor) -> Tensor:
        heads = self.query_key_value(tokens).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (n_windows, n_heads, n_tokens, head_size)
        share = self.dropout_share if self.training else 0.0
        mixed = scaled_dot_product_attention(query, key, value, dropout_p=share)
        return self.attention_output(mixed.transpose(1, 2).flatten(2))
