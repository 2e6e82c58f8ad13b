"""What a user calls a series is brought to one normal form."""

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.data._inputs import _plain_values, read_series
from skdistill.metrics import ForecastScorer, forecast_errors
from skdistill.plotting import ForecastDisplay

FLOATS = {"dtype": (np.float64, np.float32), "ensure_all_finite": False}


def test_a_list_of_series_with_names_of_their_own_is_one_channel_of_many_series():
    frame = make_frame()
    forecaster = make_forecaster(teacher=None).fit([frame["c0"], frame["c1"]])
    forecasts = forecaster.predict([frame["c1"], frame["c0"].rename("other")])
    assert [forecast.name for forecast in forecasts] == ["c1", "other"]
    pd.testing.assert_series_equal(forecaster.predict(frame["c1"]), forecasts[0])
    with pytest.raises(ValueError, match="c0"):
        make_forecaster(teacher=None).fit([frame["c0"], frame["c0"]]).predict(frame["c1"])


def test_a_name_that_comes_again_in_a_list_stays_with_its_series():
    frame = make_frame()
    series = [frame["c0"], frame["c1"], frame["c0"]]
    forecaster = make_forecaster(teacher=None, student="linear").fit(series)
    assert [forecast.name for forecast in forecaster.predict(series)] == ["c0", "c1", "c0"]


def test_a_target_is_never_left_out_because_its_text_is_that_of_a_column():
    frame = make_frame().set_axis([1, "c1"], axis=1)
    forecaster = make_forecaster(teacher=None, student="linear", targets=["1", "c1"])
    with pytest.raises(ValueError, match=r"targets .* got '1', and the columns are \[1, 'c1'\]"):
        forecaster.fit(frame)


def test_times_in_an_outer_level_are_refused():
    days = pd.date_range("2024-01-01", periods=30, freq="D")
    for times in (days, days.to_period("D")):
        index = pd.MultiIndex.from_product([times, ["north", "south"]], names=["day", "shop"])
        with pytest.raises(
            ValueError, match=r"level 0 \('day'\) holds times.*'north'. Swap them: X.swaplevel\(0, -1\)"
        ):
            make_forecaster(teacher=None).fit(pd.DataFrame({"load": np.arange(60.0)}, index=index))


def test_a_list_of_1d_arrays_is_asked_about():
    for given in ([np.arange(50.0)] * 3, (np.arange(50.0),)):
        with pytest.raises(ValueError, match=r"1-D arrays, which could be series or rows.*np.stack"):
            make_forecaster(teacher=None).fit(given)


@pytest.mark.parametrize(
    "bad", [np.ones((40, 3)), np.empty((0, 2)), np.ones((40, 2), dtype=complex)], ids=["columns", "rows", "complex"]
)
def test_errors_of_arrays_in_a_panel_name_the_series(bad):
    with pytest.raises(ValueError, match=r"series 'shop 7'(:| has)"):
        make_forecaster(teacher=None).fit({"shop 3": make_series(40, 2), "shop 7": bad})


def test_a_mask_is_no_list_of_targets():
    for mask in ([False, True], np.array([True, False])):
        with pytest.raises(TypeError, match="not a mask"):
            make_forecaster(teacher=None, targets=mask).fit(make_series(60, 2))


@pytest.mark.parametrize("parameter", ["targets", "known_covariates"])
def test_sets_of_columns_which_have_no_order_are_refused(parameter):
    with pytest.raises(TypeError, match=f"{parameter} of DistilledForecaster must be a list .* which has no order"):
        make_forecaster(teacher=None, **{parameter: {0, 1}}).fit(make_series(60, 3))


def test_where_columns_are_named_by_numbers_a_number_is_no_position():
    frame = make_frame(n_channels=3).set_axis([1, 2, 3], axis=1)
    forecaster = make_forecaster(targets=[3, 1]).fit(frame)
    assert forecaster.targets_ == (2, 0)
    assert ForecastScorer(channels=[1])(forecaster, frame) == pytest.approx(
        -forecast_errors(forecaster, frame, per="channel")[1]
    )
    for wrong in ({"targets": [0, 2]}, {"targets": [1], "known_covariates": [0]}):
        with pytest.raises(ValueError, match=r"so that a number is no position; got 0, and the columns are \[1, 2"):
            make_forecaster(**wrong).fit(frame)
    with pytest.raises(ValueError, match=r"must be among \[3, 1\]; got 0"):
        ForecastScorer(channels=[0, 1])(forecaster, frame)
    with pytest.raises(ValueError, match=r"must be among \[3, 1\]; got 0"):
        ForecastDisplay.from_estimator(forecaster, frame, channel=0)


def test_the_text_of_a_number_names_a_column_and_no_other_position():
    frame = make_frame(n_channels=3).set_axis(["1", "2", "3"], axis=1)  # as of a CSV file
    assert make_forecaster(targets=["1"]).fit(frame).targets_ == (0,)
    assert make_forecaster(targets=[0]).fit(frame).targets_ == (0,)
    with pytest.raises(ValueError, match=r"no position; got 1, and the columns are \['1', '2', '3'\]"):
        make_forecaster(targets=[1]).fit(frame)
    forecaster = make_forecaster(targets=[0, 1]).fit(frame.set_axis(["0", "1", "2"], axis=1))
    assert forecaster.targets_ == (0, 1)


