"""A stream forecasts what predict does, row by row."""

import datetime

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill import DistilledForecaster
from skdistill.deploy import PanelStream
from skdistill.networks import MLP, ITransformer, Linear


@pytest.mark.parametrize("student", [MLP(4), ITransformer(8, n_heads=2)], ids=["fused", "not fused"])
def test_every_forecast_is_that_of_predict(student):
    forecaster = make_forecaster(teacher=None, student=student).fit(make_series())
    series = make_series(60, seed=1)
    stream = forecaster.stream(series[:5])
    for number, row in enumerate(series[5:], start=6):
        stream.append(row)
        assert len(stream) == min(number, 12)
        np.testing.assert_array_equal(stream.predict(), forecaster.predict(series[:number]))
    assert number == 60


def test_a_stream_says_what_is_missing():
    forecaster = make_forecaster(teacher=None).fit(make_series())
    stream = forecaster.stream()
    with pytest.raises(ValueError, match="stream has no row to forecast from: append one first"):
        stream.predict()
    for bad in ([1.0], [1.0, np.inf]):
        with pytest.raises(ValueError, match="row of append must be 2 finite numbers, or NaN"):
            stream.append(bad)
    with pytest.raises(ValueError, match="reads no calendar features"):
        make_forecaster(teacher=None, student=ITransformer(8, n_heads=2)).fit(make_frame()).stream()


def test_columns_in_another_order_are_refused_as_in_predict():
    frame = make_frame()
    forecaster = make_forecaster(teacher=None).fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        forecaster.stream(frame[frame.columns[::-1]])
    np.testing.assert_allclose(forecaster.stream(frame).predict(), forecaster.predict(frame), rtol=1e-5)
    assert len(forecaster.stream(frame[:0])) == 0
    with pytest.raises(ValueError, match="recent of stream must be one series"):
        make_forecaster(teacher=None).fit(make_series()).stream(make_series()[None])


def test_a_stream_of_a_known_series_has_its_units():
    panel = {"a": make_series(), "b": 100.0 * make_series(seed=1)}
    forecaster = make_forecaster(teacher=None, student="linear", quantiles=(0.1, 0.5, 0.9), loss="quantiledistill")
    forecaster.fit(panel)
    stream = forecaster.stream({"b": panel["b"]})
    np.testing.assert_array_equal(stream.predict(), forecaster.predict(panel)["b"])
    wanted = (0.2, 0.7)
    np.testing.assert_array_equal(
        stream.predict_quantiles(wanted), forecaster.predict_quantiles(panel, quantiles=wanted)["b"]
    )
    with pytest.raises(ValueError, match=r"must be one series.*got 2 series.*Give them ids"):
        forecaster.stream(list(panel.values()))


def test_masked_rows_and_other_tables_are_read_as_in_predict():
    polars = pytest.importorskip("polars")
    forecaster = make_forecaster(teacher=None, student="linear").fit(make_series())
    rows = np.ma.masked_greater(make_series(30), 1e5)
    rows[-3, 0] = 1e6
    rows[-3, 0] = np.ma.masked
    np.testing.assert_array_equal(forecaster.stream(rows).predict(), forecaster.predict(rows))
    with pytest.raises(ValueError, match=r"recent of stream must be an array or a pandas object; got polars"):
        forecaster.stream(polars.DataFrame(make_series(30)))


def test_a_row_as_a_frame_is_the_row():
    frame = make_frame(60)
    forecaster = make_forecaster(teacher=None, student="linear").fit(frame[:40])
    stream = forecaster.stream(frame[:40])
    stream.append(frame.iloc[[40]])
    stream.append(frame.iloc[[41]][["c1", "c0"]])  # matched by name
    np.testing.assert_array_equal(stream.predict(), forecaster.predict(frame[:42]))
    with pytest.raises(ValueError, match="one row; got a DataFrame of 2"):
        stream.append(frame.iloc[42:44])
    with pytest.raises(ValueError, match="must be the one at"):
        stream.append(frame.iloc[[43]])


# -- many series -----------------------------------------------------------------------------------


def panel_of(n_rows=40):
    frames = {f"shop {number}": make_frame(n_rows, 2, seed=number) * 10.0**number for number in range(3)}
    return pd.concat(frames, names=["shop"])


@pytest.fixture(scope="module")
def of_panel():
    options = {"student": "linear", "quantiles": (0.1, 0.5, 0.9), "loss": "quantiledistill"}
    return make_forecaster(teacher=None, **options).fit(panel_of())


