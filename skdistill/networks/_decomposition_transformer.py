"""Encoder and decoder with moving-average decomposition, shared by Autoformer and FEDformer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad, relu

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._embedding import StepEmbedding, decoder_calendar
from skdistill.networks._layers import decompose

__all__ = ["DecompositionNetwork", "DecompositionTransformer", "Mixer", "Projections"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": relu}


class DecompositionNetwork(BaseNetwork):
    """Hyperparameters of all decomposition transformers, and their checks.

    Attributes
    ----------
    hidden_size : int
        Width of a step.
    n_layers, n_decoder_layers : int
        Layers of the encoder and of the decoder.
    feedforward_size : int or None
        Width of the feed-forward layers; None takes four times ``hidden_size``.
    kernel_size : int
        Window length of the moving averages, in steps.
    dropout : float
        Fraction of units dropped in training.
    activation : {"gelu", "relu"}
        Activation of the feed-forward layers.
    label_length : int
        Number of rows at the end of the context that the decoder starts from.
    time_features : {"auto", True, False}
        Whether calendar features are embedded with the values.
    features : {"whole", "published"}
        The features for feature-level losses.
    """

    settings_of_features: ClassVar[tuple[str, ...]] = ("features",)

    hidden_size: int
    n_layers: int
    n_decoder_layers: int
    feedforward_size: int | None
    kernel_size: int
    dropout: float
    activation: str
    features: str

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range or does not fit the lengths and channels."""
        owner = type(self).__name__
        for name in ("hidden_size", "n_layers", "n_decoder_layers", "kernel_size"):
            check_integer(getattr(self, name), f"{name} of {owner}")
        if self.feedforward_size is not None:
            check_integer(self.feedforward_size, f"feedforward_size of {owner}")
        check_real(self.dropout, f"dropout of {owner}", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.activation, _ACTIVATIONS, f"activation of {owner}")
        check_choice(self.time_features, ("auto", True, False), f"time_features of {owner}")
        check_choice(self.features, ("whole", "published"), f"features of {owner}")
        check_integer(self.label_length, f"label_length of {owner}", minimum=0)
        if self.label_length > spec.context_length:
            raise ValueError(
                f"label_length of {owner} must be at most context_length = {spec.context_length}, as it counts rows of "
                f"the context; got {self.label_length}. Lengthen the context or lower label_length."
            )
        if self.features == "published" and self.hidden_size < spec.n_channels:
            raise ValueError(
                f"features='published' of {owner} takes one hidden unit per channel, so hidden_size must be at least "
                f"n_channels = {spec.n_channels}; got {self.hidden_size}. Take features='whole'."
            )


@dataclass(frozen=True)
class Projections:
    """The linear layers before and after a mixer.

    Parameters
    ----------
    inner_size : int
        Width of the queries, keys and values.
    biases : tuple of bool
        Whether there is a bias, for the query and for each projection of the memory (keys, values). A bias without
        effect is left out, such as one that is equal at all steps and subtracted by the next decomposition.
    output_bias : bool
        Whether there is a bias in the output projection.
    """

    inner_size: int
    biases: tuple[bool, ...]
    output_bias: bool


class Mixer(nn.Module):
    """Replacement of attention: mixes queries and projections of the memory over time.

    All layers of an encoder or decoder share one mixer and its weights, if any.
    """


