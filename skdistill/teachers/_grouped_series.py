"""Targets and covariates of windows as groups of series, for models that read them together."""

from __future__ import annotations

import torch
from torch import Tensor

from skdistill.data._contexts import Contexts

__all__ = ["group_series"]


def group_series(
    contexts: Contexts, targets: tuple[int, ...], horizon: int, *, joint: bool, covariates: bool, n_rows: int
) -> Tensor:
    """Return one group of series for each window, or for each window and target.

    Parameters
    ----------
    contexts : Contexts
        Windows.
    targets : tuple of int
        Channels to forecast.
    horizon : int
        Number of rows of the horizon.
    joint : bool
        Whether the targets of a window form one group, in place of one group each.
    covariates : bool
        Whether covariates belong to every group.
    n_rows : int
        Number of last rows of the context to keep, at most.

    Returns
    -------
    groups : Tensor of shape (n_groups, n_series, n_steps + horizon)
        In each group the targets, past covariates and known covariates; NaN in the horizon where unknown, which
        is everywhere but in known covariates.
    """
    values = contexts.values[:, -n_rows:].transpose(1, 2)  # (n_windows, n_channels, n_steps)
    own = _with_horizon(values[:, list(targets)], None, horizon)
    own = own.unsqueeze(1) if joint else own.unsqueeze(2)  # (n_windows, n_groups, n_own, n_steps + horizon)
    parts = [own]
    if covariates:
        past = [channel for channel in range(values.shape[1]) if channel not in (*targets, *contexts.known)]
        parts.append(_shared(_with_horizon(values[:, past], None, horizon), own))
        if contexts.future is not None:
            ahead = contexts.future
            if contexts.future_observed is not None:
                ahead = torch.where(contexts.future_observed, ahead, torch.nan)
            known = _with_horizon(values[:, list(contexts.known)], ahead.transpose(1, 2), horizon)
            parts.append(_shared(known, own))
    return torch.cat(parts, dim=2).flatten(0, 1).contiguous()


def _with_horizon(values: Tensor, ahead: Tensor | None, horizon: int) -> Tensor:
    """Append the rows of the horizon, unknown or given."""
    unknown = values.new_full((*values.shape[:2], horizon), torch.nan)
    return torch.cat([values, unknown if ahead is None else ahead], dim=2)


def _shared(values: Tensor, own: Tensor) -> Tensor:
    """Repeat the covariates of a window for each of its groups."""
    return values.unsqueeze(1).expand(-1, own.shape[1], -1, -1)