@pytest.mark.filterwarnings("ignore:.*too few training rows")
@pytest.mark.parametrize("rows_as", ["frame", "dict"])
def test_many_series_are_forecast_as_predict_does(of_panel, rows_as):
    panel = panel_of(50)
    gaps = np.random.default_rng(0).random(panel.shape) < 0.1
    panel = panel.mask(gaps)
    time = panel.index.get_level_values(1)
    start, late = time < time[40], time >= time[40]
    stream = of_panel.stream(panel[start])
    assert isinstance(stream, PanelStream)
    new = panel[late]
    stream.extend(new if rows_as == "frame" else {name: new.loc[name].to_numpy() for name in stream.ids})
    assert stream.ids == ("shop 0", "shop 1", "shop 2")
    assert len(stream) == 3
    expected = of_panel.predict(panel).to_numpy().reshape(3, 4, 2)
    np.testing.assert_allclose(stream.predict(), expected, rtol=1e-6)
    asked = of_panel.predict_quantiles(panel, quantiles=(0.2, 0.5)).to_numpy().reshape(3, 4, 2, 2)
    np.testing.assert_allclose(stream.predict_quantiles((0.2, 0.5)), asked, rtol=1e-6)


def test_a_new_series_starts_with_its_first_row(of_panel):
    panel = panel_of()
    stream = of_panel.stream(panel)
    stream.append("new", [3.0, np.nan])
    stream.append("new", [4.0, 5.0])
    rows = {
        **{name: panel.loc[name].to_numpy() for name in stream.ids[:3]},
        "new": np.array([[3.0, np.nan], [4.0, 5.0]]),
    }
    np.testing.assert_allclose(stream.predict(), np.stack(list(of_panel.predict(rows).values())), rtol=1e-6)


def test_rows_of_many_series_that_do_not_fit_are_refused(of_panel):
    panel = panel_of()
    stream = of_panel.stream(panel)
    with pytest.raises(ValueError, match=r"series 'shop 1': row of append must be 2 finite numbers"):
        stream.append("shop 1", [1.0])
    with pytest.raises(ValueError, match=r"series 'shop 0': row of append must be the one at"):
        stream.extend(panel.iloc[:1])
    with pytest.raises(TypeError, match=r"rows of extend must be a DataFrame with index levels .*got ndarray"):
        stream.extend(np.ones((3, 2)))
    with pytest.raises(ValueError, match="series 'no': row of append"):
        stream.append("no", [np.inf, 1.0])
    assert stream.ids == ("shop 0", "shop 1", "shop 2")
    with pytest.raises(ValueError, match="stream has no series to forecast"):
        PanelStream(of_panel).predict()


@pytest.mark.filterwarnings("ignore:.*too few training rows")
@pytest.mark.parametrize("form", ["frame", "dict", "list"])
def test_a_short_series_of_a_panel_has_no_origin_in_a_backtest(of_panel, form):
    frames = {name: rows.droplevel(0) for name, rows in panel_of().groupby(level=0)}
    whole, short = dict(frames), {**frames, "shop 1": frames["shop 1"].iloc[:9]}
    if form == "list":
        of_panel = make_forecaster(teacher=None, student="linear", quantiles=(0.1, 0.9)).fit(list(frames.values()))
    as_form = {
        "frame": lambda one: pd.concat(one, names=["shop"]),
        "dict": dict,
        "list": lambda one: list(one.values()),
    }[form]
    expected, quantiles = of_panel.backtest(as_form(whole)), of_panel.backtest_quantiles(as_form(whole))
    with pytest.warns(UserWarning, match=r"backtest leaves out 1 of 3 series, which have fewer than the 16 rows"):
        found = of_panel.backtest(as_form(short))
    with pytest.warns(UserWarning, match="backtest_quantiles leaves out 1 of 3 series"):
        around = of_panel.backtest_quantiles(as_form(short))
    if form == "frame":
        pd.testing.assert_frame_equal(found, expected.drop("shop 1", level=0), check_index_type=False)
        return
    key, last = (1, 2) if form == "list" else ("shop 1", "shop 2")
    assert len(found[key]) == len(around[key]) == 0
    pd.testing.assert_frame_equal(found[last], expected[last])
    np.testing.assert_array_equal(around[last], quantiles[last])


def test_a_row_of_a_frame_must_be_the_next_one():
    frame = make_frame()
    stream = make_forecaster(teacher=None).fit(frame).stream(frame[:40])
    with pytest.raises(ValueError, match="row of append must be the one at"):
        stream.append(frame.iloc[41])
    stream.append(frame.iloc[40])
    stream.append(frame.iloc[41].to_numpy())
    stream.append(frame.iloc[42][::-1])
    with pytest.raises(ValueError, match="row of append must be the one at"):
        stream.append(frame.iloc[42])


