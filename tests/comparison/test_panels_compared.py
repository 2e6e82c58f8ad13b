"""The comparison on panels: units of each series, missing truth, short series, baselines that are no straw men."""

import pickle

import numpy as np
import pandas as pd
import pytest
from doubles import LastValueTeacher, make_frame, make_series
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_panels import CONTEXT, HORIZON, LENGTHS, make_forecaster, make_panel

from skdistill import DistilledForecaster, compare
from skdistill.comparison import error_by_scale, error_by_step, period_spectra, rolling_forecasts, win_rates
from skdistill.comparison._naive import drift, last_value, seasonal_naive

LONG = [name for name in LENGTHS if LENGTHS[name] >= CONTEXT + HORIZON]
OPTIONS = {"n_resamples": 10, "alone": False}


@pytest.fixture(scope="module")
def panel():
    return make_panel()


@pytest.fixture(scope="module")
def fitted(panel):
    return make_forecaster(teacher=LastValueTeacher()).fit(panel)


@pytest.fixture(scope="module")
def table(fitted, panel):
    with pytest.warns(UserWarning, match=r"compare leaves out 1 of 4 series.*30 rows.*series 'tiny' \(20 rows\)"):
        return fitted.compare(panel, **OPTIONS)


def windows_of(panel, name):
    rows = panel.loc[name].to_numpy()[:, 0]
    starts = np.arange(CONTEXT, len(rows) - HORIZON + 1)
    return np.stack([rows[start - CONTEXT : start] for start in starts]), np.stack(
        [rows[start : start + HORIZON] for start in starts]
    )


def test_rows_are_in_the_units_of_each_series(table, fitted, panel):
    names = ["student", "teacher", "exact linear", "seasonal naive", "last value", "drift"]
    assert list(table.index) == names
    assert list(table.per_series.index) == LONG
    assert table.facts["n_series_left_out"] == 1
    scaling = fitted.scaling_
    for name in LONG:
        contexts, truth = windows_of(panel, name)
        forecasts = {
            "student": fitted.backtest({name: panel.loc[name]})[name].to_numpy().reshape(-1, HORIZON),
            "teacher": np.repeat(contexts[:, -1:], HORIZON, axis=1),
            "last value": np.repeat(contexts[:, -1:], HORIZON, axis=1),
            "drift": contexts[:, -1:]
            + np.arange(1, HORIZON + 1) * (contexts[:, -1:] - contexts[:, :1]) / (CONTEXT - 1),
            "seasonal naive": contexts[:, -7 : -7 + HORIZON],
        }
        unit = scaling.series_units_.unit[scaling.numbers_of([name])[0], 0]
        rows = panel.loc[name].to_numpy()[:, 0]
        seasonal = np.abs(rows[7:] - rows[:-7]).mean()
        for row, forecast in forecasts.items():
            error = forecast - truth
            mse, mase = (table.per_series.loc[name, (kind, row)] for kind in ("mse", "mase"))
            assert mse == pytest.approx(np.square(error / unit).mean(), rel=1e-4), (name, row)
            assert mase == pytest.approx(np.abs(error / seasonal).mean(), rel=1e-4), (name, row)
    weights = [LENGTHS[name] - CONTEXT - HORIZON + 1 for name in LONG]
    for kind in ("mse", "mase"):
        np.testing.assert_allclose(table[kind], np.average(table.per_series[kind], axis=0, weights=weights))


def test_the_student_is_counted_where_it_is_best(table):
    errors = table.per_series["mse"]
    assert table["share_best"].sum() == pytest.approx(1.0)
    baselines = ["seasonal naive", "last value", "drift"]
    ahead = (errors["student"].to_numpy()[:, None] < errors[baselines].to_numpy()).all(axis=1).mean()
    assert table.facts["share_ahead_of_baselines"] == {"student": ahead}
    assert table.facts["best_baseline"] == errors[baselines].mean().idxmin() == "seasonal naive"
    text = table.summary()
    assert "Best baseline: seasonal naive, MSE" in text
    assert f"student: ahead of every baseline in {100 * ahead:.1f}% of 3 series" in text
    assert "No seasonal-naive row of 365 rows" in text


