"""Covariates of DLinear and NLinear in their fused layer."""

from __future__ import annotations

import numpy as np

from skdistill.fused._fused import FusedExtra
from skdistill.networks._base import NetworkSpec
from skdistill.networks._covariate_map import CovariateMap

__all__ = ["covariate_extra"]


def covariate_extra(module: CovariateMap | None, spec: NetworkSpec) -> FusedExtra | None:
    """Fuse W_p (z - m) + W_f (f - m) + W_s s, with the mean m of each covariate z in the context.

    Parameters
    ----------
    module : CovariateMap or None
        The map, in float64.
    spec : NetworkSpec
        The problem.

    Returns
    -------
    extra : FusedExtra or None
        In standardized units; None without covariates.
    """
    if module is None:
        return None
    n_covariates, n_known, length = len(module.covariates), len(module.known), spec.context_length
    weight = module.weight.detach().numpy()
    ends = np.cumsum([n_covariates * length, n_known * spec.prediction_length])
    past, future, static = np.split(weight, ends, axis=-1)
    past = past.reshape(*module.shape, n_covariates, length)
    on_mean = past.sum(axis=-1)
    on_mean[..., module.places] += future.reshape(*module.shape, n_known, spec.prediction_length).sum(axis=-1)
    past = past - on_mean[..., None] / length
    return FusedExtra(
        weight=np.concatenate([past.reshape(*module.shape, -1), future, static], axis=-1),
        scale=np.ones(spec.n_targets),
        covariates=tuple(module.covariates),
        known=tuple(module.known),
        n_static=spec.n_static,
        center=np.zeros(spec.n_channels),
        unit=np.ones(spec.n_channels),
    )
