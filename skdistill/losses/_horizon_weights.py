"""Weights for the steps of the horizon in a loss term."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from skdistill._utils._checks import check_real
from skdistill._utils._contract_docs import ContractDocs

__all__ = ["ExponentialWeights", "LinearWeights", "step_weights"]


class _HorizonWeights(ContractDocs, BaseEstimator):
    """Weights for the steps of the horizon, by a rule."""

    @abstractmethod
    def values(self, prediction_length: int) -> np.ndarray:
        """Return the weights.

        Parameters
        ----------
        prediction_length : int
            Steps of the horizon.

        Returns
        -------
        weights : ndarray of shape (prediction_length,)
            Weights of mean one.
        """


class ExponentialWeights(_HorizonWeights):
    """Weights that grow exponentially over the horizon.

    ``w_h = exp(tau * h / (H - 1))`` for h = 0 .. H - 1, rescaled to mean one, so that ``tau=0`` is the
    plain loss. A negative ``tau`` favors the first steps.

    Parameters
    ----------
    tau : float, default=1.0
        Growth over the whole horizon.

    References
    ----------
    DistilTS (arXiv 2601.12785), horizon-weighted objective; the paper rescales to sum one, the released code to mean
    one.

    Examples
    --------
    >>> ExponentialWeights(tau=1.0).values(3).round(3)
    array([0.559, 0.922, 1.519])
    """

    def __init__(self, tau: float = 1.0) -> None:
        self.tau = tau

    def values(self, prediction_length: int) -> np.ndarray:
        """Return the exponential weights."""
        check_real(self.tau, "tau of ExponentialWeights")
        exponents = self.tau * np.arange(prediction_length) / max(prediction_length - 1, 1)
        weights = np.exp(exponents - exponents.max())  # at most 1: no tau overflows
        return weights / weights.mean()


class LinearWeights(_HorizonWeights):
    """Weights that grow linearly over the horizon.

    Parameters
    ----------
    ratio : float, default=2.0
        Weight of the last step divided by the weight of the first; the weights have mean one.

    Examples
    --------
    >>> LinearWeights(ratio=3.0).values(3)
    array([0.5, 1. , 1.5])
    """

    def __init__(self, ratio: float = 2.0) -> None:
        self.ratio = ratio

    def values(self, prediction_length: int) -> np.ndarray:
        """Return the linear weights."""
        check_real(self.ratio, "ratio of LinearWeights", minimum=0.0, include_minimum=False)
        weights = np.linspace(1.0, float(self.ratio), prediction_length)
        return weights / weights.mean()


def step_weights(horizon_weights: Any, prediction_length: int, owner: str) -> Tensor | None:
    """Convert ``horizon_weights`` to weights of mean one.

    Parameters
    ----------
    horizon_weights : None, ExponentialWeights, LinearWeights or array of shape (prediction_length,)
        Value of the parameter; numbers must be finite and not negative.
    prediction_length : int
        Steps of the horizon.
    owner : str
        Class of the term, for error messages.

    Returns
    -------
    weights : Tensor of shape (prediction_length,) or None
        Weights of mean one; None if all are equal, which gives the plain loss, bit-identical.

    Raises
    ------
    TypeError, ValueError
        If these are not valid weights, or their number is wrong.
    """
    if horizon_weights is None:
        return None
    name = f"horizon_weights of {owner}"
    if hasattr(horizon_weights, "values") and isinstance(horizon_weights, BaseEstimator):
        weights = horizon_weights.values(prediction_length)
    else:
        weights = _given_weights(horizon_weights, prediction_length, name)
    if np.all(weights == weights[0]):
        return None
    return torch.as_tensor(weights, dtype=torch.float32)


def _given_weights(given: Any, prediction_length: int, name: str) -> np.ndarray:
    if isinstance(given, str | bool | int | float):
        raise TypeError(
            f"{name} must be None, ExponentialWeights(tau), LinearWeights(ratio) or one number per step; got {given!r}."
        )
    weights = np.asarray(given, dtype=np.float64)
    if weights.shape != (prediction_length,):
        raise ValueError(
            f"{name} must have one number per step, shape ({prediction_length},); got an array of shape "
            f"{weights.shape}."
        )
    if not np.isfinite(weights).all() or (weights < 0).any() or not weights.any():
        raise ValueError(f"{name} must be finite, not negative and not all zero; got {given!r}.")
    return weights / weights.mean()
