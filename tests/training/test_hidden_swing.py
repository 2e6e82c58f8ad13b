"""A trend that hides the swing of windows from a network that is trained is told, and nothing else is."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster

from skdistill import DistilledForecasterCV, DistilledRegressor
from skdistill.networks import MLP, DLinear, Linear, TSMixer
from skdistill.teachers import CrossFittedTeacher, EnsembleTeacher, TrainedTeacher

MONTHS = np.arange(120.0)
GENERATOR = np.random.default_rng(0)
NOISE = GENERATOR.normal(size=120)
STEEP = 10 * MONTHS + 5 * np.sin(2 * np.pi * MONTHS / 12) + NOISE
SERIES = {
    "season": 100 * np.sin(2 * np.pi * MONTHS / 12) + NOISE,
    "gentle trend": MONTHS + 100 * np.sin(2 * np.pi * MONTHS / 12) + NOISE,
    "walk": 100 * np.sin(2 * np.pi * MONTHS / 120) + NOISE,
    "constant": np.full(120, 5.0),
}


def told_by(fit, *given):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(*given)
    return [str(one.message) for one in caught if "a trend makes most of the spread" in str(one.message)]


def fit(values, student, **settings):
    frame = pd.DataFrame({"y": values}, index=pd.date_range("2010-01-01", periods=len(values), freq="MS"))
    settings = {"teacher": None, "context_length": 12, "max_epochs": 1, **settings}
    return told_by(make_forecaster(student=student, **settings).fit, frame)


@pytest.mark.parametrize(
    "student", [MLP(4), DLinear(5), TSMixer(4, normalization=None)], ids=["mlp", "dlinear", "tsmixer"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_steep_trend_is_told(student, sign):
    (told,) = fit(sign * STEEP, student)
    assert f"{type(student).__name__}, which is trained" in told
    assert "set scaling='window'" in told


def test_a_steep_trend_in_a_table_of_windows_is_told():
    windows = np.lib.stride_tricks.sliding_window_view(STEEP, 16)
    table = windows[:, :12], windows[:, 12:]
    (told,) = told_by(DistilledRegressor(None, MLP(4), max_epochs=1).fit, *table)
    assert "take DistilledForecaster, with scaling='window', or take student='linear'" in told
    assert not told_by(DistilledRegressor(None, "linear", validation_fraction=0).fit, *table)


@pytest.mark.parametrize(
    "around",
    [lambda one: one, CrossFittedTeacher, lambda one: EnsembleTeacher([("one", one)])],
    ids=["alone", "in folds", "in an ensemble"],
)
def test_a_teacher_that_is_trained_beside_a_steep_trend_is_told(around):
    settings = {"validation_fraction": 0, "teacher": around(TrainedTeacher(MLP(4), max_epochs=1, lr=0.01))}
    (told,) = set(fit(STEEP, "linear", **settings))
    assert "the teacher MLP, which is trained" in told
    assert "set scaling='window' of the forecaster, or take a teacher that is not trained on these rows" in told
    assert not fit(STEEP, "linear", **settings, scaling="window")


@pytest.mark.parametrize(
    ("student", "settings"),
    [
        (MLP(4), {"scaling": "window"}),
        (MLP(4), {"scaling": "series", "context_length": 24}),
        (MLP(4, normalization="revin"), {}),
        (TSMixer(4), {}),
        (Linear(), {"validation_fraction": 0}),
        (MLP(4, linear_skip=Linear()), {}),
    ],
    ids=["window", "series", "revin", "mixer", "exact", "on top of an exact one"],
)
def test_a_student_that_sees_the_swing_is_not(student, settings):
    assert not fit(STEEP, student, **settings)


@pytest.mark.parametrize("name", SERIES)
def test_other_series_are_not(name):
    assert not fit(SERIES[name], MLP(4))


def test_a_search_tells_of_its_choice():
    lengths = {"context_lengths": 12, "prediction_length": 4, "cv": 1, "random_state": 0, "scaling": "global"}
    frame = pd.DataFrame({"y": STEEP}, index=pd.date_range("2010-01-01", periods=len(STEEP), freq="MS"))
    (told,) = told_by(DistilledForecasterCV(["dlinear"], None, **lengths).fit, frame)
    assert "add 'window' to scaling of DistilledForecasterCV" in told
