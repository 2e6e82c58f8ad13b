"""Contrastive term: hidden states of the same window agree more than those of different windows."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from skdistill._utils._checks import check_integer, check_real
from skdistill.losses._base import LossTerm
from skdistill.losses._feature_pairs import feature_pairs, feature_sizes
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["ContrastiveFeatures"]


class ContrastiveFeatures(LossTerm):
    """Contrastive loss (InfoNCE) between the hidden states of student and teacher.

    Student and teacher have one state per window and channel. Trained linear projections map them to the unit sphere,
    to z and u. The term is the InfoNCE loss, the mean over i of ``-log(exp(z_i . u_i / temperature) / sum over j of
    exp(z_i . u_j / temperature))``. It ranges from 0 (each z is closest to its own u) to about log n (no z finds its
    own u). The projections are dropped after training.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    temperature : float, default=0.1
        Similarities are divided by it. With a small temperature, the most similar other windows count most.
    projection_size : int, default=64
        Width of the projections.
    max_pairs : int, default=1024
        Maximum number of pairs per batch, which bounds memory; if there are more, this many are drawn at random.

    Notes
    -----
    CAKD maximizes the similarity between the teacher's and the student's features of the same sample. The paper leaves
    details open; chosen here are InfoNCE as the loss, linear projections (the widths differ), the temperature, and that
    one sample is one channel of one window.

    References
    ----------
    Xu et al. (2022), Contrastive adversarial knowledge distillation for deep model compression in time-series
    regression tasks (doi 10.1016/j.neucom.2021.04.139); van den Oord et al. (2018) (arXiv 1807.03748) for InfoNCE.

    Examples
    --------
    >>> import torch
    >>> from skdistill.core import LossInputs, LossShapes
    >>> from skdistill.losses import ContrastiveFeatures
    >>> shapes = LossShapes(prediction_length=2, n_targets=1, student_feature_size=4, teacher_feature_shape=(3,))
    >>> term = ContrastiveFeatures().build(shapes)
    >>> one = LossInputs(torch.zeros(1, 2, 1), torch.ones(1, 1, 4), torch.zeros(1, 2, 1),
    ...                  teacher_features=torch.ones(1, 1, 3))
    >>> abs(term(one).item())  # a single pair has no stranger to be taken for
    0.0
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_features", "student_features"})

    def __init__(
        self, weight: float = 1.0, *, temperature: float = 0.1, projection_size: int = 64, max_pairs: int = 1024
    ) -> None:
        self.weight = weight
        self.temperature = temperature
        self.projection_size = projection_size
        self.max_pairs = max_pairs

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_real(self.temperature, "temperature of ContrastiveFeatures", minimum=0.0, include_minimum=False)
        check_integer(self.projection_size, "projection_size of ContrastiveFeatures")
        check_integer(self.max_pairs, "max_pairs of ContrastiveFeatures", minimum=2)

    def compares_windows(self, n_targets: int) -> list[str]:
        """Return the weight if a window has one target, whose state is compared with those of other windows alone."""
        return ["weight"] if n_targets == 1 else []

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term, with fresh projections."""
        return _ContrastiveModule(self, *feature_sizes(shapes, "ContrastiveFeatures"))


class _ContrastiveModule(nn.Module):
    def __init__(self, term: ContrastiveFeatures, student_size: int, teacher_size: int) -> None:
        super().__init__()
        self.term = term
        self.student_projection = nn.Linear(student_size, term.projection_size, bias=False)
        self.teacher_projection = nn.Linear(teacher_size, term.projection_size, bias=False)

    def forward(self, inputs: LossInputs) -> Tensor:
        student, teacher = feature_pairs(inputs, "ContrastiveFeatures")
        if len(student) > self.term.max_pairs:
            drawn = torch.randperm(len(student))[: self.term.max_pairs].to(student.device)
            student, teacher = student[drawn], teacher[drawn]
        ours = normalize(self.student_projection(student), dim=-1)
        theirs = normalize(self.teacher_projection(teacher), dim=-1)
        similarity = ours @ theirs.T / self.term.temperature  # (n_pairs, n_pairs)
        return cross_entropy(similarity, torch.arange(len(similarity), device=similarity.device))
