"""Temporal alignment: agreement with the teacher's hidden state at every step or patch."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, gelu
from torch.utils.checkpoint import checkpoint

from skdistill._utils._checks import check_integer
from skdistill._utils._choices import check_choice
from skdistill.losses._base import LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["TemporalAlignment"]


class TemporalAlignment(LossTerm):
    """Distance between the teacher's state at each step and a prediction of it from the student's vector.

    The student has one vector z per channel, a foundation model one per step or patch. With a learned embedding e of
    every step, ``z_hat[k] = W_out GELU((W_in z) * e[k])`` predicts the teacher's state at step k. The term is the mean
    of its distance over windows, channels and steps. W_in, W_out and e train with the student and are dropped
    afterwards. Steps are processed in blocks, and each block is computed again for its gradient, so that memory does
    not grow with the number of the teacher's steps. A teacher with one vector per channel counts as one step.

    Parameters
    ----------
    weight : float, default=1.0
        Factor in the objective.
    loss : {"mse", "cosine"}, default="mse"
        Squared distance, or one minus the cosine, which ignores the length of the state.
    embedding_size : int, default=256
        Width of the time embedding.
    block_length : int, default=128
        Number of steps compared at once. It trades memory for speed and does not change the value.

    Notes
    -----
    The released code averages the means of the blocks, which gives a short last block too much weight, and never passes
    the aligner to the optimizer. Here the term is the plain mean, and the aligner is trained.

    References
    ----------
    DistilTS (arXiv 2601.12785), factorized temporal alignment.

    Examples
    --------
    >>> from skdistill.core import LossShapes
    >>> from skdistill.losses import TemporalAlignment
    >>> shapes = LossShapes(prediction_length=2, n_targets=1, student_feature_size=8, teacher_feature_shape=(30, 6))
    >>> term = TemporalAlignment(embedding_size=4).build(shapes)
    >>> sum(parameter.numel() for parameter in term.parameters()) == 8 * 4 + 30 * 4 + 4 * 6
    True
    """

    requires: ClassVar[frozenset[str]] = frozenset({"teacher_features", "student_features"})

    def __init__(
        self, weight: float = 1.0, *, loss: str = "mse", embedding_size: int = 256, block_length: int = 128
    ) -> None:
        self.weight = weight
        self.loss = loss
        self.embedding_size = embedding_size
        self.block_length = block_length

    def check(self) -> None:
        """Raise if a parameter is out of its range."""
        super().check()
        check_choice(self.loss, sorted(_DISTANCES), "loss of TemporalAlignment")
        check_integer(self.embedding_size, "embedding_size of TemporalAlignment")
        check_integer(self.block_length, "block_length of TemporalAlignment")

    def build(self, shapes: LossShapes) -> nn.Module:
        """Build the module that computes the unweighted term, with a fresh aligner."""
        if shapes.teacher_feature_shape is None or shapes.student_feature_size is None:
            raise ValueError("TemporalAlignment needs features of teacher and student.")
        *steps, teacher_size = shapes.teacher_feature_shape
        return _Aligner(
            shapes.student_feature_size,
            teacher_size,
            n_steps=steps[0] if steps else 1,
            embedding_size=self.embedding_size,
            block_length=self.block_length,
            distance=_DISTANCES[self.loss],
        )


class _Aligner(nn.Module):
    def __init__(
        self,
        student_size: int,
        teacher_size: int,
        *,
        n_steps: int,
        embedding_size: int,
        block_length: int,
        distance: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.project_in = nn.Linear(student_size, embedding_size, bias=False)
        self.project_out = nn.Linear(embedding_size, teacher_size, bias=False)
        self.time_embedding = nn.Parameter(torch.randn(n_steps, embedding_size) / embedding_size**0.5)
        self.block_length = block_length
        self.distance = distance

    def forward(self, inputs: LossInputs) -> Tensor:
        student, teacher = inputs.features, inputs.teacher_features
        if student is None or teacher is None:
            raise ValueError("TemporalAlignment needs features of teacher and student")
        if teacher.ndim == 3:
            teacher = teacher.unsqueeze(2)
        projected = self.project_in(student).unsqueeze(2)  # (windows, channels, 1, embedding)
        total = student.new_zeros(())
        for first in range(0, teacher.shape[2], self.block_length):
            steps = slice(first, first + self.block_length)
            arguments = (projected, self.time_embedding[steps], teacher[:, :, steps])
            total = total + checkpoint(self._block, *arguments, use_reentrant=False, preserve_rng_state=False)
        return total / teacher[..., 0].numel()

    def _block(self, projected: Tensor, embedding: Tensor, teacher: Tensor) -> Tensor:
        """Sum the distance over windows, channels and the steps of a block."""
        predicted = self.project_out(gelu(projected * embedding))
        return self.distance(predicted, teacher.to(predicted.dtype)).sum()


def _squared(predicted: Tensor, teacher: Tensor) -> Tensor:
    return (predicted - teacher).square().mean(dim=-1)


def _one_minus_cosine(predicted: Tensor, teacher: Tensor) -> Tensor:
    return 1.0 - cosine_similarity(predicted, teacher, dim=-1)


_DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cosine": _one_minus_cosine, "mse": _squared}
