"""Preparation of contexts in exported students: units and missing values by the rules of the NumPy runtime, in torch.

All operations exist in ONNX: the nearest observed row is found by a running maximum of row numbers.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdistill.data._scaling import Scaling

__all__ = ["ContextFrame", "fill", "fill_gaps"]

_SHARE_OF_SEASON = 4  # as in the NumPy runtime
_ROUNDING = 4 * float(np.finfo(np.float32).eps)  # relative to the level of a window, in float32
_REPEATED = 1e-4  # as in the NumPy runtime
_SAME = 1e-6  # as in the NumPy runtime


class ContextFrame(nn.Module):
    """Standardizes contexts and fills missing values.

    Parameters
    ----------
    scaling : Scaling
        The fitted scaling.
    """

    mean: Tensor
    scale: Tensor
    table_center: Tensor | None
    table_unit: Tensor | None
    table_shown: Tensor | None
    usual_center: Tensor | None
    usual_unit: Tensor | None
    is_covariate: Tensor | None
    is_shared: Tensor | None

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        self.own_units = scaling.kind != "global"
        self.season = scaling.season
        self.register_buffer("mean", _float(np.asarray(scaling.mean_)))
        self.register_buffer("scale", _float(np.asarray(scaling.scale_)))
        table = scaling.series_units_ if scaling.kind == "series" and scaling.ids_ else None
        self.register_buffer("table_center", None if table is None else _float(table.center))
        self.register_buffer("table_unit", None if table is None else _float(table.unit))
        shown = None if table is None else torch.from_numpy(scaling.series_shown())
        self.register_buffer("table_shown", shown)
        own = scaling.covariates_
        self.register_buffer("usual_center", None if own is None else _float(own.center))
        self.register_buffer("usual_unit", None if own is None else _float(own.unit))
        covariates = None if own is None else torch.zeros(len(own.center), dtype=torch.bool)
        if covariates is not None and own is not None:
            covariates[list(own.channels)] = True
        self.register_buffer("is_covariate", covariates)
        self.register_buffer("is_shared", None if own is None else torch.tensor(own.shared))

    @property
    def reads_series(self) -> bool:
        """Whether the input includes the series of each window."""
        return self.table_center is not None

    def forward(self, context: Tensor, series: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Standardize contexts.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Contexts in original units, NaN where missing.
        series : Tensor of int64 of shape (n_windows,) or None, default=None
            Positions in the table of series, -1 for others.

        Returns
        -------
        values : Tensor of the same shape
            Standardized and filled values.
        center, unit : Tensor of shape (n_windows or 1, 1, n_channels)
            Center and unit that convert forecasts back.
        """
        missing = torch.isnan(context)
        if self.own_units:
            center, unit = self._own_units(context, missing, series)
        else:
            center, unit = self.mean[None, None], self.scale[None, None]
        values = torch.where(missing, 0.0, (torch.where(missing, 0.0, context) - center) / unit)
        return fill(values, missing, self.season), center, unit

    def settled(self, context: Tensor, center: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Replace center and unit of the forecasts of constant contexts by the rules of the NumPy runtime.

        Parameters
        ----------
        context : Tensor of shape (n_windows, context_length, n_channels)
            Contexts in original units, NaN where missing.
        center, unit : Tensor of shape (n_windows or 1, 1, n_channels)
            Those by which the contexts are standardized.

        Returns
        -------
        center, unit : Tensor of the same shape
            The level and 0 where a context is constant and its series shows no unit.
        """
        if not self.own_units:
            return center, unit
        missing = torch.isnan(context)
        level = center.abs()
        told_none = (unit - torch.where(level > 0, level, torch.ones_like(level))).abs() <= _SAME * unit
        plain = torch.where(missing, 0.0, context)
        mean, _ = _mean(plain, missing)
        distance, _ = _mean((plain - mean).abs(), missing)
        seen = ~missing.all(dim=1, keepdim=True)
        constant = told_none & seen & (distance <= _ROUNDING * mean.abs())
        highest = torch.where(missing, -torch.inf, context).amax(dim=1, keepdim=True)
        return torch.where(constant, highest, center), torch.where(constant, 0.0, unit)

    def _own_units(self, context: Tensor, missing: Tensor, series: Tensor | None) -> tuple[Tensor, Tensor]:
        center, unit = _center_and_unit(context, missing, self.season)
        if self.is_covariate is not None:
            center, unit = self._of_covariates(context, missing, center, unit)
        if series is not None and self.table_center is not None:
            assert self.table_unit is not None
            assert self.table_shown is not None
            row = torch.clamp(series, min=0)
            known = ((series >= 0) & self.table_shown[row])[:, None, None]
            center = torch.where(known, self.table_center[row][:, None], center)
            unit = torch.where(known, self.table_unit[row][:, None], unit)
        return center, unit

    def _of_covariates(self, context: Tensor, missing: Tensor, center: Tensor, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Replace center and unit of covariates, by the rules of :class:`~skdistill.data._covariate_units`."""
        assert self.is_covariate is not None
        assert self.is_shared is not None
        assert self.usual_center is not None
        assert self.usual_unit is not None
        own, seen = _mean(torch.where(missing, 0.0, context), missing)
        own = torch.where(seen, own, self.usual_center)
        spread = _mean((torch.where(missing, 0.0, context) - own).square(), missing)[0].sqrt()
        spread = torch.where(spread > _ROUNDING * own.abs(), spread, self.usual_unit)
        own, spread = (
            torch.where(self.is_shared, self.usual_center, own),
            torch.where(self.is_shared, self.usual_unit, spread),
        )
        return torch.where(self.is_covariate, own, center), torch.where(self.is_covariate, spread, unit)

    def ahead(self, future: Tensor, values: Tensor, center: Tensor, unit: Tensor) -> Tensor:
        """Standardize known covariates over the horizon, and fill unknown values.

        Parameters
        ----------
        future : Tensor of shape (n_windows, prediction_length, n_known)
            In original units, NaN where unknown.
        values : Tensor of shape (n_windows, context_length, n_known)
            The same channels of the context, standardized and filled.
        center, unit : Tensor of shape (n_windows or 1, 1, n_known)
            Their center and unit.

        Returns
        -------
        future : Tensor of the same shape
            In the units of the context.
        """
        unknown = torch.isnan(future)
        standard = torch.where(unknown, 0.0, (torch.where(unknown, 0.0, future) - center) / unit)
        both = torch.cat([values, standard], dim=1)
        missing = torch.cat([torch.zeros_like(values, dtype=torch.bool), unknown], dim=1)
        return fill(both, missing, self.season)[:, values.shape[1] :]


def fill(values: Tensor, missing: Tensor, season: int) -> Tensor:
    """Fill missing values by the rules of :func:`~skdistill._utils.numpy_student.fill_missing`.

    Parameters
    ----------
    values : Tensor of shape (n_windows, n_timestamps, n_channels)
        Finite values, 0 where missing.
    missing : Tensor of bool of the same shape
        Where values are missing.
    season : int
        Number of rows in a season.

    Returns
    -------
    filled : Tensor of the same shape
        A channel without any observed value is 0.
    """
    if torch.compiler.is_compiling():  # a program does the work only for contexts with gaps
        given = (values, missing)
        kept: Tensor = torch.cond(missing.any(), lambda v, m: fill_gaps(v, m, season), lambda v, m: v.clone(), given)
        return kept
    return fill_gaps(values, missing, season)


def fill_gaps(values: Tensor, missing: Tensor, season: int) -> Tensor:
    """Do what :func:`fill` does, whether or not something is missing.

    Parameters
    ----------
    values : Tensor of shape (n_windows, n_timestamps, n_channels)
        Finite values, 0 where missing.
    missing : Tensor of bool of the same shape
        Where values are missing.
    season : int
        Number of rows in a season.

    Returns
    -------
    filled : Tensor of the same shape
        A channel without any observed value is 0.
    """
    line, gap, _ = _line(values, missing, 1)
    if 1 < season < values.shape[1]:
        seasonal, _, found = _line(values, missing, season)
        bridged = gap <= max(1, season // _SHARE_OF_SEASON)
        line = torch.where(bridged | ~found, line, seasonal)
    return torch.where(missing, line, values)


def _line(values: Tensor, missing: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Interpolate between observed rows whole strides away; also return the gap and whether such a row exists."""
    before, to_before, has_before = _nearest(values, missing, stride)
    after, to_after, has_after = _nearest(values, missing, -stride)
    inside = has_before & has_after
    share = to_before / torch.clamp(to_before + to_after, min=1.0)
    line = torch.where(inside, before + share * (after - before), torch.where(has_before, before, after))
    gap = torch.where(inside, to_before + to_after - 1, float(values.shape[1]))
    return line, gap, has_before | has_after


def _nearest(values: Tensor, missing: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the nearest observed value, its distance in strides, and whether there is one."""
    length, size, sign = values.shape[1], abs(stride), 1 if stride > 0 else -1
    here = torch.arange(length, dtype=values.dtype, device=values.device)[None, :, None]
    none = -float(length + 1)
    n_looked_at = -(-length // size)
    reach = (n_looked_at - 1) * size
    observed = F.pad(torch.where(missing, none, sign * here).mT, (reach, 0) if sign > 0 else (0, reach), value=none)
    latest = F.max_pool1d(observed, n_looked_at, stride=1, dilation=size).mT
    found = latest > none
    row = torch.where(found, sign * latest, here)
    return torch.gather(torch.where(missing, 0.0, values), 1, row.long()), (here - row).abs() / size, found


def _center_and_unit(context: Tensor, missing: Tensor, season: int) -> tuple[Tensor, Tensor]:
    """Compute center and unit, (n_windows, 1, n_channels), by the rules of the NumPy runtime."""
    season = min(season, max(1, context.shape[1] - 1))
    plain = torch.where(missing, 0.0, context)
    recent, some_recent = _mean(plain[:, -season:], missing[:, -season:])
    whole, _ = _mean(plain, missing)
    center = torch.where(some_recent, recent, whole)
    distances = [
        _mean((plain[:, season:] - plain[:, :-season]).abs(), missing[:, season:] | missing[:, :-season]),
        _mean((plain[:, 1:] - plain[:, :-1]).abs(), missing[:, 1:] | missing[:, :-1]),
        _mean((plain - center).abs(), missing),
    ]
    floor = _ROUNDING * center.abs()
    repeated = torch.maximum(floor, _REPEATED * distances[2][0])  # 0 where nothing is observed
    unit = torch.where(center.abs() > floor, center.abs(), torch.ones_like(center))
    for (distance, some), least in zip(reversed(distances), (floor, floor, repeated), strict=True):
        unit = torch.where(some & (distance > least), distance, unit)
    return center, unit


def _mean(values: Tensor, missing: Tensor) -> tuple[Tensor, Tensor]:
    """Average over the observed rows; return 0 and False if all are missing."""
    count = (~missing).to(values.dtype).sum(dim=1, keepdim=True)
    total = torch.where(missing, 0.0, values).sum(dim=1, keepdim=True)
    return total / torch.clamp(count, min=1.0), count > 0


def _float(values: np.ndarray) -> Tensor:
    return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32)
