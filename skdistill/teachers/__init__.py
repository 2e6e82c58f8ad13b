"""Teachers: sources of labels for a student."""

from skdistill.data import Labels
from skdistill.teachers._adaptive_ensemble import AdaptiveEnsemble
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._chronos import Chronos
from skdistill.teachers._cross_fitted import CrossFittedTeacher
from skdistill.teachers._ensemble import EnsembleTeacher
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._frozen import FrozenTeacher
from skdistill.teachers._given import GivenLabels
from skdistill.teachers._moirai import Moirai
from skdistill.teachers._pretrained import PretrainedTeacher
from skdistill.teachers._resolve import resolve_teacher
from skdistill.teachers._shipped import Pretrained
from skdistill.teachers._sktime import SktimeTeacher
from skdistill.teachers._time_moe import TimeMoE
from skdistill.teachers._timesfm import TimesFM
from skdistill.teachers._tiny_time_mixer import TinyTimeMixer
from skdistill.teachers._tirex import TiRex
from skdistill.teachers._trained import TrainedTeacher

__all__ = [
    "AdaptiveEnsemble",
    "BaseTeacher",
    "Chronos",
    "CrossFittedTeacher",
    "EnsembleTeacher",
    "FoundationTeacher",
    "FrozenTeacher",
    "GivenLabels",
    "Labels",
    "Moirai",
    "Pretrained",
    "PretrainedTeacher",
    "SktimeTeacher",
    "TiRex",
    "TimeMoE",
    "TimesFM",
    "TinyTimeMixer",
    "TrainedTeacher",
    "resolve_teacher",
]
