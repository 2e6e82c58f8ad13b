"""Channel-relations term: agreement with the teacher on how the channels of a forecast move together."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["ChannelRelations"]

_FLOOR = 1e-8  # sum of squares added to that of a channel, so that the gradient of a constant forecast is finite
_CONSTANT = 1e-6  # sum of squares up to which a channel of the teacher has no correlations


class ChannelRelations(LossTerm):
    """Mean squared difference between the channel correlations of student and teacher.

    For each window, the Pearson correlations over the horizon between all pairs of the C targets form a matrix:
    ``mean over windows and the C x C pairs of (corr(s_i, s_j) - corr(t_i, t_j))^2``. Level and unit of a channel do not
    matter, nor does the common movement of all windows; the term is 0 if the channels of the student move together as
    those of the teacher do, and at most 4. Pairs with a channel that the teacher forecasts as a constant have no
    correlation and count 0; the correlations of a channel that the student forecasts as a constant are 0.

    The term says nothing about the values of a forecast: use it in addition to terms that do. It is meant for students
    that mix channels, such as :class:`~skdistill.networks.TSMixer` and :class:`~skdistill.networks.ITransformer`. A
    student that forecasts every channel from its own past can follow it only through its shared weights.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.

    Raises
    ------
    ValueError
        In ``fit``, before training, if there is only one target, or fewer than three steps: the correlation of two
        points is 1 or -1.

    Notes
    -----
    The term reads no truth, so missing truth changes nothing.

    References
    ----------
    Relations between samples as a target of distillation: Park et al. (2019), Relational knowledge distillation (arXiv
    1904.05068). Here, the relations are those between channels, which the authors of TimeDistill (arXiv 2502.15016)
    leave to future work.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import ChannelRelations
    >>> term = ChannelRelations().build(LossShapes(prediction_length=3, n_targets=2))
    >>> together = torch.tensor([[[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]])
    >>> apart = torch.tensor([[[0.0, 5.0], [1.0, 3.0], [2.0, 1.0]]])
    >>> value = term(LossInputs(together, None, truth=together, teacher_forecast=apart))
    >>> round(float(value), 3)  # half of the pairs differ by 2
    2.0
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_forecast"})

    def __init__(self, weight: float = 1.0) -> None:
        self.weight = weight

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term."""
        if shapes.n_targets < 2:
            raise ValueError(
                "ChannelRelations compares correlations between targets, and there is only one target: the term would "
                "always be 0. Leave it out, or forecast several channels."
            )
        if shapes.prediction_length < 3:
            raise ValueError(
                "ChannelRelations needs prediction_length of at least 3, because the correlation of fewer steps says "
                f"nothing; got {shapes.prediction_length}. Leave it out."
            )
        return _ChannelRelationsModule()


class _ChannelRelationsModule(nn.Module):
    def forward(self, inputs: LossInputs) -> Tensor:
        if inputs.teacher_forecast is None:
            raise ValueError("ChannelRelations needs the teacher's forecast")
        ours, _ = _correlations(inputs.forecast)
        theirs, moving = _correlations(inputs.teacher_forecast)
        defined = moving[:, :, None] & moving[:, None, :]
        return torch.where(defined, ours - theirs, 0.0).square().mean()


def _correlations(forecast: Tensor) -> tuple[Tensor, Tensor]:
    """Return the correlations over time (n, C, C), and which channels are not constant (n, C)."""
    centered = forecast - forecast.mean(dim=1, keepdim=True)
    squares = centered.square().sum(dim=1)
    unit = centered * (squares + _FLOOR).rsqrt()[:, None]
    return torch.einsum("bhi,bhj->bij", unit, unit), squares > _CONSTANT