class DecompositionTransformer(nn.Module):
    """Encoder for the seasonal part, and decoder that adds up the trends.

    Parameters
    ----------
    network : DecompositionNetwork
        Hyperparameters.
    spec : NetworkSpec
        Lengths, channels and calendar features.
    mixers : sequence of three Mixer
        Mixers of the encoder, of the decoder, and between decoder and encoder output.
    projections : sequence of three Projections
        The linear layers around each mixer.
    positions : bool
        Whether tokens include the position of their step.
    """

    def __init__(
        self,
        network: DecompositionNetwork,
        spec: NetworkSpec,
        mixers: Sequence[Mixer],
        projections: Sequence[Projections],
        *,
        positions: bool,
    ) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.label_length, self.prediction_length = network.label_length, spec.prediction_length
        self.kernel_size = network.kernel_size
        self.published_features = network.features == "published"
        width = network.hidden_size
        shape = (spec.n_channels, width, spec, network.dropout)
        decoder_length = self.label_length + self.prediction_length
        self.encoder_embedding = StepEmbedding(*shape, n_positions=spec.context_length if positions else 0)
        self.decoder_embedding = StepEmbedding(*shape, n_positions=decoder_length if positions else 0)
        self.encoder_mixer, self.decoder_mixer, self.cross_mixer = mixers
        around_encoder, around_decoder, around_cross = projections
        self.encoder = nn.ModuleList(_EncoderLayer(network, around_encoder) for _ in range(network.n_layers))
        self.encoder_norm = _SeasonalNorm(width)
        self.decoder = nn.ModuleList(
            _DecoderLayer(network, around_decoder, around_cross, spec.n_channels)
            for _ in range(network.n_decoder_layers)
        )
        self.decoder_norm = _SeasonalNorm(width)
        self.projection = nn.Linear(width, spec.n_channels)

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        """Forecast a batch of windows.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            The past.
        context_time : Tensor of shape (n_windows, context_length, n_time_features), default=None
            Calendar features of the context, for modules built with them.
        decoder_time : Tensor of shape (n_windows, n_rows, n_time_features), default=None
            Calendar features of the last ``n_rows - prediction_length`` rows of the context and of the horizon.

        Returns
        -------
        output : NetworkOutput
            Forecast and features.
        """
        encoded = self.encode(context, context_time)
        forecast = self.decode(context, encoded, context_time, decoder_time)
        features = (encoded if self.published_features else self.projection(encoded)).transpose(1, 2)
        features = features[:, : context.shape[-1]]  # (n_windows, n_channels, context_length)
        if self.targets is not None:
            forecast, features = forecast[..., self.targets], features[:, self.targets]
        return NetworkOutput(forecast, features)

    def encode(self, context: Tensor, context_time: Tensor | None) -> Tensor:
        """Embed the context and run the encoder.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            The past.
        context_time : Tensor of shape (n_windows, context_length, n_time_features) or None
            Calendar features of the context.

        Returns
        -------
        encoded : Tensor of shape (n_windows, context_length, hidden_size)
            The seasonal part of the context.
        """
        tokens = self.encoder_embedding(context, context_time)
        for layer in self.encoder:
            tokens = layer(tokens, self.encoder_mixer)
        return self.encoder_norm(tokens)

    def decode(
        self, context: Tensor, encoded: Tensor, context_time: Tensor | None, decoder_time: Tensor | None
    ) -> Tensor:
        """Decode from the last rows of the context; zeros continue their seasonal part, the mean continues their trend.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            The past.
        encoded : Tensor of shape (n_windows, context_length, hidden_size)
            Output of the encoder.
        context_time, decoder_time : Tensor or None
            Calendar features, as in :meth:`forward`.

        Returns
        -------
        forecast : Tensor of shape (n_windows, prediction_length, n_channels)
            The forecast.
        """
        first = context.shape[1] - self.label_length
        seasonal, trend = (part[..., first:] for part in decompose(context.transpose(1, 2), self.kernel_size))
        seasonal = pad(seasonal, (0, self.prediction_length)).transpose(1, 2)
        mean = context.mean(dim=1, keepdim=True).expand(-1, self.prediction_length, -1)
        trend = torch.cat([trend.transpose(1, 2), mean], dim=1)
        tokens = self.decoder_embedding(seasonal, self.calendar(context_time, decoder_time))
        for layer in self.decoder:
            tokens, more = layer(tokens, encoded, self.decoder_mixer, self.cross_mixer)
            trend = trend + more
        return (trend + self.projection(self.decoder_norm(tokens)))[:, self.label_length :]

    def calendar(self, context_time: Tensor | None, decoder_time: Tensor | None) -> Tensor | None:
        """Return the calendar features of the rows that the decoder reads.

        Parameters
        ----------
        context_time, decoder_time : Tensor or None
            Calendar features, as in :meth:`forward`.

        Returns
        -------
        calendar : Tensor of shape (n_windows, label_length + prediction_length, n_time_features) or None
            None without a calendar.
        """
        if context_time is None or decoder_time is None:
            return None
        lengths = {"label_length": self.label_length, "prediction_length": self.prediction_length}
        return decoder_calendar(context_time, decoder_time, **lengths)


