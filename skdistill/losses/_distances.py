"""Distances between forecasts, step by step: the squared, the absolute and Huber's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor
from torch.nn.functional import huber_loss, l1_loss, mse_loss

__all__ = ["DISTANCES", "make_distance", "weighted_mean"]

DISTANCES = ("mse", "mae", "huber")

Distance = Callable[..., Tensor]


def make_distance(name: str, delta: float = 1.0) -> Distance:
    """Return a distance by name, with torch's ``reduction=`` argument.

    Parameters
    ----------
    name : {"mse", "mae", "huber"}
        Which one.
    delta : float, default=1.0
        Error at which Huber's loss turns from squared to absolute.

    Returns
    -------
    distance : callable
        ``distance(forecast, target, reduction="mean" | "none")``.
    """
    if name == "huber":
        return partial(huber_loss, delta=delta)
    return mse_loss if name == "mse" else l1_loss


def weighted_mean(distance: Distance, forecast: Tensor, target: Tensor, step_weights: Tensor | None) -> Tensor:
    """Average a distance over windows, steps and channels, steps weighted.

    Parameters
    ----------
    distance : callable
        A distance of :func:`make_distance`.
    forecast, target : Tensor of shape (n_windows, n_steps, n_targets)
        What to compare.
    step_weights : Tensor of shape (n_steps,) or None
        Weights of mean one; None weighs all steps alike.

    Returns
    -------
    mean : Tensor
        A scalar.
    """
    if step_weights is None:
        return distance(forecast, target)
    return (distance(forecast, target, reduction="none").mean(dim=(0, 2)) * step_weights).mean()