@pytest.mark.filterwarnings("ignore:compare leaves out")
def test_every_form_is_compared_alike(fitted, panel, table):
    frames = {name: panel.loc[name] for name in LENGTHS}
    pd.testing.assert_frame_equal(fitted.compare(frames, **OPTIONS).per_series, table.per_series)
    of_dict = make_forecaster(teacher=LastValueTeacher()).fit(frames).compare(frames, **OPTIONS)
    np.testing.assert_allclose(of_dict["mse"], table["mse"], rtol=1e-6)


@pytest.mark.filterwarnings("ignore:compare leaves out")
def test_units_of_a_series_change_nothing(fitted, panel, table):
    changed = panel * np.where(panel.index.get_level_values(0) == "shop 1", 256.0, 1.0)[:, None]
    other = make_forecaster(teacher=LastValueTeacher()).fit(changed).compare(changed, **OPTIONS)
    for kind in ("mse", "mase"):
        np.testing.assert_allclose(other[kind], table[kind], rtol=1e-4)


@pytest.mark.filterwarnings("ignore:compare leaves out")
def test_missing_truth_is_left_out():
    panel = make_panel(gaps=0.2)
    for name in LONG:
        panel.loc[(name, panel.loc[name].index[CONTEXT : CONTEXT + 2 * HORIZON]), :] = np.nan
    fitted = make_forecaster(teacher=LastValueTeacher()).fit(panel)
    table = fitted.compare(panel, **OPTIONS)
    numbers = table.drop(columns=["role", "in_words", "parameters", "seed_spread"]).to_numpy(dtype=float)
    assert np.isfinite(numbers).all()
    assert table.facts["n_windows_unobserved"] >= len(LONG) * HORIZON
    name = LONG[0]
    _, truth = windows_of(panel, name)
    forecast = fitted.backtest({name: panel.loc[name]})[name].to_numpy().reshape(-1, HORIZON)
    unit = fitted.scaling_.series_units_.unit[fitted.scaling_.numbers_of([name])[0], 0]
    squares = np.square((forecast - truth) / unit)
    seen = ~np.isnan(squares).all(axis=1)
    by_hand = np.nanmean(squares[seen], axis=1).mean()
    assert table.per_series.loc[name, ("mse", "student")] == pytest.approx(by_hand, rel=1e-4)
    rolled = rolling_forecasts(fitted, panel)
    assert np.isfinite(win_rates(rolled)).all()
    for number in (0, len(rolled.starts) - 1):  # windows without a true value are none of them
        rows = list(panel.groupby(level=0, sort=False))[rolled.series[number]][1].to_numpy()
        start = rolled.starts[number]
        own = fitted.scaling_.series_units_.unit[rolled.series[number]]
        np.testing.assert_allclose(rolled.truth[number], rows[start : start + HORIZON] / own)
    for errors in (error_by_step(rolled), error_by_scale(rolled), period_spectra(rolled)):
        assert np.isfinite(errors).all(axis=None)
    seen = np.square(rolled.forecasts["student"] - rolled.truth)
    np.testing.assert_allclose(error_by_step(rolled)["student"], np.nanmean(seen, axis=(0, 2)))
    with pytest.raises(ValueError, match="there is nothing to compare on"):
        fitted.compare(panel * np.nan, **OPTIONS)


@pytest.mark.filterwarnings("ignore:compare leaves out")
def test_a_panel_with_quantiles_has_the_weighted_quantile_loss(panel):
    from skdistill.networks import MLP

    levels = (0.1, 0.5, 0.9)
    fitted = make_forecaster(student=MLP(8), loss="quantiledistill", quantiles=levels).fit(panel)
    table = fitted.compare(panel, **OPTIONS)
    losses, size, of_points = 0.0, 0.0, 0.0
    for name in LONG:
        contexts, truth = windows_of(panel, name)
        of_points += np.abs(truth - contexts[:, -1:]).sum()
        truth = truth[..., None]
        quantiles = fitted.backtest_quantiles({name: panel.loc[name]})[name][:, :, 0]
        tau = np.array(levels)
        losses += (2 * np.maximum(tau * (truth - quantiles), (tau - 1) * (truth - quantiles))).mean(axis=-1).sum()
        size += np.abs(truth).sum()
    assert table.loc["student", "wql"] == pytest.approx(losses / size, rel=1e-4)
    assert table.loc["last value", "wql"] == pytest.approx(of_points / size, rel=1e-4)  # as every quantile


