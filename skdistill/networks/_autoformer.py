"""Autoformer: steps are mixed at the lags at which the series resembles itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer, check_real
from skdistill.networks._base import NetworkSpec
from skdistill.networks._decomposition_transformer import (
    DecompositionNetwork,
    DecompositionTransformer,
    Mixer,
    Projections,
)

__all__ = ["Autoformer"]


class Autoformer(DecompositionNetwork):
    """Decomposition transformer whose attention finds delays by auto-correlation and rolls the series by them.

    Encoder and decoder split off the trend after every step by a moving average; the decoder starts from the last
    ``label_length`` rows of the context and adds up trends. Auto-correlation takes the factor * log(length) delays of
    largest correlation between queries and keys (in training one set for the whole batch, else one a window), and sums
    the values rolled by each, weighted by a softmax over the correlations.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a step.
    n_layers : int, default=2
        Encoder layers.
    n_decoder_layers : int, default=1
        Decoder layers.
    attention_size : int or None, default=None
        Width of queries, keys and values; None takes ``hidden_size``. (The published heads share their delays, so that
        their number changes nothing else.)
    feedforward_size : int or None, default=None
        Width of the feed-forward layers; None takes four times ``hidden_size``.
    kernel_size : int, default=25
        Steps of the moving averages.
    factor : float, default=1.0
        Delays per log(length); at least one is kept.
    dropout : float, default=0.1
        Share of units dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Of the feed-forward layers.
    label_length : int, default=48
        Last rows of the context that the decoder starts from; at most ``context_length``.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are embedded with the values: where the index has them, always, or never.
    features : {"whole", "published"}, default="whole"
        What feature-level losses see of a channel: the encoder's output through the output projection, over the
        context; or, as TimeDistill takes it, hidden unit c of that output for channel c.

    References
    ----------
    Wu et al. (2021), Autoformer: decomposition transformers with auto-correlation for long-term series forecasting
    (arXiv 2106.13008).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import Autoformer
    >>> network = Autoformer(hidden_size=8, label_length=6)
    >>> module = network.build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 12]))
    """

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 2,
        n_decoder_layers: int = 1,
        attention_size: int | None = None,
        feedforward_size: int | None = None,
        kernel_size: int = 25,
        factor: float = 1.0,
        dropout: float = 0.1,
        activation: str = "gelu",
        label_length: int = 48,
        time_features: bool | str = "auto",
        features: str = "whole",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.n_decoder_layers = n_decoder_layers
        self.attention_size = attention_size
        self.feedforward_size = feedforward_size
        self.kernel_size = kernel_size
        self.factor = factor
        self.dropout = dropout
        self.activation = activation
        self.label_length = label_length
        self.time_features = time_features
        self.features = features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range or does not fit the lengths and channels."""
        super().check(spec)
        if self.attention_size is not None:
            check_integer(self.attention_size, "attention_size of Autoformer")
        check_real(self.factor, "factor of Autoformer", minimum=0.0, include_minimum=False)

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        inner = self.attention_size if self.attention_size is not None else self.hidden_size
        # Queries and keys shifted alike at every step shift all correlations alike, which the softmax does not see,
        # unless the keys are continued by zeros. Nor does a decomposition let a shift of the values through.
        padded = self.label_length + spec.prediction_length > spec.context_length
        projections = (
            Projections(inner, (False, False, False), output_bias=False),
            Projections(inner, (False, False, True), output_bias=True),
            Projections(inner, (False, padded, True), output_bias=True),
        )
        mixers = [_AutoCorrelation(self.factor) for _ in projections]
        return DecompositionTransformer(self, spec, mixers, projections, positions=False)


class _AutoCorrelation(Mixer):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Mix (n_windows, n_timestamps, inner_size); keys and values are cut to the queries' length or padded."""
        length = query.shape[1]
        key, value = _fit(key, length), _fit(value, length)
        correlation = _correlation(query, key)  # (n_windows, n_delays)
        n_kept = min(max(1, int(self.factor * math.log(length))), correlation.shape[-1])
        if self.training:
            delays = correlation.mean(dim=0).topk(n_kept).indices.expand(len(query), n_kept)
        else:
            delays = correlation.topk(n_kept).indices
        weights = correlation.gather(1, delays).softmax(dim=-1)
        steps = torch.arange(length, device=query.device)
        mixed = torch.zeros_like(value)
        for rank in range(n_kept):
            rows = (steps + delays[:, rank, None]) % length
            rolled = value.gather(1, rows.unsqueeze(-1).expand_as(value))
            mixed = mixed + rolled * weights[:, rank, None, None]
        return mixed


def _correlation(query: Tensor, key: Tensor) -> Tensor:
    """Correlate along time at every delay, averaged over hidden units.

    As published, the inverse transform of an odd length is one step shorter.
    """
    product = torch.fft.rfft(query, dim=1) * torch.fft.rfft(key, dim=1).conj()
    return torch.fft.irfft(product.mean(dim=-1), n=max(1, 2 * (product.shape[1] - 1)))


def _fit(rows: Tensor, length: int) -> Tensor:
    """Cut to the first rows, or continue by zeros."""
    return nn.functional.pad(rows[:, :length], (0, 0, 0, max(0, length - rows.shape[1])))
