"""Errors relative to a scale: symmetric percentages, and multiples of a seasonal difference."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from skdistill._utils._checks import check_integer
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["MASE", "SMAPE", "scaled_error", "symmetric_percentage"]


def symmetric_percentage(forecast: Tensor, target: Tensor) -> Tensor:
    """Compute 200 |f - y| / (|f| + |y|), elementwise; the forecast in the denominator gets no gradient.

    Parameters
    ----------
    forecast, target : Tensor of one shape
        Values in units with a meaningful zero.

    Returns
    -------
    error : Tensor of the same shape
        From 0 to 200; 0 where both are 0.
    """
    size = forecast.detach().abs() + target.abs()
    error = 200.0 * (forecast - target).abs()
    return torch.where(size > 0, error / size.where(size > 0, torch.ones_like(size)), torch.zeros_like(error))


def scaled_error(forecast: Tensor, target: Tensor, context: Tensor, season: int) -> Tensor:
    """Divide absolute errors by the mean absolute seasonal difference of each window and channel.

    Parameters
    ----------
    forecast, target : Tensor of shape (n_windows, n_steps, n_targets)
        Values in the units of ``context``.
    context : Tensor of shape (n_windows, context_length, n_targets)
        Past of the windows, NaN where missing.
    season : int
        Number of rows in a season, less than ``context_length``.

    Returns
    -------
    error : Tensor of the shape of ``forecast``
        Non-negative errors; 0 for windows whose past repeats exactly, or has no two values a season apart, because
        these have no scale.
    """
    apart = (context[:, season:] - context[:, :-season]).abs()
    scale = (apart.nanmean if bool(apart.isnan().any()) else apart.mean)(dim=1, keepdim=True)
    error = (forecast - target).abs()
    return torch.where(scale > 0, error / scale.where(scale > 0, torch.ones_like(scale)), torch.zeros_like(error))


class SMAPE(LossTerm):
    """Symmetric mean absolute percentage error of the forecast, in the units of the series.

    ``mean over windows, steps, channels of 200 |s - y| / (|s| + |y|)``, without windows of unknown truth. As in the
    training losses of M4, no gradient flows through the denominator. Percentages need a meaningful zero, so the
    internal standardization is undone first (a ``transformer`` is not). Multiplying a series by a constant does not
    change the error; shifting it does.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.

    See Also
    --------
    MASE : Error relative to seasonal differences; does not change under shifts.

    References
    ----------
    CALF (arXiv 2403.07300), supervised loss of the short-term benchmark; Makridakis et al. (2020), The M4
    competition.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import SMAPE
    >>> term = SMAPE().build(LossShapes(prediction_length=1, n_targets=1))
    >>> term(LossInputs(torch.full((1, 1, 1), 3.0), None, truth=torch.full((1, 1, 1), 1.0)))
    tensor(100.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"truth"})

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        return _SMAPEModule(shapes)


class MASE(LossTerm):
    """Mean absolute scaled error: absolute errors over the mean seasonal difference of the window's past.

    ``mean over windows, steps, channels of |s - y| / mean_t |x_t - x_(t - season)|``, without windows of unknown truth.
    Missing values of the past are left out. Windows whose past repeats exactly, or has no two values a season apart,
    have no scale and count as 0.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    season : int, default=1
        Number of rows in a season; must be less than ``context_length``. 1 compares neighboring rows.

    See Also
    --------
    SMAPE : Error as a percentage.

    References
    ----------
    Hyndman and Koehler (2006), Another look at measures of forecast accuracy.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import MASE
    >>> term = MASE(season=1).build(LossShapes(prediction_length=1, n_targets=1))
    >>> past = torch.tensor([[[0.0], [2.0], [4.0]]])
    >>> term(LossInputs(torch.full((1, 1, 1), 7.0), None, truth=torch.full((1, 1, 1), 6.0), context=past))
    tensor(0.5000)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"truth"})

    def __init__(self, weight: float = 1.0, *, season: int = 1) -> None:
        self.weight = weight
        self.season = season

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_integer(self.season, "season of MASE")

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        check_season(self.season, shapes, "MASE")
        return _MASEModule(self.season, shapes)


def check_season(season: int, shapes: LossShapes, owner: str) -> None:
    """Raise if a context is not longer than one season.

    Parameters
    ----------
    season : int
        Number of rows in a season.
    shapes : LossShapes
        Gives the length of a context.
    owner : str
        Name of the term, for error messages.
    """
    if shapes.context_length is not None and season >= shapes.context_length:
        raise ValueError(
            f"season of {owner} must be less than context_length = {shapes.context_length}; got {season}: give a "
            "longer context_length or a shorter season."
        )


def target_context(inputs: LossInputs, targets: tuple[int, ...] | None) -> Tensor:
    """Return the past of the forecast channels, NaN where it is missing, on the device of the forecast.

    Parameters
    ----------
    inputs : LossInputs
        One batch.
    targets : tuple of int or None
        Positions of the forecast channels; None means all.

    Returns
    -------
    context : Tensor of shape (n_windows, context_length, n_targets)
        On the forecast's device.
    """
    if inputs.context is None:
        raise ValueError("MASE needs the windows' past: LossInputs(context=...)")
    context = inputs.context.to(inputs.forecast.device)
    if inputs.context_observed is not None:
        context = torch.where(inputs.context_observed.to(context.device), context, torch.nan)
    return context if targets is None else context[..., list(targets)]


class _SMAPEModule(nn.Module):
    center: Tensor
    scale: Tensor

    def __init__(self, shapes: LossShapes) -> None:
        super().__init__()
        ones = (1.0,) * shapes.n_targets
        self.register_buffer("scale", torch.tensor(shapes.scale or ones), persistent=False)
        self.register_buffer("center", torch.tensor(shapes.center or (0.0,) * shapes.n_targets), persistent=False)

    def forward(self, inputs: LossInputs) -> Tensor:
        unit = self.scale if inputs.unit is None else inputs.unit
        center = self.center if inputs.center is None else inputs.center
        forecast, truth = (one * unit + center for one in (inputs.forecast, inputs.truth))
        return mean_of_known(symmetric_percentage(forecast, truth), inputs.known, inputs.observed)


class _MASEModule(nn.Module):
    reads_context_mask = True

    def __init__(self, season: int, shapes: LossShapes) -> None:
        super().__init__()
        self.season = season
        self.targets = shapes.targets

    def forward(self, inputs: LossInputs) -> Tensor:
        context = target_context(inputs, self.targets)
        errors = scaled_error(inputs.forecast, inputs.truth, context, self.season)
        return mean_of_known(errors, inputs.known, inputs.observed)


def mean_of_known(errors: Tensor, known: Tensor | None, observed: Tensor | None = None) -> Tensor:
    """Average over windows of known truth and over observed values; 0 if there are none.

    Parameters
    ----------
    errors : Tensor of shape (n_windows, n_steps, n_targets)
        Errors.
    known : Tensor of bool of shape (n_windows,) or None
        Which windows count; None means all.
    observed : Tensor of bool of shape (n_windows, n_steps, n_targets) or None, default=None
        Which values count; None means all.

    Returns
    -------
    mean : Tensor
        A scalar.
    """
    if observed is not None:
        counted = observed if known is None else observed & known[:, None, None]
        return torch.where(counted, errors, 0.0).sum() / counted.sum().clamp(min=1)
    if known is None:
        return errors.mean()
    by_window = torch.where(known, errors.mean(dim=(1, 2)), errors.new_zeros(()))
    return by_window.sum() / known.sum().clamp(min=1)
