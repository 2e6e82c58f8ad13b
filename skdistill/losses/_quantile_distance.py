"""Wasserstein distance between the quantiles of student and teacher."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from skdistill._utils._choices import check_choice
from skdistill.data._levels import covered_levels, interpolation_matrix
from skdistill.losses._base import LossTerm
from skdistill.losses._horizon_weights import step_weights
from skdistill.losses._inputs import LossInputs, LossShapes
from skdistill.losses._multi_scale import check_scales
from skdistill.losses._over_scales import mean_over_scales
from skdistill.losses._unread import unread_at_one_scale
from skdistill.networks._base import NetworkSpec

__all__ = ["QuantileDistance"]


class QuantileDistance(LossTerm):
    """Wasserstein distance of the student's distribution to the teacher's, on the student's levels.

    ``mean over windows, steps, channels, levels of w_h * |s - t|^order``, where s and t are the student's and the
    teacher's quantile at the same level. On an evenly spaced grid of levels this approximates the Wasserstein distance
    W_1 (``order=1``) or the square of W_2 (``order=2``). It is 0 if and only if all quantiles agree.

    The teacher's quantiles are interpolated to the student's levels. Levels outside the range of the teacher's levels
    have no label; other terms must train them.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    order : {1, 2}, default=2
        Absolute (1) or squared (2) distances. Absolute distances outweigh a :class:`Pinball` of the same weight
        wherever student and teacher differ; squared distances give a compromise.
    point_teacher : {"raise", "median"}, default="raise"
        What to do with a teacher without quantiles: ``"raise"`` raises an error; ``"median"`` compares its point
        forecast with the student's and leaves the quantiles untrained by this term.
    horizon_weights : None, ExponentialWeights, LinearWeights or array, default=None
        Weight of each step.
    n_scales : int, default=1
        Number of scales, including the original one. Each scale averages the previous one over ``pooling_window``
        steps; scales without a step are left out.
    pooling_window : int, default=2
        Number of steps averaged into one step of the next scale.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import QuantileDistance
    >>> shapes = LossShapes(1, 1, quantiles=(0.1, 0.5, 0.9), teacher_quantiles=(0.1, 0.9))
    >>> term = QuantileDistance().build(shapes)
    >>> forecast, teacher = torch.zeros(1, 1, 1), torch.tensor([-1.0, 1.0]).reshape(1, 2, 1, 1)
    >>> student = torch.tensor([-1.0, 0.0, 2.0]).reshape(1, 1, 1, 3)
    >>> term(LossInputs(forecast, None, forecast, quantiles=student, teacher_quantiles=teacher))  # 1 / 3
    tensor(0.3333)
    """

    def __init__(
        self,
        weight: float = 1.0,
        *,
        order: int = 2,
        point_teacher: str = "raise",
        horizon_weights: Any = None,
        n_scales: int = 1,
        pooling_window: int = 2,
    ) -> None:
        self.weight = weight
        self.order = order
        self.point_teacher = point_teacher
        self.horizon_weights = horizon_weights
        self.n_scales = n_scales
        self.pooling_window = pooling_window

    @property
    def requires(self) -> frozenset[str]:  # type: ignore[override]
        """What the term reads: the teacher's quantiles, or only its point forecast."""
        label = "teacher_forecast" if self.point_teacher == "median" else "teacher_quantiles"
        return frozenset({label, "student_quantiles"})

    @property
    def prefers(self) -> frozenset[str]:  # type: ignore[override]
        """What the term reads where it exists."""
        return frozenset({"teacher_quantiles"})

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.order, [1, 2], "order of QuantileDistance")
        check_choice(self.point_teacher, ["median", "raise"], "point_teacher of QuantileDistance")
        check_scales(self.n_scales, self.pooling_window, "QuantileDistance")

    def unread_settings(self, spec: NetworkSpec) -> dict[str, str]:
        """Name the pooling of further scales, where there is none."""
        return unread_at_one_scale(self.n_scales)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term.

        Raises
        ------
        ValueError
            If no level of the student is within the range of the teacher's levels.
        """
        weights = step_weights(self.horizon_weights, shapes.prediction_length, "QuantileDistance")
        assert shapes.quantiles is not None  # build_objective
        if shapes.teacher_quantiles is None:
            return _QuantileDistanceModule(self, None, None, weights)
        covered = covered_levels(shapes.teacher_quantiles, shapes.quantiles)
        if not covered.any():
            raise ValueError(
                f"QuantileDistance needs at least one level of the student, {shapes.quantiles}, within the levels of "
                f"the teacher, "
                f"{shapes.teacher_quantiles[0]:g} to {shapes.teacher_quantiles[-1]:g}. Ask for others, or leave the "
                "term out."
            )
        wanted = [level for level, one in zip(shapes.quantiles, covered, strict=True) if one]
        matrix = torch.tensor(interpolation_matrix(shapes.teacher_quantiles, wanted), dtype=torch.float32)
        return _QuantileDistanceModule(self, torch.from_numpy(covered), matrix, weights)


class _QuantileDistanceModule(nn.Module):
    covered: Tensor | None
    matrix: Tensor | None
    weights: Tensor | None

    def __init__(
        self, term: QuantileDistance, covered: Tensor | None, matrix: Tensor | None, weights: Tensor | None
    ) -> None:
        super().__init__()
        self.n_scales = term.n_scales
        self.pooling_window = term.pooling_window
        self.distance = torch.abs if term.order == 1 else torch.square
        self.register_buffer("covered", covered)
        self.register_buffer("matrix", matrix)
        self.register_buffer("weights", weights)

    def forward(self, inputs: LossInputs) -> Tensor:
        difference = self._difference(inputs)
        return mean_over_scales(difference, self.distance, self.n_scales, self.pooling_window, self.weights)

    def _difference(self, inputs: LossInputs) -> Tensor:
        """Return student minus teacher, with time as the last axis."""
        if self.matrix is None:
            if inputs.teacher_forecast is None:
                raise ValueError("QuantileDistance needs the teacher's forecast")
            return (inputs.forecast - inputs.teacher_forecast).transpose(1, 2)
        if inputs.quantiles is None or inputs.teacher_quantiles is None:
            raise ValueError("QuantileDistance needs the quantiles of student and teacher")
        teacher = torch.einsum("kq,bqhc->bckh", self.matrix, inputs.teacher_quantiles)
        return inputs.quantiles[..., self.covered].permute(0, 2, 3, 1) - teacher
