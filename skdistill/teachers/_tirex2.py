"""TiRex-2, which reads covariates, in the version of the package tirex-2."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from skdistill.teachers._checkpoint_folder import read_config
from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TiRex2Model", "is_tirex2"]


def is_tirex2(path: Path) -> bool:
    """Return whether a checkpoint is that of a TiRex-2.

    Parameters
    ----------
    path : Path
        Folder or file of the checkpoint.

    Returns
    -------
    answer : bool
        Its folder has a configuration with a stack of blocks for variates.
    """
    return (path / "config.json").is_file() and "stack_config" in read_config(path, owner="TiRex")


class TiRex2Model(ZeroShotModel):
    """A TiRex-2: targets of a group and their covariates are variates of one forecast.

    Parameters
    ----------
    module : torch.nn.Module
        The network of the package tirex-2.
    series : type
        The package's class for a series with covariates.
    """

    reads_groups = True
    max_horizon: int

    def __init__(self, module: Any, series: Any) -> None:
        super().__init__()
        self.module = module
        self._series = series
        self.layers = list(module.stack)
        self.patch = int(module.input_patch_size)
        self.max_context = int(module.context_len)
        self.max_horizon = int(module.future_len)
        self.quantile_levels = tuple(round(float(level), 6) for level in module.quantiles)
        self.median = self.quantile_levels.index(0.5)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        """Forecast single series."""
        return self._forecast([self._series(one[None], None, None) for one in context], horizon)

    def predict_groups(self, groups: Tensor, horizon: int, n_targets: int) -> Prediction:
        """Forecast groups; a covariate of which nothing is known over the horizon is a past covariate."""
        if horizon > self.max_horizon:
            raise ValueError(
                f"prediction_length must be at most {self.max_horizon}, as far as this TiRex-2 forecasts with "
                f"covariates or targets together; got {horizon}. Set covariates=False and joint=False, or shorten it."
            )
        return self._forecast([self._with_covariates(one, horizon, n_targets) for one in groups], horizon)

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        """Return the states of the patches before the horizon."""
        n_ahead = self.max_horizon // self.patch
        return state[:, -n_ahead - math.ceil(n_steps / self.patch) : -n_ahead]

    def _with_covariates(self, group: Tensor, horizon: int, n_targets: int) -> Any:
        """Return a group as a series of the package."""
        others = group[n_targets:]
        known = ~torch.isnan(others[:, -horizon:]).all(dim=1)
        past, ahead = others[~known, :-horizon], others[known]
        return self._series(group[:n_targets, :-horizon], past if len(past) else None, ahead if len(ahead) else None)

    def _forecast(self, series: list[Any], horizon: int) -> Prediction:
        quantiles = torch.cat(self.module.predict(series, horizon))
        return Prediction(quantiles[:, self.median], quantiles)
