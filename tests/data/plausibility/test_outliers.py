"""Values that outweigh all other rows of their series are told, at every door that learns from rows."""

import re
import warnings
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from doubles import make_series
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, StandardScaler

from skdistill import DistilledForecaster, DistilledRegressor, compare, scale_out
from skdistill.comparison import rolling_forecasts
from skdistill.data import Vintages
from skdistill.data._plausibility._outliers import find_outliers, find_outliers_of_windows
from skdistill.data._series import Series
from skdistill.losses import Response
from skdistill.metrics import ForecastScorer, forecast_errors

pytestmark = pytest.mark.filterwarnings("error:.*squared distance from the median")
TOLD = "squared distance from the median is over 9 times"


def wave(n=120, seed=0):
    noise = np.random.default_rng(seed).normal(size=n)
    return np.sin(np.arange(n) * np.pi / 6) + 0.3 * noise


def forecaster(**parameters):
    return DistilledForecaster(None, "linear", "response", context_length=12, prediction_length=4, **parameters)


def frame(values):
    return pd.DataFrame({"y": values}, index=pd.date_range("2024-01-01", periods=len(values), freq="D"))


@given(
    seed=st.integers(0, 999),
    ratio=st.floats(0.2, 5),
    n_same=st.integers(1, 4),
    level=st.floats(-1e6, 1e6),
    scale=st.floats(1e-3, 1e9),
    sign=st.sampled_from([-1, 1]),
)
def test_a_value_is_told_from_nine_times_the_squares_of_all_others(seed, ratio, n_same, level, scale, sign):
    rows = wave(seed=seed)
    where = np.random.default_rng(seed).choice(len(rows), n_same, replace=False)
    rest = np.delete(rows, where)
    median = np.median(rest)
    rows[where] = median + sign * np.sqrt(9 * ratio * np.square(rest - median).sum() / n_same)
    found = find_outliers([Series((level + scale * rows)[:, None])])
    if abs(ratio - 1) > 1e-3:
        assert bool(found) == (ratio > 1)
    if found:
        assert f" in row {where.min()} of X (channel 0" in found[0]


@pytest.mark.parametrize("wild", [[1e4, 1.1e4], [1e4, -1.1e4], [1e4, 8e3, 5e3]], ids=["two", "two sides", "three"])
def test_a_few_wild_values_do_not_hide_each_other(wild):
    rows = wave()
    rows[5 : 5 + 3 * len(wild) : 3] = wild
    (found,) = find_outliers([Series(rows[:, None])])
    assert found.startswith(f"{wild[0]:g} in row 5 of X (channel 0, {len(wild)} such rows)")
    (found,) = find_outliers_of_windows(rows.reshape(-1, 4, 1), "X")
    assert found.startswith(f"{wild[0]:g} in row 1 of X")
    rows[20] = 2e3  # none is apart from all others
    assert not find_outliers([Series(rows[:, None])])


@pytest.mark.parametrize(
    ("n_rows", "wild", "told"),
    [
        (120, [1e4, 9e3, 8e3, 7e3], False),  # more than three are a part of the series,
        (400, [1e4, 9e3, 8e3, 7e3], True),  # but for one in a hundred
        (1000, [1e4] + 9 * [4.5e3], True),
        (1000, [1e4] + 10 * [4.5e3], False),
        (120, [1e4, 2e3], True),  # the first outweighs the other,
        (120, [1e4, 4e3], True),  # and both all others
        (120, [30.0, 31.0, 32.0], True),
        (120, [30.0, 12.0, 31.0], False),  # nearer to the others than to the farthest
    ],
)
def test_few_values_far_from_all_others_are_told(n_rows, wild, told):
    rows = wave(n_rows)
    rows[5 : 5 + 3 * len(wild) : 3] = wild
    assert bool(find_outliers([Series(rows[:, None])])) == told


@pytest.mark.parametrize("kind", ["demand", "rain"])
def test_rare_demand_and_rain_have_no_wild_values(kind):
    rng = np.random.default_rng(0)
    size = (400, 120)
    rows = {
        "demand": rng.poisson(0.1, size) * rng.choice([1, 1, 20], size),
        "rain": (rng.random(size) < 0.2) * rng.gamma(0.5, 8, size),
    }[kind]
    assert not find_outliers([Series(one[:, None].astype(float)) for one in rows])


