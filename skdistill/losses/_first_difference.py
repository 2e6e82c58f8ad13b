"""First-difference term: agreement with the teacher on the changes from step to step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from torch import Tensor, nn

from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm

__all__ = ["FirstDifference"]


class FirstDifference(LossTerm):
    """MSE between the step-to-step changes of student and teacher forecasts.

    ``mean over windows, steps, channels of ((s_h - s_{h-1}) - (t_h - t_{h-1}))^2``; a constant offset is not penalized.
    The term is 0 for a horizon of one step.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.

    References
    ----------
    DistilTS (arXiv 2601.12785): the difference part of a loss in the released code.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import FirstDifference
    >>> term = FirstDifference().build(LossShapes(prediction_length=3, n_targets=1))
    >>> flat, steep = torch.zeros(1, 3, 1), torch.tensor([[[5.0], [7.0], [9.0]]])
    >>> term(LossInputs(flat, None, truth=flat, teacher_forecast=steep))
    tensor(4.)
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        return _FirstDifferenceModule()

    def quadratic_form(self, prediction_length: int) -> QuadraticForm:
        """Return the term as a quadratic form, D'D / (H - 1) with the differences D.

        Returns
        -------
        form : QuadraticForm
            Constant offsets span its null space.
        """
        differences = np.diff(np.eye(prediction_length), axis=0)
        return QuadraticForm(differences.T @ differences / max(prediction_length - 1, 1), "teacher_forecast")


class _FirstDifferenceModule(nn.Module):
    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("FirstDifference needs the teacher's forecast")
        difference = inputs.forecast - inputs.teacher_forecast
        if difference.shape[1] < 2:
            return difference.sum() * 0.0
        return difference.diff(dim=1).square().mean()
