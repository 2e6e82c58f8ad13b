"""Output consistency: agreement between the forecasts of the two branches of a student."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss, smooth_l1_loss

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._percentage import check_season, scaled_error, target_context
from skdistill.losses._unread import unread_unless
from skdistill.networks._base import NetworkSpec

__all__ = ["BRANCH_DISTANCES", "OutputConsistency", "branches_of"]

BRANCH_DISTANCES: dict[str, Callable[..., Tensor]] = {"mae": l1_loss, "mse": mse_loss, "smooth_l1": smooth_l1_loss}


def branches_of(inputs: LossInputs, owner: str) -> Any:
    """Return the outputs of the student's branches.

    Parameters
    ----------
    inputs : LossInputs
        One batch.
    owner : str
        Name of the term, for error messages.

    Returns
    -------
    branches : skdistill.core.Branches
        Forecast and hidden states of the branches.
    """
    if inputs.branches is None:
        raise ValueError(f"{owner} needs a network with two branches in training mode, such as CALF")
    return inputs.branches


class OutputConsistency(LossTerm):
    """Distance between the forecasts of the temporal and the textual branch.

    The term is symmetric, and gradient flows into both branches. It is 0 if and only if the forecasts agree. ``"mase"``
    divides the absolute difference by the mean seasonal difference of the window's past, as in the short-term
    benchmark.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective (lambda_1 in the paper).
    loss : {"mae", "mse", "smooth_l1", "mase"}, default="mae"
        The distance; smooth L1 changes from squared to absolute at 1.
    season : int, default=1
        Rows of a season, for ``loss="mase"``.

    References
    ----------
    CALF (arXiv 2403.07300), output consistency loss.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import OutputConsistency
    >>> from skdistill.core import Branches
    >>> term = OutputConsistency().build(LossShapes(prediction_length=2, n_targets=1, branch_sizes=(4,)))
    >>> zeros, ones = torch.zeros(1, 2, 1), torch.ones(1, 2, 1)
    >>> term(LossInputs(zeros, None, truth=zeros, branches=Branches(text_forecast=ones, time=(), text=())))
    tensor(1.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"branches"})

    def __init__(self, weight: float = 1.0, *, loss: str = "mae", season: int = 1) -> None:
        self.weight = weight
        self.loss = loss
        self.season = season

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.loss, (*BRANCH_DISTANCES, "mase"), "loss of OutputConsistency")
        check_integer(self.season, "season of OutputConsistency")

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the season, where nothing is scaled."""
        return unread_unless("season", "mase", loss=self.loss)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        if self.loss == "mase":
            check_season(self.season, shapes, "OutputConsistency")
            return _ScaledConsistency(self.season, shapes.targets)
        return _Consistency(BRANCH_DISTANCES[self.loss])


class _Consistency(nn.Module):
    def __init__(self, distance: Callable[..., Tensor]) -> None:
        super().__init__()
        self.distance = distance

    def forward(self, inputs: LossInputs) -> Tensor:
        return self.distance(inputs.forecast, branches_of(inputs, "OutputConsistency").text_forecast)


class _ScaledConsistency(nn.Module):
    reads_context_mask = True

    def __init__(self, season: int, targets: tuple[int, ...] | None) -> None:
        super().__init__()
        self.season = season
        self.targets = targets

    def forward(self, inputs: LossInputs) -> Tensor:
        text = branches_of(inputs, "OutputConsistency").text_forecast
        return scaled_error(inputs.forecast, text, target_context(inputs, self.targets), self.season).mean()
