"""DistilledRegressor: what it shares with the forecaster beyond fit and predict."""

import numpy as np
import pytest
from doubles import LastValueTeacher, make_series

from skdistill import DistilledRegressor
from skdistill.networks import DLinear, Linear

LEVELS = (0.1, 0.5, 0.9)


def make_table(n_windows=200, n_channels=1, seed=0):
    rows = make_series(n_windows + 15, n_channels, seed)
    windows = np.lib.stride_tricks.sliding_window_view(rows, 16, axis=0).transpose(0, 2, 1)
    return windows[:, :12], windows[:, 12:]


def make_regressor(**changes):
    settings = {"teacher": LastValueTeacher(), "student": DLinear(3), "loss": "response", "max_epochs": 1}
    return DistilledRegressor(**{**settings, "device": "cpu", "random_state": 0, **changes})


def test_the_teacher_forecasts_in_the_shape_of_y():
    X, y = make_table(n_channels=2)
    answer = make_regressor().fit(X, y).predict_teacher(X[:7])
    np.testing.assert_allclose(answer, np.repeat(X[:7, -1:], 4, axis=1), rtol=1e-5)
    flat = make_regressor().fit(X[..., 0], y[..., 0])
    np.testing.assert_allclose(flat.predict_teacher(X[:7, :, 0]), answer[..., 0], rtol=1e-5)
    single = make_regressor().fit(X[..., 0], y[:, 0, 0])
    np.testing.assert_allclose(single.predict_teacher(X[:7, :, 0]), X[:7, -1, 0], rtol=1e-5)
    assert answer.dtype == np.float64


def test_without_a_teacher_there_is_none_to_ask_and_nothing_to_label():
    X, y = make_table()
    regressor = make_regressor(teacher=None, student=Linear()).fit(X, y)
    with pytest.raises(
        ValueError, match="predict_teacher needs a teacher, and this DistilledRegressor was fitted with"
    ):
        regressor.predict_teacher(X)
    with pytest.raises(ValueError, match="teacher of DistilledRegressor is None: there is nothing to label"):
        regressor.estimate_labeling(X, y)


def test_labeling_is_estimated_without_fitting():
    X, y = make_table(200)
    regressor = make_regressor(validation_fraction=0.25)
    estimate = regressor.estimate_labeling(X, y, n_samples=8)
    assert estimate.n_windows == 150
    assert not hasattr(regressor, "n_features_in_")


def test_calibrating_on_a_table_covers_its_windows():
    X, y = make_table(400)
    test_X, test_y = make_table(300, seed=1)
    regressor = make_regressor(quantiles=LEVELS, calibration="conformal").fit(X[..., 0], y[..., 0])
    before = regressor.predict_interval(test_X[..., 0])
    truth = test_y[..., 0] + np.random.default_rng(0).normal(size=(300, 4))
    after = regressor.calibrate(test_X[..., 0], truth).predict_interval(test_X[..., 0])
    inside = [((truth >= one[..., 0]) & (truth <= one[..., 1])).mean() for one in (before, after)]
    assert inside[0] < 0.7
    assert 0.8 <= inside[1] < 0.81  # ranks of 300 windows, step by step


def test_a_table_of_another_shape_is_refused():
    X, y = make_table(300)
    regressor = make_regressor(quantiles=LEVELS, calibration="conformal").fit(X, y)
    with pytest.raises(ValueError, match=r"must be the values that followed each context, \(300, 4, 1\)"):
        regressor.calibrate(X, y[:, :3])
    with pytest.raises(ValueError, match="calibrate needs calibration='conformal' or 'rolling' of DistilledRegressor"):
        make_regressor(quantiles=LEVELS).fit(X, y).calibrate(X, y)