def test_what_is_frequent_or_most_rows_have_is_no_outlier():
    demand = np.zeros(60)
    demand[[7, 30]] = 1, 50
    steps = np.where(np.arange(60) < 7, 1e4, wave(60))
    gaps = np.where(np.arange(60) % 2, np.nan, 1.0)
    holiday = np.arange(60.0) == 30
    parts = [demand, steps, np.ones(60), np.full(60, np.nan), gaps, np.array([]), np.array([1.0, 1e9]), wave(60) ** 3]
    sizes = np.where(np.arange(120) % 40 == 9, 5 + np.arange(120.0) / 40, 0.0)  # three demands
    half = np.where(np.arange(120) % 2, np.nan, np.where(np.arange(120) < 16, 1e4, wave()))  # 8 of 60
    parts += [holiday.astype(float), sizes, half]
    assert find_outliers([Series(part[:, None]) for part in parts]) == []


@pytest.mark.parametrize("share", [0.11, 0.45])
@pytest.mark.parametrize(("code", "told"), [(-9999, True), (999.9, True), (99.0, True), (-200.0, False), (0.0, False)])
def test_codes_of_nines_may_be_frequent(code, told, share):
    rows = 20 + wave(200)
    rows[np.random.default_rng(0).permutation(200)[: int(200 * share)]] = code
    found = find_outliers([Series(rows[:, None])])
    assert bool(found) == told
    assert not told or (f"{code:g} in row " in found[0] and f", {int(200 * share)} rows)" in found[0])


@pytest.mark.parametrize("level", [0.0, 7.0])
def test_among_mostly_equal_values_one_on_the_other_side_is_an_outlier(level):
    rain = np.where(np.arange(120) % 5, 0.0, np.random.default_rng(0).exponential(size=120))
    rain[[7, 8]] = -9999
    assert find_outliers([Series((level + rain)[:, None])]) == [f"{level - 9999:g} in row 7 of X (channel 0, 2 rows)"]
    rain[20] = -0.1  # as returns beside sales
    assert find_outliers([Series((level + rain)[:, None])]) == []


@pytest.mark.parametrize("sign", [-1, 1])
def test_among_mostly_equal_values_some_on_both_sides_are_none(sign):
    rain = np.where(np.arange(120) % 5, 0.0, np.random.default_rng(0).exponential(size=120))
    rain[[8, 11]] = 1e4, -1.1e4
    assert find_outliers([Series(sign * rain[:, None])]) == []


@pytest.mark.parametrize(("value", "told"), [(-9999.0, True), (-99.9, True), (9999.0, False), (-500.0, False)])
def test_a_code_is_told_where_all_other_rows_have_one_value(value, told):
    closed = np.zeros(60)  # a shop without sales
    closed[[7, 30]] = value
    assert bool(find_outliers([Series(closed[:, None])])) == told


def test_each_channel_and_series_is_judged_by_itself():
    rows = np.stack([wave(), wave(seed=1) * 1e6], axis=1)
    spoiled = rows.copy()
    spoiled[5, 0], spoiled[[8, 9], 1], spoiled[3, 1] = 1e4, -9e9, np.nan
    named = pd.date_range("2024", periods=len(rows))
    panel = [
        Series(rows, id="a"),
        Series(spoiled, index=named, columns=pd.Index(["y", "z"]), id="b"),
        Series(spoiled),
    ]
    assert find_outliers(panel) == [
        "10000 in row 5 (2024-01-06 00:00:00) of series 'b' ('y')",
        "10000 in row 5 of X[2] (channel 0)",
        "-9e+09 in row 8 (2024-01-09 00:00:00) of series 'b' ('z', 2 rows)",
        "-9e+09 in row 8 of X[2] (channel 1, 2 rows)",
    ]


