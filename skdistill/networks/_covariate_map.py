"""Covariates in a linear forecaster: one more linear map, onto the steps of every target."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdistill.networks._base import NetworkSpec

__all__ = ["CovariateMap", "make_covariate_map"]


class CovariateMap(nn.Module):
    """A linear map of covariates to what they add to the forecast of each target; it starts at 0.

    Its inputs are the rows of each covariate in the context, and those of each known covariate over the horizon, all
    less the mean of the covariate in the context, and static covariates.

    Parameters
    ----------
    spec : NetworkSpec
        The problem, with covariates.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.covariates, self.known = list(spec.covariates), list(spec.known)
        self.places = [self.covariates.index(channel) for channel in self.known]
        self.shape = (spec.n_targets, spec.prediction_length)
        n_inputs = len(self.covariates) * spec.context_length + len(self.known) * spec.prediction_length + spec.n_static
        self.weight = nn.Parameter(torch.zeros(spec.n_targets, spec.prediction_length, n_inputs))

    def forward(self, context: Tensor, future: Tensor | None, static: Tensor | None) -> Tensor:
        """Return what is added to the forecast.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Standardized contexts.
        future : Tensor of shape (n_windows, prediction_length, n_known) or None
            Known covariates over the horizon.
        static : Tensor of shape (n_windows, n_static) or None
            Static covariates.

        Returns
        -------
        added : Tensor of shape (n_windows, n_targets, prediction_length)
            For the forecast.
        """
        rows = context[..., self.covariates].transpose(1, 2)
        level = rows.mean(dim=2, keepdim=True)
        parts = [(rows - level).flatten(1)]
        if future is not None:
            parts.append((future.transpose(1, 2) - level[:, self.places]).flatten(1))
        if static is not None:
            parts.append(static)
        return torch.einsum("ni,thi->nth", torch.cat(parts, dim=1), self.weight)


def make_covariate_map(spec: NetworkSpec) -> CovariateMap | None:
    """Build the map of the covariates of a problem.

    Parameters
    ----------
    spec : NetworkSpec
        The problem.

    Returns
    -------
    module : CovariateMap or None
        None without covariates.
    """
    return CovariateMap(spec) if spec.covariates or spec.n_static else None
