"""What was known when: vintages look nothing up that was issued later."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from skdistill import DistilledForecaster, load
from skdistill.data import Augmentation, Vintages
from skdistill.deploy import NumpyStudent

LENGTH, HORIZON, N = 24, 6, 200
HOURS = pd.date_range("2024-01-01", periods=N + HORIZON, freq="h")
WIND = np.cumsum(np.random.default_rng(0).normal(size=N + HORIZON))


def make_series(n_rows=N):
    """A load that follows the true wind."""
    noise = np.random.default_rng(1).normal(size=n_rows)
    return pd.DataFrame({"load": 3 * WIND[:n_rows] + 0.1 * noise, "wind": WIND[:n_rows]}, index=HOURS[:n_rows])


def make_forecasts(every=6, reach=12, noise=0.3):
    """A forecast of the wind every six hours, for the next twelve: the nearer, the better."""
    rng, rows = np.random.default_rng(2), []
    for origin in range(0, N, every):
        for step in range(1, reach + 1):
            if origin + step < len(HOURS):
                value = WIND[origin + step] + noise * np.sqrt(step) * rng.normal()
                rows.append((HOURS[origin], HOURS[origin + step], value))
    return pd.DataFrame(rows, columns=["issued", "time", "wind"])


def make_forecaster(vintages, **settings):
    settings = {"targets": ["load"], "known_covariates": ["wind"], **settings}
    return DistilledForecaster(
        None, "linear", "response", context_length=LENGTH, prediction_length=HORIZON, vintages=vintages,
        random_state=0, **settings,
    )  # fmt: skip


def slow_ahead(table, index, later):
    """The same by loops over a table."""
    labels = index.append(later)
    out = np.full((len(index) + 1, len(later), 1), np.nan)
    for row in range(1, len(index) + 1):
        told = table[table.issued <= labels[row - 1]]
        for step in range(len(later)):
            here = told[told.time == labels[row + step]].sort_values("issued")
            if len(here):
                out[row, step, 0] = here.wind.iloc[-1]
    return out


def test_the_newest_value_until_each_origin():
    table = make_forecasts(every=7).sample(frac=0.9, random_state=0)
    index, later = HOURS[:40], HOURS[40 : 40 + HORIZON]
    np.testing.assert_array_equal(Vintages(table).ahead(index, later, None, "X"), slow_ahead(table, index, later))


def test_a_missing_value_leaves_the_older_one():
    table = make_forecasts()
    newer = table[table.time == HOURS[20]].index[-1]
    older = table[table.time == HOURS[20]].wind.iloc[-2]
    table.loc[newer, "wind"] = np.nan
    assert Vintages(table).known_at(HOURS[19], HOURS[[20]])["wind"].item() == older


def test_copies_are_perturbed_ahead_as_their_rows_are():
    series = make_series(90).assign(price=np.arange(90) % 7.0)
    told = pd.DataFrame({"issued": HOURS[0], "time": HOURS, "wind": WIND})  # all of the truth, from the first row on
    futures = []
    for vintages in (None, Vintages(told)):
        forecaster = make_forecaster(vintages, known_covariates=["wind", "price"], validation_fraction=0)
        forecaster.set_params(teacher="pretrained", augmentation=Augmentation(2, knot_distance=20))
        train = forecaster._windows_to_fit(series, None).train
        futures.append(train.future(torch.arange(len(train))))
    np.testing.assert_allclose(futures[0][0], futures[1][0], atol=1e-5)
    np.testing.assert_array_equal(futures[0][1], futures[1][1])


@pytest.mark.parametrize(
    ("delay", "numbered", "message"),
    [
        (True, True, "must be a number"),
        (np.nan, True, "must be"),
        ("3h", True, "whose issue times are numbers"),
        (3, False, "such as '3h'"),
        (pd.Timedelta("-1h"), False, "must not be negative"),
        (pd.NaT, False, "must not be negative"),
    ],
)
def test_a_delay_is_of_the_kind_of_the_issue_times(delay, numbered, message):
    table = make_forecasts()
    if numbered:
        table[["issued", "time"]] = table[["issued", "time"]].apply(lambda column: (column - HOURS[0]).dt.days)
    with pytest.raises((TypeError, ValueError), match=message):
        Vintages(table, delay=delay)


def test_a_delay_counts_from_the_issue():
    table = make_forecasts()
    now, later = Vintages(table), Vintages(table, delay="2h")
    at = HOURS[12:13]
    assert np.isnan(later.known_at(HOURS[1], at)["wind"].item())
    assert later.known_at(HOURS[2], at)["wind"].item() == now.known_at(HOURS[0], at)["wind"].item()


@pytest.mark.parametrize("kind", ["zone", "periods", "numbers", "arrow"])
def test_every_kind_of_time(kind):
    table, index = make_forecasts(), HOURS
    if kind == "arrow":
        pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
        table = table.astype(dict.fromkeys(["issued", "time"], "timestamp[ns][pyarrow]"))
        index = HOURS.astype("timestamp[s][pyarrow]")
        loads = make_series().set_axis(index[:N])
        found, expected = (
            make_forecaster(Vintages(one)).fit(loads).predict(loads) for one in (table, make_forecasts())
        )
        np.testing.assert_array_equal(found, expected)
    if kind == "zone":
        table[["issued", "time"]] = table[["issued", "time"]].apply(lambda one: one.dt.tz_localize("Europe/Berlin"))
        index = HOURS.tz_localize("Europe/Berlin")
    elif kind == "periods":
        index = HOURS.to_period("h")
    elif kind == "numbers":
        table[["issued", "time"]] = table[["issued", "time"]].apply(lambda one: HOURS.get_indexer(one))
        index = pd.Index(np.arange(len(HOURS)))
    expected = Vintages(make_forecasts()).ahead(HOURS[:40], HOURS[40:46], None, "X")
    np.testing.assert_array_equal(Vintages(table).ahead(index[:40], index[40:46], None, "X"), expected)


@pytest.fixture(scope="module")
def fitted():
    return make_forecaster(Vintages(make_forecasts())).fit(make_series())


def test_values_issued_after_the_origin_change_nothing(fitted):
    table, origin = make_forecasts(), HOURS[150]
    before = fitted.predict(make_series(151))
    changed = table.copy()
    changed.loc[changed.issued > origin, "wind"] = 99.0
    other = clone(fitted).set_params(vintages=Vintages(changed))
    other.__dict__.update({name: value for name, value in vars(fitted).items() if name.endswith("_")})
    pd.testing.assert_frame_equal(other.predict(make_series(151)), before)
    rolled, again = (one.backtest(make_series()[100:190]) for one in (fitted, other))
    until = rolled.index.get_level_values("origin") <= origin
    assert 0 < until.sum() < len(until)
    pd.testing.assert_frame_equal(rolled[until], again[until])
    assert not np.allclose(rolled[~until], again[~until])


def test_training_reads_what_was_known_and_not_what_came_true():
    series, table = make_series(), make_forecasts()
    first = make_forecaster(Vintages(table)).fit(series).predict(series)
    perfect = make_forecaster(None).fit(series)
    future = series[["wind"]].tail(0).reindex(HOURS[N:]).assign(wind=WIND[N:])
    assert not np.allclose(first, perfect.predict(series, future=future))
    later = table.copy()  # issued after the last training origin that could read it
    later.loc[len(later)] = [HOURS[-1], HOURS[30], 99.0]
    pd.testing.assert_frame_equal(make_forecaster(Vintages(later)).fit(series).predict(series), first)
    worse = make_forecaster(Vintages(make_forecasts(noise=30.0))).fit(series)
    shift = [
        abs(float((one.predict(series, future=future + 1) - one.predict(series, future=future)).to_numpy().mean()))
        for one in (perfect, worse)
    ]
    assert shift[1] < 0.2 * shift[0], "a useless forecast is not relied on"


def test_predict_takes_vintages_and_future_overrides_them(fitted):
    series = make_series()
    known = Vintages(make_forecasts()).known_at(HOURS[N - 1], HOURS[N:])
    pd.testing.assert_frame_equal(fitted.predict(series), fitted.predict(series, future=known))
    assert not np.allclose(fitted.predict(series), fitted.predict(series, future=known + 1.0))


def test_a_forecast_starts_after_the_last_observed_target_where_targets_are_late(fitted):
    series = make_series()
    late = series.assign(load=series["load"].where(np.arange(len(series)) < len(series) - 2))
    pd.testing.assert_frame_equal(fitted.predict(late), fitted.predict(series[:-2]))


def test_a_picture_shows_the_forecast_of_what_was_known(fitted, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    from skdistill.plotting import ForecastDisplay

    series = make_series()
    shown = ForecastDisplay.from_estimator(fitted, series, start=N - 20).forecasts["student"]
    np.testing.assert_allclose(shown, fitted.predict(series[: N - 20])["load"], rtol=1e-6)
    fitted.save(tmp_path / "student.skdistill")
    with pytest.warns(UserWarning, match="need vintages"):
        loaded = load(tmp_path / "student.skdistill")
    with pytest.raises(ValueError, match="the vintages of this forecaster are not in its file"):
        ForecastDisplay.from_estimator(loaded, series)


def test_columns_without_vintages_come_from_rows_or_future():
    series = make_series()
    series["holiday"] = (np.arange(N) // 24 % 7 == 0).astype(float)
    forecaster = make_forecaster(Vintages(make_forecasts()), known_covariates=["holiday", "wind"]).fit(series)
    with pytest.raises(ValueError, match=r"future is missing: .*'holiday'"):
        forecaster.predict(series)
    longer = series.reindex(HOURS)
    longer.loc[HOURS[N:], "holiday"] = 0.0
    known = Vintages(make_forecasts()).known_at(HOURS[N - 1], HOURS[N:]).assign(holiday=0.0)
    expected = forecaster.predict(series, future=known)
    pd.testing.assert_frame_equal(forecaster.predict(longer), expected)
    for future in (known.assign(wind=np.nan), known[["holiday"]], known["holiday"]):  # the wind as it was issued
        pd.testing.assert_frame_equal(forecaster.predict(series, future=future), expected)
        stream = forecaster.stream(series[:-1])
        stream.append(series.iloc[-1])
        np.testing.assert_allclose(stream.predict(future=future), expected, rtol=1e-6)
    halves = known.assign(wind=known["wind"].where(np.arange(HORIZON) < 2))
    pd.testing.assert_frame_equal(forecaster.predict(series, future=halves), expected)
    array = known[["holiday", "wind"]].to_numpy() * [1.0, np.nan]
    pd.testing.assert_frame_equal(forecaster.predict(series, future=array), expected)
    with pytest.raises(ValueError, match=r"lacks the known covariates \['holiday'\]"):
        forecaster.predict(series, future=known[["wind"]])
    with pytest.raises(ValueError, match="'load'"):
        forecaster.predict(series, future=known[["holiday"]].assign(load=1.0))


def test_a_table_of_the_future_without_what_vintages_tell_names_the_way_out():
    settings = {"known_covariates": ["wind", "promo"], "targets": ["load"]}
    panel = pd.concat({"a": make_series().assign(promo=0.0)}, names=["unique_id", "ds"])
    forecaster = make_forecaster(Vintages(make_forecasts()), **settings).fit(panel)
    table = panel.reset_index()
    future = pd.DataFrame({"unique_id": "a", "ds": HOURS[N:], "promo": 1.0})
    with pytest.raises(ValueError, match=r"got 'wind'.*fill those that vintages= tells \('wind'\) with NaN"):
        forecaster.predict_table(table, future=future)
    with pytest.raises(ValueError, match=r"got 'promo'.*columns of") as caught:  # which vintages do not tell
        forecaster.predict_table(table, future=future.drop(columns="promo").assign(wind=np.nan))
    assert "vintages" not in str(caught.value)
    expected = forecaster.predict(panel, future.set_index(["unique_id", "ds"]))
    found = forecaster.predict_table(table, future=future.assign(wind=np.nan))
    np.testing.assert_allclose(found["load"], expected["load"])


def test_a_panel_has_vintages_of_its_own_series():
    panel = pd.concat({"a": make_series(), "b": 2 * make_series()}, names=["series", "time"])
    table = pd.concat([make_forecasts().assign(series="a"), make_forecasts().assign(series="b")])
    table.loc[table.series == "b", "wind"] *= 2
    forecaster = make_forecaster(Vintages(table, id="series")).fit(panel)
    forecast = forecaster.predict(panel)
    np.testing.assert_allclose(2 * forecast.loc["a"], forecast.loc["b"], rtol=1e-4)
    with pytest.raises(ValueError, match=r"no values for the series 'c'"):
        forecaster.predict(panel.rename({"a": "c"}))


@pytest.mark.parametrize("joined", [False, True])
def test_ids_of_several_levels_have_vintages_of_their_own(joined):
    loads, parts = {}, []
    for number, (shop, item) in enumerate([("a", 1), ("a", 2), ("b", 1)], start=1):
        loads[f"{shop}/{item}" if joined else (shop, item)] = number * make_series()
        parts.append(make_forecasts().assign(shop=shop, item=item))
        parts[-1]["wind"] *= number
    panel, table = pd.concat(loads), pd.concat(parts)
    vintages = Vintages(table, id=["shop", "item"])
    assert vintages.ids == [("a", 1), ("a", 2), ("b", 1)]
    forecast = make_forecaster(vintages).fit(panel).predict(panel)
    for number, key in enumerate(loads, start=1):
        expected = forecast.loc[next(iter(loads))]
        np.testing.assert_allclose(forecast.loc[key], number * expected, rtol=1e-4)
    with pytest.raises(ValueError, match=r"no values for the series 'b/2' \(known_at\)"):
        vintages.known_at(HOURS[4], HOURS[5:7], "b/2")
    with pytest.raises(ValueError, match=r"two series called 'a/b/c': \('a/b', 'c'\) and \('a', 'b/c'\)"):
        Vintages(
            pd.concat([make_forecasts().assign(shop=s, item=i) for s, i in [("a/b", "c"), ("a", "b/c")]]),
            id=("shop", "item"),
        )


def test_a_file_does_not_hold_them(fitted, tmp_path):
    fitted.save(tmp_path / "student.skdistill")
    with pytest.warns(UserWarning, match="backtest, score and compare need vintages"):
        loaded = load(tmp_path / "student.skdistill")
    series = make_series()
    for method in (loaded.backtest, loaded.score, loaded.compare):  # rows tell what came true, not what was known
        with pytest.raises(ValueError, match="the vintages of this forecaster are not in its file"):
            method(series)
    known = Vintages(make_forecasts()).known_at(HOURS[N - 1], HOURS[N:])
    pd.testing.assert_frame_equal(loaded.predict(series, future=known), fitted.predict(series))
    with pytest.raises(ValueError, match="future is missing"):
        loaded.predict(series)
    later = make_series(N + HORIZON)
    later.iloc[N:, 0] = np.nan
    pd.testing.assert_frame_equal(fitted.predict(later), fitted.predict(series))
    with pytest.raises(ValueError, match=r"the vintages of this forecaster are not in its file.*predict takes future="):
        loaded.predict(later)
    again = loaded.set_params(vintages=Vintages(make_forecasts())).predict(series)
    pd.testing.assert_frame_equal(again, fitted.predict(series))
    with pytest.raises(TypeError, match="vintages of DistilledForecaster must be Vintages or None; got 'table'"):
        make_forecaster("table").fit(series)


def test_an_export_says_what_to_give_it_and_its_error_is_of_what_was_known(fitted, tmp_path):
    series = make_series()
    with pytest.warns(UserWarning, match="student.npz does not hold the vintages of DistilledForecaster: give"):
        report = fitted.export(tmp_path / "student.npz", data=series)
    student, vintages = NumpyStudent.load(tmp_path / "student.npz"), Vintages(make_forecasts())
    errors, came_true = [], []
    for origin in range(LENGTH, N - HORIZON + 1):
        rows, truth = series[origin - LENGTH : origin], series["load"].to_numpy()[origin : origin + HORIZON]
        known = vintages.known_at(HOURS[origin - 1], HOURS[origin : origin + HORIZON]).to_numpy()
        errors.append((student.predict(rows.to_numpy(), future=known)[:, 0] - truth) ** 2)
        later = series[["wind"]].to_numpy()[origin : origin + HORIZON]
        came_true.append((student.predict(rows.to_numpy(), future=later)[:, 0] - truth) ** 2)
    np.testing.assert_allclose(report.mse, np.mean(errors), rtol=1e-4)
    assert np.mean(came_true) < 0.9 * report.mse
    lost = copy.copy(fitted).set_params(vintages="not in the file")
    with pytest.raises(ValueError, match="data of export: the vintages of this forecaster are not in its file"):
        lost.export(tmp_path / "again.npz", data=series)
    assert not (tmp_path / "again.npz").exists()


def test_a_clone_shares_the_values_and_the_text_is_short():
    vintages = Vintages(make_forecasts())
    assert clone(make_forecaster(vintages)).vintages is vintages
    assert repr(vintages) == f"Vintages(['wind'], {len(make_forecasts())} values)"


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        (lambda t: t.rename(columns={"issued": "made"}), {}, r"finds no columns \['issued'\]"),
        (lambda t: t.drop(columns="wind"), {}, "no column of values"),
        (lambda t: t.assign(wind="strong"), {}, r"not numeric: \['wind'\]"),
        (lambda t: pd.concat([t, t]), {}, r"'wind' twice for 2024-01-01 01:00:00 as issued at 2024-01-01 00:00:00"),
        (lambda t: t.assign(issued=pd.NaT), {}, "need an issue time"),
        (lambda t: t.assign(wind=np.inf), {}, "'wind' holds infinity"),
        (lambda t: t.assign(id=[None, *"a" * (len(t) - 1)]), {"id": "id"}, r"need an id in every row, and \d+ of"),
        (lambda t: t, {"delay": "-1h"}, "delay of Vintages must not be negative"),
        (lambda t: t.assign(issued=t.issued.astype(str)), {"delay": "1h"}, "'issued' holds text such as '2024-01-01"),
        (lambda t: t.assign(a=1, b=None), {"id": ["a", "b"]}, r"\d+ of \d+ have none in 'b'"),
        (lambda t: t.to_numpy(), {}, "must be a pandas DataFrame; got ndarray"),
    ],
)
def test_bad_tables_are_named(change, settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Vintages(change(make_forecasts()), **settings)


def test_times_of_another_kind_are_not_unknown():
    table = make_forecasts()
    with pytest.raises(ValueError, match=r"vintages of 'wind' have text as times"):
        Vintages(table.assign(time=table["time"].dt.strftime("%d/%m/%Y %H:%M"))).known_at(HOURS[5], HOURS[6:8])


def test_what_does_not_belong_together_is_named():
    series = make_series()
    zoned = make_forecasts()
    zoned["issued"] = zoned["issued"].dt.tz_localize("UTC")
    with pytest.raises(ValueError, match=r"'wind' have times with a zone as issue times, and the index of X"):
        make_forecaster(Vintages(zoned)).fit(series)
    with pytest.raises(ValueError, match=r"columns \['sun'\], which are not among known_covariates \['wind'\]"):
        make_forecaster(Vintages(make_forecasts().rename(columns={"wind": "sun"}))).fit(series)
    half = make_forecasts().assign(time=lambda t: t.time + pd.Timedelta("30min"))
    with pytest.raises(ValueError, match=r"no value for any row of X: its labels .* 13:00.*, and their times .* 12:30"):
        make_forecaster(Vintages(half)).fit(series)
    later = make_forecasts().assign(time=lambda t: t.time + pd.Timedelta("900D"))
    with pytest.warns(UserWarning, match=r"have no value for any row of X, 2024-01-01 00:00:00 to .* as unknown"):
        Vintages(later).ahead(HOURS[:40], HOURS[40:46], None, "X")
    with pytest.raises(ValueError, match="vintages are matched by time, and X has no row labels"):
        make_forecaster(Vintages(make_forecasts().rename(columns={"wind": 1})), targets=[0], known_covariates=[1]).fit(
            series.to_numpy()
        )


def test_partial_fit_is_refused_because_rows_do_not_tell_what_was_known():
    forecaster = make_forecaster(Vintages(make_forecasts()), validation_fraction=0)
    with pytest.raises(AttributeError, match="partial_fit") as told:
        forecaster.partial_fit(make_series())
    assert "vintages=None" in str(told.value.__cause__)


def test_values_issued_after_their_times_are_told():
    """With both columns in each other's place, all of the horizon was unknown."""
    table = make_forecasts()
    Vintages(table)
    with pytest.warns(UserWarning, match=r"issued \('time'\) no earlier than the times that they are for \('issued'\)"):
        Vintages(table, issued="time", time="issued")