@pytest.mark.parametrize("scaling", ["auto", "global", "series", "window"])
def test_fit_tells_codes_of_missing_values(scaling):
    values = wave()
    values[[40, 41, 80]] = -9999
    with pytest.warns(UserWarning, match=rf"-9999 in row 40 \(2024-02-10 00:00:00\) of X \('y', 3 rows\): .*{TOLD}"):
        forecaster(scaling=scaling).fit(frame(values))
    forecaster(scaling=scaling).fit(frame(np.where(values == -9999, np.nan, values)))


def test_fit_tells_outliers_of_covariates_and_in_validation_rows():
    rows = frame(wave()).assign(weather=wave(seed=1))
    rows.iloc[-1, 1] = -9999
    with pytest.warns(UserWarning, match=r"-9999 in row 119 .* \('weather'\)"):
        forecaster(targets=["y"], validation_fraction=0.2).fit(rows)


def test_fit_tells_outliers_of_vintages():
    rows = frame(wave()).assign(temperature=wave(seed=1))
    issued = pd.DataFrame({"issued": rows.index[:-1], "time": rows.index[1:], "temperature": wave(seed=1)[1:]})
    settings = {"known_covariates": ["temperature"]}
    forecaster(**settings, vintages=Vintages(issued)).fit(rows)
    issued.loc[33, "temperature"] = -9999
    with pytest.warns(UserWarning, match=rf"-9999 for row 34 of X \(vintages of 'temperature', 1 times\): .*{TOLD}"):
        forecaster(**settings, vintages=Vintages(issued)).fit(rows)
    with pytest.warns(UserWarning, match=r"-9999 for row 34 of X \(vintages of"):
        forecaster(**settings, vintages=Vintages(issued), transformer=StandardScaler()).fit(rows)
    issued["time"] = [*rows.index[2:], rows.index[-1] + rows.index.freq]
    with pytest.warns(UserWarning, match=r"-9999 for row 35 of X \(vintages of 'temperature', 2 times\)"):
        forecaster(**settings, vintages=Vintages(issued)).fit(rows)
    rows.iloc[35, 1] = -9999
    with pytest.warns(UserWarning, match=r"-9999 in row 35 .* of X \('temperature'\): its squared") as found:
        forecaster(**settings, vintages=Vintages(issued)).fit(rows)
    assert not any("vintages" in str(one.message) or "and 1 more" in str(one.message) for one in found)


def test_fit_tells_outliers_of_static_covariates():
    panel = pd.concat({name: frame(wave(40, seed)).assign(size=1.0 + seed % 3) for seed, name in enumerate("abcdef")})
    settings = {"static_covariates": ["size"]}
    forecaster(**settings).fit(panel)
    panel.loc["c", "size"] = -9999
    with pytest.warns(UserWarning, match=rf"-9999 of series 'c' \(static covariate 'size'\): .*{TOLD}.*its logarithm"):
        forecaster(**settings).fit(panel)


def test_what_a_transformer_brings_near_is_not_told():
    values = np.exp(2.5 * np.random.default_rng(0).normal(size=200))
    values[100] = 1e4
    with pytest.warns(UserWarning, match=TOLD):
        forecaster().fit(frame(values))
    forecaster(transformer=PowerTransformer()).fit(frame(values))


def test_a_frequent_code_is_told_behind_a_transformer():
    values = wave()
    values[::6] = -9999
    with pytest.warns(UserWarning, match=r"-9999 in row 0 .*20 rows"):
        forecaster(transformer=StandardScaler()).fit(frame(values))


def test_updates_tell_new_outliers():
    values = wave()
    values[-2] = 1e4
    fitted = forecaster().fit(frame(values[:100]))
    with pytest.warns(UserWarning, match=r"10000 in row 118 \(2024-04-28 00:00:00\) of X \('y'\)"):
        fitted.partial_fit(frame(values)[100:])
    with pytest.warns(UserWarning, match=r"10000 in row 118 .* of X \('y'\)"):
        forecaster().partial_fit(frame(values))
    panel = forecaster().fit({name: frame(wave(seed=seed))[:90] for seed, name in enumerate("ab")})
    new = {"a": frame(values)[90:], "b": frame(wave(seed=1))[90:]}
    with pytest.warns(UserWarning, match=r"10000 in row \d+ \(2024-04-28 00:00:00\) of series 'a' \('y'\)"):
        panel.partial_fit(new)


