"""``bounds=``: the same clipped forecasts through every door."""

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sktime.forecasting.base import ForecastingHorizon

import skdistill
from skdistill import DistilledForecaster, DistilledForecasterCV, DistilledRegressor, load
from skdistill.comparison import compare, rolling_forecasts
from skdistill.deploy import NumpyStudent
from skdistill.losses import QuantileDistill, Supervised
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import MLP, ITransformer
from skdistill.serving._model import open_model
from skdistill.sktime import SktimeDistilledForecaster

LOW, HIGH = 4.9, 5.2  # inside the wave of make_frame
SMALL = {"teacher": None, "loss": Supervised(), "validation_fraction": 0.2}
WARNED = pytest.mark.filterwarnings("ignore:.*lie outside bounds:UserWarning")


def panel():
    return pd.concat({name: make_frame(60, 2, seed) for name, seed in (("a", 0), ("b", 1))}, names=["shop"])


def fit(bounds=(LOW, HIGH), X=None, **changes):
    return make_forecaster(**{**SMALL, "bounds": bounds, **changes}).fit(panel() if X is None else X)


def clipped(free, low=LOW, high=HIGH):
    return np.clip(np.asarray(free), low, high)


@WARNED
@pytest.mark.parametrize("scaling", ["global", "series", "window"])
@pytest.mark.parametrize(
    "student",
    [MLP(hidden_size=4, kernel_size=5), ITransformer(hidden_size=8, n_heads=2, n_layers=1)],
)
def test_forecasts_are_those_without_bounds_clipped(student, scaling, tmp_path):
    settings = {"student": student, "scaling": scaling, "max_epochs": 1}
    free, bound = fit(None, **settings), fit(**settings)
    expected = clipped(free.predict(panel()))
    assert not np.array_equal(expected, free.predict(panel()))
    np.testing.assert_array_equal(bound.predict(panel()), expected)
    for name, rows in panel().groupby(level=0):
        one = {name: rows.droplevel(0)}
        np.testing.assert_array_equal(bound.backtest(one)[name], clipped(free.backtest(one)[name]))
    bound.save(tmp_path / "student.skdistill")
    np.testing.assert_array_equal(skdistill.load(tmp_path / "student.skdistill").predict(panel()), expected)


@WARNED
def test_quantiles_and_intervals_are_clipped_and_stay_in_order():
    settings = {"quantiles": (0.1, 0.5, 0.9), "calibration": "rolling", "student": "linear"}
    free, bound = fit(None, **settings), fit(**settings)
    np.testing.assert_array_equal(bound.predict_quantiles(panel()), clipped(free.predict_quantiles(panel())))
    low, high = bound.predict_interval(panel(), coverage=0.8).to_numpy().reshape(-1, 2, 2).transpose(2, 0, 1)
    assert low.min() >= LOW
    assert high.max() <= HIGH
    one = make_frame(60, 2)
    np.testing.assert_allclose(bound.backtest_quantiles(one), clipped(free.backtest_quantiles(one)), rtol=1e-6)


@WARNED
def test_compare_and_stream_see_the_clipped_forecasts():
    free, bound = fit(None, student="linear"), fit((5.0, 5.1), student="linear")
    rows = make_frame(12, 2).to_numpy()
    stream = bound.stream(rows)
    np.testing.assert_array_equal(stream.predict(), clipped(free.stream(rows).predict(), 5.0, 5.1))
    student = [one.compare(panel(), alone=False, n_resamples=3)["mse"].iloc[0] for one in (free, bound)]
    assert student[1] > 1.5 * student[0]


@WARNED
@pytest.mark.parametrize("quantiles", [None, (0.1, 0.5, 0.9)])
@pytest.mark.parametrize("scaling", ["global", "series"])
def test_exports_clip_as_predict_does(scaling, quantiles, tmp_path):
    bound = fit(scaling=scaling, quantiles=quantiles, student="linear")
    windows = np.stack([rows.to_numpy()[-12:] for _, rows in panel().groupby(level=0)])
    ids = ["a", "b"] if scaling == "series" else None
    expected = bound.predict(panel()).to_numpy().reshape(2, 4, 2)
    bound.export(tmp_path / "student.npz")
    student = NumpyStudent.load(tmp_path / "student.npz")
    np.testing.assert_allclose(student.predict(windows, ids), expected, rtol=1e-6)
    assert student.predict(windows, ids).max() == HIGH
    if quantiles is not None:
        assert student.predict_quantiles(windows, ids).max() == HIGH
    served = open_model(tmp_path / "student.npz")
    assert served.forecast(windows).max() <= HIGH


