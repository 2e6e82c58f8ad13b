"""DLinear: one linear layer on the trend and one on the remainder."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_boolean, check_integer
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._covariate_map import make_covariate_map
from skdistill.networks._layers import decompose

__all__ = ["DLinear"]


class DLinear(BaseNetwork):
    """A linear map of the trend plus a linear map of the remainder of each window.

    Covariates, if there are any, add a linear map of their own to the forecast of each target. The network has no
    hidden state, so feature-level loss terms cannot use it.

    Parameters
    ----------
    kernel_size : int, default=25
        Window length of the moving average that gives the trend, in steps.
    individual : bool, default=False
        Whether every channel has its own weights.

    References
    ----------
    Zeng et al. (2023), Are transformers effective for time series forecasting? (arXiv 2205.13504).

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import DLinear
    >>> module = DLinear().build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> module(torch.zeros(2, 12, 3)).forecast.shape
    torch.Size([2, 4, 3])
    """

    has_features: ClassVar[bool] = False
    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(self, kernel_size: int = 25, *, individual: bool = False) -> None:
        self.kernel_size = kernel_size
        self.individual = individual

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.kernel_size, "kernel_size of DLinear")
        check_boolean(self.individual, "individual of DLinear")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _DLinearModule(self, spec)


class _DLinearModule(nn.Module):
    def __init__(self, network: DLinear, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.kernel_size = network.kernel_size
        make = _ChannelLinear if network.individual else _SharedLinear
        self.seasonal = make(spec)
        self.trend = make(spec)
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
        seasonal, trend = decompose(values, self.kernel_size)
        forecast = self.seasonal(seasonal) + self.trend(trend)
        if self.covariates is not None:
            forecast = forecast + self.covariates(context, future, static)
        return NetworkOutput(forecast.transpose(1, 2))


class _SharedLinear(nn.Linear):
    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__(spec.context_length, spec.prediction_length)


class _ChannelLinear(nn.Module):
    """One linear layer per channel, run as one batched product."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        layers = [_SharedLinear(spec) for _ in range(spec.n_targets)]
        self.weight = nn.Parameter(torch.stack([layer.weight.detach() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach() for layer in layers]))

    def forward(self, values: Tensor) -> Tensor:
        return torch.einsum("bcl,chl->bch", values, self.weight) + self.bias
