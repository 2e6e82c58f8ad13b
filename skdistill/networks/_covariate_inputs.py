"""Covariates in a hidden layer, as in TiDE: projected row by row, then read as a whole."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skdistill.networks._base import NetworkSpec

__all__ = ["CovariateInputs"]


class CovariateInputs(nn.Module):
    """What covariates add to a hidden layer, and to the steps of the forecast that they belong to.

    Covariates are relative to their mean in the context. Each row of them is projected to ``size`` numbers; the
    projected rows of context and horizon, and the static covariates, go into the hidden layer by one matrix each. Known
    covariates also reach their own step directly.

    Parameters
    ----------
    spec : NetworkSpec
        The problem.
    n_rows : int
        Number of rows at the end of the context that are read.
    hidden_size : int
        Width of the hidden layer.
    size : int
        Numbers that a row is projected to, at most; fewer covariates are not projected.

    References
    ----------
    Das et al. (2023), TiDE (arXiv 2304.08424), without its non-linear blocks.
    """

    def __init__(self, spec: NetworkSpec, n_rows: int, hidden_size: int, size: int) -> None:
        super().__init__()
        self.n_rows, self.horizon = n_rows, spec.prediction_length
        self.covariates, self.known = list(spec.covariates), list(spec.known)
        self.n_static = spec.n_static
        self.row = _projection(len(self.covariates), size)
        self.row_ahead = _projection(len(self.known), size)
        self.past = _matrix(n_rows * min(size, len(self.covariates)), hidden_size)
        self.future = _matrix(self.horizon * min(size, len(self.known)), hidden_size)
        self.static = _matrix(spec.n_static, hidden_size)
        self.direct = _matrix(len(self.known), 1)
        if self.direct is not None:
            nn.init.zeros_(self.direct.weight)

    def forward(self, context: Tensor, future: Tensor | None, static: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return what is added.

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
        hidden : Tensor of shape (n_windows, 1, hidden_size)
            For the hidden layer, the same for all targets.
        direct : Tensor of shape (n_windows, 1, prediction_length) or None
            For the forecast.
        """
        parts, direct = [], None
        if self.past is not None:
            rows = context[:, -self.n_rows :, self.covariates]
            rows = rows - rows.mean(dim=1, keepdim=True)
            parts.append(self.past(self.row(rows).flatten(1)))
        if self.future is not None and self.direct is not None and future is not None:
            ahead = future - context[:, -self.n_rows :, self.known].mean(dim=1, keepdim=True)
            parts.append(self.future(self.row_ahead(ahead).flatten(1)))
            direct = self.direct(ahead).transpose(1, 2)
        if self.static is not None and static is not None:
            parts.append(self.static(static))
        return torch.stack(parts).sum(dim=0).unsqueeze(1), direct


def _matrix(in_size: int, out_size: int) -> nn.Linear | None:
    return nn.Linear(in_size, out_size, bias=False) if in_size else None


def _projection(n_covariates: int, size: int) -> nn.Module:
    return nn.Linear(n_covariates, size, bias=False) if n_covariates > size else nn.Identity()
