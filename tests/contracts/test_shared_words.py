"""What the estimators share is called, defaulted and described alike."""

import inspect
import re

import pytest

from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.probabilistic._settings import DEFAULT_COVERAGE
from skdistill.sktime import SktimeDistilledForecaster

ESTIMATORS = [DistilledForecaster, DistilledRegressor, SktimeDistilledForecaster]
SHARED = sorted(
    set.intersection(*[set(inspect.signature(one).parameters) for one in ESTIMATORS])
    | (set(inspect.signature(DistilledForecaster).parameters) & set(inspect.signature(ESTIMATORS[2]).parameters))
)
SHARED.remove("known_covariates")  # in sktime, the columns of X at predict can tell


def described(estimator):
    """Read the Parameters section: type and text of each."""
    section = inspect.getdoc(estimator).partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    found = {}
    for part in re.split(r"(?m)^(?=\w+ : )", section)[1:]:
        head, _, body = part.partition("\n")
        name, _, kind = head.partition(" : ")
        found[name] = (kind, " ".join(body.split()))
    return found


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_parameter_is_worded_alike(name):
    texts = [described(one)[name] for one in ESTIMATORS if name in inspect.signature(one).parameters]
    assert len({kind for kind, _ in texts}) == 1
    common = min((text for _, text in texts), key=len)
    for _, text in texts:  # an estimator may go on where it knows more
        assert text.startswith(common)


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_parameter_has_one_default(name):
    signatures = [inspect.signature(one).parameters for one in ESTIMATORS]
    assert len({repr(one[name].default) for one in signatures if name in one}) == 1


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_parameters_are_described_in_their_order(estimator):
    assert list(described(estimator)) == list(inspect.signature(estimator).parameters)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_coverage_has_one_default(estimator):
    parameter = inspect.signature(estimator.predict_interval).parameters["coverage"]
    assert parameter.default == DEFAULT_COVERAGE
    assert f"default={DEFAULT_COVERAGE}" in estimator.predict_interval.__doc__


@pytest.mark.parametrize(
    "method", ["predict", "predict_quantiles", "predict_interval", "predict_teacher", "calibrate", "estimate_labeling"]
)
def test_the_regressor_has_what_the_forecaster_has(method):
    for estimator in ESTIMATORS[:2]:
        assert getattr(estimator, method).__doc__
