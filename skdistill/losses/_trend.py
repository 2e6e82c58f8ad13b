"""Trend term: agreement with the teacher at every n-th step, or in means of n steps."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from skdistill._utils._checks import check_boolean, check_integer
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm
from skdistill.losses._multi_scale import pool
from skdistill.networks._base import NetworkSpec

__all__ = ["Trend"]


class Trend(LossTerm):
    """MSE between subsampled forecasts of student and teacher.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    sampling : {"stride", "pool"}, default="stride"
        Compare the forecasts at steps 0, ``step``, 2 ``step``, ..., or their means over ``step`` steps, without the
        remainder.
    step : int, default=6
        Steps from one compared value to the next; 1 is the plain MSE. Values above the horizon count as the horizon.
    include_last : bool, default=True
        Whether ``"stride"`` also compares the last step.

    References
    ----------
    DistilTS (arXiv 2601.12785), a variant in the released code.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import Trend
    >>> term = Trend(sampling="pool", step=2).build(LossShapes(prediction_length=2, n_targets=1))
    >>> zeros, wave = torch.zeros(1, 2, 1), torch.tensor([[[1.0], [-1.0]]])
    >>> term(LossInputs(zeros, None, truth=zeros, teacher_forecast=wave))
    tensor(0.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(
        self, weight: float = 1.0, *, sampling: str = "stride", step: int = 6, include_last: bool = True
    ) -> None:
        self.weight = weight
        self.sampling = sampling
        self.step = step
        self.include_last = include_last

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.sampling, ["stride", "pool"], "sampling of Trend")
        check_integer(self.step, "step of Trend")
        check_boolean(self.include_last, "include_last of Trend")

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the last step, where means are compared."""
        return {"include_last": "with sampling='pool'"} if self.sampling == "pool" else {}

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        return _TrendModule(self)

    def quadratic_form(self, prediction_length: int) -> QuadraticForm:
        """Return the term as a quadratic form; subsampling is linear.

        Returns
        -------
        form : QuadraticForm
            P'P / n, where P subsamples to n values.
        """
        thinning = self.thin(torch.eye(prediction_length, dtype=torch.float64)[None])[0]
        return QuadraticForm((thinning.T @ thinning / len(thinning)).numpy(), "teacher_forecast")

    def thin(self, forecast: Tensor) -> Tensor:
        """Subsample forecasts over time.

        Parameters
        ----------
        forecast : Tensor of shape (n_windows, prediction_length, n_targets)
            The forecasts.

        Returns
        -------
        trend : Tensor of shape (n_windows, n_values, n_targets)
            The subsampled forecasts.
        """
        length = forecast.shape[1]
        step = min(self.step, length)
        if self.sampling == "pool":
            return pool(forecast.transpose(1, 2), step).transpose(1, 2)
        steps = list(range(0, length, step))
        if self.include_last and steps[-1] != length - 1:
            steps.append(length - 1)
        return forecast[:, steps]


class _TrendModule(nn.Module):
    def __init__(self, term: Trend) -> None:
        super().__init__()
        self.term = term

    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("Trend needs the teacher's forecast")
        return mse_loss(self.term.thin(inputs.forecast), self.term.thin(inputs.teacher_forecast))
