"""SktimeTeacher fitted once per series: its labels against fits by hand, and what they may depend on."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.naive import NaiveForecaster

from skdistill import DistilledForecaster, Memory
from skdistill.networks import Linear
from skdistill.teachers import SktimeTeacher

pytest.importorskip("statsmodels", reason="sktime's exponential smoothing needs statsmodels")
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.exp_smoothing import ExponentialSmoothing
from sktime.forecasting.sarimax import SARIMAX
from sktime.forecasting.theta import ThetaForecaster

from skdistill.teachers._rolling_states import roll_states
from skdistill.teachers._sktime_series import fill_forward

pytestmark = pytest.mark.filterwarnings("ignore:The default of config:FutureWarning")

FIXED = {"smoothing_level": 0.4, "smoothing_trend": 0.1, "smoothing_seasonal": 0.2, "optimized": False}


def months(n=60, seed=0, level=50.0):
    noise = np.random.default_rng(seed).normal(size=n)
    rows = np.arange(n)
    return level * (1 + 0.004 * rows + 0.2 * np.sin(rows * np.pi / 6) + 0.02 * noise)


def panel(n_series=3, n=60, **changes):
    frames = {f"shop {k}": pd.DataFrame({"sales": months(n, k, 10.0**k)}, INDEX[:n]) for k in range(n_series)}
    return pd.concat({**frames, **changes}, names=["shop", "month"])


INDEX = pd.date_range("2015-03-01", periods=60, freq="MS")


def fixed(**settings):
    start = {"initial_level": 50.0, "initial_trend": 0.2, "initial_seasonal": [0.0] * 12}
    known = {"initialization_method": "known", **start, **settings}
    return ExponentialSmoothing(trend="add", seasonal="add", sp=12, **FIXED, **known)


def distill(forecaster, X, **settings):
    arguments = {"context_length": 24, "prediction_length": 6, "validation_fraction": 0.2, "random_state": 0}
    teacher = SktimeTeacher(forecaster, fitting="series")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return DistilledForecaster(teacher, Linear(), "response", **{**arguments, **settings}).fit(X)


def labels_of(forecaster, X, **settings):
    teacher = distill(forecaster, X, **settings).teacher_
    return {tuple(place): forecast for place, forecast in zip(teacher.places_, teacher.forecasts_, strict=True)}


# -- states ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forecaster",
    [
        AutoETS(),
        AutoETS(trend="add", damped_trend=True, seasonal="add", sp=12),
        AutoETS(error="mul", trend="mul", damped_trend=True, seasonal="mul", sp=12),
    ],
    ids=["level", "additive", "multiplicative"],
)
def test_forecasts_of_ets_are_those_of_statsmodels_from_each_origin(forecaster):
    y = pd.Series(months(), INDEX.to_period("M"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = forecaster.fit(y)
    rolled = roll_states(fitted, y.to_numpy(), np.array([5, 30, 60]), 18)
    for origin, forecast in zip([5, 30, 60], rolled, strict=True):
        expected = fitted._fitted_forecaster.predict(start=origin, end=origin + 17, dynamic=0)
        np.testing.assert_allclose(forecast, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("trend", "seasonal", "options"),
    [
        ("add", "add", {}),
        ("add", "mul", {}),
        ("mul", "add", {}),
        ("mul", "mul", {}),
        ("add", "add", {"use_boxcox": True, "remove_bias": True}),
    ],
    ids=["add-add", "add-mul", "mul-add", "mul-mul", "without bias"],
)
def test_one_step_of_holt_winters_is_the_fitted_value_of_statsmodels(trend, seasonal, options):
    y = pd.Series(months(), INDEX.to_period("M"))
    fitted = ExponentialSmoothing(trend=trend, damped_trend=True, seasonal=seasonal, sp=12, **options).fit(y)
    rolled = roll_states(fitted, y.to_numpy(), np.arange(1, 60), 18)
    np.testing.assert_allclose(rolled[:, 0], fitted._fitted_forecaster.fittedvalues.to_numpy()[1:], rtol=1e-9)


@pytest.mark.parametrize("model", ["multiplicative", "additive"])
@pytest.mark.parametrize("n", [48, 53])
def test_theta_from_its_last_row_forecasts_as_sktime_does(model, n):
    y = pd.Series(months(n), INDEX[:n].to_period("M"))
    fitted = ThetaForecaster(sp=12, deseasonalize_model=model).fit(y)
    rolled = roll_states(fitted, y.to_numpy(), np.array([n]), 18)
    np.testing.assert_allclose(rolled[0], fitted.predict(fh=list(range(1, 19))).to_numpy(), rtol=1e-9)


def test_theta_from_an_earlier_row_is_theta_with_the_parameters_and_season_of_all_rows():
    rows = months()
    y = pd.Series(rows, INDEX.to_period("M"))
    fitted = ThetaForecaster(sp=12).fit(y)
    season, alpha = fitted.deseasonalizer_.seasonal_.to_numpy(), fitted.initial_level_
    origin, level = 40, fitted._fitted_forecaster.params["initial_level"]
    for row in range(origin):
        level = level + alpha * (rows[row] / season[row % 12] - level)
    ahead = np.arange(1, 7)
    drift = fitted.trend_ * (ahead + (1 - (1 - alpha) ** origin) / alpha)
    expected = (level + drift) * season[(origin + ahead - 1) % 12]
    np.testing.assert_allclose(roll_states(fitted, rows, np.array([origin]), 6)[0], expected, rtol=1e-9)


def test_a_state_space_model_forecasts_from_its_filtered_state():
    y = pd.Series(months(30), INDEX[:30].to_period("M"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = SARIMAX(order=(1, 0, 0), trend="c").fit(y)
    rolled = roll_states(fitted, y.to_numpy(), np.array([12, 30]), 4)
    constant, slope = fitted._fitted_forecaster.params[:2]
    expected = y.iloc[11]
    for step in range(4):
        expected = constant + slope * expected
        assert rolled[0, step] == pytest.approx(expected, rel=1e-8)


def test_a_model_of_statsforecast_filters_the_rows_before_each_origin():
    class Model:
        def forward(self, y, h):
            return {"mean": np.full(h, y.sum())}

    class Adapter:
        _fitted_forecaster = Model()

    rolled = roll_states(Adapter(), np.arange(5.0), np.array([1, 3]), 2)
    np.testing.assert_array_equal(rolled, [[0.0, 0.0], [3.0, 3.0]])


# -- labels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["frame", "dict", "list", "arrays"])
def test_a_label_is_the_forecast_of_a_fit_on_the_training_rows_of_its_series(form):
    X = panel()
    frames = {name: one.droplevel(0) for name, one in X.groupby(level=0)}
    given = {"frame": X, "dict": frames, "list": list(frames.values())}.get(form, np.stack([*frames.values()]))
    labels = labels_of(ThetaForecaster(sp=12), given)
    for number, one in enumerate(frames.values()):
        rows = one["sales"].to_numpy()[:48]
        y = pd.Series(rows, INDEX[:48].to_period("M"))
        expected = roll_states(ThetaForecaster(sp=12).fit(y), rows, np.array([30, 42]), 6)
        for origin, forecast in zip([30, 42], expected, strict=True):
            np.testing.assert_allclose(labels[number, origin][:, 0], forecast, rtol=1e-4)


@pytest.mark.parametrize("forecaster", [ThetaForecaster(sp=12), AutoETS(trend="add")])
def test_held_out_rows_change_no_label(forecaster):
    X = panel()
    other = X.copy()
    late = np.tile(np.arange(60) >= 48, 3)
    other.loc[late, "sales"] *= 7
    before, after = labels_of(forecaster, X), labels_of(forecaster, other)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[place], after[place]) for place in before)


def test_rows_of_the_horizon_and_later_change_a_label_by_the_parameters_only():
    X = panel()
    other = X.copy()
    other.loc[np.tile(np.arange(60) >= 36, 3), "sales"] *= 1.5
    before, after = labels_of(fixed(), X), labels_of(fixed(), other)  # all parameters are given
    same = [np.allclose(before[place], after[place], rtol=1e-5) for place in before if place[1] <= 36]
    assert len(same) > 20
    assert all(same)
    assert not np.allclose(before[0, 40], after[0, 40], rtol=1e-2)


def test_a_season_of_twelve_months_is_known_to_each_origin():
    X = panel(1)
    rows = 100 + 10 * np.sin(np.arange(60) * np.pi / 6) ** 3
    X["sales"] = rows
    start = {"initialization_method": "heuristic", "initial_level": None, "initial_trend": None}
    for place, forecast in labels_of(fixed(initial_seasonal=None, **start), X).items():
        np.testing.assert_allclose(forecast[:, 0], rows[(place[1] + np.arange(6)) % 12], rtol=1e-4)


def test_gaps_are_filled_from_earlier_rows_and_a_late_start_is_left_out():
    X = panel(2)
    X.loc[("shop 0", INDEX[:7]), "sales"] = np.nan
    X.loc[("shop 0", INDEX[30:33]), "sales"] = np.nan
    later = X.copy()
    later.loc[("shop 0", INDEX[34]), "sales"] *= 2
    before, after = labels_of(fixed(), X), labels_of(fixed(), later)
    assert all(np.isfinite(forecast).all() for forecast in before.values())
    np.testing.assert_allclose(before[0, 32], after[0, 32], rtol=1e-6)
    rows = fill_forward(X.loc["shop 0", "sales"].to_numpy()[7:48], 12)
    y = pd.Series(rows, INDEX[7:48].to_period("M"))
    expected = roll_states(fixed().fit(y), rows, np.array([33]), 6)[0]
    np.testing.assert_allclose(before[0, 40][:, 0], expected, rtol=1e-4)


@pytest.mark.parametrize("forecaster", [fixed(), ThetaForecaster(sp=12), SARIMAX(order=(1, 0, 0))])
def test_rows_of_the_horizon_after_the_last_observed_one_change_no_label(forecaster):
    rows = pd.DataFrame({"sales": months(), "price": months(seed=1)}, INDEX)
    appended = rows.copy()
    appended.loc[INDEX[54:], "sales"] = np.nan
    settings = {"targets": ["sales"], "known_covariates": ["price"], "validation_fraction": 0}
    expected, labels = (labels_of(forecaster, X, **settings) for X in (rows[:54], appended))
    assert len(labels) == len(expected) + 5  # whose horizons end there
    for place, label in expected.items():
        np.testing.assert_array_equal(labels[place], label)


def test_a_target_that_ends_before_others_is_filled_up_to_the_last_context():
    rows = pd.DataFrame({"sales": months(), "price": months(seed=1)}, INDEX)
    rows.loc[INDEX[50:], "sales"] = np.nan
    labels = labels_of(ThetaForecaster(sp=12), rows, validation_fraction=0)
    filled = rows[["sales"]].apply(lambda column: fill_forward(column.to_numpy(), 12))[:54]
    expected = labels_of(ThetaForecaster(sp=12), filled, validation_fraction=0)
    np.testing.assert_array_equal(labels[0, 30][:, :1], expected[0, 30])


def test_a_gap_at_the_end_of_the_training_rows_is_filled_up_to_the_last_context():
    rows = pd.DataFrame({"sales": months()}, INDEX)
    rows.iloc[48:52] = np.nan
    filled = rows.apply(lambda column: fill_forward(column.to_numpy(), 12))
    settings = {"validation_fraction": len(rows) - 52, "windows_without_truth": True}
    labels, expected = (labels_of(ThetaForecaster(sp=12), X, **settings) for X in (rows, filled))
    assert max(labels) == max(expected) == (0, 52)
    for place, label in expected.items():
        np.testing.assert_allclose(labels[place], label, rtol=1e-6)


def test_a_target_that_starts_in_the_last_horizon_is_not_labeled():
    X = panel(2)
    X["price"] = 1 + X["sales"]
    X.loc[("shop 1", INDEX[56:]), "price"] = np.nan
    X.loc[("shop 1", INDEX[:56]), "sales"] = np.nan
    labels = labels_of(ThetaForecaster(sp=12), X, validation_fraction=0)
    expected = labels_of(ThetaForecaster(sp=12), X[["price"]], validation_fraction=0)
    assert np.isnan(labels[1, 40][:, 0]).all()
    np.testing.assert_array_equal(labels[1, 40][:, 1:], expected[1, 40])


def test_short_series_are_labeled_without_a_season_or_by_their_last_value_and_named():
    short = pd.DataFrame({"sales": months(40)[:20]}, INDEX[:20])
    X = panel(2, **{"new shop": short})
    arguments = {"context_length": 12, "prediction_length": 3, "validation_fraction": 0, "min_observed": 6}
    teacher = SktimeTeacher(AutoETS(trend="add", seasonal="add", sp=12), fitting="series")
    forecaster = DistilledForecaster(teacher, Linear(), "response", **arguments)
    with pytest.warns(
        UserWarning, match=r"AutoETS of SktimeTeacher cannot be fitted on 1 of 3 .*without a season: series 'new shop'"
    ):
        forecaster.fit(X)
    number, origin = forecaster.teacher_.places_[-1]
    assert (number, origin) == (2, 17)
    y = pd.Series(short["sales"].to_numpy(), INDEX[:20].to_period("M"))
    fitted = AutoETS(trend="add", sp=1).fit(y)
    expected = fitted._fitted_forecaster.predict(start=17, end=19, dynamic=0)
    np.testing.assert_allclose(forecaster.teacher_.forecasts_[-1, :, 0], expected, rtol=1e-4)


def test_several_targets_are_fitted_each():
    X = panel(2)
    X["double"] = 2 * X["sales"][::-1].to_numpy()
    labels = labels_of(ThetaForecaster(sp=12), X)
    alone = labels_of(ThetaForecaster(sp=12), X[["double"]])
    np.testing.assert_allclose(labels[1, 30][:, 1], alone[1, 30][:, 0], rtol=1e-4)


# -- as a teacher ------------------------------------------------------------------------------------


def test_workers_change_no_label_and_memory_keeps_them(tmp_path):
    X = panel()
    alone = distill(ThetaForecaster(sp=12), X)
    with joblib.parallel_config("threading"):  # starts at once
        first = distill(ThetaForecaster(sp=12), X, n_jobs=2, memory=Memory(tmp_path))
    assert first.teacher_.n_jobs == 2
    np.testing.assert_array_equal(alone.teacher_.forecasts_, first.teacher_.forecasts_)
    second = distill(ThetaForecaster(sp=12), X, memory=Memory(tmp_path))
    np.testing.assert_array_equal(second.teacher_.forecasts_, first.teacher_.forecasts_)
    np.testing.assert_array_equal(second.predict(X), alone.predict(X))


def test_the_teacher_forecasts_and_compares_after_contexts_of_any_series():
    X = panel()
    forecaster = distill(ThetaForecaster(sp=12), X)
    asked = forecaster.predict_teacher(X.loc[["shop 2"]])
    y = pd.Series(X.loc["shop 2", "sales"].to_numpy()[-24:], INDEX[-24:].to_period("M"))
    expected = ThetaForecaster(sp=12).fit(y).predict(fh=list(range(1, 7)))
    np.testing.assert_allclose(asked.loc["shop 2", "sales"], expected, rtol=1e-4)
    assert "teacher" in str(forecaster.compare(X.loc[["shop 1"]].iloc[-31:], alone=False, n_resamples=3))


def test_a_context_of_less_than_two_seasons_that_shows_no_season_is_told():
    X = panel(2)
    short = distill(ThetaForecaster(sp=12), X, context_length=18)
    with pytest.warns(UserWarning, match="ThetaForecaster cannot be fitted on some contexts of 18 rows alone"):
        short.predict_teacher(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        short.predict_teacher(X)  # told once


def test_windows_without_truth_and_copies_are_labeled_too():
    from skdistill.data import Augmentation

    forecaster = distill(ThetaForecaster(sp=12), panel(), windows_without_truth=True, augmentation=Augmentation())
    places = forecaster.teacher_.places_
    assert places[:, 1].max() == 48
    assert places[:, 0].max() == 5


def test_a_forecaster_whose_state_is_unknown_is_refused_before_training():
    with pytest.raises(ValueError, match=r"NaiveForecaster cannot be fitted once per series.*fitting=\"window\""):
        distill(NaiveForecaster(sp=12), panel())


def test_a_forecaster_that_fails_on_the_longest_series_is_refused_before_training():
    X = panel()
    X["sales"] -= 50
    with pytest.raises(ValueError, match=r"ThetaForecaster cannot be fitted on the 48 training rows of the longest"):
        distill(ThetaForecaster(sp=12), X)


def test_quantiles_need_another_fitting():
    teacher = SktimeTeacher(ThetaForecaster(sp=12), fitting="series", quantiles=(0.1, 0.9))
    forecaster = DistilledForecaster(teacher, Linear(), "response", context_length=24, prediction_length=6)
    with pytest.raises(ValueError, match="quantiles of SktimeTeacher need fitting='window' or 'once'"):
        forecaster.fit(panel())
