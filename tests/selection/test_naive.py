"""The search knows how good naive forecasts are, and says so where they win."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecasterCV
from skdistill.data._series import Series
from skdistill.datasets import make_multiseasonal
from skdistill.model_selection import RollingOriginSplit
from skdistill.selection._candidates import default_context_lengths


def make_search(**settings):
    cv = RollingOriginSplit(2, 24, 12, step=12)
    return DistilledForecasterCV(
        ["linear"], None, **{"context_lengths": 24, "prediction_length": 12, "cv": cv, **settings}
    )


def make_hours(n_rows, seed=0):
    rows = np.arange(n_rows)
    rng = np.random.default_rng(seed)
    values = np.sin(2 * np.pi * rows / 24) + (rows // 24 % 7 == 0) + 0.1 * rng.standard_normal(n_rows)
    return pd.DataFrame({"y": values}, index=pd.date_range("2024-01-01", periods=n_rows, freq="h"))


def test_naive_errors_are_those_of_a_plain_computation():
    hours = make_hours(24 * 30)
    y = hours["y"].to_numpy()
    search = make_search().fit(hours)
    for name, season in (("last value", 1), ("seasonal naive 24", 24), ("seasonal naive 168", 168)):
        folds = []
        for stop in (len(y) - 24, len(y) - 12):
            unit = np.abs(y[24:stop] - y[: stop - 24]).mean()
            forecast = y[stop - season + np.arange(12) % season]
            folds.append(np.abs(forecast - y[stop : stop + 12]).mean() / unit)
        assert search.naive_errors_[name] == pytest.approx(np.mean(folds), rel=1e-6)
    best = min(search.naive_errors_, key=search.naive_errors_.get)
    assert f"The best naive forecast, {best}, has {search.naive_errors_[best]:.4g}, " in search.explanation_


def test_a_season_without_enough_rows_is_no_forecast():
    assert set(make_search().fit(make_hours(24 * 6)).naive_errors_) == {"last value", "seasonal naive 24"}
    panel = {"a": make_hours(24 * 6), "b": make_hours(24 * 7)}
    assert set(make_search().fit(panel).naive_errors_) == {"last value", "seasonal naive 24"}


def test_a_panel_is_judged_series_by_series():
    panel = {"a": make_hours(24 * 30), "b": 1000 * make_hours(24 * 20, seed=1)}
    alone = [make_search().fit(frame).naive_errors_["seasonal naive 24"] for frame in panel.values()]
    assert make_search().fit(panel).naive_errors_["seasonal naive 24"] == pytest.approx(np.mean(alone), rel=1e-6)


def test_fit_warns_where_a_naive_forecast_is_better_than_every_candidate():
    rng = np.random.default_rng(0)
    week = rng.standard_normal(168)  # nothing that a context of a day tells about the next one
    hours = pd.DataFrame({"y": np.tile(week, 4)}, index=pd.date_range("2024-01-01", periods=4 * 168, freq="h"))
    with pytest.warns(UserWarning, match=r"'seasonal naive 168' is better than every candidate.*mase 0,") as caught:
        make_search().fit(hours)
    assert caught[-1].filename == __file__
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The forecast .* is better than every candidate")
        make_search().fit(make_multiseasonal(24 * 30, 1, seasons=(24,), random_state=0))


def test_fit_warns_where_the_pretrained_student_is_better_than_every_candidate():
    hours = make_hours(24 * 30)  # a context of a day does not tell the day of the week
    with pytest.warns(UserWarning, match="The pretrained student is better than every candidate") as caught:
        search = make_search().fit(hours)
    assert caught[-1].filename == __file__
    assert search.zero_shot_score_ > search.cv_results_["mean_test_score"].max()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="The pretrained student is better")
        make_search(context_lengths=192).fit(make_hours(24 * 80))


def test_a_longer_season_is_a_context_length_where_it_fits():
    hourly = Series(np.zeros((400, 1)), pd.date_range("2024-01-01", periods=400, freq="h"))
    assert default_context_lengths([hourly], 240, 24) == [24, 48, 72, 96, 168]
    assert default_context_lengths([hourly], 200, 24) == [24, 48, 72]


def test_the_last_value_before_a_gap_is_the_last_observed_one():
    hours = make_hours(24 * 20)
    y = hours["y"].to_numpy(copy=True)
    y[-20:-12] = np.nan
    hours["y"] = y
    search = make_search(cv=RollingOriginSplit(1, 24, 12)).fit(hours)
    unit = np.nanmean(np.abs(y[24:-12] - y[:-36]))
    assert search.naive_errors_["last value"] == pytest.approx(np.abs(y[-12:] - y[-21]).mean() / unit, rel=1e-6)