class _EncoderLayer(nn.Module):
    """Encoder layer: mixer and feed-forward layers; after each, only the seasonal part is kept."""

    def __init__(self, network: DecompositionNetwork, projections: Projections) -> None:
        super().__init__()
        self.kernel_size = network.kernel_size
        self.attention = _Mixing(network, projections)
        self.feedforward = _FeedForward(network)

    def forward(self, tokens: Tensor, mixer: Mixer) -> Tensor:
        tokens, _ = _split(tokens + self.attention(tokens, tokens, mixer), self.kernel_size)
        return _split(tokens + self.feedforward(tokens), self.kernel_size)[0]


class _DecoderLayer(nn.Module):
    """Decoder layer: two mixers and feed-forward layers; the trends subtracted after each are added up."""

    def __init__(
        self, network: DecompositionNetwork, projections: Projections, cross_projections: Projections, n_channels: int
    ) -> None:
        super().__init__()
        self.kernel_size = network.kernel_size
        self.attention = _Mixing(network, projections)
        self.cross_attention = _Mixing(network, cross_projections)
        self.feedforward = _FeedForward(network)
        self.trend = nn.Conv1d(network.hidden_size, n_channels, 3, padding=1, padding_mode="circular", bias=False)

    def forward(self, tokens: Tensor, encoded: Tensor, mixer: Mixer, cross_mixer: Mixer) -> tuple[Tensor, Tensor]:
        tokens, first = _split(tokens + self.attention(tokens, tokens, mixer), self.kernel_size)
        tokens, second = _split(tokens + self.cross_attention(tokens, encoded, cross_mixer), self.kernel_size)
        tokens, third = _split(tokens + self.feedforward(tokens), self.kernel_size)
        return tokens, self.trend((first + second + third).transpose(1, 2)).transpose(1, 2)


class _Mixing(nn.Module):
    """Project, mix over time, project back."""

    def __init__(self, network: DecompositionNetwork, projections: Projections) -> None:
        super().__init__()
        width, inner = network.hidden_size, projections.inner_size
        query_bias, *memory_biases = projections.biases
        self.query = nn.Linear(width, inner, bias=query_bias)
        self.memory = nn.ModuleList(nn.Linear(width, inner, bias=bias) for bias in memory_biases)
        self.output = nn.Linear(inner, width, bias=projections.output_bias)
        self.dropout = nn.Dropout(network.dropout)

    def forward(self, tokens: Tensor, memory: Tensor, mixer: Mixer) -> Tensor:
        mixed = mixer(self.query(tokens), *(projection(memory) for projection in self.memory))
        return self.dropout(self.output(mixed))


class _FeedForward(nn.Module):
    """Two linear layers without biases, as published."""

    def __init__(self, network: DecompositionNetwork) -> None:
        super().__init__()
        width = network.hidden_size
        inner = network.feedforward_size if network.feedforward_size is not None else 4 * width
        self.expand = nn.Linear(width, inner, bias=False)
        self.contract = nn.Linear(inner, width, bias=False)
        self.dropout = nn.Dropout(network.dropout)
        self.activation = _ACTIVATIONS[network.activation]

    def forward(self, tokens: Tensor) -> Tensor:
        return self.dropout(self.contract(self.dropout(self.activation(self.expand(tokens)))))


class _SeasonalNorm(nn.LayerNorm):
    """Layer norm minus its mean over time, so that the result stays seasonal; a bias would cancel."""

    def __init__(self, width: int) -> None:
        super().__init__(width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        normalized = super().forward(tokens)
        return normalized - normalized.mean(dim=1, keepdim=True)


def _split(tokens: Tensor, kernel_size: int) -> tuple[Tensor, Tensor]:
    """Decompose (n_windows, n_timestamps, hidden_size) along time."""
    seasonal, trend = decompose(tokens.transpose(1, 2), kernel_size)
    return seasonal.transpose(1, 2), trend.transpose(1, 2)
