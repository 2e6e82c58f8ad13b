"""Exports answer as the student does, in another runtime."""

import hashlib
import json
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series
from sklearn.preprocessing import StandardScaler

from skdistill import DistilledRegressor, load_numpy
from skdistill.core import NetworkSpec
from skdistill.deploy import _export, fuse
from skdistill.deploy._modules import deployed_module
from skdistill.networks import MLP, DLinear, ITransformer, Linear

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

WINDOWS = np.stack([make_series(12, seed=seed) for seed in range(5)]).astype(np.float32)


def make(student, **changes):
    return make_forecaster(teacher=None, student=student, **changes).fit(make_frame())


def run(path, windows):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["forecast"], {"context": windows})[0]


@pytest.mark.parametrize(
    "student",
    [
        pytest.param(MLP(4, kernel_size=5, normalization="revin"), id="two matrices, with spread"),
        pytest.param(DLinear(individual=True), id="one matrix per channel", marks=pytest.mark.slow),
        pytest.param(ITransformer(8, n_heads=2, time_features=False), id="not fused", marks=pytest.mark.slow),
    ],
)
def test_onnx_answers_as_the_student(student, tmp_path):
    forecaster = make(student, targets=["c1"])
    report = forecaster.export(tmp_path / "student.onnx")
    assert report.difference < 1e-5
    assert report.bytes == (tmp_path / "student.onnx").stat().st_size
    assert report.sha256 == hashlib.sha256((tmp_path / "student.onnx").read_bytes()).hexdigest()
    for windows in (WINDOWS, WINDOWS[:1], WINDOWS[:4]):
        np.testing.assert_allclose(run(tmp_path / "student.onnx", windows), forecaster.predict(windows), atol=1e-5)
    props = {one.key: json.loads(one.value) for one in onnx.load(tmp_path / "student.onnx").metadata_props}
    assert props["skdistill.context_shape"] == ["batch", 12, 2]
    assert props["skdistill.forecast_shape"] == ["batch", 4, 1]
    assert props["skdistill.channels"] == ["c0", "c1"]
    assert props["skdistill.targets"] == ["c1"]


@pytest.mark.slow
@pytest.mark.parametrize("normalization", ["mean", "revin"], ids=["product of matrices", "no product"])
def test_onnx_of_a_network_on_a_linear_map_for_every_target(normalization, tmp_path):
    options = {"batch_norm": False, "decomposition": False, "normalization": normalization}
    student = MLP(4, **options, linear_skip=Linear(individual=True))
    spec = NetworkSpec(12, 4, 2)
    assert (fuse(student.build(spec), spec) is None) == (normalization == "revin")
    assert make(student).export(tmp_path / "student.onnx").difference < 1e-5


@pytest.mark.slow
def test_int8_reports_what_it_costs(tmp_path, monkeypatch):
    forecaster = make(MLP(64, kernel_size=5))
    monkeypatch.setattr(_export, "_onnx_bytes", lru_cache(_export._onnx_bytes))  # an export takes seconds
    path = tmp_path / "student.onnx"
    plain = forecaster.export(path)
    report = forecaster.export(path, precision="int8", data=make_frame(seed=3))
    assert report.bytes < plain.bytes
    assert report.mse == pytest.approx(-forecaster.score(make_frame(seed=3)), rel=1e-4)
    assert report.mse_rounded != report.mse
    assert report.mse_rounded == pytest.approx(report.mse, rel=0.2)
    difference = np.abs(run(path, WINDOWS) - forecaster.predict(WINDOWS)).max()
    assert 0 < difference < 0.1


def test_torch_export_answers_as_the_student(tmp_path):
    forecaster = make(MLP(4, kernel_size=5))
    forecaster.export(tmp_path / "student.pt2")
    told = {"skdistill.provenance": ""}
    module = torch.export.load(tmp_path / "student.pt2", extra_files=told).module()
    assert json.loads(told["skdistill.provenance"]) == forecaster.provenance_
    np.testing.assert_allclose(module(torch.from_numpy(WINDOWS)), forecaster.predict(WINDOWS), atol=1e-5)


@pytest.mark.parametrize("ids", [[3, 13], ["3", "13"]])
def test_metadata_hold_ids_as_fit_had_them(ids, tmp_path):
    panel = pd.concat({one: make_frame(60, seed=number) for number, one in enumerate(ids)})
    forecaster = make_forecaster(teacher=None, student=Linear(), scaling="series").fit(panel)
    forecaster.export(tmp_path / "student.pt2")
    told = {"skdistill.series_ids": ""}
    torch.export.load(tmp_path / "student.pt2", extra_files=told)
    assert json.loads(told["skdistill.series_ids"]) == ids


def test_a_regressor_exports_too(tmp_path):
    table = np.lib.stride_tricks.sliding_window_view(make_series(n_channels=1)[:, 0], 12)
    fitted = DistilledRegressor(None, DLinear(3), "response", max_epochs=1, random_state=0)
    fitted.fit(table[:, :8], table[:, 8:]).export(tmp_path / "student.pt2")
    module = torch.export.load(tmp_path / "student.pt2").module()
    answer = module(torch.tensor(table[:, :8, None], dtype=torch.float32))[..., 0]
    np.testing.assert_allclose(answer, fitted.predict(table[:, :8]), atol=1e-5)


