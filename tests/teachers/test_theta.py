"""Tests of the Theta method as a teacher."""

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.theta import ThetaForecaster

from skdistill import DistilledForecaster
from skdistill.networks import Linear
from skdistill.teachers import Theta
from skdistill.teachers._theta_forecast import theta_forecast


def noisy_months(n_rows, seed):
    """Return a positive monthly series with a season, a trend and noise."""
    months = np.arange(n_rows)
    season = 1 + 0.3 * np.sin(2 * np.pi * months / 12)
    return (100 + months) * season * np.exp(0.05 * np.random.default_rng(seed).standard_normal(n_rows))


def test_a_repeating_season_is_continued():
    cycle = np.array([3.0, 5.0, 4.0, 8.0])
    expected = np.tile(cycle, 2)[None]
    np.testing.assert_allclose(theta_forecast(np.tile(cycle, 6)[None], 4, 8), expected, rtol=1e-12)
    np.testing.assert_allclose(theta_forecast(np.tile(cycle - 5, 6)[None], 4, 8), expected - 5, atol=1e-12)


def test_half_of_the_slope_of_a_line_is_kept():
    forecast = theta_forecast(np.arange(1.0, 41.0)[None], 1, 5)[0]
    np.testing.assert_allclose(np.diff(forecast), 0.5)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_near_the_theta_of_sktime(seed):
    pytest.importorskip("statsmodels", reason="sktime's Theta needs statsmodels")
    values = noisy_months(96, seed)
    index = pd.period_range("2010-01", periods=96, freq="M")
    theirs = ThetaForecaster(sp=12).fit(pd.Series(values, index)).predict(np.arange(1, 13)).to_numpy().ravel()
    np.testing.assert_allclose(theta_forecast(values[None], 12, 12)[0], theirs, rtol=0.01)


def test_rows_before_the_series_and_other_contexts_change_nothing():
    values = noisy_months(60, 0)
    padded = np.concatenate([np.full(36, np.nan), values])
    alone = theta_forecast(values[None], 12, 6)
    together = theta_forecast(np.stack([padded, np.full(96, np.nan), 9.0 * padded]), 12, 6)
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-12)
    assert np.isnan(together[1]).all()
    np.testing.assert_allclose(together[2], 9.0 * alone[0], rtol=1e-9)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_is_continued(value):
    assert theta_forecast(np.full((1, 30), value), 12, 3).tolist() == [[value] * 3]


def test_one_observed_row_is_continued():
    assert theta_forecast(np.array([[np.nan, np.nan, 5.0]]), 12, 2).tolist() == [[5.0, 5.0]]


def test_a_panel_is_labeled_in_original_units():
    months = pd.date_range("2010-01-01", periods=96, freq="MS")
    panel = pd.concat({name: pd.DataFrame({"y": (10.0**name) * noisy_months(96, name)}, months) for name in range(3)})
    panel.iloc[200] = np.nan
    forecaster = DistilledForecaster(
        Theta(), Linear(last_rows=24), "response", context_length=72, prediction_length=6, validation_fraction=6
    ).fit(panel)
    answer = forecaster.predict_teacher(panel)
    direct = theta_forecast(panel.loc[1, "y"].to_numpy()[None, -72:], 12, 6)[0]
    np.testing.assert_allclose(answer.loc[1, "y"], direct, rtol=1e-5)
    np.testing.assert_allclose(forecaster.predict(panel).loc[1, "y"], direct, rtol=0.15)


def test_the_teacher_of_one_series_has_the_season_of_its_labels():
    """predict_teacher shows what the student was taught: the step of the series, and so its season, is known there."""
    months = pd.DataFrame({"y": noisy_months(120, 0)}, pd.date_range("2010-01-01", periods=120, freq="MS"))
    lengths = {"context_length": 72, "prediction_length": 6, "validation_fraction": 6}
    answer = (
        DistilledForecaster(Theta(), Linear(last_rows=24), "response", **lengths).fit(months).predict_teacher(months)
    )
    np.testing.assert_allclose(answer["y"], theta_forecast(months["y"].to_numpy()[None, -72:], 12, 6)[0], rtol=1e-5)


def test_a_bad_season_is_named():
    with pytest.raises(ValueError, match="season of Theta must be an integer of at least 1; got 0"):
        DistilledForecaster(Theta(season=0), "linear", "response", context_length=8, prediction_length=2).fit(
            np.arange(60.0)[:, None]
        )


@pytest.mark.parametrize("season", [5, 4, 1, "auto"])
def test_a_season_that_contexts_cannot_hold_twice_is_told(recwarn, season):
    rows = np.arange(60.0)[:, None] % 3
    DistilledForecaster(Theta(season=season), context_length=8, prediction_length=2).fit(rows)
    told = [str(one.message) for one in recwarn if "season=5 of Theta has no effect" in str(one.message)]
    assert len(told) == (season == 5)