@pytest.mark.slow
@WARNED
def test_a_graph_clips_too(tmp_path):  # tests/test_from_csv_to_forecast.py has ONNX
    bound = fit(bounds=(5.0, None), quantiles=(0.1, 0.9), student="linear")
    bound.export(tmp_path / "student.pt2")
    windows = np.stack([rows.to_numpy(np.float32)[-12:] for _, rows in panel().groupby(level=0)])
    module = torch.export.load(tmp_path / "student.pt2").module()
    forecast, quantiles = (one.numpy() for one in module(torch.from_numpy(windows), series=torch.tensor([0, 1])))
    np.testing.assert_allclose(forecast, bound.predict(panel()).to_numpy().reshape(2, 4, 2), rtol=1e-5)
    assert forecast.min() == quantiles.min() == 5.0


@WARNED
def test_the_regressor_and_sktime_have_them_too():
    windows = np.lib.stride_tricks.sliding_window_view(make_frame(80, 1)["c0"].to_numpy(), 16)
    X, y = windows[:, :12], windows[:, 12:]
    regressors = [
        DistilledRegressor(None, "linear", Supervised(), bounds=bounds).fit(X, y).predict(X)
        for bounds in (None, (LOW, HIGH))
    ]
    np.testing.assert_array_equal(regressors[1], clipped(regressors[0]))
    other = DistilledRegressor(None, "linear", Supervised(), bounds=(10 * LOW, 10 * HIGH)).fit(X, 10 * y).predict(X)
    assert other.min() == 10 * LOW
    settings = {
        "teacher": None,
        "student": "linear",
        "loss": Supervised(),
        "context_length": 12,
        "prediction_length": 4,
    }
    free, bound = (
        SktimeDistilledForecaster(bounds=bounds, **settings).fit(make_frame(60, 1)["c0"], fh=ForecastingHorizon([1, 4]))
        for bounds in (None, (LOW, HIGH))
    )
    np.testing.assert_array_equal(bound.predict(), clipped(free.predict()))


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (2, 1), (float("nan"), None), (0, float("inf"))])
def test_bounds_that_leave_nothing_between_are_refused(bounds):
    with pytest.raises(ValueError, match=r"bounds of DistilledForecaster must (have low < high|be finite)"):
        fit(bounds)


@pytest.mark.parametrize("bounds", [0.0, (0,), (0, 1, 2), ("0", None), "ab", (False, 1)])
def test_bounds_that_are_no_pair_are_refused(bounds):
    with pytest.raises(TypeError, match=r"bounds of DistilledForecaster must be a pair of numbers or None; got"):
        fit(bounds)


def test_training_values_outside_are_told_of():
    with pytest.warns(
        UserWarning, match=r"\d+ of 192 training values .*outside bounds=\(5.0, None\).*row \d+ of series 'a'"
    ):
        fit((5, None), student="linear")


def test_what_is_not_finite_is_told_and_not_clipped():
    frame = 1e-8 * make_frame(120)
    forecaster = fit((0.0, 1.0), frame, student=ITransformer(hidden_size=8, n_heads=2, n_layers=1, time_features=False))
    frame.iloc[-5, 1] = 1e22
    with pytest.raises(ValueError, match=r"has 1e\+22 in row 7, channel 1"):
        forecaster.predict(frame)


@WARNED
def test_a_search_hands_them_to_its_choice():
    X = panel()["c0"].to_frame()
    search = DistilledForecasterCV("linear", None, context_lengths=12, prediction_length=4, bounds=(LOW, HIGH)).fit(X)
    assert search.forecaster_.bounds == (LOW, HIGH)
    assert search.predict(X)["c0"].max() == HIGH
    with pytest.raises(ValueError, match="bounds of DistilledForecasterCV must have low < high"):
        search.set_params(bounds=(1, 0)).fit(X)


