"""A network that reads the true horizon through a narrow code while it is trained, and its loss term."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._solvable_part import SolvablePart

__all__ = ["PrivilegedModule", "PrivilegedNetwork", "PrivilegedTerm"]

_HIDDEN_SIZE = 64  # of the encoder of the horizon
_DROPPED = 0.5  # share of the training windows without a code, so that features make sense without it


class PrivilegedNetwork(BaseNetwork):
    """A network with an encoder of the horizon, and features that read its code.

    Parameters
    ----------
    network : network
        The network; it has features.
    code_size : int
        Numbers of a code.
    """

    has_features: ClassVar[bool] = True

    def __init__(self, network: BaseNetwork, code_size: int) -> None:
        self.network = network
        self.code_size = code_size
        for name in ("time_features", "label_length", "reads_past", "reads_known", "reads_static", "reads_masks"):
            setattr(self, name, getattr(network, name))

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module of the network, and what reads the horizon."""
        return PrivilegedModule(self.network.build(spec), spec, self.code_size)

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the network does not fit the problem."""
        self.network.check(spec)

    def prepare(self, module: nn.Module, *, reads_branches: bool) -> None:
        """Drop what the network does not need; its own branches are not read."""
        self.network.prepare(cast(PrivilegedModule, module).inner, reads_branches=False)

    def solvable_part(self, spec: NetworkSpec) -> SolvablePart | None:
        """Return the part of the network that is solved exactly, if any."""
        part = self.network.solvable_part(spec)
        return None if part is None else replace(part, module=f"inner.{part.module}".rstrip("."))


class Privileged(NamedTuple):
    """What the loss term reads: the module, and the features of the network."""

    module: PrivilegedModule
    features: Tensor


class PrivilegedModule(nn.Module):
    """The module of a network, an encoder of horizons, and a head for features that read the code.

    Parameters
    ----------
    inner : torch.nn.Module
        Module of the network.
    spec : NetworkSpec
        The problem it was built for.
    code_size : int
        Numbers of a code.
    """

    def __init__(self, inner: nn.Module, spec: NetworkSpec, code_size: int) -> None:
        super().__init__()
        self.inner = inner
        self.code_size = code_size
        width = _feature_size(inner, spec)
        self.branch_sizes = (width,)
        self.encoder = nn.Sequential(
            nn.Linear(spec.prediction_length, _HIDDEN_SIZE), nn.GELU(), nn.Linear(_HIDDEN_SIZE, code_size), nn.Tanh()
        )
        self.reader = nn.Sequential(nn.Linear(width + code_size, width), nn.GELU(), nn.Linear(width, width))
        self.head = nn.Linear(width, spec.prediction_length)

    def forward(self, *args: Any, code: Tensor | None = None, **inputs: Any) -> NetworkOutput:
        """Forecast without a code, and return features that read a code.

        Parameters
        ----------
        *args : object
            Inputs of the network.
        code : Tensor of shape (n_windows, n_targets, code_size) or None, default=None
            Codes of the horizons; None takes codes of zeros.
        **inputs : object
            Inputs of the network.

        Returns
        -------
        output : NetworkOutput
            The forecast never depends on the code.
        """
        output = self.inner(*args, **inputs)
        return NetworkOutput(output.forecast, self.read(output.features, code), Privileged(self, output.features))

    def read(self, features: Tensor, code: Tensor | None) -> Tensor:
        """Add what a code says to features.

        Parameters
        ----------
        features : Tensor of shape (n_windows, n_targets, width)
            Features of the network.
        code : Tensor of shape (n_windows, n_targets, code_size) or None
            Codes; None takes codes of zeros.

        Returns
        -------
        features : Tensor of shape (n_windows, n_targets, width)
            The privileged features.
        """
        if code is None:
            code = features.new_zeros(*features.shape[:2], self.code_size)
        return features + self.reader(torch.cat([features, code], dim=-1))

    def encode(self, horizon: Tensor) -> Tensor:
        """Encode horizons; the code of a target with a missing value is 0.

        Parameters
        ----------
        horizon : Tensor of shape (n_windows, prediction_length, n_targets)
            True values, NaN where missing.

        Returns
        -------
        code : Tensor of shape (n_windows, n_targets, code_size)
            Numbers between -1 and 1.
        """
        whole = torch.isfinite(horizon).all(dim=1).unsqueeze(-1)
        rows = torch.where(whole, horizon.transpose(1, 2), 0.0)
        return torch.where(whole, self.encoder(rows), 0.0)


class PrivilegedTerm(LossTerm):
    """MSE of the forecast that reads the code of the horizon; for half of the windows the code is 0.

    Parameters
    ----------
    weight : float
        Factor in the objective.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"truth", "branches"})

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        return _PrivilegedTermModule()


class _PrivilegedTermModule(nn.Module):
    def forward(self, inputs: LossInputs) -> Tensor:
        module, features = cast(Privileged, inputs.branches)
        truth = inputs.truth if inputs.observed is None else inputs.truth.masked_fill(~inputs.observed, torch.nan)
        code = module.encode(truth)
        kept = torch.rand(len(code), 1, 1, device=code.device) >= _DROPPED
        forecast = inputs.forecast + module.head(module.read(features, code * kept)).transpose(1, 2)
        squares = (forecast - inputs.truth).square()
        if inputs.observed is None:
            return squares.mean()
        return torch.where(inputs.observed, squares, 0.0).sum() / inputs.observed.sum().clamp(min=1)


def _feature_size(inner: nn.Module, spec: NetworkSpec) -> int:
    """Return the width of a network's features, from one window of zeros."""
    inputs = {"context": torch.zeros(1, spec.context_length, spec.n_channels)}
    if spec.n_time_features:
        inputs["context_time"] = torch.zeros(1, spec.context_length, spec.n_time_features)
        inputs["decoder_time"] = torch.zeros(1, spec.label_length + spec.prediction_length, spec.n_time_features)
    if spec.known:
        inputs["future"] = torch.zeros(1, spec.prediction_length, len(spec.known))
    if spec.n_static:
        inputs["static"] = torch.zeros(1, spec.n_static)
    if spec.masks:
        inputs["observed"] = torch.ones(1, spec.context_length, spec.n_channels)
        if spec.known:
            inputs["future_observed"] = torch.ones(1, spec.prediction_length, len(spec.known))
    was_training = inner.training
    with torch.no_grad():
        output = inner.eval()(**inputs)
    inner.train(was_training)
    return int(output.features.shape[-1])
