"""Adversarial term: hidden states that a discriminator cannot tell from the teacher's."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from skdistill._utils._checks import check_integer, check_real
from skdistill.losses._base import LossTerm
from skdistill.losses._feature_pairs import feature_pairs, feature_sizes
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["AdversarialFeatures"]


class AdversarialFeatures(LossTerm):
    """Distance between the distributions of hidden states, from a discriminator trained against the student.

    A trained linear layer maps the student's states to the teacher's width. A discriminator D (Linear - LeakyReLU -
    Linear) tells them from the teacher's. The term is its mean cross-entropy, ``mean((softplus(-D(t)) + softplus(D(s)))
    / 2)``: log 2 where it cannot tell them apart, near 0 where it can. The discriminator minimizes the term. The
    gradient is reversed before it reaches the linear layer and the student, so these maximize it; one optimizer does
    both in one step. The discriminator and the layer are dropped after training.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    hidden_size : int, default=64
        Width of the discriminator.
    reversal : float, default=1.0
        Factor that multiplies the reversed gradient.

    Notes
    -----
    CAKD aligns the distributions of features by adversarial adaptation. The paper leaves details open; chosen here are
    a gradient-reversal layer (the criterion trains with the student in one optimizer), the linear layer (the widths
    differ), the form of the discriminator, and that one sample is one channel of one window.

    References
    ----------
    Xu et al. (2022), Contrastive adversarial knowledge distillation for deep model compression in time-series
    regression tasks (doi 10.1016/j.neucom.2021.04.139); Ganin and Lempitsky (2015) (arXiv 1409.7495) for gradient
    reversal.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import AdversarialFeatures
    >>> shapes = LossShapes(prediction_length=2, n_targets=1, student_feature_size=4, teacher_feature_shape=(3,))
    >>> term = AdversarialFeatures(hidden_size=5).build(shapes)
    >>> sum(parameter.numel() for parameter in term.parameters()) == (4 * 3 + 3) + (3 * 5 + 5) + (5 * 1 + 1)
    True
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_features", "student_features"})

    def __init__(self, weight: float = 1.0, *, hidden_size: int = 64, reversal: float = 1.0) -> None:
        self.weight = weight
        self.hidden_size = hidden_size
        self.reversal = reversal

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_integer(self.hidden_size, "hidden_size of AdversarialFeatures")
        check_real(self.reversal, "reversal of AdversarialFeatures", minimum=0.0)

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term, with a fresh discriminator."""
        return _AdversarialModule(self, *feature_sizes(shapes, "AdversarialFeatures"))


class _AdversarialModule(nn.Module):
    def __init__(self, term: AdversarialFeatures, student_size: int, teacher_size: int) -> None:
        super().__init__()
        self.reversal = term.reversal
        self.aligner = nn.Linear(student_size, teacher_size)
        self.discriminator = nn.Sequential(
            nn.Linear(teacher_size, term.hidden_size), nn.LeakyReLU(0.2), nn.Linear(term.hidden_size, 1)
        )

    def forward(self, inputs: LossInputs) -> Tensor:
        student, teacher = feature_pairs(inputs, "AdversarialFeatures")
        ours = self.discriminator(_ReversedGradient.apply(self.aligner(student), self.reversal))
        theirs = self.discriminator(teacher)
        return (softplus(-theirs) + softplus(ours)).mean() / 2


class _ReversedGradient(torch.autograd.Function):
    """Identity function that multiplies the gradient by minus ``factor``."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * grad, None
