"""A trend that hides the swing of windows from a network that is trained is told, and nothing else is."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster

from skdistill.networks import MLP, DLinear, Linear, TSMixer

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


def fit(values, student, **settings):
    frame = pd.DataFrame({"y": values}, index=pd.date_range("2010-01-01", periods=len(values), freq="MS"))
    settings = {"context_length": 12, "max_epochs": 1, **settings}
    forecaster = make_forecaster(teacher=None, student=student, **settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        forecaster.fit(frame)
    return [str(one.message) for one in caught if "a trend makes most of the spread" in str(one.message)]


@pytest.mark.parametrize(
    "student", [MLP(4), DLinear(5), TSMixer(4, normalization=None)], ids=["mlp", "dlinear", "tsmixer"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_steep_trend_is_told(student, sign):
    (told,) = fit(sign * STEEP, student)
    assert f"{type(student).__name__}, which is trained" in told
    assert "set scaling='window'" in told


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
