"""Teachers: sources of labels for a student."""

from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._ensemble import EnsembleTeacher
from skdistill.teachers._frozen import FrozenTeacher
from skdistill.teachers._given import GivenLabels
from skdistill.teachers._labels import Labels
from skdistill.teachers._pretrained import PretrainedTeacher
from skdistill.teachers._resolve import resolve_teacher
from skdistill.teachers._trained import TrainedTeacher

__all__ = [
    "BaseTeacher",
    "EnsembleTeacher",
    "FrozenTeacher",
    "GivenLabels",
    "Labels",
    "PretrainedTeacher",
    "TrainedTeacher",
    "resolve_teacher",
]
