"""Hidden states of student and teacher as rows, one per window and channel; the feature terms of CAKD compare them."""

from __future__ import annotations

from torch import Tensor

from skdistill.losses._inputs import LossInputs, LossShapes

__all__ = ["feature_pairs", "feature_sizes"]


def feature_sizes(shapes: LossShapes, owner: str) -> tuple[int, int]:
    """Return the widths of the student's and the teacher's hidden states.

    Parameters
    ----------
    shapes : LossShapes
        Shapes and levels of student and labels.
    owner : str
        Name of the term, for error messages.

    Returns
    -------
    student_size, teacher_size : int
        The widths.
    """
    if shapes.teacher_feature_shape is None or shapes.student_feature_size is None:
        raise ValueError(f"{owner} needs features of teacher and student.")
    return shapes.student_feature_size, shapes.teacher_feature_shape[-1]


def feature_pairs(inputs: LossInputs, owner: str) -> tuple[Tensor, Tensor]:
    """Flatten a batch to one pair of rows per window and channel; the teacher's steps are averaged.

    Parameters
    ----------
    inputs : LossInputs
        One batch.
    owner : str
        Name of the term, for error messages.

    Returns
    -------
    student : Tensor of shape (n_windows * n_targets, student_size)
        The student's rows.
    teacher : Tensor of shape (n_windows * n_targets, teacher_size)
        The teacher's rows, in the same order.
    """
    student, teacher = inputs.features, inputs.teacher_features
    if student is None or teacher is None:
        raise ValueError(f"{owner} needs features of teacher and student")
    if teacher.ndim == 4:
        teacher = teacher.mean(dim=2)
    return student.flatten(0, 1), teacher.to(student.dtype).flatten(0, 1)
