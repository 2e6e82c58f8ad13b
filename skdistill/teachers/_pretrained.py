"""Teacher with given weights: a network trained elsewhere or in an earlier run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._generators import seeded
from skdistill._utils._user_line import stacklevel_of_user
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._training_windows import TrainingWindows
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._custom_network import own_module
from skdistill.networks._inputs import make_spec
from skdistill.networks._quantile_head import build_module
from skdistill.networks._weights import load_weights, read_state_dict
from skdistill.teachers._network import NetworkTeacher
from skdistill.training._train import warn_of_neighbors

__all__ = ["PretrainedTeacher"]


class PretrainedTeacher(NetworkTeacher):
    """Teacher with a network and given weights; nothing is trained in ``fit``.

    The weights are a constructor argument, so they survive ``clone``, ``GridSearchCV`` and processes. The network reads
    contexts that are standardized per channel by the training rows of the series, and forecasts in those units. A
    module that reads the calendar gets the features it was trained with, such as those of hours, regardless of the step
    of the series. For a series without a calendar it runs without calendar features, like the research code.
    With another ``scaling`` than ``"global"``, the units are those of the scaling, for which weights of research code
    were not trained.

    Parameters
    ----------
    network : network or Module
        The architecture, with the hyperparameters the weights were trained with; or a module with its weights
        that :func:`~skdistill.interop.from_tslib` loaded.
    state_dict : dict of Tensor, str, Path or None, default=None
        The weights, or their file: ``.safetensors``, or any file that ``torch.load(weights_only=True)`` reads. None
        takes the weights of a module.
    device : str or None, default=None
        Device to label on; None takes the forecaster's.

    Attributes
    ----------
    module_ : torch.nn.Module
        The network with its weights.
    spec_ : NetworkSpec
        The problem it was built for.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import DLinear
    >>> from skdistill.teachers import PretrainedTeacher
    >>> weights = DLinear().build(NetworkSpec(8, 2, 1)).state_dict()
    >>> PretrainedTeacher(DLinear(), weights).network
    DLinear()
    """

    reads_validation = False
    keeps_what_fit_learned = False

    def __init__(
        self,
        network: BaseNetwork | nn.Module,
        state_dict: Mapping[str, Tensor] | str | Path | None = None,
        *,
        device: str | None = None,
    ) -> None:
        self.network = network
        self.state_dict = state_dict
        self.device = device

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the network does not fit the problem or the weights do not fit the network."""
        network = self.architecture()
        network.check(spec)
        if isinstance(self.network, nn.Module):
            _check_lengths(self.network.spec, spec)  # type: ignore[arg-type]
        elif self.state_dict is None:
            raise ValueError(
                "state_dict of PretrainedTeacher must be the weights or their file; got None. Only a module that "
                "from_tslib loaded brings its own."
            )

    def for_cache_key(self) -> PretrainedTeacher:
        """Return a copy for the cache key, in which a file of weights counts by its contents."""
        copy = super().for_cache_key()
        if isinstance(self.network, BaseNetwork):
            copy.set_params(network=self.network.for_cache_key())
        is_file = isinstance(self.state_dict, str | Path)
        return copy.set_params(state_dict=Path(self.state_dict)) if is_file else copy  # type: ignore[arg-type]

    def probe(self, windows: TrainingWindows) -> Labels:
        """Label the first window, which checks whether the weights fit."""
        self.fit(windows)
        kind = windows.train.store.scaling.kind
        if isinstance(self.network, nn.Module) and kind != "global":
            warnings.warn(
                f"the module of PretrainedTeacher was trained on channels of mean 0 and standard deviation 1, and gets "
                f"contexts in other units: scaling={kind!r} (of a panel, 'auto' is 'series'). Set scaling='global'.",
                stacklevel=stacklevel_of_user(),
            )
        labels, train = super().probe(windows), windows.train
        ends = [0, len(train) - 1]
        alone, both = (self.label(train.contexts(torch.tensor(one))).forecast for one in (ends[1:], ends))
        warn_of_neighbors(torch.cat([labels.forecast, alone]), both, type(own_module(self.module_)).__name__)
        return labels

    def fit(self, windows: TrainingWindows, checkpoint: Path | None = None) -> PretrainedTeacher:
        """Build the network and load the weights; nothing is learned.

        Parameters
        ----------
        windows : TrainingWindows
            Only their shapes are read.
        checkpoint : Path or None, default=None
            Ignored.

        Raises
        ------
        ValueError
            If weights are missing, unexpected or have the wrong shape; the message names all of them.
        """
        owner = "state_dict of PretrainedTeacher"
        network = self.architecture()
        self.spec_ = self._spec(windows)
        with seeded(0):
            self.module_ = build_module(network, self.spec_)
        own = self.network.state_dict() if isinstance(self.network, nn.Module) else {}
        given = own if self.state_dict is None else read_state_dict(self.state_dict, owner=owner)
        load_weights(self.module_, given, owner=owner)
        return self

    def label(self, contexts: Contexts) -> Labels:
        """Run the module on a batch of contexts, and select the targets if it forecasts more channels.

        Returns
        -------
        labels : Labels
            Forecast and features of the targets, on the CPU.
        """
        labels, targets = super().label(contexts), contexts.scaling.targets
        if targets is None or targets == self.spec_.targets:
            return labels
        places = [self.spec_.targets.index(one) for one in targets]
        features = None if labels.features is None else labels.features[:, places]
        return replace(labels, forecast=labels.forecast[..., places], features=features)

    def _spec(self, windows: TrainingWindows) -> NetworkSpec:
        """Return the problem; a module keeps the calendar it was trained with, and forecasts every channel."""
        if not isinstance(self.network, nn.Module):
            return make_spec(self.architecture(), windows.train)
        built: Any = self.network.spec
        train = windows.train
        lengths = {"context_length": train.context_length, "prediction_length": train.prediction_length}
        return replace(built, **lengths, n_channels=train.n_channels, targets=())

    def architecture(self) -> BaseNetwork:
        """Return the network as a parameter object; for a module, the one it was built from.

        Returns
        -------
        network : BaseNetwork
            The network that the module was built from.
        """
        network = getattr(self.network, "network", None) if isinstance(self.network, nn.Module) else self.network
        if not isinstance(network, BaseNetwork):
            raise TypeError(
                "network of PretrainedTeacher must be a network of skdistill.networks, or a module that from_tslib "
                f"loaded; got {self.network!r}."
            )
        return network


def _check_lengths(built: NetworkSpec, spec: NetworkSpec) -> None:
    """Raise if a module was trained for other lengths."""
    for name in ("context_length", "prediction_length"):
        if getattr(built, name) != getattr(spec, name):
            raise ValueError(
                f"{name} must be {getattr(built, name)}, for which the module of PretrainedTeacher was trained; "
                f"got {getattr(spec, name)}."
            )
