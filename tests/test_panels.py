"""Panels as people have them: ids, unlike scales, gaps, short series, through every way in and out."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from doubles import make_series

from skdistill import DistilledForecaster, load
from skdistill.deploy import NumpyStudent, export
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import MLP, DLinear, ITransformer, Linear, NLinear

CONTEXT, HORIZON = 24, 6
LENGTHS = {"tiny": 20, "shop 1": 90, "shop 2": 120, "shop 3": 120}
SCALES = {"tiny": 1.0, "shop 1": 1.0, "shop 2": 1000.0, "shop 3": 0.01}


def make_panel(gaps=0.0, seed=0):
    """Daily series with a weekly season whose scales differ by 100,000."""
    generator = np.random.default_rng(seed)
    frames = {}
    for name, length in LENGTHS.items():
        week = np.sin(2 * np.pi * np.arange(length) / 7) + 0.1 * generator.normal(size=length)
        values = SCALES[name] * (5.0 + week)
        values[generator.random(length) < gaps] = np.nan
        frames[name] = pd.DataFrame({"sales": values}, index=pd.date_range("2024-01-01", periods=length, freq="D"))
    return pd.concat(frames, names=["series", "time"])


def make_forecaster(**changes):
    settings = {"teacher": None, "student": Linear(), "loss": "response", "random_state": 0, "max_epochs": 3}
    lengths = {"context_length": CONTEXT, "prediction_length": HORIZON, "validation_fraction": HORIZON}
    return DistilledForecaster(**{**settings, **lengths, **changes})


def truth_of(panel):
    return {name: panel.loc[name].to_numpy()[-HORIZON:, 0] for name in LENGTHS}


def without_end(panel):
    return panel.groupby(level=0, sort=False, group_keys=False).apply(lambda one: one.iloc[:-HORIZON])


def test_forecasts_of_a_panel_are_a_panel_that_goes_on():
    panel = make_panel()
    forecast = make_forecaster().fit(panel).predict(panel)
    assert forecast.index.names == ["series", "time"]
    assert list(forecast.index.unique("series")) == list(LENGTHS)
    for name in LENGTHS:
        last = panel.loc[name].index[-1]
        expected = pd.date_range(last + pd.Timedelta(days=1), periods=HORIZON, freq="D")
        pd.testing.assert_index_equal(forecast.loc[name].index, expected, check_names=False)


@pytest.mark.parametrize("student", [Linear(), MLP(8), DLinear(3), NLinear(), ITransformer(8, n_heads=2)])
def test_series_of_unlike_scale_are_all_forecast_in_their_own_units(student):
    panel = make_panel()
    known = without_end(panel)
    forecast = make_forecaster(student=student, max_epochs=15, lr=0.01).fit(known).predict(known)
    for name, truth in truth_of(panel).items():
        error = np.abs(forecast.loc[name].to_numpy()[:, 0] - truth).mean() / SCALES[name]
        assert error < 0.6, name  # the season's amplitude is 1


def test_forecasts_follow_a_change_of_units_of_one_series():
    panel = make_panel()
    changed = panel * np.where(panel.index.get_level_values(0) == "shop 1", 256.0, 1.0)[:, None]
    one, other = (make_forecaster().fit(rows).predict(rows) for rows in (panel, changed))
    np.testing.assert_allclose(other.loc["shop 1"], 256.0 * one.loc["shop 1"], rtol=1e-5)
    np.testing.assert_allclose(other.loc["shop 2"], one.loc["shop 2"], rtol=1e-5)


def test_every_form_of_a_panel_gives_the_same_forecasts():
    panel = make_panel()
    frames = {name: panel.loc[name] for name in LENGTHS}
    forecaster = make_forecaster(scaling="window")
    of_frame = forecaster.fit(panel).predict(panel)
    of_dict = make_forecaster(scaling="window").fit(frames).predict(frames)
    of_list = make_forecaster(scaling="window").fit(list(frames.values())).predict(list(frames.values()))
    assert list(of_dict) == list(LENGTHS)
    for number, name in enumerate(LENGTHS):
        np.testing.assert_allclose(of_dict[name], of_frame.loc[name], rtol=1e-6)
        np.testing.assert_allclose(of_list[number], of_frame.loc[name], rtol=1e-6)


def test_rows_in_another_order_are_the_same_panel():
    panel = make_panel()
    mixed = panel.sort_index(level="time", kind="stable")  # the series interleaved, each in order of time
    one, other = (make_forecaster().fit(rows).predict(rows) for rows in (panel, mixed))
    np.testing.assert_allclose(other.loc[one.index], one, rtol=1e-5)


def test_a_series_that_fit_has_not_seen_is_scaled_by_its_context():
    panel = make_panel()
    forecaster = make_forecaster().fit(panel)
    strange = {"new": 1e6 * panel.loc["shop 1"]}
    known = {"new": panel.loc["shop 1"]}
    np.testing.assert_allclose(forecaster.predict(strange)["new"], 1e6 * forecaster.predict(known)["new"], rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_a_short_series_gets_a_forecast(rows):
    panel = make_panel()
    forecast = make_forecaster().fit(panel).predict({"new": panel.loc["shop 2"].iloc[:rows]})["new"]
    assert np.isfinite(forecast.to_numpy()).all()
    assert 1000.0 < forecast.to_numpy().mean() < 9000.0


def test_short_series_serve_training():
    panel = make_panel()
    counts = [
        len(make_forecaster(min_observed=least)._windows_to_fit(panel, None).train.starts) for least in (14, CONTEXT)
    ]
    assert counts[0] > counts[1]


@pytest.mark.parametrize("share", [0.05, 0.3])
@pytest.mark.parametrize("student", [Linear(penalty=[0.01, 0.1, 1.0]), MLP(8), DLinear(3), ITransformer(8, n_heads=2)])
def test_gaps_are_no_obstacle(student, share):
    panel, whole = make_panel(gaps=share), make_panel()
    known = without_end(panel)
    forecast = make_forecaster(student=student, max_epochs=10).fit(known).predict(known)
    for name, truth in truth_of(whole).items():
        error = np.abs(forecast.loc[name].to_numpy()[:, 0] - truth).mean() / SCALES[name]
        assert error < 0.7, name


def test_a_context_without_an_observed_value_is_nan_or_an_error():
    panel = make_panel()
    empty = {"shop 1": panel.loc["shop 1"], "gone": panel.loc["shop 1"] * np.nan}
    forecaster = make_forecaster().fit(panel)
    forecasts = forecaster.predict(empty)
    assert np.isnan(forecasts["gone"].to_numpy()).all()
    assert np.isfinite(forecasts["shop 1"].to_numpy()).all()
    with pytest.raises(ValueError, match=r"series 'gone' has no observed value of target 0.*missing='nan'"):
        forecaster.set_params(missing="raise").predict(empty)


def long_series(panel, forecasts):
    """Give ids, contexts and relative forecasts of the series that fill a context, and the size of the forecasts."""
    ids = [name for name in LENGTHS if LENGTHS[name] >= CONTEXT]
    windows = np.stack([panel.loc[name].to_numpy()[-CONTEXT:] for name in ids])
    wanted = np.stack([forecasts.loc[name].to_numpy() for name in ids])
    return ids, windows, wanted, np.abs(wanted).max(axis=1, keepdims=True)


@pytest.mark.parametrize("scaling", ["global", "series", "window"])
@pytest.mark.parametrize("student", [Linear(), MLP(8)])
def test_saved_students_answer_as_predict_does_on_a_panel_with_gaps(scaling, student, tmp_path):
    panel = make_panel(gaps=0.2)
    forecaster = make_forecaster(scaling=scaling, student=student).fit(panel)
    expected = forecaster.predict(panel)
    forecaster.save(tmp_path / "student.skdistill")
    pd.testing.assert_frame_equal(load(tmp_path / "student.skdistill").predict(panel), expected)
    ids, windows, wanted, size = long_series(panel, expected)
    export(forecaster, tmp_path / "student.npz")
    alone = NumpyStudent.load(tmp_path / "student.npz")
    np.testing.assert_allclose(alone.predict(windows, ids) / size, wanted / size, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("scaling", "student"), [("global", MLP(8)), ("series", Linear()), ("window", MLP(8))])
def test_onnx_students_answer_as_predict_does_on_a_panel_with_gaps(scaling, student, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs pip install 'skdistill[onnx]'")
    panel = make_panel(gaps=0.2)
    forecaster = make_forecaster(scaling=scaling, student=student).fit(panel)
    ids, windows, wanted, size = long_series(panel, forecaster.predict(panel))
    export(forecaster, tmp_path / "student.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "student.onnx"))
    inputs = {"context": windows.astype(np.float32)}
    if "series" in [one.name for one in session.get_inputs()]:
        names = json.loads(session.get_modelmeta().custom_metadata_map["skdistill.series_ids"])
        inputs["series"] = np.array([names.index(one) for one in ids])
    np.testing.assert_allclose(session.run(None, inputs)[0] / size, wanted / size, atol=1e-4)


def test_quantiles_of_a_panel_are_in_the_units_of_each_series():
    panel = make_panel()
    settings = {"quantiles": (0.1, 0.5, 0.9), "calibration": "conformal", "max_epochs": 8, "validation_fraction": 15}
    forecaster = make_forecaster(student=MLP(8), loss="quantiledistill", **settings).fit(panel)
    quantiles = forecaster.predict_quantiles(panel)
    for name in LENGTHS:
        values = quantiles.loc[name].to_numpy() / SCALES[name]
        assert (np.diff(values, axis=1) >= 0).all()
        assert 1 < values.mean() < 9


def test_folds_cut_every_series_in_time():
    panel = make_panel()
    split = RollingOriginSplit(n_splits=2, context_length=CONTEXT, prediction_length=HORIZON)
    for train, test in split.split(panel):
        for name in LENGTHS:
            own = panel.iloc[train].loc[name].index
            ahead = panel.iloc[test].loc[name].index[-HORIZON:]
            assert own.max() < ahead.min()
    assert panel.iloc[test].loc["tiny"].index[-1] == panel.loc["tiny"].index[-1]


def test_nothing_of_the_validation_or_test_rows_reaches_the_units():
    panel = make_panel()
    changed = panel.copy()
    for name in LENGTHS:
        changed.loc[([name], panel.loc[name].index[-HORIZON:]), :] *= 100.0  # pandas 3.1 drops a level of one id
    units = [make_forecaster().fit(rows).scaling_.series_units_ for rows in (panel, changed)]
    np.testing.assert_array_equal(units[0].unit, units[1].unit)
    np.testing.assert_array_equal(units[0].center, units[1].center)


def test_with_nothing_missing_one_series_is_forecast_to_the_bit_as_a_list_of_one():
    rows = make_panel().loc["shop 1"]
    one, other = make_forecaster().fit(rows), make_forecaster().fit([rows])
    pd.testing.assert_frame_equal(one.predict(rows), other.predict([rows])[0])
    assert one.scaling_.kind == "global"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scaling": "local"}, ValueError, r"scaling of DistilledForecaster must be one of"),
        ({"min_observed": 0}, ValueError, r"min_observed of DistilledForecaster"),
        ({"min_observed": 99}, ValueError, r"min_observed of DistilledForecaster must be at most context_length = 24"),
        ({"missing": "drop"}, ValueError, r"missing of DistilledForecaster must be one of"),
    ],
)
def test_bad_parameters(change, error, message):
    with pytest.raises(error, match=message):
        make_forecaster(**change).fit(make_panel())


@pytest.mark.parametrize(
    ("panel", "error", "message"),
    [
        ({}, ValueError, r"empty dict"),
        ({"a": np.arange(5.0)}, ValueError, r"X\['a'\] must be 2-D"),
        ({"a": [1.0, 2.0]}, TypeError, r"must map each id .*got list for 'a'"),
        (make_panel() * np.nan, ValueError, r"every training value of the targets of the 4 series of X is missing"),
        (make_panel().replace(make_panel().iloc[3, 0], np.inf), ValueError, r"series 'tiny' contains infinity.*row 3"),
        (make_panel().iloc[:0], ValueError, r"empty panel"),
    ],
)
def test_bad_panels(panel, error, message):
    with pytest.raises(error, match=message):
        make_forecaster().fit(panel)


def test_other_columns_are_noticed_by_the_name_of_the_series():
    panel = make_panel()
    forecaster = make_forecaster().fit(panel)
    with pytest.raises(ValueError, match="must have the columns of fit"):
        forecaster.predict(panel.rename(columns={"sales": "profit"}))


@pytest.mark.parametrize("calibration", ["conformal", "rolling"])
def test_calibration_leaves_out_windows_whose_truth_is_not_whole(calibration):
    panel, with_gaps = make_panel(), make_panel()
    row = (slice(None), pd.Timestamp("2024-03-01"))
    with_gaps.loc[row, :] = np.nan
    settings = {"quantiles": (0.2, 0.5, 0.8), "calibration": calibration, "max_epochs": 1, "validation_fraction": 20}
    forecaster = make_forecaster(student=MLP(8), loss="quantiledistill", **settings).fit(with_gaps)
    whole = sum(max(0, length - CONTEXT - HORIZON + 1) for length in LENGTHS.values())
    with pytest.warns(UserWarning, match=r"calibrate leaves out 1 of 4 series.*'tiny' \(20 rows\)"):
        forecaster.calibrate(with_gaps)
    n_touched = 3 * HORIZON  # windows of the three long series whose horizon holds the row
    before = forecaster._windows_to_calibrate(with_gaps, None)
    assert len(before) == whole
    assert len(before.with_whole_truth()) == whole - n_touched
    assert np.isfinite(forecaster.calibration_.offsets).all()
    assert np.isfinite(forecaster.predict_quantiles(panel).to_numpy()).all()
    with pytest.raises(ValueError, match=r"horizon is observed in full, .*; each of the .* windows of X has missing"):
        forecaster.calibrate({"shop 1": panel.loc["shop 1"].where(np.arange(90)[:, None] % 5 > 0)})


def test_rolling_calibration_is_in_the_units_of_each_series():
    panel = make_panel(gaps=0.05)
    settings = {"quantiles": (0.2, 0.5, 0.8), "calibration": "rolling", "max_epochs": 1, "validation_fraction": 20}
    forecaster = make_forecaster(student=MLP(8), loss="quantiledistill", scaling="window", **settings).fit(panel)
    one = panel.loc["shop 3"]
    small, large = (forecaster.backtest_quantiles({"new": factor * one})["new"] for factor in (1.0, 4096.0))
    assert np.isfinite(small).all()
    np.testing.assert_allclose(large, 4096.0 * small, rtol=1e-4)


def test_contexts_longer_than_every_series_are_told():
    panel = {name: make_series(30, 1, seed) for seed, name in enumerate("ab")}
    settings = {"prediction_length": 4, "validation_fraction": 0, "random_state": 0}
    with pytest.warns(UserWarning, match=r"context_length=31 is more than the longest series of X has \(30 rows\)"):
        DistilledForecaster(None, "linear", context_length=31, **settings).fit(panel)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DistilledForecaster(None, Linear(penalty=1.0), context_length=26, **settings).fit(panel)
