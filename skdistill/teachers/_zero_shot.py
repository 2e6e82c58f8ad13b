"""What a loaded foundation model can do, and the roll-out beyond its own horizon."""

from __future__ import annotations

import abc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Prediction", "ZeroShotModel", "capture", "roll_out"]


@dataclass(frozen=True)
class Prediction:
    """Forecasts of a batch of single series.

    Parameters
    ----------
    point : Tensor of shape (n_series, n_steps)
        Mean or median.
    quantiles : Tensor of shape (n_series, n_quantiles, n_steps) or None, default=None
        Quantiles, where the model has them.
    """

    point: Tensor
    quantiles: Tensor | None = None


class ZeroShotModel(abc.ABC):
    """A loaded model that forecasts single series.

    Attributes
    ----------
    module : torch.nn.Module
        The network, on its device.
    layers : sequence of Module
        Modules whose outputs are hidden states of shape (n_series, n_tokens, width), first to last.
    max_context : int
        Longest context that the model reads.
    max_horizon : int or None
        Longest horizon that :meth:`predict` answers; None rolls out by itself.
    quantile_levels : tuple of float or None
        Levels of the quantiles it gives.
    batch_limits : dict of tuple of int to int
        Most series that fit into memory at once, by lengths of context and horizon, where that was found out.
    """

    module: Any
    layers: Sequence[nn.Module]
    max_context: int
    max_horizon: int | None = None
    quantile_levels: tuple[float, ...] | None = None

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.batch_limits: dict[tuple[int, int], int] = {}

    @abc.abstractmethod
    def predict(self, context: Tensor, horizon: int) -> Prediction:
        """Forecast single series.

        Parameters
        ----------
        context : Tensor of shape (n_series, n_steps)
            What is known, on the model's device, float32.
        horizon : int
            Steps to forecast, at most ``max_horizon``.

        Returns
        -------
        prediction : Prediction
            ``horizon`` steps.
        """

    def longest_context(self, horizon: int) -> int:
        """Return how much context can be read beside a horizon.

        Parameters
        ----------
        horizon : int
            Steps to forecast, of any number.

        Returns
        -------
        n_steps : int
            ``max_context``, where context and horizon do not share positions.
        """
        return self.max_context

    def rows_read(self, n_steps: int, horizon: int) -> int:
        """Return how many of the last rows of a context the first pass reads.

        Parameters
        ----------
        n_steps : int
            Length of the context.
        horizon : int
            Steps to forecast, of any number.

        Returns
        -------
        n_rows : int
            What comes before them has no part in the forecast.
        """
        return min(n_steps, self.longest_context(horizon))

    @abc.abstractmethod
    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        """Keep of a hidden state what stands for the context: no register, padding or future.

        Parameters
        ----------
        state : Tensor
            What a layer returned.
        n_steps : int
            Length of the context.

        Returns
        -------
        state : Tensor of shape (n_series, n_tokens, width)
            One vector a step or patch, in time order.
        """


def roll_out(model: ZeroShotModel, context: Tensor, horizon: int) -> Prediction:
    """Forecast any number of steps: beyond its own horizon, a model reads its forecasts as context.

    Parameters
    ----------
    model : ZeroShotModel
        The model.
    context : Tensor of shape (n_series, n_steps)
        What is known.
    horizon : int
        Steps to forecast.

    Returns
    -------
    prediction : Prediction
        ``horizon`` steps. Quantiles of rolled-out steps take the point forecasts before them for
        granted, and so are too narrow.
    """
    own = horizon if model.max_horizon is None else min(horizon, model.max_horizon)
    parts: list[Prediction] = []
    while (missing := horizon - sum(part.point.shape[1] for part in parts)) > 0:
        part = model.predict(context[:, -model.longest_context(own) :], min(missing, own))
        parts.append(part)
        context = torch.cat([context, part.point.to(context)], dim=1)  # some answer on the CPU
    quantiles = [part.quantiles for part in parts if part.quantiles is not None]
    return Prediction(
        torch.cat([part.point for part in parts], dim=1), torch.cat(quantiles, dim=2) if quantiles else None
    )


@contextmanager
def capture(layer: nn.Module | None, *, stop: bool = False) -> Iterator[list[Tensor]]:
    """Catch the first output of a layer while the block runs.

    Parameters
    ----------
    layer : Module or None
        The layer; None catches nothing.
    stop : bool, default=False
        Whether the block ends there, and nothing is computed that the layer does not need.

    Yields
    ------
    states : list of Tensor
        Empty, then with the state.
    """
    states: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, output: Any) -> None:
        if not states:  # later calls belong to a roll-out
            states.append(_tensor_of(output))
        if stop:
            raise _Caught

    if layer is None:
        yield states
        return
    handle = layer.register_forward_hook(keep)
    try:
        yield states
    except _Caught:
        return
    finally:
        handle.remove()


class _Caught(BaseException):
    """Ends a pass whose state has been caught; no library takes it for an error of its own."""


def _tensor_of(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    return output.hidden_states if hasattr(output, "hidden_states") else output[0]