def test_series_that_fit_has_not_seen_are_compared_in_units_of_their_context(fitted, panel):
    one, large = (
        compare({"student": fitted}, {"new": factor * panel.loc["shop 1"]}, **OPTIONS) for factor in (1.0, 4096.0)
    )
    np.testing.assert_allclose(large["mse"], one["mse"], rtol=1e-3)
    flat = {"flat": panel.loc["shop 1"] * 0 + 3.0, "new": panel.loc["shop 1"]}
    both = compare({"student": fitted}, flat, **OPTIONS)
    assert both.facts["n_series_with_mase"] == 1
    assert both.per_series["mase"].loc["flat"].isna().all()
    np.testing.assert_allclose(both["mase"], one["mase"], rtol=1e-6)


def test_series_beside_the_only_one_of_fit_are_compared_in_units_of_their_own(panel):
    fitted = make_forecaster(scaling="series").fit({"shop 1": panel.loc["shop 1"]})
    one, large = (
        fitted.compare({"shop 1": panel.loc["shop 1"], "new": factor * panel.loc["shop 1"]}, **OPTIONS)
        for factor in (1.0, 4096.0)
    )
    np.testing.assert_allclose(large["mse"], one["mse"], rtol=1e-3)


def test_every_plausible_season_that_fits_has_a_row():
    hours = make_frame(900)
    settings = {"context_length": 48, "prediction_length": HORIZON, "validation_fraction": 0}
    fitted = make_forecaster(teacher=LastValueTeacher(), **settings).fit(hours.iloc[:600])
    table = fitted.compare(hours.iloc[552:], **OPTIONS)  # 552 training rows lie before
    assert table.facts["seasons"] == [24, 168]
    values = hours.to_numpy()
    starts = np.arange(600, 900 - HORIZON + 1)
    wrong = np.stack([values[one - 168 : one - 168 + HORIZON] - values[one : one + HORIZON] for one in starts])
    by_hand = np.square(wrong / fitted.scaling_.original_scale_).mean()
    assert table.loc["seasonal naive 168", "mse"] == pytest.approx(by_hand, rel=1e-6)
    elsewhere = hours.iloc[552:] + 1.0  # another series: no rows before it are known
    assert fitted.compare(elsewhere, **OPTIONS).facts["seasons"] == [24]
    asked = fitted.compare(hours.iloc[552:], season=[12, 36], **OPTIONS)
    assert [name for name in asked.index if "naive" in name] == ["seasonal naive", "seasonal naive 36"]
    with pytest.raises(ValueError, match=r"at most the 48 rows before the first forecast; got 168"):
        fitted.compare(elsewhere, season=[24, 168], **OPTIONS)


def test_gaps_of_the_training_rows_are_filled_from_the_season_before_too():
    """The rows that are compared have none; the season that their first forecasts repeat begins before them."""
    days = pd.DataFrame({"y": np.sin(2 * np.pi * np.arange(140) / 14)}, pd.date_range("2024-01-01", periods=140))
    days.iloc[88:94] = np.nan
    fitted = make_forecaster(context_length=6, prediction_length=3, validation_fraction=0).fit(days.iloc[:100])
    table = fitted.compare(days.iloc[94:], season=14, **OPTIONS)
    assert table.loc["seasonal naive", "mse"] < 1e-9 < table.loc["last value", "mse"]


def test_a_random_walk_is_compared_with_its_last_value():
    walk = make_frame(500, 1)
    walk["c0"] = np.random.default_rng(0).normal(size=500).cumsum()
    table = make_forecaster(validation_fraction=0).fit(walk.iloc[:300]).compare(walk.iloc[276:], **OPTIONS)
    assert table.facts["best_baseline"] == "last value"
    assert "the best baseline" in table.loc["student", "in_words"]