def test_files_of_a_regressor_tell_the_units_of_its_covariates(tmp_path):
    rows, covariates = make_series(80, 14), 200.0 + 50.0 * make_series(80, seed=1)
    X, y = np.hstack([rows[:, :12], covariates]), rows[:, 12:] + covariates / 100 - 4.5
    regressor = DistilledRegressor(None, Linear(), n_covariates=2, device="cpu").fit(X, y)
    for name in ("file.npz", "file.onnx"):
        regressor.export(tmp_path / name)
    student = load_numpy(tmp_path / "file.npz")
    session = pytest.importorskip("onnxruntime").InferenceSession(tmp_path / "file.onnx")
    roles = json.loads(session.get_modelmeta().custom_metadata_map["skdistill.roles"])
    assert roles == student.roles
    static = (covariates - roles["static_center"]) / roles["static_unit"]
    expected = regressor.predict(X)
    np.testing.assert_allclose(student.predict(X[:, :12, None], static=static)[..., 0], expected, atol=1e-5)
    (answers,) = session.run(None, {"context": np.float32(X[:, :12, None]), "static": np.float32(static)})
    np.testing.assert_allclose(answers[..., 0], expected, atol=1e-4)


def test_a_wrong_export_is_not_written(tmp_path, monkeypatch):
    forecaster = make(DLinear(3))
    right = _export._numpy_bytes

    def wrong(*arguments):
        data, predict = right(*arguments)
        return data, lambda windows: predict(windows) + 0.01

    monkeypatch.setattr(_export, "_numpy_bytes", wrong)
    with pytest.raises(RuntimeError, match="nothing was written"):
        forecaster.export(tmp_path / "student.npz")
    assert not list(tmp_path.iterdir())


def test_a_context_of_one_row_is_no_wrong_export(tmp_path):
    settings = {"student": Linear("last"), "context_length": 1, "prediction_length": 2}
    forecaster = make_forecaster(teacher=None, **settings).fit(make_series(80, 5))
    assert forecaster.export(tmp_path / "student.npz").difference < 1e-5


@pytest.mark.filterwarnings("ignore:scaling='window' scales contexts")
@pytest.mark.parametrize("quantiles", [None, (0.1, 0.5, 0.9)])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_context_with_one_observed_row_and_a_unit_of_its_own_is_no_wrong_export(rows, quantiles, tmp_path):
    settings = {"context_length": rows, "prediction_length": 2, "scaling": "window", "quantiles": quantiles}
    forecaster = make_forecaster(teacher=None, student=MLP(4), **settings, validation_fraction=0).fit(make_frame())
    assert forecaster.export(tmp_path / "student.npz").difference < 1e-5


def test_what_cannot_be_exported_says_why(tmp_path):
    with pytest.raises(ValueError, match=r"path of export must end in one of \.npz, \.onnx, \.pt2, \.h; got '.*\.txt'"):
        make(DLinear(3)).export(tmp_path / "student.txt")
    with pytest.raises(ValueError, match=r"transformer=StandardScaler\(\) cannot be exported.*SquareRoot"):
        make(DLinear(3), transformer=StandardScaler()).export(tmp_path / "student.onnx")
    with pytest.raises(ValueError, match="calendar features cannot be exported"):
        make(ITransformer(8, n_heads=2)).export(tmp_path / "student.onnx")
    with pytest.raises(ValueError, match="needs a student that can be fused"):
        make(ITransformer(8, n_heads=2, time_features=False)).export(tmp_path / "student.npz")
    with pytest.raises(ValueError, match=r"precision of export must be one of float32 for \.pt2 files; got 'int8'"):
        make(DLinear(3)).export(tmp_path / "student.pt2", precision="int8")
    with pytest.raises(ValueError, match="data of export must be a series of at least 16 finite rows and 2 channels"):
        make(DLinear(3)).export(tmp_path / "student.npz", data=np.zeros((15, 2)))


def test_columns_of_the_data_are_checked_as_in_predict(tmp_path):
    forecaster, frame = make(DLinear(3)), make_frame(seed=3)
    path = tmp_path / "student.npz"
    with pytest.raises(ValueError, match="feature names should match"):
        forecaster.export(path, data=frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match=r"data of export must be one series; got a panel of 2.*data\.loc\[\['a'\]\]"):
        forecaster.export(path, data=pd.concat({"a": frame, "b": 2 * frame}))
    assert not path.exists()
    assert forecaster.export(path, data=frame).mse == forecaster.export(path, data=frame.to_numpy()).mse


@pytest.mark.parametrize("student", [Linear(), DLinear(3)], ids=str)
def test_past_covariates_are_read_behind_gaps_too(student):
    """Windows with gaps, and those of series with units of their own, pass through another wrapper."""
    rows = make_series(120)
    rows[::9] = np.nan
    forecaster = make_forecaster(teacher=None, student=student, targets=[0]).fit(rows)
    module = deployed_module(forecaster.student_, forecaster.spec_, forecaster.scaling_)
    contexts = np.stack([rows[k : k + 12] for k in range(20)]).astype(np.float32)
    np.testing.assert_allclose(module(torch.from_numpy(contexts)), forecaster.predict(contexts), atol=1e-4)
