"""Interface of a loaded foundation model, and the roll-out beyond its own horizon."""

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
        Quantiles, if the model has them.
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
        Longest horizon of :meth:`predict`; None if the model rolls out itself.
    quantile_levels : tuple of float or None
        Levels of its quantiles.
    reads_groups : bool
        Whether :meth:`predict_groups` works: series forecast together, with covariates.
    batch_limits : dict of tuple of int to int
        Maximum number of series, or groups, that fit into memory, by their shape and horizon, as far as known.
    """

    reads_groups: bool = False
    module: Any
    layers: Sequence[nn.Module]
    max_context: int
    max_horizon: int | None = None
    quantile_levels: tuple[float, ...] | None = None

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.batch_limits: dict[tuple[int, ...], int] = {}

    @abc.abstractmethod
    def predict(self, context: Tensor, horizon: int) -> Prediction:
        """Forecast single series.

        Parameters
        ----------
        context : Tensor of shape (n_series, n_steps)
            Past values, on the model's device, float32.
        horizon : int
            Number of steps to forecast, at most ``max_horizon``.

        Returns
        -------
        prediction : Prediction
            The forecast of ``horizon`` steps.
        """

    def predict_groups(self, groups: Tensor, horizon: int, n_targets: int) -> Prediction:
        """Forecast series together with their covariates; a group reads nothing of the others.

        Parameters
        ----------
        groups : Tensor of shape (n_groups, n_series, n_steps + horizon)
            In each group the targets, the past covariates and the known covariates. The last rows are the horizon, NaN
            where unknown.
        horizon : int
            Number of steps to forecast.
        n_targets : int
            How many series of a group come first and are forecast.

        Returns
        -------
        prediction : Prediction
            The forecasts of the targets of one group after another.
        """
        raise NotImplementedError(f"{type(self).__name__} forecasts single series.")

    def longest_context(self, horizon: int) -> int:
        """Return the number of context rows that can be read for a horizon.

        Parameters
        ----------
        horizon : int
            Number of steps to forecast.

        Returns
        -------
        n_steps : int
            ``max_context``, if context and horizon do not share positions.
        """
        return self.max_context

    def rows_read(self, n_steps: int, horizon: int) -> int:
        """Return the number of last context rows that the first pass reads.

        Parameters
        ----------
        n_steps : int
            Length of the context.
        horizon : int
            Number of steps to forecast.

        Returns
        -------
        n_rows : int
            Number of rows; earlier rows have no effect on the forecast.
        """
        return min(n_steps, self.longest_context(horizon))

    @abc.abstractmethod
    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        """Return the part of a hidden state that belongs to the context, without registers, padding and future.

        Parameters
        ----------
        state : Tensor
            What a layer returned.
        n_steps : int
            Length of the context.

        Returns
        -------
        state : Tensor of shape (n_series, n_tokens, width)
            One vector per step or patch, in time order.
        """


def roll_out(model: ZeroShotModel, context: Tensor, horizon: int) -> Prediction:
    """Forecast any number of steps; beyond its own horizon, a model reads its forecasts as context.

    Parameters
    ----------
    model : ZeroShotModel
        The model.
    context : Tensor of shape (n_series, n_steps)
        Past values.
    horizon : int
        Steps to forecast.

    Returns
    -------
    prediction : Prediction
        The forecast of ``horizon`` steps. Quantiles of rolled-out steps treat the earlier point forecasts as known, and
        so are too narrow.
    """
    own = horizon if model.max_horizon is None else min(horizon, model.max_horizon)
    parts: list[Prediction] = []
    while (missing := horizon - sum(part.point.shape[1] for part in parts)) > 0:
        part = model.predict(context[:, -model.longest_context(own) :], min(missing, own))
        parts.append(part)
        context = torch.cat([context, part.point.to(context)], dim=1)  # some models return results on the CPU
    quantiles = [part.quantiles for part in parts if part.quantiles is not None]
    return Prediction(
        torch.cat([part.point for part in parts], dim=1), torch.cat(quantiles, dim=2) if quantiles else None
    )


@contextmanager
def capture(layer: nn.Module | None, *, stop: bool = False) -> Iterator[list[Tensor]]:
    """Capture the first output of a layer while the block runs.

    Parameters
    ----------
    layer : Module or None
        The layer; None captures nothing.
    stop : bool, default=False
        Whether to end the block there, so that later layers are not computed.

    Yields
    ------
    states : list of Tensor
        Empty list; the state is appended to it.
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
    """Ends a pass after its state was captured; libraries do not catch it."""


def _tensor_of(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    return output.hidden_states if hasattr(output, "hidden_states") else output[0]