@WARNED
def test_teachers_are_judged_within_the_bounds_of_their_students():
    frame = make_frame(80, 1)
    bound = fit(X=frame[:60], teacher=LastValueTeacher(offset=0.4), loss="response")
    table, errors = bound.compare(frame[48:]), []
    for start in range(60, 77):
        errors.append(clipped(bound.predict_teacher(frame[:start])) - frame[start : start + 4])
    assert table.loc["teacher", "mse_original"] == pytest.approx(np.square(errors).mean())
    settings = {"context_lengths": 12, "prediction_length": 4, "bounds": (LOW, HIGH)}
    search = DistilledForecasterCV("linear", "theta", **settings).fit(make_frame(120, 1))
    assert "not tried" not in search.explanation_  # without bounds its error is 7 times the student's


@WARNED
@pytest.mark.parametrize("unit", [1.0, 10.0])
def test_the_teacher_of_a_regressor_is_asked_without_bounds_in_any_units_of_its_targets(unit):
    windows = np.lib.stride_tricks.sliding_window_view(make_frame(80, 1)["c0"].to_numpy(), 16)
    X, y = windows[:, :12], unit * windows[:, 12:]
    free, bound = (
        DistilledRegressor("theta", "linear", bounds=bounds).fit(X, y).predict_teacher(X)
        for bounds in (None, (unit * LOW, unit * HIGH))
    )
    assert free.max() > unit * HIGH
    np.testing.assert_allclose(bound, free, rtol=1e-6)


def test_other_bounds_find_the_student_in_memory_and_other_weights_do_not(tmp_path):
    settings = {"teacher": LastValueTeacher(), "loss": "response", "memory": str(tmp_path)}
    first = fit(None, **settings)
    again = fit((-100.0, 100.0), **settings)
    assert again.history_ == first.history_  # seconds included
    unlike = pd.concat([panel(), pd.concat({"c": make_frame(40, 2, 2)}, names=["shop"])])
    plain, weighted = (fit(None, unlike, series_weight=one, **settings) for one in ("windows", "equal"))
    assert weighted.history_[0]["train_loss"] != plain.history_[0]["train_loss"]


@WARNED
def test_other_bounds_apply_from_the_next_fit_on(tmp_path):
    windows = np.lib.stride_tricks.sliding_window_view(make_frame(80, 1)["c0"].to_numpy(), 16)
    X, y = windows[:, :12], windows[:, 12:]
    for factor in (1, 10):  # targets in the units of the contexts, and in others
        regressor = DistilledRegressor(None, "linear", Supervised(), bounds=(factor * LOW, factor * HIGH))
        expected = regressor.fit(X, factor * y).predict(X)
        assert expected.min() == factor * LOW
        regressor.save(tmp_path / "student")
        np.testing.assert_array_equal(load(tmp_path / "student").predict(X), expected)
        np.testing.assert_array_equal(regressor.set_params(bounds=None).predict(X), expected)
        regressor.save(tmp_path / "student")
        np.testing.assert_array_equal(load(tmp_path / "student").predict(X), expected)


def test_a_file_of_a_regressor_without_its_bounds_is_refused(tmp_path):
    windows = np.lib.stride_tricks.sliding_window_view(make_frame(80, 1)["c0"].to_numpy(), 16)
    regressor = DistilledRegressor(None, "linear", Supervised()).fit(windows[:, :12], windows[:, 12:])
    del regressor._target_bounds  # as earlier states had none
    with pytest.raises(ValueError, match="without its bounds of targets: fit and save again"):
        regressor.save(tmp_path / "student")  # which reads its file


@pytest.mark.parametrize("method", ["refresh", "partial_fit"])
@pytest.mark.parametrize("of_panel", [False, True])
def test_new_rows_outside_are_told(method, of_panel):
    X = make_frame(80)
    old, new = X[:70], X[70:] - 100
    if of_panel:
        old, new = (pd.concat({"a": rows, "b": rows}, names=["shop"]) for rows in (old, new))
    fitted = DistilledForecaster(None, "linear", context_length=12, prediction_length=4, bounds=(-50, None)).fit(old)
    with pytest.warns(
        UserWarning, match=rf"training values of the targets lie outside .*row 0 of {'series' if of_panel else 'X'}"
    ):
        getattr(fitted, method)(new)