@pytest.mark.parametrize("student", [MLP(4), Linear()], ids=["MLP", "Linear"])
def test_a_stream_of_a_panel_reads_known_and_static_covariates(student):
    index = pd.date_range("2024-01-01", periods=60, freq="h", name="time")
    frames = {
        name: make_frame(60, 2, seed).set_axis(["sales", "promo"], axis=1).set_axis(index).assign(size=float(seed))
        for seed, name in enumerate("abc")
    }
    panel = pd.concat(frames, names=["series"])
    roles = {"targets": ["sales"], "known_covariates": ["promo"], "static_covariates": ["size"]}
    forecaster = make_forecaster(teacher=None, student=student, **roles).fit(panel)
    rows, future = panel.groupby(level=0).head(50), panel.groupby(level=0).tail(10).groupby(level=0).head(4)[["promo"]]
    expected = forecaster.predict(rows, future=future).to_numpy().reshape(3, 4, 1)
    stream = forecaster.stream(rows)
    np.testing.assert_allclose(stream.predict(future.iloc[::-1].sort_index(level=1)), expected, rtol=1e-5)
    arrays = {name: future.loc[name].to_numpy() for name in "cab"}
    np.testing.assert_allclose(stream.predict(arrays), expected, rtol=1e-5)
    of_one = forecaster.stream(rows.loc[["a"]])
    np.testing.assert_array_equal(of_one.predict({"a": arrays["a"]}), of_one.predict(arrays["a"]))
    with pytest.raises(ValueError, match="future of predict is of series 'b', and the stream is of series 'a'"):
        of_one.predict({"b": arrays["b"]})
    with pytest.raises(ValueError, match="series 'b' has none"):
        stream.predict({"a": arrays["a"]})
    with pytest.raises(ValueError, match="known covariates"):
        stream.predict()


def test_a_stream_follows_a_forecaster_that_is_fitted_again():
    """Series have other numbers, and so other units, if they come in another order."""
    panel = {"small": make_series(60), "large": 100 * make_series(70)}
    forecaster = make_forecaster(teacher=None, student=Linear(), scaling="series").fit(panel)
    streams = [forecaster.stream(panel), forecaster.stream({"small": panel["small"]})]
    again = forecaster.fit({one: panel[one] for one in ("large", "small")}).predict(panel)
    np.testing.assert_allclose(streams[0].predict()[0], again["small"], rtol=1e-6)
    np.testing.assert_allclose(streams[1].predict(), again["small"], rtol=1e-6)
    other_columns = {one: rows[:, :1] for one, rows in panel.items()}
    for targets, rows in ([0], panel), ([1], panel), (None, other_columns):
        forecaster.set_params(targets=targets).fit(rows)
        with pytest.raises(ValueError, match="fitted again, with other lengths, columns, categories or roles"):
            streams[0].predict()


def test_a_stream_raises_where_nothing_is_observed_if_that_is_asked_for():
    forecaster = make_forecaster(teacher=None, student=Linear(), missing="raise").fit(make_series())
    stream = forecaster.stream(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match="no observed value of target 1"):
        stream.predict()


def test_a_row_with_categories_has_names():
    """A number of an array would be the position of a category, where fit had codes."""
    frame = make_frame(60, 1).assign(code=pd.Categorical(np.resize([7, 8, 9], 60)))
    settings = {"targets": ["c0"], "known_covariates": ["code"], "context_length": 12, "prediction_length": 4}
    stream = DistilledForecaster(None, **settings).fit(frame).stream(frame[:50])
    for row in (frame[50:51].to_numpy()[0], [1.0, 8.0]):
        with pytest.raises(ValueError, match=r"must be a Series or DataFrame .*: \['code'\] held categories in fit"):
            stream.append(row)
    for row in (frame[50:51], frame.iloc[51]):
        stream.append(row)
    expected = stream.forecaster.predict(frame[:52], frame[["code"]][52:56])
    np.testing.assert_allclose(stream.predict(frame[["code"]][52:56]), expected, rtol=1e-6)


def test_times_are_no_numbers_of_a_row():
    frame = make_frame()
    stream = make_forecaster(teacher=None).fit(frame).stream(frame)
    times = pd.Series(pd.DatetimeIndex(["2024-01-01", "2024-01-02"]), index=frame.columns)
    for row in (times, times.to_frame().T.astype(times.dtype)):
        with pytest.raises(ValueError, match="row of append must be numbers, or NaN; got datetime64"):
            stream.append(row)