def test_rows_that_judge_forecasts_tell_outliers():
    rows = frame(wave(200))
    fitted, test = forecaster().fit(rows[:120]), rows[108:].copy()
    judges = [
        fitted.score,
        lambda X: fitted.compare(X, n_resamples=2),
        lambda X: rolling_forecasts(fitted, X),
        lambda X: forecast_errors(fitted, X),
        lambda X: ForecastScorer("rmse")(fitted, X),
    ]
    for judge in judges:
        judge(test)
    test.iloc[50] = -9999
    forecast_errors(fitted, test, "mae"), ForecastScorer("mase")(fitted, test)
    for judge in judges:
        with pytest.warns(UserWarning, match=rf"-9999 in row 50 .* X \('y'\): .*{TOLD}.* decides squared errors"):
            judge(test)


def test_rows_that_calibrate_tell_outliers():
    fitted = forecaster(quantiles=(0.1, 0.5, 0.9), max_epochs=1).fit(frame(wave(100)))
    fitted.set_params(calibration="conformal")
    rows = frame(wave(200))[90:].copy()
    fitted.calibrate(rows)
    rows.iloc[50] = -9999
    with pytest.warns(UserWarning, match=r"-9999 in row 50 .* decides the forecasts from rows after it, whose errors"):
        fitted.calibrate(rows)
    rows = np.exp(frame(wave(200))[90:])
    rows.iloc[50] = 1e5
    logarithms = FunctionTransformer(np.log, np.exp)  # bring it near
    settings = {"quantiles": (0.1, 0.5, 0.9), "calibration": "conformal", "max_epochs": 1}
    forecaster(**settings, transformer=logarithms).fit(np.exp(frame(wave(100)))).calibrate(rows)


@pytest.mark.parametrize("form", ["table", "vector", "frame", "cube"])
def test_a_regressor_tells_targets_that_decide_its_score(form):
    X, y = table_of(wave())
    X, y = (X, y[:, 0]) if form == "vector" else (X, y)
    if form == "cube":
        X, y = (np.stack([one, one], axis=2) for one in (X, y))
    regressor, weights = DistilledRegressor(None, "linear", Response(0.0)).fit(X, y), np.ones(len(X))
    regressor.score(X, y)
    y[5] = -9999
    given = pd.DataFrame(y) if form == "frame" else y
    with pytest.warns(
        UserWarning, match=rf"-9999 in row 5 of y .*{TOLD}.* values .* decides squared errors.*Leave out"
    ):
        regressor.score(X, given)
    with pytest.warns(UserWarning, match=TOLD):
        regressor.score(X, given, weights)
    weights[5] = 0
    regressor.score(X, given, weights)  # where it counts for nothing