def test_first_rows_of_partial_fit_outside_are_told():
    forecaster = DistilledForecaster(None, "linear", context_length=12, prediction_length=4, bounds=(-50, None))
    with pytest.warns(UserWarning, match="80 of 160 training values of the targets lie outside"):
        forecaster.partial_fit(make_frame(80, 2) - [0.0, 100.0])


@pytest.mark.parametrize("method", ["partial_fit", "refresh"])
def test_new_rows_of_covariates_have_no_bounds(method, recwarn):
    settings = {"context_length": 12, "prediction_length": 4, "bounds": (-50, None), "targets": ["c0"]}
    forecaster = DistilledForecaster(None, "linear", **settings)
    X = make_frame(80, 2) - [0.0, 100.0]
    getattr(forecaster.fit(X[:70]), method)(X[70:])
    assert not [one for one in recwarn if "outside bounds" in str(one.message)]


JUDGES = {
    "score": lambda fitted, X: fitted.score(X),
    "compare": lambda fitted, X: fitted.compare(X, alone=False),
    "compare of a pipeline": lambda fitted, X: compare(
        {"student": make_pipeline(FunctionTransformer(), fitted)}, X, alone=False
    ),
    "rolling_forecasts": rolling_forecasts,
    "scorer": lambda fitted, X: RollingOriginSplit(2, 12, 4).scorer("mae")(fitted, X),
    "calibrate": lambda fitted, X: fitted.calibrate(X),
}


@pytest.mark.parametrize("door", JUDGES)
def test_truth_outside_is_told_where_forecasts_are_judged(door, recwarn):
    settings = {
        "context_length": 12,
        "prediction_length": 4,
        "bounds": (-50, None),
        "quantiles": (0.1, 0.5, 0.9),
        "calibration": "conformal",
    }
    fitted = DistilledForecaster(
        None, "linear", QuantileDistill(), targets=["c0"], max_epochs=1, random_state=0, **settings
    )
    frame = make_frame(160, 2)
    fitted.fit(frame[:80])
    inside = frame[80:] - [0.0, 100.0]  # covariates have no bounds
    JUDGES[door](fitted, inside)
    assert not [one for one in recwarn if "outside bounds" in str(one.message)]
    outside = inside.copy()
    outside.iloc[30:33, 0] -= 100
    with pytest.warns(UserWarning, match=r"3 of 80 values of the targets lie outside .* in row 30 of X: no forecast"):
        JUDGES[door](fitted, outside)


def test_backtest_quantiles_tells_of_truth_outside_where_it_calibrates(recwarn):
    """With rolling offsets, windows of the given series are calibrated on; with others, they are not."""
    frame = make_frame(160, 2)
    outside = frame[80:].copy()
    outside.iloc[30:33, 0] -= 200
    lengths = {"context_length": 12, "prediction_length": 4, "validation_fraction": 0.5}
    settings = {"bounds": (-50, None), "quantiles": (0.1, 0.5, 0.9), "max_epochs": 1, "random_state": 0, **lengths}
    for calibration, n_told in (("conformal", 0), ("rolling", 1)):
        fitted = DistilledForecaster(None, "linear", QuantileDistill(), calibration=calibration, **settings)
        fitted.fit(frame[:80]).backtest_quantiles(outside, step=20)
        told = [str(one.message) for one in recwarn if "outside bounds" in str(one.message)]
        assert len(told) == n_told
    assert "3 of 160 values of the targets lie outside bounds=(-50.0, None)" in told[0]


def test_a_regressor_tells_of_truth_outside():
    X, y = (
        np.lib.stride_tricks.sliding_window_view(np.sin(np.arange(60.0)), 8)[part] for part in (np.s_[:-8], np.s_[8:])
    )
    outside = np.where(np.arange(y.size).reshape(y.shape) == 5, 3.0, y)
    settings = {"quantiles": (0.1, 0.5, 0.9), "calibration": "conformal", "max_epochs": 1}
    fitted = DistilledRegressor(None, "linear", QuantileDistill(), bounds=(-1, 1), **settings).fit(X, y)
    for judge in (fitted.score, fitted.calibrate):
        with pytest.warns(UserWarning, match=r"1 of 360 values of the targets lie outside bounds=\(-1.0, 1.0\)"):
            judge(X, outside)
