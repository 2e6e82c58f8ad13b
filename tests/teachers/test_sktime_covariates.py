"""Forecasters of sktime as teachers with known covariates as X."""

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.teachers import SktimeTeacher

LENGTH, HORIZON = 30, 4


def make_table(n_rows=120):
    rng = np.random.default_rng(0)
    promo = (rng.random(n_rows) < 0.3).astype(float)
    sales = 10 + 4 * promo + 0.1 * rng.normal(size=n_rows)
    index = pd.date_range("2024-01-01", periods=n_rows, freq="D")
    return pd.DataFrame({"sales": sales, "promo": promo}, index=index)


def make_forecaster(forecaster, **settings):
    return DistilledForecaster(
        SktimeTeacher(forecaster, **settings), "linear", "response", targets=["sales"], known_covariates=["promo"],
        context_length=LENGTH, prediction_length=HORIZON, validation_fraction=0, random_state=0,
    )  # fmt: skip


def regression():
    """A regression of y on X alone."""
    from sklearn.linear_model import LinearRegression
    from sktime.forecasting.compose import YfromX

    return YfromX(LinearRegression())


@pytest.mark.slow
@pytest.mark.parametrize("fitting", ["window", "once"])
def test_known_covariates_are_x(fitting):
    table = make_table()
    if fitting == "once":
        from sklearn.linear_model import LinearRegression
        from sktime.forecasting.compose import make_reduction

        inner = make_reduction(LinearRegression(), window_length=7, strategy="recursive")
    else:
        inner = regression()
    forecaster = make_forecaster(inner, fitting=fitting).fit(table)
    future = pd.DataFrame({"promo": [0.0, 1.0, 0.0, 1.0]}, index=pd.date_range("2024-04-30", periods=HORIZON, freq="D"))
    first = forecaster.predict_teacher(table, future=future)["sales"].to_numpy()
    other = forecaster.predict_teacher(table, future=1.0 - future)["sales"].to_numpy()
    assert not np.allclose(first, other)
    if fitting == "window":
        np.testing.assert_allclose(first, [10, 14, 10, 14], atol=0.3)
        np.testing.assert_allclose(other, [14, 10, 14, 10], atol=0.3)


@pytest.mark.slow
def test_labels_read_the_covariates_of_their_own_horizon():
    table = make_table()
    forecaster = make_forecaster(regression()).fit(table)
    student = forecaster.predict(table, future=np.array([[0.0], [1.0], [0.0], [1.0]]))["sales"].to_numpy()
    np.testing.assert_allclose(student, [10, 14, 10, 14], atol=1.0)


@pytest.mark.slow
def test_a_forecaster_without_exogenous_data_gets_none():
    from sktime.forecasting.naive import NaiveForecaster

    table = make_table(45)  # NaiveForecaster takes 0.1 s a window
    forecaster = make_forecaster(NaiveForecaster(strategy="last")).fit(table)
    future = np.ones((HORIZON, 1))
    first, other = (forecaster.predict_teacher(table, future=sign * future) for sign in (0, 1))
    np.testing.assert_array_equal(first, other)
