"""One product of whole contexts and of known covariates, where a student has one target."""

import sys

import numpy as np
import pytest

from skdistill import DistilledForecaster
from skdistill.fused._runtime import numpy_student
from skdistill.losses import Supervised
from skdistill.networks import MLP, Linear

LENGTH, HORIZON = 24, 6
STUDENTS = [Linear(season=12), Linear(season=12, past_rows=0), MLP(4), MLP(4, linear_skip=Linear(season=12))]


def make_values(n_rows=120):
    generator = np.random.default_rng(0)
    covariates = generator.normal(size=(n_rows, 2)) * [1.0, 1e4] + [0.0, 1e6]
    target = 50 + 3 * covariates[:, 0] + (covariates[:, 1] - 1e6) / 1e4 + generator.normal(size=n_rows)
    return np.column_stack([covariates[:, 0], target, covariates[:, 1]])


def fit(student, values, known=(2, 0), targets=(1,)):
    settings = {"context_length": LENGTH, "prediction_length": HORIZON, "max_epochs": 1, "random_state": 0}
    return DistilledForecaster(
        None, student, Supervised(), targets=targets, known_covariates=known, device="cpu", **settings
    ).fit(values)


@pytest.mark.parametrize("student", STUDENTS, ids=str)
@pytest.mark.parametrize("missing", [None, "target", "covariate", "future"])
def test_it_equals_the_products_of_target_and_covariates(student, missing):
    values = make_values()
    forecaster = fit(student, values)
    made = numpy_student(forecaster.student_, forecaster.spec_, forecaster.scaling_, "float64")
    contexts = np.stack([values[start : start + LENGTH] for start in range(5)])
    future = np.stack([values[start : start + HORIZON, [2, 0]] for start in range(5)])
    if missing == "future":
        future[2, 3:, 1] = np.nan
    elif missing:
        contexts[2, 4:9, {"target": 1, "covariate": 0}[missing]] = np.nan
    assert made._joint is not None
    joint = made.forecast(contexts, None, future)
    assert (made._joint_rows(contexts, future, None, 0) is None) == (missing is not None)
    made._joint = None
    np.testing.assert_allclose(joint, made.forecast(contexts, None, future), rtol=1e-9)
    assert np.isfinite(joint).all()


def test_students_with_several_targets_or_units_of_windows_have_none():
    values = make_values()
    for forecaster in (fit(Linear(season=12), values, known=(2,), targets=(0, 1)), fit(Linear(season=12), values)):
        made = numpy_student(forecaster.student_, forecaster.spec_, forecaster.scaling_, "float32")
        assert (made._joint is None) == (len(forecaster.targets_) == 2)
    forecaster = fit(Linear(season=12), values)
    forecaster.set_params(scaling="window").fit(values)
    assert numpy_student(forecaster.student_, forecaster.spec_, forecaster.scaling_, "float32")._joint is None


def count_calls(function):
    """Count calls of functions, in Python and in C."""
    counts = {"call": 0, "c_call": 0}

    def note(frame, event, argument):
        if event in counts:
            counts[event] += 1

    function()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(None)
    return sum(counts.values())


def test_two_known_covariates_add_few_calls_to_a_forecast_of_arrays():
    values = make_values()
    known = fit(Linear(season=12), values)
    alone = fit(Linear(season=12), values[:, 1:2], known=(), targets=(0,))
    future = values[:HORIZON, [2, 0]]
    with_them = count_calls(lambda: known.predict(values[:LENGTH], future=future))
    assert with_them <= 1.25 * count_calls(lambda: alone.predict(values[:LENGTH, 1:2]))
