"""Head that adds non-crossing quantiles to any network."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from skdistill._utils._usual_modes import in_float32
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._hidden_layers import check_hidden_layers

__all__ = ["QuantileHead", "QuantileModule", "build_module", "point_module", "sum_gaps"]

_HIDDEN_SIZE = 64
_FIRST_SPREAD = 0.5  # initial standard deviation of the quantiles, in standardized units


@in_float32()
def build_module(network: BaseNetwork, spec: NetworkSpec) -> nn.Module:
    """Build the module of a network, with a quantile head if quantiles are requested.

    Parameters
    ----------
    network : BaseNetwork
        The network; it does not need to support quantiles.
    spec : NetworkSpec
        The problem to build it for.

    Returns
    -------
    module : torch.nn.Module
        The network's module, wrapped in a :class:`QuantileModule` if the spec has quantiles.

    Raises
    ------
    ValueError
        If the module keeps trainable layers where torch does not find them.

    Examples
    --------
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import DLinear
    >>> module = build_module(DLinear(), NetworkSpec(12, 4, 3, quantiles=(0.1, 0.5, 0.9)))
    >>> module(torch.zeros(2, 12, 3)).quantiles.shape
    torch.Size([2, 4, 3, 3])
    """
    module = network.build(replace(spec, quantiles=None, point_forecast="median"))
    check_hidden_layers(module)
    return module if spec.quantiles is None else QuantileModule(module, spec)


def point_module(module: nn.Module) -> nn.Module:
    """Return the module that a network built, without the quantile head.

    Parameters
    ----------
    module : torch.nn.Module
        Result of :func:`build_module`.

    Returns
    -------
    module : torch.nn.Module
        The network's module.
    """
    return module.network if isinstance(module, QuantileModule) else module


class QuantileModule(nn.Module):
    """The point forecast of a network, with quantiles at non-negative distances around it.

    The network forecasts the median, or the mean; a :class:`QuantileHead` gives the distance of each quantile from it.

    Parameters
    ----------
    network : torch.nn.Module
        Module of the network; its ``forward`` returns a :class:`~skdistill.core.NetworkOutput`.
    spec : NetworkSpec
        The problem it was built for, with ``quantiles`` and ``point_forecast``.
    """

    def __init__(self, network: nn.Module, spec: NetworkSpec) -> None:
        super().__init__()
        self.network = network
        self.head = QuantileHead(spec)

    @property
    def branch_sizes(self) -> Any:
        """Widths of the network's branches, for the loss terms that read them."""
        return getattr(self.network, "branch_sizes", None)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
        observed: Tensor | None = None,
        future_observed: Tensor | None = None,
    ) -> NetworkOutput:
        """Forecast a batch.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Standardized contexts.
        context_time, decoder_time : Tensor or None, default=None
            Calendar features, for networks that read them.
        future, static, observed, future_observed : Tensor or None, default=None
            Covariates and masks, for networks that read them.

        Returns
        -------
        output : NetworkOutput
            The output of the network, with quantiles.
        """
        others = {"context_time": context_time, "decoder_time": decoder_time, "future": future, "static": static}
        others |= {"observed": observed, "future_observed": future_observed}
        output = self.network(context, **{name: one for name, one in others.items() if one is not None})
        quantiles = output.forecast.unsqueeze(-1) + self.head(context)
        return NetworkOutput(output.forecast, output.features, output.branches, quantiles)


class QuantileHead(nn.Module):
    """Distances of the quantiles from the point forecast, from a small network on the shape of the window.

    The network is Linear(context_length, 64) - ReLU - Linear on the window minus its mean; channels share it, with one
    offset per channel. A softplus makes its outputs positive, and they are added up from the median outwards, so that
    quantiles cannot cross. If the point forecast is the mean, one more output gives the distance of the median from it.

    Parameters
    ----------
    spec : NetworkSpec
        Lengths, channels, ``quantiles`` and ``point_forecast``.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        assert spec.quantiles is not None  # build_module
        self.targets = None if spec.all_targets else list(spec.targets)
        self.n_lower = sum(level < 0.5 for level in spec.quantiles)
        self.n_gaps = sum(level != 0.5 for level in spec.quantiles)
        self.has_median = self.n_gaps < len(spec.quantiles)
        self.prediction_length = spec.prediction_length
        n_outputs = self.n_gaps + (spec.point_forecast == "mean")
        self.hidden = nn.Linear(spec.context_length, _HIDDEN_SIZE)
        self.output = nn.Linear(_HIDDEN_SIZE, spec.prediction_length * n_outputs)
        self.channel = nn.Parameter(torch.zeros(spec.n_targets, n_outputs))
        nn.init.zeros_(self.output.weight)
        with torch.no_grad():
            self.output.bias.copy_(torch.tensor(_first_outputs(spec)).repeat(spec.prediction_length))

    def forward(self, context: Tensor) -> Tensor:
        """Return the distances.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Standardized contexts.

        Returns
        -------
        distances : Tensor of shape (n_windows, prediction_length, n_targets, n_quantiles)
            Distances of the quantiles from the point forecast, rising.
        """
        values = context.transpose(1, 2)  # (n_windows, n_channels, context_length)
        if self.targets is not None:
            values = values[:, self.targets]
        hidden = self.hidden(values - values.mean(dim=-1, keepdim=True)).relu()
        outputs = self.output(hidden).unflatten(-1, (self.prediction_length, -1)) + self.channel.unsqueeze(1)
        distances = sum_gaps(outputs, self.n_lower, self.n_gaps, has_median=self.has_median)
        return distances.transpose(1, 2)


def sum_gaps(outputs: Tensor, n_lower: int, n_gaps: int, *, has_median: bool) -> Tensor:
    """Convert the outputs of a head to distances that rise with the level.

    Parameters
    ----------
    outputs : Tensor of shape (..., n_gaps) or (..., n_gaps + 1)
        Gaps before softplus: between lower levels, from the median outwards, then between upper levels; optionally
        followed by the distance of the median from the point forecast.
    n_lower, n_gaps : int
        Number of gaps between lower levels, and number of all gaps.
    has_median : bool
        Whether the median is one of the levels.

    Returns
    -------
    distances : Tensor of shape (..., n_quantiles)
        Distances of the quantiles from the point forecast.
    """
    gaps = softplus(outputs[..., :n_gaps])
    parts = [-gaps[..., :n_lower].cumsum(dim=-1).flip(-1)] if n_lower else []
    parts += [torch.zeros_like(outputs[..., :1])] if has_median else []
    parts += [gaps[..., n_lower:].cumsum(dim=-1)] if n_lower < n_gaps else []
    distances = torch.cat(parts, dim=-1)
    return distances + outputs[..., n_gaps:] if outputs.shape[-1] > n_gaps else distances


def _first_outputs(spec: NetworkSpec) -> list[float]:
    """Return outputs for which the quantiles are those of a normal distribution."""
    assert spec.quantiles is not None
    scores = [NormalDist(0.0, _FIRST_SPREAD).inv_cdf(level) for level in spec.quantiles]
    lower = [0.0, *(-score for score in reversed(scores) if score < 0)]
    upper = [0.0, *(score for score in scores if score > 0)]
    gaps = [far - near for side in (lower, upper) for near, far in itertools.pairwise(side)]
    return [math.log(math.expm1(gap)) for gap in gaps] + [0.0] * (spec.point_forecast == "mean")
