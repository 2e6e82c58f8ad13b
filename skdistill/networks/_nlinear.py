"""NLinear: one linear layer on the window minus its last value."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from skdistill._utils._checks import check_boolean
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._channel_linear import ChannelLinear
from skdistill.networks._covariate_map import make_covariate_map

__all__ = ["NLinear"]


class NLinear(BaseNetwork):
    """A linear map of each window minus its last value, which is added back.

    Covariates, if there are any, add a linear map of their own to the forecast of each target. The network has no
    hidden state, so feature-level loss terms cannot use it. :class:`~skdistill.networks.Linear` with
    ``shift="last"`` is the same map, and can be solved exactly.

    Parameters
    ----------
    individual : bool, default=False
        Whether every channel has its own weights.

    References
    ----------
    Zeng et al. (2023), Are transformers effective for time series forecasting? (arXiv 2205.13504).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import NLinear
    >>> module = NLinear().build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> module(torch.zeros(2, 12, 3)).forecast.shape
    torch.Size([2, 4, 3])
    """

    has_features: ClassVar[bool] = False
    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(self, *, individual: bool = False) -> None:
        self.individual = individual

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_boolean(self.individual, "individual of NLinear")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _NLinearModule(self, spec)


class _NLinearModule(nn.Module):
    def __init__(self, network: NLinear, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        groups = spec.n_targets if network.individual else None
        self.layer = ChannelLinear(spec.context_length, spec.prediction_length, groups)
        self.covariates = make_covariate_map(spec)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        values = context.transpose(1, 2)  # (n_windows, n_channels, context_length)
        if self.targets is not None:
            values = values[:, self.targets]
        last = values[..., -1:].detach()
        forecast = self.layer(values - last) + last
        if self.covariates is not None:
            forecast = forecast + self.covariates(context, future, static)
        return NetworkOutput(forecast.transpose(1, 2))
