"""Loss terms, their sums, and the published objectives."""

from skdistill.losses._base import BaseLoss, LossInputs, LossShapes, LossTerm, QuadraticForm
from skdistill.losses._feature_matching import FeatureMatching
from skdistill.losses._first_difference import FirstDifference
from skdistill.losses._horizon_weights import ExponentialWeights, LinearWeights
from skdistill.losses._multi_period import MultiPeriod, period_probabilities
from skdistill.losses._multi_scale import MultiScale
from skdistill.losses._objective import Objective, build_objective, check_loss, needs_teacher, needs_teacher_features
from skdistill.losses._registry import LOSSES, make_loss
from skdistill.losses._response import Response
from skdistill.losses._sum import LossSum
from skdistill.losses._supervised import Supervised
from skdistill.losses._teacher_forecast import TeacherForecast
from skdistill.losses._timedistill import TimeDistill

__all__ = [
    "LOSSES",
    "BaseLoss",
    "ExponentialWeights",
    "FeatureMatching",
    "FirstDifference",
    "LinearWeights",
    "LossInputs",
    "LossShapes",
    "LossSum",
    "LossTerm",
    "MultiPeriod",
    "MultiScale",
    "Objective",
    "QuadraticForm",
    "Response",
    "Supervised",
    "TeacherForecast",
    "TimeDistill",
    "build_objective",
    "check_loss",
    "make_loss",
    "needs_teacher",
    "needs_teacher_features",
    "period_probabilities",
]
