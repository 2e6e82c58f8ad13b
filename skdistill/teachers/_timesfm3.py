"""TimesFM 3.0, which reads covariates, in the version of the package timesfm."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from skdistill.teachers._zero_shot import Prediction, ZeroShotModel

__all__ = ["TimesFM3Model", "is_timesfm3"]

_MAX_CONTEXT = 15_360  # of the package's own forecaster


def is_timesfm3(config: dict[str, Any]) -> bool:
    """Return whether a configuration is that of a TimesFM 3.0.

    Parameters
    ----------
    config : dict
        The file ``config.json`` of a checkpoint.

    Returns
    -------
    answer : bool
        Its models have residual blocks, quantiles, and no type of transformers.
    """
    return {"input_patch_len", "residual_block_config", "transformer_config"} <= set(config)


class TimesFM3Model(ZeroShotModel):
    """A TimesFM 3.0: targets of a group and their covariates are variates of one forecast.

    Parameters
    ----------
    module : torch.nn.Module
        The network of the package timesfm.
    """

    reads_groups = True

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.module = module
        self.layers = []  # states have an axis for the variates
        self.max_context = _MAX_CONTEXT
        self.patch = int(module.output_patch_len)
        self.quantile_levels = tuple(float(level) for level in module.quantiles)
        self.median = self.quantile_levels.index(0.5)

    def predict(self, context: Tensor, horizon: int) -> Prediction:
        """Forecast single series."""
        return self._decode(context[:, None], None, horizon, 1)

    def predict_groups(self, groups: Tensor, horizon: int, n_targets: int) -> Prediction:
        """Forecast groups; those in which the same covariates are known together."""
        known = ~torch.isnan(groups[..., -horizon:]).all(dim=2)
        parts: list[Prediction | None] = [None] * len(groups)
        for pattern in known.unique(dim=0):
            places = (known == pattern).all(dim=1).nonzero()[:, 0]
            own = torch.arange(groups.shape[1], device=groups.device) < n_targets
            past = groups[places][:, own | ~pattern, :-horizon]
            ahead = groups[places][:, ~own & pattern] if bool((~own & pattern).any()) else None
            found = self._decode(past, ahead, horizon, n_targets)
            for number, place in enumerate(places.tolist()):
                rows = slice(number * n_targets, (number + 1) * n_targets)
                quantiles = None if found.quantiles is None else found.quantiles[rows]
                parts[place] = Prediction(found.point[rows], quantiles)
        answers = [one for one in parts if one is not None]
        quantiles = torch.cat([one.quantiles for one in answers if one.quantiles is not None])
        return Prediction(torch.cat([one.point for one in answers]), quantiles)

    def context_tokens(self, state: Tensor, n_steps: int) -> Tensor:
        """Refuse: TimesFM says before that there are no features."""
        raise NotImplementedError("states of TimesFM 3.0 are not read.")

    def _decode(self, past: Tensor, ahead: Tensor | None, horizon: int, n_targets: int) -> Prediction:
        """Forecast targets and past covariates (n_groups, n_series, n_steps), beside covariates that are known ahead.

        Without these, whole patches are forecast and cut, as by the package's forecaster: each step depends on how many
        there are.
        """
        missing, values = torch.isnan(past), torch.nan_to_num(past)
        given: dict[str, Any] = {"target_mask": missing[:, :n_targets]}
        if past.shape[1] > n_targets:
            given |= {"past_only_covariates": values[:, n_targets:], "past_only_mask": missing[:, n_targets:]}
        n_ahead = -(-horizon // self.patch) * self.patch
        if ahead is not None:
            given |= {"past_future_covariates": torch.nan_to_num(ahead), "past_future_mask": torch.isnan(ahead)}
            n_ahead = horizon
        answers = self.module.decode(values[:, :n_targets], n_ahead, **given)
        return self._as_prediction(answers[:, :, :horizon], n_targets)

    def _as_prediction(self, answers: Tensor, n_targets: int) -> Prediction:
        """Take the quantiles of targets, sorted as by the package's forecaster, (n_series, n_quantiles, horizon)."""
        quantiles = answers[:, :n_targets].sort(dim=-1).values.flatten(0, 1).transpose(1, 2)
        return Prediction(quantiles[:, self.median], quantiles)