@pytest.mark.parametrize("label", [7, "2024-05-01", datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1)])
def test_the_id_of_a_row_counts_beside_labels_of_any_type(label):
    panel = {"a": make_frame(60), "b": 100 * make_frame(60)}
    forecaster = make_forecaster(teacher=None).fit(panel)
    row = panel["b"].iloc[50].rename(("b", label))
    with pytest.raises(ValueError, match="row of append is of series 'b', and the stream is of series 'a'"):
        forecaster.stream(pd.concat({"a": panel["a"][:50]})).append(row)
    with pytest.raises(ValueError, match="row of append is of series 'b', and the stream is of series 'a'"):
        forecaster.stream({name: one[:50] for name, one in panel.items()}).append("a", row)


@pytest.mark.parametrize("kind", [pd.Timestamp.to_pydatetime, pd.Timestamp.date, pd.Timestamp.to_datetime64])
def test_a_time_of_any_type_that_is_not_the_next_one_is_refused(kind):
    frame = make_frame(60)
    stream = make_forecaster(teacher=None).fit(frame).stream(frame[:50])
    with pytest.raises(ValueError, match=r"row of append must (be the one at|have a label like the last one)"):
        stream.append(frame.iloc[57].rename(kind(frame.index[57])))


def test_rows_with_the_id_of_another_series_are_refused():
    panel = pd.concat({"a": make_frame(), "b": 100 * make_frame()}, names=["shop", "time"])
    forecaster = make_forecaster(teacher=None, student=Linear(), scaling="series").fit(panel)
    before, row = panel.loc[["b"]].iloc[:-1], panel.loc[["b"]].iloc[[-1]]
    expected = forecaster.predict(panel.loc[["b"]]).to_numpy()
    for one in (row, row.iloc[0]):
        stream = forecaster.stream(before)
        with pytest.raises(ValueError, match="row of append is of series 'a', and the stream is of series 'b'"):
            stream.append(panel.loc[["a"]].iloc[[-1]] if isinstance(one, pd.DataFrame) else panel.loc[["a"]].iloc[-1])
        stream.append(one)
        np.testing.assert_allclose(stream.predict(), expected, rtol=1e-6)
    stream = forecaster.stream()
    for number in range(-12, 0):
        stream.append(panel.loc[["b"]].iloc[number])
    np.testing.assert_allclose(stream.predict(), expected, rtol=1e-6)


@pytest.mark.parametrize("fitted", ["steps", "arrays"])
def test_labels_of_rows_are_checked_without_one_step_of_fit(fitted):
    days = make_frame()
    days.index = pd.DatetimeIndex(list(pd.date_range("2024-01-01", periods=len(days), freq="D")))
    panel = {"days": days, "hours": make_frame()}
    panel = panel if fitted == "steps" else {one: rows.to_numpy() for one, rows in panel.items()}
    stream = make_forecaster(teacher=None, student=Linear()).fit(panel).stream(days.iloc[:-3])
    stream.append(days.iloc[[-3]])
    with pytest.raises(ValueError, match="row of append must be the one at"):
        stream.append(days.iloc[[-1]])
    for other in (days.index.astype(str), days.index.to_period("D")):
        with pytest.raises(ValueError, match="row of append must have a label like the last one"):
            stream.append(days.set_axis(other).iloc[[-1]])
    stream.append(days.iloc[-2])
    stream.append(days.iloc[-1])


@pytest.mark.parametrize(
    "index",
    [pd.RangeIndex(120), pd.Index(range(1000, 1120)), pd.timedelta_range("0s", periods=120, freq="5min")],
    ids=["rows", "numbers", "durations"],
)
def test_known_covariates_are_found_by_numbers_and_durations(index):
    frame = make_frame().set_axis(index)
    forecaster = make_forecaster(teacher=None, student="linear", known_covariates=["c1"]).fit(frame[:100])
    stream, future = forecaster.stream(frame[:100]), frame[["c1"]]
    for number in range(100, 106):
        stream.append(frame.iloc[number] if number % 2 else frame.iloc[number : number + 1])
    expected = forecaster.predict(frame[:106], future=future[106:110])
    for given in (future[106:110], future[106:110][::-1], future[104:], future[106:110].to_numpy()):
        np.testing.assert_allclose(stream.predict(given), expected, rtol=1e-6)
    np.testing.assert_allclose(stream.predict(future[106:110].reset_index(drop=True)), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="future is not aligned with X"):
        stream.predict(future[107:111])


def test_new_ids_of_a_panel_are_not_compared_with_all_others(monkeypatch):
    from skdistill.data._plausibility import _new_ids

    counted = []
    monkeypatch.setattr(_new_ids, "count_levels", lambda one: counted.append(one) or 1)
    stream = PanelStream(make_forecaster(teacher=None).fit(make_series()))
    for number in range(30):
        stream.append(f"shop {number}", [1.0, 2.0])
    assert len(counted) < 3 * 30
