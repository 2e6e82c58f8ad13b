"""Rows after the last observed target, such as a horizon with known covariates, count for nothing in ``fit``."""

import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill import DistilledForecaster, DistilledForecasterCV, scale_out
from skdistill.datasets import to_long
from skdistill.networks import MLP, Linear

HORIZON = 7


def make_panel(lengths):
    frames = {}
    for number, length in enumerate(lengths):
        rng = np.random.default_rng(number)
        days = pd.date_range("2024-01-01", periods=length, freq="D")
        promo = (rng.random(length) < 0.3).astype(float)
        sales = 10.0**number * (5 + np.sin(days.day_of_week) + 3 * promo + 0.1 * rng.normal(size=length))
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


@pytest.mark.parametrize("form", ["table", "dict", "one"])
@pytest.mark.parametrize("fraction", [0, 0.2])
def test_categories_of_the_horizon_are_no_training_categories(panels, form, fraction):
    settings = {"context_length": 14, "prediction_length": HORIZON, "validation_fraction": fraction}
    past, whole = (one.assign(event=np.resize(["none", "fair", "sale"], len(one))) for one in panels)
    past.loc[past.index, "event"] = whole.loc[past.index, "event"]
    whole.loc[whole.groupby(level=0).tail(3).index, "event"] = "games"  # only in the plan
    forecasts = []
    for panel in (past, whole):
        given = panel
        if form != "table":
            given = {number: panel.loc[number] for number in (0, 1)}
        given = given[0] if form == "one" else given
        forecaster = DistilledForecaster(None, "linear", "response", known_covariates=["promo", "event"], **settings)
        if panel is whole:
            with pytest.warns(UserWarning, match=r"'event' of X.* has categories .* 'games'.* read as missing"):
                forecaster.fit(given)
        else:
            forecaster.fit(given)
        assert forecaster.roles_.categories == {2: ("fair", "none", "sale")}
        with pytest.warns(UserWarning, match=r"'games'.* read as missing"):
            forecasts.append(forecaster.predict(whole.loc[0]))
    if fraction:
        pd.testing.assert_frame_equal(*forecasts)


def test_categories_of_rows_in_which_one_of_the_targets_is_late_are_training_categories(panels):
    past = panels[0].assign(event=np.resize(["none", "fair"], len(panels[0])), visits=1.0 * np.arange(len(panels[0])))
    last = past.groupby(level=0).tail(2).index
    past.loc[last, "event"], past.loc[last, "visits"] = "sale", np.nan
    settings = {"context_length": 14, "prediction_length": HORIZON, "known_covariates": ["promo", "event"]}
    forecaster = DistilledForecaster(None, "linear", "response", targets=["sales", "visits"], **settings).fit(past)
    assert forecaster.roles_.categories == {2: ("fair", "none", "sale")}


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


FAR_APART = {"context_length": 12, "prediction_length": 4, "random_state": 0}


def far_apart(n_targets=1):
    """Return a panel of which one series is observed at its ends alone, more than a context apart."""
    panel = {name: make_series(60, n_targets, seed=seed) for seed, name in enumerate("ab")}
    panel["b"][3:57, -1] = np.nan
    return panel


def told_of_windows(fit, *given):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(*given)
    return [str(one.message) for one in caught if "training window" in str(one.message)]


@pytest.mark.parametrize("student", ["linear", MLP(4)])
def test_a_series_whose_gaps_leave_no_window_is_told(student):
    settings = FAR_APART | {"student": student, "max_epochs": 100 if student == "linear" else 1}
    (told,) = told_of_windows(DistilledForecaster(None, **settings).fit, far_apart())
    assert told.startswith("1 of 2 series have no training window with an observed value of a target both in its")
    assert "nothing is learned from them: series 'b'." in told
    filled = {name: np.nan_to_num(rows) for name, rows in far_apart().items()}
    assert told_of_windows(DistilledForecaster(None, **settings).fit, filled) == []


def test_a_series_without_a_window_for_one_reason_is_told_once():
    panel = far_apart() | {"short": make_series(14, 1), "empty": np.full((60, 1), np.nan)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        DistilledForecaster(None, min_observed=12, **FAR_APART).fit(panel)
    told = [str(one.message) for one in caught if "of 4 series" in str(one.message)]
    assert ["'b'" in one for one in told] == [False, False, True]
    assert ["'short'" in one for one in told] == [True, False, False]
    assert ["'empty'" in one for one in told] == [False, True, False]


def test_a_series_whose_windows_have_labels_without_truth_is_not_told():
    panel = far_apart()
    panel["b"][3:8] = panel["b"][57:58]
    forecaster = DistilledForecaster("theta", windows_without_truth=True, validation_fraction=0, **FAR_APART)
    told = told_of_windows(forecaster.set_params(max_epochs=1).fit, panel)
    assert not any(one.startswith("1 of 2 series") for one in told)


def test_a_series_whose_windows_are_all_left_out_by_their_step_is_told():
    panel = {"a": make_series(60, 1), "b": make_series(20, 1)}
    forecaster = DistilledForecaster(None, window_step=12, min_observed=12, **FAR_APART)
    (told,) = told_of_windows(forecaster.fit, panel)
    assert told.startswith("1 of 2 series have no training window (12 rows apart) with an observed value")
    assert told.endswith("Take a shorter window_step, a longer context_length, or leave them out.")
    assert told_of_windows(forecaster.set_params(window_step=3).fit, panel) == []


@pytest.mark.parametrize("individual", [False, True])
def test_a_target_whose_gaps_leave_no_window_is_told(individual):
    forecaster = DistilledForecaster(None, Linear(individual=individual), **FAR_APART)
    (told,) = told_of_windows(forecaster.fit, far_apart(2)["b"])
    assert told.startswith("1 of the targets have no training window with an observed value both in its context")


@pytest.mark.parametrize("stored", [False, True])
def test_series_without_a_window_are_counted_beyond_the_sample(tmp_path, monkeypatch, stored):
    pytest.importorskip("duckdb", reason="needs pip install 'skdistill[duckdb]'")
    monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", 2)
    panel = far_apart() | {name: make_series(60, 1, seed=3) for name in "cd"}
    frames = {name: pd.DataFrame(rows, columns=["y"]) for name, rows in panel.items()}
    table = to_long(pd.concat(frames, names=["unique_id", "ds"])).set_axis(["unique_id", "ds", "y"], axis=1)
    table.to_parquet(tmp_path / "rows.parquet")
    options = {"store": tmp_path / "store"} if stored else {}
    forecaster = DistilledForecaster(None, **FAR_APART)
    told = told_of_windows(lambda: scale_out.fit(forecaster, str(tmp_path / "rows.parquet"), **options))
    assert told[-1].startswith("1 of 4 series have no training window, because they have too few training rows, or no")
