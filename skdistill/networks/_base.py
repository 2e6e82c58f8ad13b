"""What a network is: a parameter object that builds a torch module for a given problem."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skdistill._utils._doc_link import DocLink
from skdistill.networks._solvable_part import SolvablePart

__all__ = ["BaseNetwork", "NetworkOutput", "NetworkSpec"]


@dataclass(frozen=True)
class NetworkSpec:
    """The problem a network is built for.

    Parameters
    ----------
    context_length : int
        Rows of the past that the network sees.
    prediction_length : int
        Rows of the future that it forecasts.
    n_channels : int
        Channels of a context, past covariates included.
    targets : tuple of int, default=()
        The channels to forecast; an empty tuple means all of them, in order.
    n_time_features : int, default=0
        Calendar features of a row; 0 when the series has no calendar or the network wants none.
    label_length : int, default=0
        Last rows of the context whose calendar features head ``decoder_time``.
    quantiles : tuple of float or None, default=None
        Quantile levels to forecast beside the point forecast.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, where there are quantiles.
    calendar : str or None, default=None
        Frequency whose calendar features the network was trained with, such as ``"h"``, whatever the step of the
        series; ``"numbers"`` for whole numbers that it looks up in tables; None takes the features of the series.
    """

    context_length: int
    prediction_length: int
    n_channels: int
    targets: tuple[int, ...] = field(default=())
    n_time_features: int = 0
    label_length: int = 0
    quantiles: tuple[float, ...] | None = None
    point_forecast: str = "median"
    calendar: str | None = None

    def __post_init__(self) -> None:
        """Spell out the default targets."""
        if not self.targets:
            object.__setattr__(self, "targets", tuple(range(self.n_channels)))

    @property
    def n_targets(self) -> int:
        """Number of channels that are forecast."""
        return len(self.targets)

    @property
    def all_targets(self) -> bool:
        """Whether every channel is forecast, in order."""
        return self.targets == tuple(range(self.n_channels))


class NetworkOutput(NamedTuple):
    """What the module of a network returns.

    Attributes
    ----------
    forecast : Tensor of shape (n_windows, prediction_length, n_targets)
        The point forecast, in the units of the context.
    features : Tensor of shape (n_windows, n_targets, feature_size) or None
        One vector per forecast channel; None for networks that have no hidden state.
    branches : object or None
        What a network with several branches hands to its own loss terms; None elsewhere.
    quantiles : Tensor of shape (n_windows, prediction_length, n_targets, n_quantiles) or None
        Quantile forecasts, rising along the last axis; None where none were asked for. A network leaves them to the
        head that is put around it.
    """

    forecast: Tensor
    features: Tensor | None = None
    branches: Any = None
    quantiles: Tensor | None = None


class BaseNetwork(DocLink, BaseEstimator, abc.ABC):
    """An architecture with its hyperparameters.

    A subclass stores its hyperparameters in ``__init__`` (and does nothing else there), and
    returns in :meth:`build` a module whose ``forward(context, context_time=None,
    decoder_time=None)`` gives a :class:`NetworkOutput`. Shapes: ``context`` (n_windows,
    context_length, n_channels), ``context_time`` (n_windows, context_length, n_time_features),
    ``decoder_time`` (n_windows, label_length + prediction_length, n_time_features). A module built with calendar
    features leaves them out where it is called without.

    Attributes
    ----------
    time_features : {False, "auto", True}
        Whether the module reads calendar features: never, where the series has a calendar, or
        always (a series without one is refused). A network that can read them makes this a
        constructor parameter.
    label_length : int
        Rows of the context whose calendar features head ``decoder_time``.
    has_features : bool
        Whether the module returns features, which feature-level loss terms need.
    """

    time_features: bool | str = False
    label_length: int = 0
    has_features: ClassVar[bool] = True

    @abc.abstractmethod
    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module for a problem, with fresh weights from torch's global generator.

        Parameters
        ----------
        spec : NetworkSpec
            Lengths, channels and calendar features of the problem.

        Returns
        -------
        module : torch.nn.Module
            A module whose ``forward`` returns a :class:`NetworkOutput`.
        """

    def solvable_part(self, spec: NetworkSpec) -> SolvablePart | None:
        """Declare what of the network is one linear map, which is then solved exactly and not trained.

        Asked only after :meth:`check`.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        part : SolvablePart or None
            None, the default: all of it is trained.
        """
        return None

    def prepare(self, module: nn.Module, *, reads_branches: bool) -> None:
        """Leave out what the loss does not read, before training.

        Parameters
        ----------
        module : torch.nn.Module
            What :meth:`build` returned.
        reads_branches : bool
            Whether a term of positive weight reads ``branches``.
        """

    def for_cache_key(self) -> BaseNetwork:
        """Return a copy that holds what the weights depend on, for the key labels are kept under.

        Returns
        -------
        network : BaseNetwork
            This network; or a copy with files and folders as ``Path``, whose contents are digested.
        """
        return self

    def check(self, spec: NetworkSpec) -> None:
        """Raise a ValueError if the hyperparameters do not fit the problem.

        Called at the top of ``fit``, before any training.

        Parameters
        ----------
        spec : NetworkSpec
            The problem the network is about to be built for.
        """
