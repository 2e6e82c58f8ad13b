"""MLP: the student of TimeDistill."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from sklearn.base import clone
from torch import Tensor, nn

from skdistill._utils._checks import check_boolean, check_integer, check_real
from skdistill._utils._choices import check_choice
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._channel_norm import ChannelNorm
from skdistill.networks._covariate_inputs import CovariateInputs
from skdistill.networks._layers import NORMALIZATIONS, decompose, make_normalization
from skdistill.networks._linear import Linear, LinearModule
from skdistill.networks._solvable_part import SolvablePart

__all__ = ["MLP"]

_NO_ROWS = "without past or known covariates"


class MLP(BaseNetwork):
    """Hidden layers on each part of a decomposed window; all channels share the weights.

    Each window is normalized and split into trend and remainder by a moving average. Each part goes through
    Linear(context_length, hidden_size) - BatchNorm over channels - ReLU - Linear(hidden_size, prediction_length). The
    sum of both is the forecast, after undoing the normalization. The features are the sum of the two hidden layers
    before BatchNorm and ReLU.

    Covariates, if there are any, go into the hidden layer of the remainder: rows of past and known covariates are
    projected one by one to ``covariate_size`` numbers and read as a whole, with static covariates beside them; a known
    covariate also adds to the forecast of its own step.

    Parameters
    ----------
    hidden_size : int, default=512
        Width of the hidden layers; 1024 was published for Traffic.
    n_layers : int, default=1
        Number of hidden layers of each part. Layers after the first are Linear(hidden_size, hidden_size) - BatchNorm -
        ReLU - dropout; the features are always the first layer's.
    normalization : {"mean", "revin", None}, default="mean"
        Normalization of each window: subtract its mean; standardize it and learn a scale and a shift per channel
        (published for Traffic); or no normalization.
    decomposition : bool, default=True
        Whether to split off the trend; False gives one plain hidden layer.
    kernel_size : int, default=25
        Window length of the moving average, in steps.
    batch_norm : bool, default=True
        Whether BatchNorm over channels follows the first layer. It fixes the number of channels of the network.
    dropout : float, default=0.0
        Fraction of hidden units dropped in training; the published network has no dropout.
    last_rows : int or None, default=None
        Number of rows at the end of the context that the hidden layers read, so that a teacher can read more rows than
        its student; None reads all.
    linear_skip : {None, "exact"} or Linear, default=None
        A linear forecast that is added to the output: a :class:`~skdistill.networks.Linear` that is solved exactly for
        the quadratic terms of the loss and then frozen; ``"exact"`` stands for ``Linear()``. The output layers then
        start at 0, so that training starts from the linear solution. On few windows the default learning rate leads
        away from it; :func:`~skdistill.recipes.linear_skip_mlp` has settings that hold.
    covariate_size : int, default=4
        Numbers that a row of covariates is projected to; fewer covariates are not projected.

    References
    ----------
    Section 3 of TimeDistill (arXiv 2502.15016), student "MLP"; Das et al. (2023), TiDE (arXiv 2304.08424), for
    covariates.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import MLP
    >>> module = MLP(hidden_size=8).build(NetworkSpec(context_length=12, prediction_length=4, n_channels=3))
    >>> output = module(torch.zeros(2, 12, 3))
    >>> output.forecast.shape, output.features.shape
    (torch.Size([2, 4, 3]), torch.Size([2, 3, 8]))
    """

    reads_past = True
    reads_known = True
    reads_static = True

    def __init__(
        self,
        hidden_size: int = 512,
        *,
        n_layers: int = 1,
        normalization: str | None = "mean",
        decomposition: bool = True,
        kernel_size: int = 25,
        batch_norm: bool = True,
        dropout: float = 0.0,
        last_rows: int | None = None,
        linear_skip: str | Linear | None = None,
        covariate_size: int = 4,
    ) -> None:
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.normalization = normalization
        self.decomposition = decomposition
        self.kernel_size = kernel_size
        self.batch_norm = batch_norm
        self.dropout = dropout
        self.last_rows = last_rows
        self.linear_skip = linear_skip
        self.covariate_size = covariate_size

    @property
    def time_features(self) -> bool | str:  # type: ignore[override]
        """Whether the linear part reads the calendar."""
        return self.linear_skip.time_features if isinstance(self.linear_skip, Linear) else False

    def check(self, spec: NetworkSpec) -> None:
        """Raise if a hyperparameter is out of its range."""
        check_integer(self.hidden_size, "hidden_size of MLP")
        check_integer(self.n_layers, "n_layers of MLP", minimum=1)
        check_choice(self.normalization, NORMALIZATIONS, "normalization of MLP")
        check_boolean(self.decomposition, "decomposition of MLP")
        check_integer(self.kernel_size, "kernel_size of MLP")
        check_boolean(self.batch_norm, "batch_norm of MLP")
        check_real(self.dropout, "dropout of MLP", minimum=0.0, maximum=1.0, include_maximum=False)
        if self.last_rows is not None and check_integer(self.last_rows, "last_rows of MLP") > spec.context_length:
            raise ValueError(
                f"last_rows of MLP must be at most context_length = {spec.context_length}; got {self.last_rows}."
            )
        check_integer(self.covariate_size, "covariate_size of MLP")
        linear = self._linear()
        if linear is not None:
            linear.check(spec)

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name what belongs to the trend or to covariates, where there are none."""
        unread = {} if self.decomposition else {"kernel_size": "with decomposition=False"}
        return unread if spec.covariates else unread | {"covariate_size": _NO_ROWS}

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module."""
        self.check(spec)
        return _MLPModule(self, spec)

    def solvable_part(self, spec: NetworkSpec) -> SolvablePart | None:
        """Declare the linear skip, if there is one, as solvable.

        Returns
        -------
        part : SolvablePart or None
            The linear network that is added; it must be solved.
        """
        linear = self._linear()
        return None if linear is None else replace(linear.solvable_part(spec), solver="exact", module="skip")

    def _linear(self) -> Linear | None:
        """Return a copy of the linear part; raise if it is not a Linear."""
        if self.linear_skip is None:
            return None
        if isinstance(self.linear_skip, Linear):
            if self.linear_skip.solver == "gradient":
                raise ValueError(
                    "linear_skip of MLP is solved exactly; got Linear(solver='gradient'). Leave solver out, or take "
                    "student=Linear(solver='gradient') alone."
                )
            return clone(self.linear_skip)
        check_choice(self.linear_skip, ("exact",), "linear_skip of MLP")
        return Linear()


class _MLPModule(nn.Module):
    def __init__(self, network: MLP, spec: NetworkSpec) -> None:
        super().__init__()
        self.targets = None if spec.all_targets else list(spec.targets)
        self.n_rows = spec.context_length if network.last_rows is None else network.last_rows
        self.kernel_size = network.kernel_size if network.decomposition else None
        self.normalization: Any = make_normalization(network.normalization, spec.n_targets)
        self.seasonal = _Part(network, spec, self.n_rows)
        self.trend = _Part(network, spec, self.n_rows) if network.decomposition else None
        linear = network._linear()
        self.skip = None if linear is None else LinearModule(linear, spec).requires_grad_(False)
        if self.skip is not None:
            for part in (self.seasonal, self.trend):
                if part is not None:
                    nn.init.zeros_(part.output.weight)
                    nn.init.zeros_(part.output.bias)
        self.covariates = None
        if spec.covariates or spec.n_static:
            self.covariates = CovariateInputs(spec, self.n_rows, network.hidden_size, network.covariate_size)

    def forward(
        self,
        context: Tensor,
        context_time: Tensor | None = None,
        decoder_time: Tensor | None = None,
        future: Tensor | None = None,
        static: Tensor | None = None,
    ) -> NetworkOutput:
        more, direct = (None, None) if self.covariates is None else self.covariates(context, future, static)
        values = context[:, -self.n_rows :].transpose(1, 2)  # (n_windows, n_channels, n_rows)
        if self.targets is not None:
            values = values[:, self.targets]
        values, state = self.normalization(values)
        if self.trend is None or self.kernel_size is None:
            forecast, features = self.seasonal(values, more)
        else:
            seasonal, trend = decompose(values, self.kernel_size)
            fast, fast_features = self.seasonal(seasonal, more)
            slow, slow_features = self.trend(trend)
            forecast, features = fast + slow, fast_features + slow_features
        undone = self.normalization.undo(forecast, state)
        undone = undone if direct is None else undone + direct
        if self.skip is not None:  # the linear part adds the window's level itself
            undone = undone - self.normalization.undo(torch.zeros_like(forecast), state)
            linear = self.skip(context, context_time, decoder_time, future, static).forecast
            return NetworkOutput(linear + undone.transpose(1, 2), features)
        return NetworkOutput(undone.transpose(1, 2), features)


class _Part(nn.Module):
    """Linear, BatchNorm over channels, ReLU, possibly repeated, Linear; returns forecast and first layer's output."""

    def __init__(self, network: MLP, spec: NetworkSpec, n_rows: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_rows, network.hidden_size)
        self.norm = _norm(network, spec)
        self.dropout = nn.Dropout(network.dropout)
        self.deeper = nn.ModuleList(_DeeperLayer(network, spec) for _ in range(network.n_layers - 1))
        self.output = nn.Linear(network.hidden_size, spec.prediction_length)

    def forward(self, values: Tensor, more: Tensor | None = None) -> tuple[Tensor, Tensor]:
        features = self.hidden(values)
        features = features if more is None else features + more
        hidden = self.dropout(self.norm(features).relu())
        for layer in self.deeper:
            hidden = layer(hidden)
        return self.output(hidden), features


class _DeeperLayer(nn.Module):
    """One more hidden layer."""

    def __init__(self, network: MLP, spec: NetworkSpec) -> None:
        super().__init__()
        self.hidden = nn.Linear(network.hidden_size, network.hidden_size)
        self.norm = _norm(network, spec)
        self.dropout = nn.Dropout(network.dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.dropout(self.norm(self.hidden(hidden)).relu())


def _norm(network: MLP, spec: NetworkSpec) -> nn.Module:
    return ChannelNorm(spec.n_targets) if network.batch_norm else nn.Identity()