def test_updates_go_on_with_the_series_of_fit():
    series = make_series(90)
    forecaster = make_forecaster(teacher=None, student="linear", validation_fraction=0).fit({"a": series[:60]})
    forecaster.partial_fit({"a": series[60:70]})
    with pytest.raises(ValueError, match="continues series 'a'; got series 'b'"):
        forecaster.partial_fit({"b": series[70:]})
    np.testing.assert_array_equal(forecaster.partial_fit(series[70:]).scaling_.mean_, forecaster.scaling_.mean_)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_taken_without_scikit_learn_are_those_it_would_take(named, dtype):
    frame = make_frame().astype(dtype)
    frame = frame if named else frame.set_axis(range(frame.shape[1]), axis=1)
    forecaster = make_forecaster(teacher=None, student="linear").fit(frame)
    for table in [frame, frame[::2], frame.iloc[:, :1].assign(**{"c1": frame.iloc[:, 1]}) if named else frame.copy()]:
        own, theirs = _plain_values(forecaster, table), validate_data(forecaster, table, reset=False, **FLOATS)
        np.testing.assert_array_equal(own, theirs, strict=True)
        assert own.flags["C_CONTIGUOUS"] == theirs.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("unit", ["datetime64[s]", "timedelta64[s]"])
def test_arrays_of_times_are_no_numbers(unit):
    times = make_series(60, 1).astype(unit)
    for X in (times, [times], {"a": times}):
        with pytest.raises(ValueError, match="must be numbers; got an array of"):
            make_forecaster(teacher=None).fit(X)
    with pytest.raises(ValueError, match="y must be numbers"):
        DistilledRegressor(None).fit(np.ones((60, 4)), times)


def test_other_tables_are_left_to_scikit_learn():
    frame = make_frame()
    named, bare = (make_forecaster(teacher=None, student="linear").fit(one) for one in (frame, frame.to_numpy()))
    assert _plain_values(bare, frame.to_numpy()) is not None
    for forecaster, table in [
        (named, frame[["c1", "c0"]]),
        (named, frame.astype("Float64")),
        (named, frame.assign(c1=1)),
        (named, frame[:0]),
        (bare, frame),
        (bare, frame.to_numpy()[:, :1]),
        (bare, frame.to_numpy()[:, 0]),
        (bare, frame.to_numpy().astype(int)),
        (bare, np.ma.masked_invalid(frame.to_numpy())),
        (bare, frame.to_numpy().tolist()),
    ]:
        assert _plain_values(forecaster, table) is None


@pytest.mark.parametrize("kind", ["int32", "bool"])
def test_missing_values_of_arrow_types_are_missing(kind):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    frame = pd.DataFrame({"y": np.sin(np.arange(60) / 3), "c": (np.arange(60) // 3 % 2).astype(float)})
    frame.loc[::9, "c"] = np.nan
    typed = frame.assign(c=frame["c"].convert_dtypes().astype({"int32": "Int32", "bool": "boolean"}[kind]))
    typed["c"] = typed["c"].astype(f"{kind}[pyarrow]")
    forecaster = DistilledForecaster(None, "linear", "response", targets=["y"], context_length=8, prediction_length=3)
    expected, found = (clone(forecaster).fit(one).predict(one) for one in (frame, typed))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_series_without_an_observed_target_are_named():
    series = make_series(90, 2)
    empty = series.copy()
    empty[:, 0] = np.nan
    forecaster = make_forecaster(teacher=None, student="linear", targets=[0])
    with pytest.warns(UserWarning, match="1 of 2 series have no observed target in their training rows.*: series 'b'"):
        forecaster.fit({"a": series, "b": empty})


def test_an_array_after_a_fit_on_a_frame_needs_no_more_checks_than_after_an_array(monkeypatch):
    series = make_series()
    frame = pd.DataFrame(series, columns=["a", "b"][: series.shape[1]])
    forecaster = make_forecaster(teacher=None, student="linear").fit(frame)
    monkeypatch.setattr("skdistill.data._inputs.validate_data", lambda *a, **k: pytest.fail("slower than a forecast"))
    with pytest.warns(UserWarning, match="X does not have valid feature names, but DistilledForecaster was fitted"):
        forecast = forecaster.predict(series)
    np.testing.assert_array_equal(forecast, forecaster.predict(frame))


def test_series_of_the_same_times_share_one_index_and_others_keep_theirs():
    frame = make_frame()[["c0"]]
    later = frame.shift(freq="D")
    members = [(frame, frame + 1, frame - 1), (frame, later, frame - 1), (frame, frame[1:], frame[:-1])]
    panels = [pd.concat(dict(zip("abc", parts, strict=True))) for parts in members]
    forecaster = make_forecaster(teacher=None, student="linear").fit(panels[0])
    indexes = [[one.index for one in read_series(forecaster, X, reset=False, allow_batch=False).series] for X in panels]
    assert [len({id(index) for index in of_panel[1:]}) for of_panel in indexes] == [1, 2, 2]
    for panel in panels:
        apart = {name: forecaster.predict(panel.loc[[name]]) for name in "abc"}
        pd.testing.assert_frame_equal(forecaster.predict(panel), pd.concat(list(apart.values())))


def test_arrays_of_a_list_are_read_alike_and_a_wrong_one_is_named():
    arrays = [make_series(n_channels=1), make_series(n_channels=1) + 1.0, make_series(n_channels=1)[:-1]]
    forecaster = make_forecaster(teacher=None, student="linear").fit(arrays)
    for forecast, one in zip(forecaster.predict(arrays), arrays, strict=True):
        np.testing.assert_allclose(forecast, forecaster.predict(one), rtol=1e-6)
    with pytest.raises(ValueError, match=r"X\[1\] has 2 features"):
        forecaster.predict([arrays[0], np.ones((40, 2))])
    with pytest.raises(ValueError, match=r"X\[1\] contains infinity"):
        forecaster.predict([arrays[0], np.where(arrays[1] > 1, np.inf, arrays[1])])
    with pytest.raises(ValueError, match=r"X\[1\] has no rows"):
        forecaster.predict([arrays[0], arrays[0][:0]])
