"""CustomNetwork: any torch module as teacher or student."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec

__all__ = ["CustomNetwork", "own_module"]


class CustomNetwork(BaseNetwork):
    """Any torch module that maps contexts to forecasts, as teacher or student.

    Parameters
    ----------
    factory : callable
        ``factory(spec, **options)`` returns a fresh ``torch.nn.Module`` for a :class:`NetworkSpec`. The module gets
        standardized contexts (n_windows, context_length, n_channels) and returns forecasts (n_windows,
        prediction_length, n_targets), or a pair of forecasts and features (n_windows, n_targets, D) for feature-level
        loss terms. It must be an importable function or class, so that estimators can be pickled.
    options : dict or None, default=None
        Keyword arguments of ``factory``. In a parameter grid they are replaced as a whole.

    See Also
    --------
    skdistill.teachers.PretrainedTeacher : For a module with weights that were trained elsewhere.

    Examples
    --------
    >>> from torch import nn
    >>> from skdistill.core import NetworkSpec
    >>> from skdistill.networks import CustomNetwork
    >>> class Repeat(nn.Module):
    ...     def __init__(self, spec, scale=1.0):
    ...         super().__init__()
    ...         self.steps = spec.prediction_length
    ...         self.scale = nn.Parameter(torch.tensor(scale))
    ...     def forward(self, context):
    ...         return self.scale * context[:, -1:].repeat(1, self.steps, 1)
    >>> import torch
    >>> module = CustomNetwork(Repeat, {"scale": 0.5}).build(NetworkSpec(8, 3, 2))
    >>> module(torch.ones(4, 8, 2)).forecast.shape
    torch.Size([4, 3, 2])
    """

    reads_past = True

    def __init__(self, factory: Callable[..., nn.Module], options: dict[str, Any] | None = None) -> None:
        self.factory = factory
        self.options = options

    def check(self, spec: NetworkSpec) -> None:
        """Raise if the factory cannot be called."""
        if isinstance(self.factory, nn.Module) or not callable(self.factory):
            raise TypeError(
                "factory of CustomNetwork must be a callable that returns a fresh module for a NetworkSpec, not a "
                f"module: every fit starts from new weights; got {type(self.factory).__name__}. For weights that "
                "exist, use PretrainedTeacher(CustomNetwork(factory), state_dict)."
            )
        if self.options is not None and not isinstance(self.options, dict):
            raise TypeError(f"options of CustomNetwork must be a dict or None; got {self.options!r}.")

    def build(self, spec: NetworkSpec) -> nn.Module:
        """Build the module.

        Returns
        -------
        module : torch.nn.Module
            The user's module, wrapped to return a :class:`NetworkOutput`.
        """
        self.check(spec)
        module = self.factory(spec, **(self.options or {}))
        if not isinstance(module, nn.Module):
            raise TypeError(f"factory of CustomNetwork must return a torch.nn.Module; got {type(module).__name__}.")
        return _OwnModule(module, (spec.prediction_length, spec.n_targets))


def own_module(module: nn.Module) -> nn.Module:
    """Return the user's module inside that of a :class:`CustomNetwork`; other modules as they are.

    Parameters
    ----------
    module : torch.nn.Module
        A module that a network built.

    Returns
    -------
    module : torch.nn.Module
        The same module, or what is inside.
    """
    return module.module if isinstance(module, _OwnModule) else module


class _OwnModule(nn.Module):
    def __init__(self, module: nn.Module, shape: tuple[int, int]) -> None:
        super().__init__()
        self.module = module
        self.shape = shape

    def forward(
        self, context: Tensor, context_time: Tensor | None = None, decoder_time: Tensor | None = None
    ) -> NetworkOutput:
        answer = self.module(context)
        if isinstance(answer, NetworkOutput):
            output = answer
        else:
            output = NetworkOutput(*answer) if isinstance(answer, tuple) else NetworkOutput(answer)
        forecast = output.forecast
        fits = forecast.ndim == 3 and tuple(forecast.shape[1:]) == self.shape
        if not fits or (not torch.compiler.is_compiling() and len(forecast) != len(context)):
            raise ValueError(
                "the module of CustomNetwork must forecast (n_windows, prediction_length, n_targets) = "
                f"{(len(context), *self.shape)}; it returned {tuple(forecast.shape)}."
            )
        return output
