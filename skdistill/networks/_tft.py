"""TFT: a recurrent network with variable selection and attention over context and horizon."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._covariates import covariate_rows, for_each_target
from skdistill.networks._gated import GatedResidual, GatedSkip, InterpretableAttention, VariableSelection
from skdistill.networks._layers import NoNormalization, WindowStandardization

__all__ = ["TFT"]

_NORMALIZATIONS: dict[str | None, type[nn.Module]] = {"standard": WindowStandardization, None: NoNormalization}


class TFT(BaseNetwork):
    """The temporal fusion transformer: variable selection, an LSTM over context and horizon, and attention.

    At each step, variable selection weighs the variables: in the context the target, past and known covariates, in the
    horizon the known covariates; calendar features and the position in the window are known. An LSTM reads the context,
    another one the horizon; attention with a common value for all heads reads all steps before. Static attributes
    take part in the selection, start the LSTM, and enrich every step. All layers have gates that can skip them. Every
    target is forecast separately, with shared weights. The features are the last hidden vectors of all steps of the
    horizon, flattened.

    Parameters
    ----------
    hidden_size : int, default=160
        Width of every vector.
    n_heads : int, default=4
        Attention heads, each ``hidden_size // n_heads`` wide.
    dropout : float, default=0.1
        Fraction of units dropped in training, before every gate and in the attention weights.
    normalization : {None, "standard"}, default=None
        Normalization of the target in each window; None, as published, for none: scale the series.
    time_features : {"auto", True, False}, default="auto"
        Whether calendar features are known covariates, too: if the index has them, always, or never.

    References
    ----------
    Lim et al. (2021), Temporal fusion transformers for interpretable multi-horizon time series forecasting (arXiv
    1912.09363). The defaults are its settings for Electricity; the paper searches over widths of 10 to 320, dropout of
    .1 to .9, and 1 or 4 heads. It is trained on quantiles, as it is here in a forecaster with ``quantiles``.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import TFT
    >>> spec = NetworkSpec(context_length=12, prediction_length=4, n_channels=3, targets=(0,), known=(1, 2))
    >>> module = TFT(hidden_size=8, n_heads=2).build(spec)
    >>> output = module(torch.zeros(2, 12, 3), future=torch.zeros(2, 4, 2))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 1]), torch.Size([2, 1, 32]))
    """

    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(
        self,
        hidden_size: int = 160,
        *,
        n_heads: int = 4,
        dropout: float = 0.1,
        normalization: str | None = None,
        time_features: bool | str = "auto",
    ) -> None:
        self.hidden_size = hidden_size
        self.n_heads = n_heads
        self.dropout = dropout
        self.normalization = normalization
        self.time_features = time_features

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.hidden_size, "hidden_size of TFT")
        check_integer(self.n_heads, "n_heads of TFT")
        if self.n_heads > self.hidden_size:
            raise ValueError(f"n_heads of TFT must be at most hidden_size = {self.hidden_size}; got {self.n_heads}.")
        check_real(self.dropout, "dropout of TFT", minimum=0.0, maximum=1.0, include_maximum=False)
        check_choice(self.normalization, _NORMALIZATIONS, "normalization of TFT")
        check_choice(self.time_features, ("auto", True, False), "time_features of TFT")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _TFTModule(self, spec)


class _TFTModule(nn.Module):
    position: Tensor

    def __init__(self, network: TFT, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets, self.known, self.past = list(spec.targets), list(spec.known), list(spec.past)
        self.n_time_features, self.horizon = spec.n_time_features, spec.prediction_length
        self.normalization: Any = _NORMALIZATIONS[network.normalization]()
        width, dropout = network.hidden_size, network.dropout
        position = torch.arange(-spec.context_length, spec.prediction_length) / spec.context_length
        self.register_buffer("position", position[:, None], persistent=False)
        self.statics = _Statics(spec.n_static, width, dropout) if spec.n_static else None
        n_context = width if spec.n_static else 0
        n_known = len(self.known) + spec.n_time_features + 1
        n_seen = 1 + len(self.past) + n_known
        self.select_past = VariableSelection(n_seen, width, dropout, n_context=n_context)
        self.select_ahead = VariableSelection(n_known, width, dropout, n_context=n_context)
        self.encoder = nn.LSTM(width, width, batch_first=True)
        self.decoder = nn.LSTM(width, width, batch_first=True)
        self.after_recurrent = GatedSkip(width, width, dropout)
        self.enrich = GatedResidual(width, width, dropout, n_context=n_context)
        self.attention = InterpretableAttention(width, network.n_heads, dropout)
        self.after_attention = GatedSkip(width, width, dropout)
        self.feedforward = GatedResidual(width, width, dropout)
        self.before_output = GatedSkip(width, width, dropout)
        self.output = nn.Linear(width, 1)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        values, state = self.normalization(context[..., self.targets].transpose(1, 2))
        n_windows, n_targets, length = values.shape
        rows = covariate_rows(
            context[..., self.known], future, context_time, decoder_time, self.n_time_features, self.horizon
        )
        rows = torch.cat([rows, self.position.expand(n_windows, -1, -1)], dim=-1)
        shared = for_each_target(torch.cat([context[..., self.past], rows[:, :length]], dim=-1), n_targets)
        seen = torch.cat([values.unsqueeze(-1), shared], dim=-1).flatten(0, 1)
        ahead = for_each_target(rows[:, length:], n_targets).flatten(0, 1)
        hidden = self.decode(seen, ahead, None if static is None else for_each_target(static, n_targets).flatten(0, 1))
        forecast = self.output(hidden).squeeze(-1).unflatten(0, (n_windows, n_targets))
        features = hidden.flatten(1).unflatten(0, (n_windows, n_targets))
        return NetworkOutput(self.normalization.undo(forecast, state).transpose(1, 2), features)

    def decode(self, seen: Tensor, ahead: Tensor, static: Tensor | None) -> Tensor:
        """Return the last hidden vector of each step of the horizon, (n_series, prediction_length, hidden_size).

        ``seen`` and ``ahead`` hold the variables of each step of context and horizon.
        """
        chooses, enriches, start = (None, None, None) if self.statics is None else self.statics(static)
        chosen_past = self.select_past(seen, chooses)
        chosen_ahead = self.select_ahead(ahead, chooses)
        encoded, memory = self.encoder(chosen_past, start)
        decoded, _ = self.decoder(chosen_ahead, memory)
        chosen = torch.cat([chosen_past, chosen_ahead], dim=1)
        local = self.after_recurrent(torch.cat([encoded, decoded], dim=1), chosen)
        enriched = self.enrich(local, enriches)
        horizon = slice(-self.horizon, None)
        attended = self.after_attention(self.attention(enriched, self.horizon), enriched[:, horizon])
        return self.before_output(self.feedforward(attended), local[:, horizon])


class _Statics(nn.Module):
    """The contexts made of static attributes: for variable selection, for enrichment, and the LSTM's first state."""

    def __init__(self, n_static: int, hidden_size: int, dropout: float) -> None:
        super().__init__()
        self.select = VariableSelection(n_static, hidden_size, dropout)
        self.encode = nn.ModuleList(GatedResidual(hidden_size, hidden_size, dropout) for _ in range(4))

    def forward(self, static: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        vector = self.select(static)
        chooses, enriches, hidden, cell = (encode(vector) for encode in self.encode)
        return chooses.unsqueeze(1), enriches.unsqueeze(1), (hidden.unsqueeze(0), cell.unsqueeze(0))
