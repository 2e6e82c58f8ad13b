"""Rows after the last observed target, such as a horizon with known covariates, count for nothing in ``fit``."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame

from skdistill import DistilledForecaster, DistilledForecasterCV

HORIZON = 7


def make_panel(lengths):
    frames = {}
    for number, length in enumerate(lengths):
        rng = np.random.default_rng(number)
        days = pd.date_range("2024-01-01", periods=length, freq="D")
        promo = (rng.random(length) < 0.3).astype(float)
        sales = 10.0**number * (5 + np.sin(days.dayofweek) + 3 * promo + 0.1 * rng.normal(size=length))
        frames[number] = pd.DataFrame({"sales": sales, "promo": promo}, index=days)
    return pd.concat(frames, names=["series", "time"])


@pytest.fixture(scope="module")
def panels():
    """The same panel without the rows of the horizon, and with them, whose sales are unknown."""
    whole = make_panel([110, 80])
    ahead = whole.groupby(level=0).tail(HORIZON)
    whole.loc[ahead.index, "sales"] = np.nan
    return whole.drop(ahead.index), whole


def test_rows_of_the_horizon_are_no_validation_rows(panels):
    past, whole = panels
    settings = {"context_length": 14, "prediction_length": HORIZON, "known_covariates": ["promo"]}
    for fraction in (0.2, HORIZON):
        fits = [
            DistilledForecaster(None, "linear", "response", validation_fraction=fraction, **settings).fit(panel)
            for panel in (past, whole)
        ]
        assert "valid_loss" in fits[1].history_[0]
        pd.testing.assert_frame_equal(fits[0].predict(whole), fits[1].predict(whole))


def test_a_search_judges_observed_rows(panels):
    settings = {"context_lengths": [14], "prediction_length": HORIZON, "known_covariates": ["promo"]}
    past, whole = (DistilledForecasterCV("linear", "pretrained", **settings).fit(panel) for panel in panels)
    assert np.isfinite(whole.best_score_)
    assert past.explanation_ == whole.explanation_
    pd.testing.assert_frame_equal(past.predict(panels[1]), whole.predict(panels[1]))


def test_validation_rows_in_a_gap_validate_nothing():
    day = make_panel([110]).loc[0][["sales"]]
    day.iloc[80:109] = np.nan
    settings = {"context_length": 14, "prediction_length": HORIZON, "validation_fraction": 20}
    with pytest.raises(ValueError, match="= 20 leaves no validation window: there is no observed horizon"):
        DistilledForecaster(None, "linear", "response", **settings).fit(day)


def test_a_context_without_any_value_is_forecast_as_nan_without_a_warning_of_spoiled_weights():
    panel = {"a": make_frame(60), "b": make_frame(60)}
    forecaster = make_forecaster(teacher=None, student="linear").fit(panel)
    panel["b"] = panel["b"] * np.nan
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*hold NaN or infinity")
        forecasts = forecaster.predict(panel)
    assert [bool(np.isnan(one).all(axis=None)) for one in forecasts.values()] == [False, True]
