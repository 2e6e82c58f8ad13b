"""Base class of teachers that are torch modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from skdistill._utils._generators import seeded
from skdistill._utils._memory import in_halved_parts
from skdistill._utils._usual_modes import inference
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels, joined_labels
from skdistill.networks._base import BaseNetwork, NetworkSpec
from skdistill.networks._inputs import network_inputs
from skdistill.networks._quantile_head import build_module
from skdistill.teachers._base import BaseTeacher
from skdistill.training._device import count_parameters, resolve_device

__all__ = ["NetworkTeacher"]


class NetworkTeacher(BaseTeacher):
    """Base class of teachers that label with a torch module, stored in ``module_``."""

    network: Any
    device: str | None
    module_: nn.Module
    spec_: NetworkSpec

    def architecture(self) -> BaseNetwork:
        """Return the parameter object that the module was built from.

        Returns
        -------
        network : BaseNetwork
            The network; by default the parameter ``network``.
        """
        return self.network

    @property
    def reads_known(self) -> bool:  # type: ignore[override]
        """Whether the network reads known covariates."""
        return bool(getattr(self.architecture(), "reads_known", False))  # check refuses what is no network

    @property
    def reads_static(self) -> bool:  # type: ignore[override]
        """Whether the network reads static covariates."""
        return bool(getattr(self.architecture(), "reads_static", False))

    @property
    def reads_calendar(self) -> bool:  # type: ignore[override]
        """Whether the network reads calendar features; once it is fitted, whether there were any."""
        return bool(self.spec_.n_time_features if hasattr(self, "spec_") else self.architecture().time_features)

    def label(self, contexts: Contexts) -> Labels:
        """Run the module on a batch of contexts.

        Returns
        -------
        labels : Labels
            Forecasts and, if the network has them, features of kind *channel* and quantiles, on the CPU.
        """
        return label_with_module(self.module_, self.spec_, contexts, device=self.device)

    def count_parameters(self) -> int:
        """Count the parameters of the module."""
        return count_parameters(self.module_)

    def fitted_state(self) -> dict[str, Any]:
        """Return the weights of the module, its problem, and the other fitted attributes."""
        state = super().fitted_state()
        return {**state, "module_": dict(self.module_.state_dict()), "spec_": asdict(self.spec_)}

    def restore_fitted(self, state: Mapping[str, Any]) -> NetworkTeacher:
        """Build the module and load the weights."""
        super().restore_fitted({name: value for name, value in state.items() if name not in ("module_", "spec_")})
        self.spec_ = NetworkSpec(**state["spec_"])
        with seeded(getattr(self, "random_state", None) or 0):  # some networks draw random buffers, too
            self.module_ = build_module(self.architecture(), self.spec_)
        self.module_.load_state_dict(dict(state["module_"]))
        self.module_.eval()
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Pickle on the CPU, so that a machine without the device can load the teacher."""
        state = super().__getstate__()
        if "module_" in state:
            self.module_.cpu()
        return state


def label_with_module(module: nn.Module, spec: NetworkSpec, contexts: Contexts, *, device: str | None) -> Labels:
    """Run a module on contexts and return its output as labels; where memory runs out, in halves, with a warning.

    Parameters
    ----------
    module : Module
        A module that returns a ``NetworkOutput``.
    spec : NetworkSpec
        The problem it was built for.
    contexts : Contexts
        A batch of contexts.
    device : str or None
        Device to run it on.

    Returns
    -------
    labels : Labels
        The labels, on the CPU.
    """
    target, n_windows = resolve_device(device), max(1, len(contexts))
    module.to(target).eval()

    def label(start: int, stop: int) -> Labels:
        part = contexts if stop - start == n_windows else contexts.take(np.arange(start, stop))
        return _label_at_once(module, spec, part, target)

    parts = list(in_halved_parts(label, n_windows, n_windows, who="labels", device=target))
    return parts[0] if len(parts) == 1 else joined_labels(parts)


def _label_at_once(module: nn.Module, spec: NetworkSpec, contexts: Contexts, device: torch.device) -> Labels:
    with inference():
        output = module(**network_inputs(spec, contexts, device))
    features = None if output.features is None else output.features.cpu()
    quantiles = None if output.quantiles is None else output.quantiles.permute(0, 3, 1, 2).cpu()
    levels = None if quantiles is None else spec.quantiles
    return Labels(output.forecast.cpu(), features, quantiles, levels)