def test_the_squares_of_large_values_overflow_without_a_word():
    table = 1e200 * wave().reshape(40, 3, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_outliers_of_windows(table, "X") == []


@pytest.mark.parametrize("store", [False, True])
def test_scale_out_tells_outliers_of_series_that_are_in_no_sample(tmp_path, monkeypatch, store):
    for package in ("pyarrow", "duckdb"):
        pytest.importorskip(package, reason="needs pip install 'skdistill[duckdb]'")
    monkeypatch.setattr("skdistill.scale_out._fit._SAMPLE", 3)
    parts = [frame(wave(40, seed)).reset_index(names="ds").assign(unique_id=seed) for seed in range(9)]
    for part in parts:
        part.loc[19, "y"] = 1e4
    path = tmp_path / "rows.parquet"
    pd.concat(parts).to_parquet(path)
    options = {"store": tmp_path / "store"} if store else {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scale_out.fit(forecaster(), str(path), id="unique_id", time="ds", **options)
    messages = [str(one.message) for one in caught if TOLD in str(one.message)]
    assert "and 2 more: " in messages[0]
    assert "10000 in row 19 (2024-01-20 00:00:00) of series 0 ('y'), and 8 more: " in messages[1]


def table_of(series):
    windows = np.lib.stride_tricks.sliding_window_view(series, 15)
    return windows[:, :12].copy(), windows[:, 12:].copy()


@pytest.mark.parametrize("form", ["X", "y", "vector", "covariate", "cube"])
def test_a_regressor_tells_values_that_decide_what_is_learned(form):
    X, y = table_of(wave())
    regressor = DistilledRegressor(None, "linear", Response(0.0), n_covariates=int(form == "covariate"))
    names = {"X": "X (column 4)", "y": "y (column 1)", "vector": "y (column 0)", "covariate": "X (column 11)"}
    y = y[:, 0] if form == "vector" else y
    if form == "cube":
        X, y = (np.stack([one, one], axis=2) for one in (X, y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor.fit(X, y)
    changed = X if form in ("X", "covariate", "cube") else y
    place = {"X": (7, 4), "y": (7, 1), "vector": 7, "covariate": (7, 11), "cube": (7, 4, 1)}[form]
    changed[place] = -9999
    told = re.escape(f"-9999 in row 7 of {names.get(form, 'X (step 4, channel 1)')}: its squared distance")
    with pytest.warns(UserWarning, match=rf"{told}.*of all other values together.*Leave out the rows that have it"):
        regressor.fit(X, y)


def test_an_outlier_of_a_series_is_told_in_the_table_of_its_windows():
    series = wave()
    series[50] = -9999
    with pytest.warns(UserWarning, match=r"-9999 in row 39 of X \(column 11, 12 times\), and 1 more: "):
        DistilledRegressor(None, "linear", Response(0.0)).fit(*table_of(series))


@given(st.integers(0, 10_000), st.floats(0.5, 200), st.integers(1, 6), st.sampled_from([0.0, 1e6]))
def test_a_table_of_one_column_tells_what_its_series_tells(seed, far, n_same, level):
    random = np.random.default_rng(seed)
    values = level + random.normal(size=100)
    values[random.choice(100, n_same, replace=False)] = level + far * random.choice([-1, 1])
    told = [one.split(" in row")[0] for one in find_outliers([Series(values[:, None])])]
    assert [one.split(" in row")[0] for one in find_outliers_of_windows(values[:, None, None], "X")] == told


@pytest.mark.parametrize(("calibration", "is_told"), [("rolling", True), ("conformal", False)])
def test_a_code_among_rows_that_calibrate_along_a_backtest_is_told(calibration, is_told):
    rows = make_series(160, 1)
    settings = {"student": "mlp", "loss": "quantiledistill", "quantiles": (0.1, 0.5, 0.9), "max_epochs": 1}
    forecaster = DistilledForecaster(
        None, **settings, calibration=calibration, context_length=12, prediction_length=4, validation_fraction=0.4,
        random_state=0,
    ).fit(rows[:100])  # fmt: skip
    forecaster.backtest_quantiles(rows[88:])
    rows[120] = -9999
    with pytest.warns(UserWarning, match=f"{TOLD}.* errors count in the quantiles") if is_told else nullcontext():
        forecaster.backtest_quantiles(rows[88:])


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
@pytest.mark.parametrize("door", ["compare", "score", "scorer", "rolling"])
def test_a_covariate_that_fit_knows_decides_no_errors(scaling, door):
    """The word came at the first hours of January, of which the days of the year are far from those before."""
    times = pd.date_range("2023-01-01", periods=8784, freq="h")
    rows = pd.DataFrame({"y": np.random.default_rng(0).normal(size=8784), "day": times.dayofyear}, times)
    options = {"context_length": 4, "prediction_length": 2, "targets": ["y"], "known_covariates": ["day"]}
    student = DistilledForecaster(None, "linear", "response", scaling=scaling, **options).fit(rows[:8600])
    judge = {
        "compare": lambda part: compare({"student": student}, part),
        "score": student.score,
        "scorer": lambda part: ForecastScorer("mse")(student, part),
        "rolling": lambda part: rolling_forecasts(student, part),
    }[door]
    part = rows[8640:8766].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        judge(part)
    part.iloc[50, 1] = -9999.0
    with pytest.warns(UserWarning, match="-9999 in row 50"):
        judge(part)
