"""Base classes and building blocks for authors of networks, loss terms, teachers and calibrations."""

from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._store import SeriesStore
from skdistill.data._training_windows import TrainingWindows
from skdistill.data._windows import Windows
from skdistill.fused._fused import FusedLayer, FusedQuantiles
from skdistill.fused._registry import fuse_affine, fuses
from skdistill.losses._base import BaseLoss, LossTerm
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm
from skdistill.losses._multi_period import period_probabilities
from skdistill.losses._objective import (
    Objective,
    build_objective,
    check_loss,
    needs_branches,
    needs_teacher,
    needs_teacher_features,
    reads_teacher_quantiles,
    with_quantile_term,
)
from skdistill.losses._pinball import pinball_loss
from skdistill.losses._registry import LOSSES, make_loss
from skdistill.networks._base import BaseNetwork, NetworkOutput, NetworkSpec
from skdistill.networks._calf import Branches
from skdistill.networks._registry import NETWORKS, make_network
from skdistill.networks._solvable_part import SolvablePart
from skdistill.probabilistic._calibration import BaseCalibration
from skdistill.teachers._base import BaseTeacher
from skdistill.teachers._foundation import FoundationTeacher
from skdistill.teachers._resolve import resolve_teacher

__all__ = [
    "LOSSES",
    "NETWORKS",
    "BaseCalibration",
    "BaseLoss",
    "BaseNetwork",
    "BaseTeacher",
    "Branches",
    "Contexts",
    "FoundationTeacher",
    "FusedLayer",
    "FusedQuantiles",
    "Labels",
    "LossInputs",
    "LossShapes",
    "LossTerm",
    "NetworkOutput",
    "NetworkSpec",
    "Objective",
    "QuadraticForm",
    "SeriesStore",
    "SolvablePart",
    "TrainingWindows",
    "Windows",
    "build_objective",
    "check_loss",
    "fuse_affine",
    "fuses",
    "make_loss",
    "make_network",
    "needs_branches",
    "needs_teacher",
    "needs_teacher_features",
    "period_probabilities",
    "pinball_loss",
    "reads_teacher_quantiles",
    "resolve_teacher",
    "with_quantile_term",
]
