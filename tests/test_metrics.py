"""Errors against formulas, and scorers in searches."""

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sktime.performance_metrics.forecasting import mean_absolute_scaled_error

from skdistill.metrics import METRICS, ForecastScorer, forecast_errors
from skdistill.model_selection import RollingOriginSplit


@pytest.fixture(scope="module")
def fitted():
    return make_forecaster().fit(make_frame())


@pytest.fixture(scope="module")
def rolled(fitted):
    """Test frame, truth and forecast of its windows."""
    frame = make_frame(40, seed=1)
    values = frame.to_numpy()
    forecast = fitted.backtest(frame).to_numpy().reshape(-1, 4, 2)
    truth = np.stack([values[start + 12 : start + 16] for start in range(len(forecast))])
    return frame, truth, forecast


FORMULAS = {
    "mse": lambda truth, forecast: np.square(truth - forecast),
    "mae": lambda truth, forecast: np.abs(truth - forecast),
    "smape": lambda truth, forecast: 2 * np.abs(truth - forecast) / (np.abs(truth) + np.abs(forecast)),
}
AXES = {"pooled": (0, 1, 2), "step": (0, 2), "channel": (0, 1)}


@pytest.mark.parametrize("metric", FORMULAS)
@pytest.mark.parametrize("per", AXES)
def test_errors_are_their_formulas(metric, per, fitted, rolled):
    frame, truth, forecast = rolled
    errors = forecast_errors(fitted, frame, metric, per=per)
    np.testing.assert_allclose(errors, FORMULAS[metric](truth, forecast).mean(axis=AXES[per]), rtol=1e-10)


def test_smape_is_a_share_in_any_units():
    frame = 1e-18 * (20.0 + make_frame(40))  # charges in coulombs
    forecaster = make_forecaster(teacher=None).fit(frame[:30])
    truth = np.stack([frame.to_numpy()[start : start + 4] for start in range(12, 37)])
    forecast = forecaster.backtest(frame).to_numpy().reshape(-1, 4, 2)
    assert forecast_errors(forecaster, frame, "smape") == pytest.approx(FORMULAS["smape"](truth, forecast).mean())
    zeros = np.zeros_like(frame)
    exact = make_forecaster(teacher=None, student="linear").fit(zeros)
    assert forecast_errors(exact, zeros, "smape") == 0.0


@pytest.mark.parametrize("per", AXES)
def test_rmse_is_the_root_of_the_mse(per, fitted, rolled):
    errors = [forecast_errors(fitted, rolled[0], metric, per=per) for metric in ("rmse", "mse")]
    np.testing.assert_allclose(errors[0], np.sqrt(errors[1]))


def test_mase_is_that_of_sktime(fitted, rolled):
    frame, truth, forecast = rolled
    ours = forecast_errors(fitted, frame, "mase", per="channel", season=6)
    assert ours.index.tolist() == ["c0", "c1"]
    for channel in range(2):
        theirs = mean_absolute_scaled_error(
            truth[..., channel].ravel(),
            forecast[..., channel].ravel(),
            y_train=frame.to_numpy()[:12, channel],
            sp=6,
        )
        assert ours.iloc[channel] == pytest.approx(theirs)


def test_mase_needs_a_season_and_variation(fitted):
    with pytest.raises(ValueError, match="more context rows than season = 12; got 12"):
        forecast_errors(fitted, make_frame(), "mase", season=12)
    flat = make_frame()
    for values in (3.0, np.tile([3.3, 3 * 1.1], 6), 5 + np.sin(2 * np.pi * np.arange(12) / 6)):  # up to rounding
        flat.iloc[:12, 1] = values
        with pytest.raises(ValueError, match="channel 'c1' repeats exactly"):
            ForecastScorer("mase", season=6)(fitted, flat)


@pytest.mark.parametrize("metric", METRICS)
def test_scorers_pick_steps_and_channels(metric, fitted, rolled):
    frame = rolled[0]
    assert ForecastScorer(metric)(fitted, frame) == pytest.approx(-forecast_errors(fitted, frame, metric))
    by_step = forecast_errors(fitted, frame, metric, per="step")
    by_channel = forecast_errors(fitted, frame, metric, per="channel")
    assert ForecastScorer(metric, steps=3)(fitted, frame) == pytest.approx(-by_step[3])
    assert ForecastScorer(metric, channels="c1")(fitted, frame) == pytest.approx(-by_channel["c1"])
    assert ForecastScorer(metric, channels=[1])(fitted, frame) == pytest.approx(-by_channel["c1"])
    if metric not in ("rmse",):
        assert ForecastScorer(metric, steps=[1, 3])(fitted, frame) == pytest.approx(-(by_step[1] + by_step[3]) / 2)


def test_bad_names(fitted, rolled):
    with pytest.raises(ValueError, match="Did you mean 'smape'"):
        ForecastScorer("smap")
    with pytest.raises(ValueError, match="per of forecast_errors"):
        forecast_errors(fitted, rolled[0], per="row")
    with pytest.raises(ValueError, match=r"steps of ForecastScorer must be among \[1, 2, 3, 4\]; got 0"):
        ForecastScorer(steps=0)(fitted, rolled[0])
    with pytest.raises(ValueError, match="channels of ForecastScorer must be among"):
        ForecastScorer(channels="c9")(fitted, rolled[0])
    for twice in ({"steps": [1, 1]}, {"channels": ["c0", 0]}):
        with pytest.raises(ValueError, match="of ForecastScorer must name each of them once"):
            ForecastScorer(**twice)(fitted, rolled[0])


def test_targets_are_scored_by_their_names():
    frame = make_frame(n_channels=3)
    forecaster = make_forecaster(targets=["c2", "c0"]).fit(frame)
    errors = forecast_errors(forecaster, frame, per="channel")
    assert errors.index.tolist() == ["c2", "c0"]
    swapped = forecast_errors(make_forecaster(targets=["c0", "c2"]).fit(frame), frame, per="channel")
    assert set(swapped.index) == set(errors.index)


def test_channels_may_be_tuples(fitted, rolled):
    columns = [("north", "load"), ("north", "wind")]
    frame = make_frame(n_channels=2)
    named = make_forecaster().fit(frame.set_axis(pd.MultiIndex.from_tuples(columns), axis=1))
    test = rolled[0].set_axis(pd.MultiIndex.from_tuples(columns), axis=1)
    errors = forecast_errors(named, test, per="channel")
    assert errors.index.tolist() == columns
    np.testing.assert_allclose(errors, forecast_errors(fitted, rolled[0], per="channel"))


def test_a_search_takes_several_scorers_without_y_in_a_pipeline():
    split = RollingOriginSplit(2, 12, 4)
    scoring = {
        "all": split.scorer("mae"),
        "first": split.scorer("mae", steps=1),
        "mase": split.scorer("mase", season=3),
    }
    pipeline = make_pipeline(StandardScaler(), make_forecaster())
    grid = {"distilledforecaster__loss__prediction_weight": [0.5, 2.0]}
    search = GridSearchCV(pipeline, grid, cv=split, scoring=scoring, refit="all", error_score="raise")
    results = search.fit(make_series()).cv_results_
    for name in scoring:
        assert (results[f"mean_test_{name}"] < 0).all()
    assert not np.allclose(results["mean_test_first"], results["mean_test_all"])
