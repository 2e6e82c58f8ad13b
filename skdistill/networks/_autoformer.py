"""Autoformer: mixes steps at the lags with the largest auto-correlation."""

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

    Encoder and decoder subtract the trend, a moving average, after every step. The decoder starts from the last
    ``label_length`` rows of the context and adds up the trends. Auto-correlation takes the factor * log(length) delays
    with the largest correlation between queries and keys, rolls the values by each of them, and sums the results,
    weighted by a softmax over the correlations. In training the delays are the same for the whole batch; otherwise
    every window has its own.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of a step.
    n_layers : int, default=2
        Encoder layers.
    n_decoder_layers : int, default=1
        Decoder layers.
    attention_size : int or None, default=None
        Width of queries, keys and values; None takes ``hidden_size``. (All heads share their delays in the published
        network, so the number of heads has no other effect.)
    feedforward_size : int or None, default=None
        Width of the feed-forward layers; None takes four times ``hidden_size``.
    kernel_size : int, default=25
        Window length of the moving averages, in steps.
    factor : float, default=1.0
        Delays per log(length); at least one is kept.
    dropout : float, default=0.1
        Fraction of units dropped in training.
    activation : {"gelu", "relu"}, default="gelu"
        Activation of the feed-forward layers.
    label_length : int, default=48
        Number of rows at the end of the context that the decoder starts from; at most ``context_length``. With 0 it
        starts from the calendar features alone, and needs them.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are embedded with the values: if the index has them, always, or never.
    features : {"whole", "published"}, default="whole"
        Features of a channel for feature-level losses: the encoder's output after the output projection, over the
        context; or, as in TimeDistill, hidden unit c of the encoder's output for channel c.

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

    reads_past = True

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
        if not self.label_length and not spec.n_time_features:  # zeros correlate alike at every delay
            way = "set time_features='auto'" if self.time_features is False else "fit on an index of dates"
            raise ValueError(
                "label_length=0 of Autoformer needs calendar features, or the decoder starts from zeros and takes any "
                f"delays: set label_length to at least 1, or {way}."
            )
        inner = self.attention_size if self.attention_size is not None else self.hidden_size
        # A shift of queries and keys by the same amount at every step shifts all correlations equally, which does not
        # change the softmax, unless the keys are padded with zeros. The decomposition removes a shift of the values.
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
        """Mix (n_windows, n_timestamps, inner_size); keys and values are cut or padded to the length of the queries."""
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
    """Cut to the first rows, or pad with zeros."""
    return nn.functional.pad(rows[:, :length], (0, 0, 0, max(0, length - rows.shape[1])))