def test_baselines_with_gaps():
    rows = np.array([np.nan, 1.0, np.nan, 2.0, np.nan, 4.0, np.nan]).reshape(1, 7, 1)
    np.testing.assert_array_equal(last_value(rows, 2).ravel(), [4.0, 4.0])
    np.testing.assert_allclose(drift(rows, 2).ravel(), [4.0 + 2 * 0.75, 4.0 + 3 * 0.75])
    one = np.array([np.nan, 5.0, np.nan]).reshape(1, 3, 1)
    np.testing.assert_array_equal(drift(one, 2).ravel(), [5.0, 5.0])
    season = np.array([1.0, 2.0, 3.0, 4.0, np.nan, np.nan, 3.0, 4.0]).reshape(1, 8, 1)
    np.testing.assert_array_equal(seasonal_naive(season, 4, 4).ravel(), [1.0, 2.0, 3.0, 4.0])


def test_a_pipeline_must_keep_the_index_of_a_panel(panel):
    pipeline = make_pipeline(StandardScaler(), make_forecaster()).fit(make_series(200, 1))
    with pytest.raises(ValueError, match=r"must keep the index \(series, time\).*set_output"):
        compare({"student": pipeline}, panel.set_axis([0], axis=1), **OPTIONS)


def test_a_student_that_answers_nan_is_an_error(panel):
    broken = make_forecaster().fit(panel)
    for parameter in broken.student_.parameters():
        parameter.data.fill_(np.nan)
    with pytest.raises(ValueError, match="the forecasts of 'student' are NaN in"):
        broken.compare({name: panel.loc[name] for name in LONG}, **OPTIONS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_a_teacher_that_repeats_the_last_value_is_that_baseline(panel, scaling):
    fitted = make_forecaster(teacher=LastValueTeacher(), scaling=scaling).fit(panel)
    mixed = {"new": panel.loc["shop 3"], **{name: panel.loc[name] for name in LONG}}  # one that fit has not seen
    table = fitted.compare(mixed, **OPTIONS)
    for kind in ("mse", "mase"):
        errors = table.per_series[kind]
        np.testing.assert_allclose(errors["teacher"], errors["last value"], rtol=1e-3)


def test_the_training_series_that_is_given_comes_before_those_of_fit():
    rows = pd.DataFrame({"y": np.arange(120) % 7 + np.random.default_rng(0).normal(size=120)})
    fitted = make_forecaster(teacher=None).fit({"a": rows[40:90]})
    before, test = {"a": rows[:90]}, {"a": rows[90 - CONTEXT :]}
    own, given = (fitted.compare(test, train=train, season=7, **OPTIONS) for train in (None, before))
    units = [np.abs(part[7:] - part[:-7]).mean() for part in (rows["y"].to_numpy()[first:90] for first in (40, 0))]
    ratio = own.loc["last value", "mase"] / given.loc["last value", "mase"]
    assert ratio == pytest.approx(units[1] / units[0], rel=1e-6)


def test_models_whose_channels_differ_are_compared_by_their_columns():
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=60)
    numbers = {"sales": 9.0 + rng.normal(size=60), "price": 100 * rng.normal(size=60)}
    frames = {f"shop {n}": pd.DataFrame({"size": float(n), **numbers}, days) for n in range(3)}
    panel = pd.concat(frames, names=["shop", "day"])
    options = {"targets": ["sales"], "covariates": "ignore", "context_length": 8, "prediction_length": 3}
    plain = DistilledForecaster(None, **options).fit(panel)
    sized = DistilledForecaster(None, **options, static_covariates=["size"]).fit(panel)  # sales is channel 0, not 1
    test = panel.assign(price=0.01 * rng.normal(size=len(panel)))
    test.iloc[5, 2] = 300.0  # known from fit, and no outlier of either
    both = {"plain": plain, "sized": sized}
    alone = {name: one.compare(test, alone=False, n_resamples=2) for name, one in both.items()}
    for models in (both, dict(reversed(both.items())), {"plain": plain, "sized": pickle.loads(pickle.dumps(sized))}):
        table = compare(models, test, alone=False, n_resamples=2)
        for name, one in alone.items():
            for column in ("mse_original", "mase"):
                assert table.loc[name, column] == pytest.approx(one[column].iloc[0], rel=1e-6)
    other = DistilledForecaster(None, **{**options, "targets": ["price"]}, static_covariates=["size"]).fit(panel)
    assert other.targets_ == plain.targets_  # as channels
    with pytest.raises(ValueError, match=r"agree in .* 3 steps of \['sales'\] and 3 steps of \['price'\]"):
        compare({"a": plain, "b": other}, test)
