"""Loss terms, their sums, and the published objectives."""

from skdistill.losses._adversarial_features import AdversarialFeatures
from skdistill.losses._base import BaseLoss, LossSum, LossTerm
from skdistill.losses._cakd import CAKD
from skdistill.losses._contrastive_features import ContrastiveFeatures
from skdistill.losses._cross_modal import CrossModal
from skdistill.losses._distilts import DistilTS
from skdistill.losses._feature_matching import FeatureMatching
from skdistill.losses._feature_regularization import FeatureRegularization
from skdistill.losses._first_difference import FirstDifference
from skdistill.losses._horizon_weighted import HorizonWeighted
from skdistill.losses._horizon_weights import ExponentialWeights, LinearWeights
from skdistill.losses._inputs import LossInputs, LossShapes, QuadraticForm
from skdistill.losses._log_spectrum import LogSpectrum
from skdistill.losses._multi_period import MultiPeriod, period_probabilities
from skdistill.losses._multi_scale import MultiScale
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
from skdistill.losses._output_consistency import OutputConsistency
from skdistill.losses._percentage import MASE, SMAPE
from skdistill.losses._pinball import Pinball, pinball_loss
from skdistill.losses._quantile_distance import QuantileDistance
from skdistill.losses._quantile_distill import QuantileDistill
from skdistill.losses._registry import LOSSES, make_loss
from skdistill.losses._response import Response
from skdistill.losses._supervised import Supervised
from skdistill.losses._teacher_forecast import TeacherForecast
from skdistill.losses._temporal_alignment import TemporalAlignment
from skdistill.losses._timedistill import TimeDistill
from skdistill.losses._trend import Trend
from skdistill.losses._warm_up import WarmUp

__all__ = [
    "CAKD",
    "LOSSES",
    "MASE",
    "SMAPE",
    "AdversarialFeatures",
    "BaseLoss",
    "ContrastiveFeatures",
    "CrossModal",
    "DistilTS",
    "ExponentialWeights",
    "FeatureMatching",
    "FeatureRegularization",
    "FirstDifference",
    "HorizonWeighted",
    "LinearWeights",
    "LogSpectrum",
    "LossInputs",
    "LossShapes",
    "LossSum",
    "LossTerm",
    "MultiPeriod",
    "MultiScale",
    "Objective",
    "OutputConsistency",
    "Pinball",
    "QuadraticForm",
    "QuantileDistance",
    "QuantileDistill",
    "Response",
    "Supervised",
    "TeacherForecast",
    "TemporalAlignment",
    "TimeDistill",
    "Trend",
    "WarmUp",
    "build_objective",
    "check_loss",
    "make_loss",
    "needs_branches",
    "needs_teacher",
    "needs_teacher_features",
    "period_probabilities",
    "pinball_loss",
    "reads_teacher_quantiles",
    "with_quantile_term",
]
