"""M4's benchmark and scores equal the published ones."""

import numpy as np
import pandas as pd
import pytest

from skdistill.datasets import fetch_m4
from skdistill.m4 import m4_scores, naive2_forecast


@pytest.fixture(scope="module")
def hourly(shared_path):
    return fetch_m4("Hourly", data_home=shared_path / "data")


def test_hourly_series(hourly):
    assert len(hourly.train) == len(hourly.ids) == 414
    assert hourly.test.shape == (414, 48)
    assert (min(map(len, hourly.train)), max(map(len, hourly.train))) == (700, 960)
    assert all(np.isfinite(one).all() and one.shape[1] == 1 for one in hourly.train)
    assert (hourly.prediction_length, hourly.season, hourly.ids[0]) == (48, 24, "H1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forecast", "smape", "mase"),
    [
        (lambda series: naive2_forecast(series, 24, 48), 18.383, 2.395),
        (lambda series: np.full(48, series[-1, 0]), 43.003, 11.608),
        (lambda series: np.tile(series[-24:, 0], 2), 13.912, 1.193),
    ],
    ids=["Naive2", "Naive", "sNaive"],
)
def test_published_scores_of_the_benchmarks(forecast, smape, mase, hourly):
    scores = m4_scores([forecast(one) for one in hourly.train], hourly.test, hourly.train, season=24)
    assert round(scores["smape"], 3) == smape
    assert round(scores["mase"], 3) == mase
    assert scores["owa"] == pytest.approx((smape / 18.383 + mase / 2.395) / 2, rel=1e-4)


@pytest.mark.slow
def test_baselines_of_a_comparison_have_the_published_mase(hourly):
    from skdistill import DistilledForecaster
    from skdistill.networks import Linear

    train, test = {}, {}
    for name, known, ahead in zip(hourly.ids, hourly.train, hourly.test, strict=True):
        rows = np.concatenate([known, ahead[:, None]])
        frame = pd.DataFrame(rows, index=pd.date_range("2015-01-01", periods=len(rows), freq="h"), columns=["y"])
        train[name], test[name] = frame.iloc[: len(known)], frame.iloc[len(known) - 48 :]
    settings = {"context_length": 48, "prediction_length": 48, "validation_fraction": 0}
    forecaster = DistilledForecaster(None, Linear(season=24), "response", **settings).fit(train)
    table = forecaster.compare(test, n_resamples=10)
    assert table.facts["seasons"] == [24, 168]  # a week of training rows lies before each test series
    assert round(table.loc["seasonal naive", "mase"], 3) == 1.193
    assert round(table.loc["last value", "mase"], 3) == 11.608
    assert table.facts["best_baseline"] == "seasonal naive"


def test_a_season_continues_and_its_level_is_kept():
    season = np.array([0.5, 1.0, 1.5])
    series = 10 * np.tile(season, 8)[:-1]
    np.testing.assert_allclose(naive2_forecast(series, 3, 4), 10 * season[[2, 0, 1, 2]], rtol=1e-12)
    np.testing.assert_allclose(naive2_forecast(7 * series, 3, 4), 7 * naive2_forecast(series, 3, 4))


@pytest.mark.parametrize("series", [np.arange(1.0, 8.0), np.ones(20), np.random.default_rng(0).uniform(1, 2, 60)])
def test_without_a_season_the_last_value_repeats(series):
    np.testing.assert_array_equal(naive2_forecast(series, 4, 3), np.full(3, series[-1]))


def test_missing_values_and_negative_seasons_are_refused():
    season = np.tile([1.0, 3.0], 10)
    with pytest.raises(ValueError, match="must be finite"):
        naive2_forecast(np.ma.masked_array(season, np.arange(20) == 5), 2, 3)
    with pytest.raises(ValueError, match="must be positive to be divided by its season; got -1"):
        naive2_forecast(season - 2, 2, 3)
    with pytest.raises(ValueError, match="NaN"):
        m4_scores([[3.0, 3.0]], np.ma.masked_equal([[4.0, 9.0]], 9.0), [season], season=1)


def test_scores_are_the_same_in_any_units():
    train, truth = np.random.default_rng(0).uniform(1.0, 2.0, (2, 3, 20))
    scores = [m4_scores(unit * truth[:, :4], unit * truth[:, 4:8], unit * train, season=2) for unit in (1.0, 1e-18)]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-9)


def test_shapes_must_match():
    with pytest.raises(ValueError, match=r"got \(1, 2\), \(1, 3\) and 1 series"):
        m4_scores([[1.0, 2.0]], [[1.0, 2.0, 3.0]], [np.arange(9.0)], season=1)


@pytest.mark.parametrize(
    "flat", [np.ones(20), np.tile([1.0, 3.0], 10), np.ones(2), np.repeat([3.3, 3 * 1.1], 10)], ids=range(4)
)
def test_a_series_without_a_scale_is_refused(flat):
    with pytest.raises(ValueError, match=r"no scale for 1 of 2 series of train, first 1: .* season = 2 rows apart"):
        m4_scores(np.ones((2, 3)), np.ones((2, 3)), [np.arange(1.0, 9.0), flat], season=2)


def test_other_frequencies_say_where_to_put_the_files(tmp_path):
    with pytest.raises(OSError, match=r"M4-Weekly-train.csv is not in .*Train/Weekly-train.csv elsewhere"):
        fetch_m4("Weekly", data_home=tmp_path, download_if_missing=False)
    with pytest.raises(ValueError, match="Did you mean 'Hourly'"):
        fetch_m4("hourly", data_home=tmp_path)
