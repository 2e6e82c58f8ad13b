"""Base class of networks: a parameter object that builds a torch module for a given problem."""

from __future__ import annotations

import abc
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skdistill._utils._doc_link import DocLink
from skdistill._utils._says_unread import SaysUnread
from skdistill.networks._solvable_part import SolvablePart

__all__ = ["BaseNetwork", "NetworkOutput", "NetworkSpec"]


@dataclass(frozen=True)
class NetworkSpec:
    """The problem a network is built for.

    Parameters
    ----------
    context_length : int
        Number of past rows that the network reads.
    prediction_length : int
        Number of future rows that it forecasts.
    n_channels : int
        Number of channels of a context, including past covariates.
    targets : tuple of int, default=()
        The channels to forecast; an empty tuple means all of them, in order.
    n_time_features : int, default=0
        Number of calendar features of a row; 0 if the series has no calendar or the network uses none.
    label_length : int, default=0
        Number of rows at the end of the context whose calendar features come first in ``decoder_time``.
    quantiles : tuple of float or None, default=None
        Quantile levels to forecast in addition to the point forecast.
    point_forecast : {"median", "mean"}, default="median"
        What the point forecast is, if there are quantiles.
    calendar : str or None, default=None
        Frequency whose calendar features the network was trained with, such as ``"h"``, whatever the step of the
        series; ``"numbers"`` for whole numbers that it looks up in tables; None takes the features of the series.
    season : int or None, default=None
        Rows of a season, as far as the step of the series tells.
    known : tuple of int, default=()
        Channels that are known over the horizon, in the order of the last axis of ``future``; empty if there are none
        or the network reads none.
    n_static : int, default=0
        Number of static covariates of a series; 0 if there are none or the network reads none.
    masks : bool, default=False
        Whether the network is told which values are observed.
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
    season: int | None = None
    known: tuple[int, ...] = ()
    n_static: int = 0
    masks: bool = False

    def __post_init__(self) -> None:
        """Replace the default targets by all channels."""
        if not self.targets:
            object.__setattr__(self, "targets", tuple(range(self.n_channels)))

    @property
    def n_targets(self) -> int:
        """Number of channels that are forecast."""
        return len(self.targets)

    @property
    def past(self) -> tuple[int, ...]:
        """Channels that are neither targets nor known over the horizon."""
        others = {*self.targets, *self.known}
        return tuple(channel for channel in range(self.n_channels) if channel not in others)

    @property
    def covariates(self) -> tuple[int, ...]:
        """Channels that are no targets."""
        return tuple(channel for channel in range(self.n_channels) if channel not in self.targets)

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
        One vector per forecast channel; None for networks without a hidden state.
    branches : object or None
        Outputs of the branches of a network that has several, for the loss terms that read them; None for other
        networks.
    quantiles : Tensor of shape (n_windows, prediction_length, n_targets, n_quantiles) or None
        Quantile forecasts, rising along the last axis; None if no quantiles were requested. Networks return None; the
        quantile head that wraps a network fills them in.
    """

    forecast: Tensor
    features: Tensor | None = None
    branches: Any = None
    quantiles: Tensor | None = None


class BaseNetwork(SaysUnread, DocLink, BaseEstimator, abc.ABC):
    """An architecture with its hyperparameters.

    A subclass stores its hyperparameters in ``__init__`` (and does nothing else there), and returns in :meth:`build` a
    module whose ``forward(context, context_time=None, decoder_time=None)`` gives a :class:`NetworkOutput`. Shapes:
    ``context`` (n_windows, context_length, n_channels), ``context_time`` (n_windows, context_length, n_time_features),
    ``decoder_time`` (n_windows, label_length + prediction_length, n_time_features). A module built with calendar
    features works without them if it is called without them.

    A network that declares that it reads covariates gets more keyword arguments, if there are such covariates:
    ``future`` (n_windows, prediction_length, n_known), the known covariates over the horizon in the units of the
    context, with unknown values filled; ``static`` (n_windows, n_static); ``observed`` and ``future_observed``, of the
    shapes of context and future, 1 where a value is observed and 0 where it is filled.

    Attributes
    ----------
    time_features : {False, "auto", True}
        Whether the module reads calendar features: never, if the series has a calendar, or always (a series without a
        calendar raises an error). A network that can read them makes this a constructor parameter.
    label_length : int
        Number of rows of the context whose calendar features come first in ``decoder_time``.
    has_features : bool
        Whether the module returns features, which feature-level loss terms need.
    reads_past : bool
        Whether forecasts depend on channels that are no targets.
    reads_known, reads_static : bool
        Whether the module takes known covariates over the horizon, and static covariates.
    reads_masks : bool
        Whether the module takes masks of what is observed.
    settings_of_features, settings_of_branches : tuple of str
        Parameters that matter only to a loss that reads features, or branches.
    settings_of_solution : tuple of str
        Parameters that matter only where the network is solved exactly, and not where it is trained.
    libraries : tuple of str
        Distributions with which the module computes, beside torch: their versions enter the key of ``memory=``.
    """

    time_features: bool | str = False
    label_length: int = 0
    has_features: ClassVar[bool] = True
    reads_past: bool = False
    reads_known: bool = False
    reads_static: bool = False
    reads_masks: bool = False
    settings_of_features: ClassVar[tuple[str, ...]] = ()
    settings_of_branches: ClassVar[tuple[str, ...]] = ()
    settings_of_solution: ClassVar[tuple[str, ...]] = ()
    libraries: ClassVar[tuple[str, ...]] = ()

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
        """Declare the part of the network that is one linear map, which is solved exactly instead of trained.

        Called only after :meth:`check`.

        Parameters
        ----------
        spec : NetworkSpec
            The problem.

        Returns
        -------
        part : SolvablePart or None
            The part; None, the default, means that the whole network is trained.
        """
        return None

    def prepare(self, module: nn.Module, *, reads_branches: bool) -> None:
        """Drop the parts of a module that the loss does not read; called before training.

        Parameters
        ----------
        module : torch.nn.Module
            Module returned by :meth:`build`.
        reads_branches : bool
            Whether a term of positive weight reads ``branches``.
        """

    def for_cache_key(self) -> BaseNetwork:
        """Return a copy that holds everything the weights depend on; the key of cached labels is computed from it.

        Returns
        -------
        network : BaseNetwork
            This network; or a copy in which files and folders are given as ``Path``, so that their contents enter the
            key.
        """
        return self

    def check(self, spec: NetworkSpec) -> None:
        """Raise a ValueError if the hyperparameters do not fit the problem.

        Called at the top of ``fit``, before any training.

        Parameters
        ----------
        spec : NetworkSpec
            The problem that the network will be built for.
        """
