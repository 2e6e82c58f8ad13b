"""TiDE: dense encoder and decoder, which read covariates of the context and of the horizon."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_boolean, check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._covariates import covariate_rows, for_each_target
from skdistill.networks._layers import NORMALIZATIONS, make_normalization

__all__ = ["TiDE"]


class TiDE(BaseNetwork):
    """The time-series dense encoder: residual perceptrons on targets, covariates and static attributes.

    The covariates of each step, in context and horizon, are projected to ``covariate_size`` numbers. An encoder reads
    the context of the target, the projected covariates of all steps, and the static attributes; a decoder gives a
    vector for each step of the horizon, and a last block reads this vector once more beside the covariates of its step.
    One linear map from context to horizon is added. Every target is forecast separately, with shared weights. The
    features are the output of the encoder.

    All layers are residual blocks: Linear - ReLU - Linear - dropout, plus Linear of the input, normalized.

    Parameters
    ----------
    hidden_size : int, default=256
        Width of encoder and decoder, and of their hidden layers.
    n_encoder_layers : int, default=2
        Residual blocks of the encoder.
    n_decoder_layers : int, default=2
        Residual blocks of the decoder.
    decoder_size : int, default=8
        Numbers that the decoder gives for each step of the horizon.
    temporal_size : int, default=128
        Width of the hidden layer of the last block.
    covariate_size : int, default=4
        Numbers to which the covariates of each step are projected.
    dropout : float, default=0.3
        Fraction of units dropped in training, after the second layer of every block.
    layer_norm : bool, default=True
        Whether the output of every block but the last is normalized. The last block gives one number, which the
        normalization would make constant.
    normalization : {"revin", "mean", None}, default="revin"
        Normalization of the targets of each window: standardize them and learn a scale and a shift per target;
        subtract their mean; or no normalization.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are covariates, too: if the index has them, always, or never.

    References
    ----------
    Das et al. (2023), Long-term forecasting with TiDE (arXiv 2304.08424). Sizes and dropout are those the paper gives
    for ETTh1; it searches over 256, 512 and 1024 for the width, one to three blocks, 4 to 32 for the decoder, 16 to
    128 for the last block. Past covariates, which the paper does not have, are projected in the context by a block of
    their own.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import TiDE
    >>> spec = NetworkSpec(context_length=12, prediction_length=4, n_channels=3, targets=(0,), known=(1, 2))
    >>> module = TiDE(hidden_size=8).build(spec)
    >>> output = module(torch.zeros(2, 12, 3), future=torch.zeros(2, 4, 2))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 1]), torch.Size([2, 1, 8]))
    """

    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(
        self,
        hidden_size: int = 256,
        *,
        n_encoder_layers: int = 2,
        n_decoder_layers: int = 2,
        decoder_size: int = 8,
        temporal_size: int = 128,
        covariate_size: int = 4,
        dropout: float = 0.3,
        layer_norm: bool = True,
        normalization: str | None = "revin",
        time_features: bool | str = "auto",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_encoder_layers = n_encoder_layers
        self.n_decoder_layers = n_decoder_layers
        self.decoder_size = decoder_size
        self.temporal_size = temporal_size
        self.covariate_size = covariate_size
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.normalization = normalization
        self.time_features = time_features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        sizes = "hidden_size n_encoder_layers n_decoder_layers decoder_size temporal_size covariate_size"
        for name in sizes.split():
            check_integer(getattr(self, name), f"{name} of TiDE")
        check_real(self.dropout, "dropout of TiDE", minimum=0.0, maximum=1.0, include_maximum=False)
        check_boolean(self.layer_norm, "layer_norm of TiDE")
        check_choice(self.normalization, NORMALIZATIONS, "normalization of TiDE")
        check_choice(self.time_features, ("auto", True, False), "time_features of TiDE")

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name what belongs to covariates and the calendar, where there are none."""
        has_rows = spec.covariates or spec.n_time_features
        return {} if has_rows else {"covariate_size": "without covariates and calendar"}

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _TiDEModule(self, spec)


class _TiDEModule(nn.Module):
    def __init__(self, network: TiDE, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets, self.known, self.past = list(spec.targets), list(spec.known), list(spec.past)
        self.n_time_features, self.horizon = spec.n_time_features, spec.prediction_length
        self.normalization: Any = make_normalization(network.normalization, spec.n_targets)

        def block(n_inputs: int, n_outputs: int, hidden_size: int, *, normalized: bool = True) -> _ResidualBlock:
            return _ResidualBlock(
                n_inputs, n_outputs, hidden_size, network.dropout, normalized=normalized and network.layer_norm
            )

        width, size = network.hidden_size, network.covariate_size
        n_known = len(self.known) + spec.n_time_features
        self.project_known = block(n_known, size, width) if n_known else None
        self.project_past = block(len(self.past), size, width) if self.past else None
        n_read = spec.context_length * (1 + size * bool(self.past)) + spec.n_static
        n_read += (spec.context_length + self.horizon) * size * bool(n_known)
        n_given = network.decoder_size * self.horizon
        self.encoder = _stack(block, [n_read, *network.n_encoder_layers * [width]], width)
        self.decoder = _stack(block, [*network.n_decoder_layers * [width], n_given], width)
        n_read = network.decoder_size + size * bool(n_known)
        self.temporal = block(n_read, 1, network.temporal_size, normalized=False)
        self.skip = nn.Linear(spec.context_length, self.horizon)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        values, state = self.normalization(context[..., self.targets].transpose(1, 2))  # channel-major
        read, ahead = [values], None
        if self.project_known is not None:
            rows = covariate_rows(
                context[..., self.known], future, context_time, decoder_time, self.n_time_features, self.horizon
            )
            projected = self.project_known(rows)
            read.append(for_each_target(projected.flatten(1), values.shape[1]))
            ahead = for_each_target(projected[:, -self.horizon :], values.shape[1])
        if self.project_past is not None:
            read.append(for_each_target(self.project_past(context[..., self.past]).flatten(1), values.shape[1]))
        if static is not None:
            read.append(for_each_target(static, values.shape[1]))
        features = self.encoder(torch.cat(read, dim=-1))
        steps = self.decoder(features).unflatten(-1, (self.horizon, -1))
        steps = steps if ahead is None else torch.cat([steps, ahead], dim=-1)
        forecast = self.normalization.undo(self.temporal(steps).squeeze(-1) + self.skip(values), state)
        return NetworkOutput(forecast.transpose(1, 2), features)


def _stack(block: Callable[..., nn.Module], sizes: list[int], hidden_size: int) -> nn.Sequential:
    """Return blocks from each size to the next."""
    return nn.Sequential(*(block(n_inputs, n_outputs, hidden_size) for n_inputs, n_outputs in pairwise(sizes)))


class _ResidualBlock(nn.Module):
    """Linear - ReLU - Linear - dropout, plus Linear of the input, normalized."""

    def __init__(self, n_inputs: int, n_outputs: int, hidden_size: int, dropout: float, *, normalized: bool) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_inputs, hidden_size)
        self.output = nn.Linear(hidden_size, n_outputs)
        self.skip = nn.Linear(n_inputs, n_outputs)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(n_outputs) if normalized else nn.Identity()

    def forward(self, values: Tensor) -> Tensor:
        return self.norm(self.dropout(self.output(self.hidden(values).relu())) + self.skip(values))
