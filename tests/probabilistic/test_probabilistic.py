"""Estimators with quantiles: what they answer, that nothing crosses, and that nothing else changes."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from doubles import LastValueTeacher, make_forecaster, make_frame, make_series
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledForecaster, DistilledRegressor, load
from skdistill._predictor import Predictor
from skdistill.core import NetworkSpec
from skdistill.deploy import NumpyStudent, fuse
from skdistill.fused._runtime import fuse_in_units
from skdistill.losses import Pinball, Response, Supervised
from skdistill.metrics import quantile_scores
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import MLP, DLinear, ITransformer, Linear, NLinear, PatchTST
from skdistill.networks._quantile_head import build_module
from skdistill.plotting import ForecastDisplay
from skdistill.sktime import SktimeDistilledForecaster

LEVELS = (0.1, 0.5, 0.9)
MANY = (0.03, 0.1, 0.3, 0.6, 0.75, 0.9)
SMALL_TRANSFORMER = ITransformer(hidden_size=4, n_layers=1, n_heads=2)
STUDENTS = [
    DLinear(3),
    NLinear(),
    MLP(4, kernel_size=3),
    MLP(4, normalization="revin", decomposition=False),
    Linear(solver="gradient"),
    SMALL_TRANSFORMER,
    PatchTST(hidden_size=4, n_layers=1, n_heads=2, patch_size=4, patch_stride=2),
]


def table(n_channels=1):
    return np.lib.stride_tricks.sliding_window_view(make_series(n_channels=1)[:, 0], 16).copy()


# -- the head --------------------------------------------------------------------------------------


@pytest.mark.parametrize("point_forecast", ["median", "mean"])
@pytest.mark.parametrize("levels", [LEVELS, MANY, (0.5, 0.9), (0.1, 0.4), (0.7, 0.8)])
def test_quantiles_cannot_cross_whatever_the_weights(levels, point_forecast):
    torch.manual_seed(0)
    spec = NetworkSpec(8, 3, 4, targets=(2, 0), quantiles=levels, point_forecast=point_forecast)
    module = build_module(DLinear(3), spec).eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=3.0)
    output = module(10.0 * torch.randn(50, 8, 4))
    assert output.quantiles.shape == (50, 3, 2, len(levels))
    assert (output.quantiles.diff(dim=-1) >= 0).all()
    if point_forecast == "median" and 0.5 in levels:
        assert torch.equal(output.quantiles[..., levels.index(0.5)], output.forecast)
    assert (
        build_module(DLinear(3), NetworkSpec(8, 3, 4)).state_dict().keys()
        == DLinear(3).build(NetworkSpec(8, 3, 4)).state_dict().keys()
    )


def test_quantiles_start_from_a_normal_distribution():
    spec = NetworkSpec(8, 3, 2, quantiles=(0.1, 0.4, 0.5, 0.9))
    output = build_module(DLinear(3), spec)(torch.randn(5, 8, 2))
    distances = (output.quantiles - output.forecast.unsqueeze(-1)).detach()
    expected = 0.5 * torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor([0.1, 0.4, 0.5, 0.9]))
    torch.testing.assert_close(distances, expected.expand(5, 3, 2, 4), atol=1e-5, rtol=1e-5)


# -- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("teacher", [None, LastValueTeacher()], ids=["alone", "taught"])
def test_every_student_forecasts_quantiles(student, teacher):
    frame = make_frame()
    forecaster = make_forecaster(teacher=teacher, student=student, quantiles=LEVELS, loss="quantiledistill").fit(frame)
    answer = forecaster.predict_quantiles(frame)
    assert answer.columns.tolist() == [(name, level) for name in ("c0", "c1") for level in LEVELS]
    assert answer.columns.names == ["channel", "quantile"]
    assert answer.index.equals(forecaster.predict(frame).index)
    values = answer.to_numpy().reshape(4, 2, 3)
    assert (np.diff(values, axis=-1) > 0).all()
    np.testing.assert_array_equal(values[..., 1], forecaster.predict(frame).to_numpy())


def test_forms_of_answers():
    series = make_series()
    forecaster = make_forecaster(quantiles=MANY).fit(series)
    one = forecaster.predict_quantiles(series)
    assert one.shape == (4, 2, 6)
    batch = np.stack([series[:40], series[-40:]])
    assert forecaster.predict_quantiles(batch).shape == (2, 4, 2, 6)
    np.testing.assert_allclose(forecaster.predict_quantiles(batch)[1], one, rtol=1e-6)
    assert forecaster.predict_quantiles(batch.astype(np.float32)).dtype == np.float32
    several = forecaster.predict_quantiles([series, series[:50]])
    assert isinstance(several, list)
    np.testing.assert_allclose(several[0], one, rtol=1e-6)
    assert forecaster.backtest_quantiles(series, step=3).shape == (35, 4, 2, 6)
    np.testing.assert_allclose(forecaster.backtest_quantiles(series)[-1], forecaster.predict_quantiles(series[:-4]))
    vector = make_forecaster(quantiles=LEVELS, calibration="conformal").fit(make_frame(n_channels=1)["c0"])
    answer = vector.predict_quantiles(make_frame(n_channels=1)["c0"])
    assert answer.columns.tolist() == [("c0", level) for level in LEVELS]


def test_quantiles_of_a_panel_are_found_in_one_batch(monkeypatch):
    series = {"a": make_frame(), "b": 10.0 * make_frame(90, seed=1), "c": make_frame(60, seed=2).to_numpy()}
    forecaster = make_forecaster(quantiles=LEVELS, teacher=None).fit({"a": series["a"], "b": series["b"]})
    alone = {name: forecaster.predict_quantiles({name: one})[name] for name, one in series.items()}
    calls, forecast = [], Predictor.forecast_quantiles
    monkeypatch.setattr(Predictor, "forecast_quantiles", lambda *a: calls.append(len(a[1])) or forecast(*a))
    with pytest.warns(UserWarning, match="valid feature names"):
        together = forecaster.predict_quantiles(series)
    assert calls == [3]
    for name in "ab":
        pd.testing.assert_frame_equal(together[name], alone[name], rtol=1e-5)
    np.testing.assert_allclose(together["c"], alone["c"], rtol=1e-5)
    frame = pd.concat({name: series[name] for name in "ab"}, names=["series", "time"])
    pd.testing.assert_frame_equal(forecaster.predict_quantiles(frame).loc["b"], alone["b"], rtol=1e-5, check_freq=False)


def test_levels_between_those_fitted_are_interpolated():
    series = make_series()
    forecaster = make_forecaster(quantiles=MANY).fit(series)
    fitted = forecaster.predict_quantiles(series)
    np.testing.assert_array_equal(forecaster.predict_quantiles(series, (0.1, 0.6)), fitted[..., [1, 3]])
    between = forecaster.predict_quantiles(series, [0.05, 0.5])
    assert ((fitted[..., 0] < between[..., 0]) & (between[..., 0] < fitted[..., 1])).all()
    interval = forecaster.predict_interval(series, 0.8)
    np.testing.assert_allclose(interval, fitted[..., [1, 5]], rtol=1e-12)
    narrow = forecaster.predict_interval(make_series(), coverage=0.5)
    assert (narrow[..., 1] - narrow[..., 0] < interval[..., 1] - interval[..., 0]).all()
    frame = make_frame()
    named = make_forecaster(quantiles=LEVELS).fit(frame).predict_interval(frame)
    assert named.columns.tolist() == [(name, bound) for name in ("c0", "c1") for bound in ("lower", "upper")]


def test_the_point_can_be_the_mean():
    """On skewed noise, the mean lies above the median."""
    generator = np.random.default_rng(0)
    series = 5.0 + generator.exponential(size=(600, 1))
    settings = {
        "teacher": None,
        "student": DLinear(3),
        "quantiles": LEVELS,
        "max_epochs": 15,
        "lr_schedule": "constant",
    }
    mean = make_forecaster(**settings, loss="quantiledistill", point_forecast="mean").fit(series)
    assert "train_supervised" in mean.history_[0]
    median = make_forecaster(**settings, loss="quantiledistill").fit(series)
    assert "train_supervised" not in median.history_[0]
    quantiles = mean.predict_quantiles(series)
    assert (mean.predict(series) - quantiles[..., 1]).mean() == pytest.approx(1 - np.log(2), abs=0.15)
    np.testing.assert_allclose(median.predict_quantiles(series)[..., 1], median.predict(series))
    assert (np.diff(quantiles, axis=-1) > 0).all()


def test_trained_quantiles_cover_what_they_should():
    series = make_series(1500, 1)
    forecaster = make_forecaster(
        teacher=None, student=Linear(season=12, solver="gradient"), quantiles=LEVELS, max_epochs=10, loss=Pinball()
    ).fit(series[:1000])
    quantiles = forecaster.backtest_quantiles(series[988:])
    truth = np.lib.stride_tricks.sliding_window_view(series[1000:], 4, axis=0).transpose(0, 2, 1)
    scores = quantile_scores(truth, quantiles, LEVELS)
    assert scores.coverage == pytest.approx(0.8, abs=0.06)
    assert scores.nominal == pytest.approx(0.8)
    assert scores.width == pytest.approx(2 * 1.2816 * 0.1, rel=0.25)  # the noise has standard deviation .1


def test_validation_is_by_the_pinball_loss():
    series = make_series()
    fitted = make_forecaster(quantiles=LEVELS).fit(series)
    rows = fitted.scaling_.standardize(series)
    truth = np.lib.stride_tricks.sliding_window_view(rows[90:], 4, axis=0).transpose(0, 2, 1)
    quantiles = fitted.backtest_quantiles(series[90 - 12 :])
    standard = (quantiles - fitted.scaling_.mean_[:, None]) / fitted.scaling_.scale_[:, None]
    best = min(epoch["valid_loss"] for epoch in fitted.history_)
    assert quantile_scores(truth, standard, LEVELS).crps == pytest.approx(best, rel=1e-4)


def test_point_forecasts_without_quantiles_have_the_bits_of_before():
    """The head is built after the network, from the same generator, and only where it is asked for."""
    series = make_series()
    plain = make_forecaster().fit(series)
    assert type(plain.student_) is type(MLP(4, kernel_size=5).build(NetworkSpec(12, 4, 2)))
    assert plain.spec_.quantiles is None
    assert list(plain.history_[0]) == [
        "epoch", "dur", "train_loss", "valid_loss", "train_supervised", "train_prediction", "lr"
    ]  # fmt: skip
    torch.manual_seed(0)
    first = MLP(4).build(NetworkSpec(12, 4, 2)).state_dict()
    torch.manual_seed(0)
    second = build_module(MLP(4), NetworkSpec(12, 4, 2, quantiles=LEVELS)).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"quantiles": (0.9, 0.1)}, ValueError, r"quantiles of .* 0.1 does not come after 0.9"),
        ({"quantiles": (0.1, 0.1)}, ValueError, r"quantiles of .* comes twice"),
        ({"quantiles": (0.1, 1.0)}, ValueError, r"quantiles of .* out of range"),
        ({"quantiles": (0.5,)}, ValueError, r"median alone is a point forecast"),
        ({"quantiles": 0.5}, TypeError, r"quantiles of .* of type float"),
        ({"point_forecast": "mode"}, ValueError, r"point_forecast of .* must be one of 'mean', 'median'; got 'mode'"),
        ({"loss": "quantiledistill"}, ValueError, r"needs quantiles of the student, and MLP.*Set quantiles="),
    ],
)
@pytest.mark.parametrize("cls", [DistilledForecaster, DistilledRegressor])
def test_bad_parameters(cls, changes, error, message, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("training started on bad input")

    monkeypatch.setattr("skdistill._distillation.train_network", fail)
    if cls is DistilledForecaster:
        with pytest.raises(error, match=message):
            make_forecaster(**changes).fit(make_series())
    else:
        settings = {"teacher": None, "student": MLP(4), "loss": "response", "random_state": 0, **changes}
        with pytest.raises(error, match=message):
            DistilledRegressor(**settings).fit(table()[:, :12], table()[:, 12:])


def test_asking_without_quantiles():
    fitted = make_forecaster().fit(make_series())
    for ask in (fitted.predict_quantiles, fitted.predict_interval, fitted.backtest_quantiles):
        with pytest.raises(ValueError, match=r"was fitted for point forecasts only: set quantiles=\(0.1, 0.5, 0.9\)"):
            ask(make_series())
    with pytest.raises(NotFittedError):
        make_forecaster(quantiles=LEVELS).predict_quantiles(make_series())


def test_asking_beyond_the_levels_that_were_fitted():
    fitted = make_forecaster(quantiles=LEVELS).fit(make_series())
    with pytest.raises(ValueError, match=r"needs the levels 0.05, outside the range of the fitted levels, 0.1 to 0.9"):
        fitted.predict_quantiles(make_series(), (0.05, 0.5))
    with pytest.raises(ValueError, match=r"coverage of predict_interval: 0.9 needs the levels 0.05, 0.95"):
        fitted.predict_interval(make_series(), 0.9)
    with pytest.raises(ValueError, match=r"coverage of predict_interval must be a number in \(0, 1\); got 80"):
        fitted.predict_interval(make_series(), 80)
    with pytest.raises(ValueError, match="Sort them"):
        fitted.predict_quantiles(make_series(), (0.5, 0.2))


# -- estimators ------------------------------------------------------------------------------------


@pytest.mark.parametrize("student", [DLinear(3), SMALL_TRANSFORMER.__class__(4, n_layers=1, n_heads=2)])
def test_the_regressor_answers_in_the_shape_of_y(student):
    windows = table()
    settings = {"quantiles": LEVELS, "calibration": "conformal", "max_epochs": 1, "random_state": 0}
    regressor = DistilledRegressor(None, student, "quantiledistill", **settings)
    wide = regressor.fit(windows[:, :12], windows[:, 12:])
    assert wide.predict_quantiles(windows[:5, :12]).shape == (5, 4, 3)
    assert wide.predict_interval(windows[:5, :12]).shape == (5, 4, 2)
    assert wide.predict_quantiles(windows[:5, :12], [0.3]).shape == (5, 4, 1)
    assert wide.predict_quantiles(windows[:5, :12]).dtype == np.float64
    np.testing.assert_allclose(wide.predict_quantiles(windows[:5, :12])[..., 1], wide.predict(windows[:5, :12]))
    narrow = regressor.fit(windows[:, :12], windows[:, 12])
    assert narrow.predict_quantiles(windows[:5, :12]).shape == (5, 3)
    cube = regressor.fit(windows[:, :12, None], windows[:, 12:, None])
    assert cube.predict_quantiles(windows[:5, :12, None]).shape == (5, 4, 1, 3)


def test_grids_pickles_and_clones():
    series = make_series(200)
    forecaster = make_forecaster(quantiles=LEVELS, calibration="rolling", loss="quantiledistill")
    split = RollingOriginSplit(n_splits=2, context_length=12, prediction_length=4)
    grid = {"loss__quantile_weight": [0.5, 1.0], "calibration": [None, "conformal"]}
    search = GridSearchCV(forecaster, grid, cv=split, scoring=split.scorer("mse")).fit(series)
    assert search.best_estimator_.predict_quantiles(series).shape == (4, 2, 3)
    fitted = clone(forecaster).fit(series)
    for copy in (pickle.loads(pickle.dumps(fitted)), clone(forecaster).fit(series)):
        np.testing.assert_array_equal(copy.predict_quantiles(series), fitted.predict_quantiles(series))


def test_linear_students_with_quantiles_are_trained_and_say_so():
    series = make_series()
    told = r"trained by gradient descent.* quantiles are trained\. student=MLP\(linear_skip=Linear\(\)"
    with pytest.warns(UserWarning, match=told) as caught:
        make_forecaster(teacher=None, student=Linear(), loss=Supervised(), quantiles=LEVELS).fit(series)
    assert [one.filename for one in caught if "gradient" in str(one.message)] == [__file__]
    with pytest.raises(ValueError, match=r"solver='exact' of Linear is not possible.*Pinball"):
        make_forecaster(teacher=None, student=Linear(solver="exact"), loss=Supervised(), quantiles=LEVELS).fit(series)
    settings = {"teacher": None, "student": Linear(), "loss": Supervised(), "validation_fraction": 0}
    assert hasattr(make_forecaster(**settings), "partial_fit")
    assert not hasattr(make_forecaster(**settings, quantiles=LEVELS), "partial_fit")


def test_sktime_answers_quantiles_and_intervals():
    from sktime.datasets import load_airline

    settings = {"context_length": 24, "prediction_length": 6, "max_epochs": 2, "random_state": 0}
    forecaster = SktimeDistilledForecaster(None, DLinear(3), "quantiledistill", quantiles=LEVELS, **settings)
    assert forecaster.get_tag("capability:pred_int")
    assert not SktimeDistilledForecaster(None).get_tag("capability:pred_int")
    assert SktimeDistilledForecaster.get_class_tag("capability:pred_int")
    assert not forecaster.clone().set_params(quantiles=None).get_tag("capability:pred_int")
    forecaster.fit(load_airline())
    quantiles = forecaster.predict_quantiles(fh=[1, 3], alpha=[0.1, 0.5])
    point = forecaster.predict(fh=[1, 3])
    np.testing.assert_allclose(quantiles.iloc[:, 1], point)
    inner = forecaster.forecaster_.predict_quantiles(load_airline().to_frame("y"))
    np.testing.assert_allclose(quantiles.iloc[:, 0], inner.iloc[[0, 2], 0])
    interval = forecaster.predict_interval(fh=[1, 3], coverage=[0.8, 0.95])
    assert interval.columns.get_level_values(1).unique().tolist() == [0.8, 0.95]
    np.testing.assert_allclose(interval.iloc[:, 0], quantiles.iloc[:, 0])
    assert (interval.iloc[:, 2] < interval.iloc[:, 0]).all()


# -- deployment ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("point_forecast", ["median", "mean"])
@pytest.mark.parametrize(
    ("student", "targets"),
    [(DLinear(3), [2, 0]), (MLP(4, normalization="revin"), [2, 1, 0]), (Linear(solver="gradient"), [2, 0])],
)
def test_every_way_out_gives_the_same_quantiles(student, targets, point_forecast, tmp_path):
    series = make_series(240, 3)
    settings = {
        "targets": targets,
        "quantiles": MANY,
        "point_forecast": point_forecast,
        "calibration": "rolling",
        "student": student,
    }
    forecaster = make_forecaster(**settings, loss="quantiledistill").fit(series)
    expected = forecaster.predict_quantiles(series)
    assert fuse(forecaster.student_, forecaster.spec_) is not None
    forecaster.save(tmp_path / "student.skdistill")
    loaded = load(tmp_path / "student.skdistill")
    np.testing.assert_array_equal(loaded.predict_quantiles(series), expected)
    assert loaded.spec_ == forecaster.spec_
    np.testing.assert_array_equal(loaded.calibration_.errors, forecaster.calibration_.errors)
    loaded.calibrate(series[100:])
    assert forecaster.export(tmp_path / "student.npz").difference < 1e-5
    numpy_student = NumpyStudent.load(tmp_path / "student.npz")
    assert numpy_student.quantile_levels == MANY
    np.testing.assert_allclose(numpy_student.predict_quantiles(series), expected, rtol=1e-5)
    np.testing.assert_allclose(numpy_student.predict(series), forecaster.predict(series), rtol=1e-5)
    assert forecaster.export(tmp_path / "student.pt2").difference < 1e-5
    module = torch.export.load(tmp_path / "student.pt2").module()
    forecast, quantiles = module(torch.tensor(series[None, -12:], dtype=torch.float32))
    np.testing.assert_allclose(quantiles[0], expected, rtol=1e-4)
    np.testing.assert_allclose(forecast[0], forecaster.predict(series), rtol=1e-4)
    np.testing.assert_allclose(forecaster.stream(series).predict_quantiles(), expected, rtol=1e-6)
    assert forecaster.stream(series).predict_quantiles((0.5,)).shape == (4, len(targets), 1)


@pytest.mark.slow
def test_onnx_has_two_outputs(tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="needs pip install 'skdistill[onnx]'")
    series = make_series()
    forecaster = make_forecaster(student=DLinear(3), quantiles=LEVELS, calibration="conformal").fit(series)
    assert forecaster.export(tmp_path / "student.onnx").difference < 1e-5
    session = runtime.InferenceSession(str(tmp_path / "student.onnx"), providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()] == ["forecast", "quantiles"]
    assert session.get_modelmeta().custom_metadata_map["skdistill.quantile_levels"] == "[0.1, 0.5, 0.9]"
    quantiles = session.run(["quantiles"], {"context": series[None, -12:].astype(np.float32)})[0]
    np.testing.assert_allclose(quantiles[0], forecaster.predict_quantiles(series), rtol=1e-5)


def test_fused_quantiles_equal_the_module_and_change_with_the_calibration():
    series = make_series(240)
    forecaster = make_forecaster(quantiles=MANY, calibration="conformal").fit(series)
    calibrated = forecaster.predict_quantiles(series)
    forecaster.calibration_ = None
    plain = forecaster.predict_quantiles(series)
    assert np.abs(plain - calibrated).max() > 1e-3
    standard = torch.from_numpy(forecaster.scaling_.standardize(series[None, -12:]))
    module = forecaster.scaling_.quantiles_to_original(forecaster.student_(standard).quantiles.detach().numpy())
    np.testing.assert_allclose(plain, module[0], rtol=1e-5)
    fused = fuse_in_units(forecaster.student_, forecaster.spec_, forecaster.scaling_)
    with pytest.raises(ValueError, match="this student has no quantiles"):
        NumpyStudent({name: one for name, one in fused.arrays().items() if "quantile" not in name}).predict_quantiles(
            series
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantile_levels", np.array([0.5, 0.1])),
        ("quantile_hidden", np.zeros((3, 12))),
        ("quantile_output_bias", np.zeros((2, 7))),
        ("quantile_unit", np.array([1.0, -1.0])),
        ("quantile_offsets", np.zeros((4, 2, 2))),
        ("quantile_output", None),
    ],
)
def test_numpy_students_refuse_arrays_that_do_not_fit(name, value):
    forecaster = make_forecaster(quantiles=LEVELS).fit(make_series())
    arrays = fuse_in_units(forecaster.student_, forecaster.spec_, forecaster.scaling_).arrays()
    arrays = {key: one for key, one in arrays.items() if key != name} | ({} if value is None else {name: value})
    with pytest.raises(ValueError, match="not a student"):
        NumpyStudent(arrays)


def test_a_file_with_a_foreign_calibration_is_refused(tmp_path, monkeypatch):
    from skdistill.deploy import SavedFileError
    from skdistill.probabilistic import FittedCalibration

    forecaster = make_forecaster(quantiles=LEVELS, calibration="conformal").fit(make_series())
    forecaster.calibration_ = FittedCalibration(np.zeros((4, 2, 2)), 5)
    with pytest.raises(ValueError, match="calibration's offsets are no"):
        forecaster.save(tmp_path / "file")
    forecaster.calibration_ = None
    forecaster.save(tmp_path / "file")
    assert load(tmp_path / "file").calibration_ is None
    joblib.dump(forecaster, tmp_path / "pickle")
    assert issubclass(SavedFileError, ValueError)


# -- comparison and plots --------------------------------------------------------------------------


def test_compare_shows_quantiles_of_those_who_have_them():
    series = make_series(300)
    with_quantiles = make_forecaster(quantiles=LEVELS, calibration="conformal").fit(series[:200])
    wider = make_forecaster(quantiles=(0.05, 0.5, 0.95)).fit(series[:200])
    narrower = make_forecaster(quantiles=(0.2, 0.8)).fit(series[:200])
    from skdistill import compare

    table = compare({"a": with_quantiles, "wider": wider, "narrower": narrower}, series[188:])
    known = table["crps"].notna()
    assert known[["a", "a: alone", "wider"]].all()
    assert not known[["narrower", "a: teacher", "exact linear", "seasonal naive"]].any()
    truth = np.lib.stride_tricks.sliding_window_view(series[200:], 4, axis=0).transpose(0, 2, 1)
    quantiles = with_quantiles.backtest_quantiles(series[188:])
    scores = quantile_scores(truth, quantiles, LEVELS, scale=with_quantiles.scaling_.original_scale_)
    assert table.loc["a", "crps"] == pytest.approx(scores.crps)
    assert table.loc["a", "coverage"] == pytest.approx(scores.coverage)
    assert table.loc["a", "width"] == pytest.approx(scores.width)
    assert "lie between the levels 0.1 and 0.9" in table.summary()
    plain = make_forecaster().fit(series[:200]).compare(series[188:])
    assert "crps" not in plain.columns
    assert "quantile_levels" not in plain.facts


def test_quantile_scores_refuse_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match=r"an axis for 3 levels, \(5, 2, 3\); got \(5, 2, 2\)"):
        quantile_scores(np.zeros((5, 2)), np.zeros((5, 2, 2)), LEVELS)
    hidden = np.ma.masked_equal([[9.0, 0.0]], 9.0)
    assert quantile_scores(hidden, np.ones((1, 2, 1)), (0.5,)).crps == 1.0
    with pytest.raises(ValueError, match="scale of quantile_scores must be above 0; got -2"):
        quantile_scores(np.zeros((5, 2)), np.ones((5, 2, 1)), (0.5,), scale=[1.0, -2.0])
    alone = quantile_scores(np.zeros((5, 2)), np.ones((5, 2, 1)), (0.5,), scale=[1.0, 2.0])
    assert alone.crps == pytest.approx(0.75)
    assert np.isnan(alone.coverage)
    band = np.tile([-1.0, 0.0, 2.0], (5, 2, 1))
    assert quantile_scores(np.zeros((5, 2)), band, LEVELS, scale=[1.0, 4.0]).width == (3 / 1 + 3 / 4) / 2


def test_fan_charts():
    pytest.importorskip("matplotlib", reason="needs pip install 'skdistill[plot]'")
    frame = make_frame(150)
    forecaster = make_forecaster(quantiles=MANY).fit(frame[:120])
    display = ForecastDisplay.from_estimator(forecaster, frame, channel="c1")
    fan = display.fans["student"]
    assert list(fan.columns) == list(MANY)
    start = len(frame) - 4
    np.testing.assert_allclose(fan, forecaster.predict_quantiles(frame[:start])["c1"])
    assert len(display.ax_.collections) == 3  # pairs of six levels
    assert len(ForecastDisplay.from_estimator(make_forecaster().fit(frame[:120]), frame).ax_.collections) == 0
    drawn = ForecastDisplay.from_predictions(
        np.zeros(8), None, {"x": np.zeros(3)}, fans={"x": pd.DataFrame(np.arange(9.0).reshape(3, 3), columns=LEVELS)}
    )
    assert len(drawn.ax_.collections) == 1
    with pytest.raises(ValueError, match="fans of ForecastDisplay must name forecasts"):
        ForecastDisplay.from_predictions(np.zeros(8), None, {"x": np.zeros(3)}, fans={"y": drawn.fans["x"]})


def test_response_alone_gets_a_pinball_term():
    forecaster = make_forecaster(loss=Response(), quantiles=LEVELS).fit(make_series())
    assert "train_pinball" in forecaster.history_[0]
    scaled = make_forecaster(quantiles=LEVELS, transformer=StandardScaler()).fit(make_series())
    np.testing.assert_allclose(
        scaled.predict_quantiles(make_series())[..., 1], scaled.predict(make_series()), rtol=1e-6
    )
