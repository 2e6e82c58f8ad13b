"""Rounded weights: bytes, reported error, tolerance, and products in their precision."""

import functools

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_frame, make_series

import skdistill
from skdistill._utils.numpy_student import NumpyStudent, _few_product
from skdistill.deploy import _export
from skdistill.losses import Pinball
from skdistill.networks import MLP, Linear

WINDOWS = np.stack([make_series(12, seed=seed) for seed in range(4)]).astype(np.float32)


@pytest.fixture(scope="module")
def forecaster():
    return make_forecaster(teacher=None, student=MLP(64, kernel_size=5)).fit(make_frame())


def test_each_precision_takes_its_bytes_and_reports_its_error(forecaster, tmp_path):
    reports = {}
    for precision in ("float32", "bfloat16", "int8"):
        reports[precision] = forecaster.export(
            tmp_path / f"{precision}.npz", precision=precision, data=make_frame(seed=3)
        )
    n_weights = sum(array.size for name, array in load(tmp_path, "int8")._arrays.items() if name[:7] == "weight_")
    sizes = [reports[precision].bytes for precision in ("float32", "bfloat16", "int8")]
    assert sizes[0] - sizes[1] == 2 * n_weights
    assert sizes[1] - sizes[2] < n_weights  # int8 adds a step for each output
    assert reports["float32"].rounding is None
    assert 0 < reports["bfloat16"].rounding < reports["int8"].rounding < 0.1
    for precision in ("bfloat16", "int8"):
        report = reports[precision]
        assert report.precision == precision
        assert report.mse == reports["float32"].mse
        assert report.mse_rounded == pytest.approx(report.mse, rel=0.05)
        assert report.mse_rounded != report.mse


@pytest.mark.parametrize(
    "file",
    [
        "student.npz",
        "student.h",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("student.pt2", "student.onnx")),
    ],
)
def test_the_error_on_a_series_of_fit_is_that_in_its_units(file, tmp_path, monkeypatch):
    if file.endswith("onnx"):
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    rows = make_frame()
    rows += 0.05 * np.arange(len(rows))[:, None]  # the level of a context is not that of the series
    panel = pd.concat({"small": rows, "large": 100 * rows}, names=["series", "time"])
    forecaster = make_forecaster(teacher=None, student=Linear(), loss="response").fit(panel)
    precision = "float32" if file.endswith("pt2") else "int8"
    for name in ("_onnx_bytes", "_torch_bytes", "_quantize"):  # a graph is written once: what differs is the data
        monkeypatch.setattr(_export, name, functools.cache(getattr(_export, name)))
    errors = {}
    for name in ("small", "large"):
        report = forecaster.export(tmp_path / file, precision=precision, data=panel.loc[[name]])
        errors[name] = report.mse
        assert report.mse == pytest.approx(-forecaster.score(panel.loc[[name]]), rel=1e-4)
    new = forecaster.export(tmp_path / file, precision=precision, data=panel.loc["small"]).mse
    assert new == pytest.approx(-forecaster.score(panel.loc["small"]), rel=1e-4)
    assert abs(new - errors["small"]) > 1e-3 * errors["small"]


def load(folder, precision, **options):
    return skdistill.load_numpy(folder / f"{precision}.npz", **options)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_weights_are_rounded_to_the_nearest(forecaster, tmp_path, precision):
    exact = forecaster.export(tmp_path / "float32.npz") and load(tmp_path, "float32")
    forecaster.export(tmp_path / f"{precision}.npz", precision=precision)
    rounded = load(tmp_path, precision)
    assert rounded.precision == precision
    for name in ("weight_0", "weight_1"):
        one, other = exact._arrays[name], rounded._arrays[name]
        step = np.abs(one).max(axis=-1, keepdims=True) / 127 if precision == "int8" else np.abs(one) / 2**8
        assert (np.abs(one - other) <= step * (0.5 if precision == "int8" else 1) * (1 + 1e-5)).all()
        assert (one != other).any()
    rounded.save(tmp_path / "again.npz")
    again = NumpyStudent.load(tmp_path / "again.npz")
    np.testing.assert_allclose(again.predict(WINDOWS), rounded.predict(WINDOWS), rtol=1e-5)


@pytest.mark.parametrize("quantiles", [None, [0.1, 0.5, 0.9]], ids=["point", "quantiles"])
@pytest.mark.parametrize("scaling", ["global", "series", "window"])
def test_the_change_by_rounding_is_told_in_units_of_the_data(scaling, quantiles, tmp_path):
    told = []
    for unit in (1.0, 2.0**14, 2.0**-14):
        rows = unit * (5 + make_frame(seed=3))
        given = pd.concat({"a": rows, "b": rows[::-1].set_axis(rows.index)}) if scaling == "series" else rows
        settings = {"scaling": scaling, "quantiles": quantiles, "loss": "response" if quantiles is None else Pinball()}
        forecaster = make_forecaster(teacher=None, student=MLP(8), max_epochs=1, **settings).fit(given)
        data = given.loc[["a"]] if scaling == "series" else given
        told.append(forecaster.export(tmp_path / "student.npz", precision="int8", data=data).rounding)
    np.testing.assert_allclose(told, told[0], rtol=1e-2)


def test_bfloat16_is_that_of_torch():
    import torch

    from skdistill._utils.numpy_student import _from_bfloat16, _to_bfloat16

    values = np.random.default_rng(0).normal(size=10_000).astype(np.float32)
    values[:4] = [0.0, -0.0, 1.00390625, 1.01171875]  # the last two lie between two numbers
    expected = torch.from_numpy(values).bfloat16().float().numpy()
    np.testing.assert_array_equal(_from_bfloat16(_to_bfloat16(values)), expected)


def test_a_precision_that_costs_too_much_is_refused(forecaster, tmp_path):
    report = forecaster.export(tmp_path / "student.npz", precision="int8", tolerance=0.5)
    for suffix, instead in ((".npz", "bfloat16"), (".h", "float32")):
        path = tmp_path / f"fine{suffix}"
        with pytest.raises(ValueError, match=rf"more than tolerance=1e-05, so nothing .* precision='{instead}'"):
            forecaster.export(path, precision="int8", tolerance=1e-5)
        assert not path.exists()
    assert report.rounding < 0.5
    with pytest.raises(ValueError, match="float32 rounds nothing"):
        forecaster.export(tmp_path / "student.npz", tolerance=0.1)
    with pytest.raises(ValueError, match="tolerance of export must be a positive number; got 0"):
        forecaster.export(tmp_path / "student.npz", precision="int8", tolerance=0)
    with pytest.raises(ValueError, match=r"float32, int8 for \.onnx files; got 'bfloat16'. \.npz files can have"):
        forecaster.export(tmp_path / "student.onnx", precision="bfloat16")


@pytest.mark.parametrize(("precision", "largest"), [("float32", 1e-5), ("bfloat16", 0.05), ("int8", 0.05)])
def test_torch_multiplies_in_the_precision_of_the_weights(forecaster, tmp_path, precision, largest):
    forecaster.export(tmp_path / f"{precision}.npz", precision=precision)
    plain, fast = (load(tmp_path, precision, products=products) for products in ("numpy", "torch"))
    for windows in (WINDOWS, WINDOWS[0], 1000 * WINDOWS.astype(np.float64)):
        difference = np.abs(fast.predict(windows) - plain.predict(windows)).max() / np.abs(windows).max()
        assert difference < largest
    assert fast.predict(WINDOWS).dtype == np.float32
    np.testing.assert_array_equal(fast.predict(WINDOWS), fast.predict(WINDOWS))


def test_unknown_products_are_named(forecaster, tmp_path):
    with pytest.raises(ValueError, match="products of load_numpy must be 'numpy' or 'torch'; got 'jax'"):
        skdistill.load_numpy(tmp_path / "student.npz", products="jax")


@pytest.mark.parametrize("n_columns", [1, 2, 7, 64])
def test_products_in_parts_are_those_of_the_whole(n_columns):
    generator = np.random.default_rng(0)
    weight, hidden = generator.normal(size=(500, 700)), generator.normal(size=(700, n_columns, 1))
    np.testing.assert_allclose(_few_product(weight, hidden)[..., 0], weight @ hidden[..., 0], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("student", [MLP(8, kernel_size=5), Linear(season=4), Linear(individual=True)], ids=str)
def test_one_window_and_many_agree(student):
    """Few windows and many go different ways, with and without missing values."""
    forecaster = make_forecaster(teacher=None, student=student).fit(make_frame())
    windows = np.stack([make_series(12, seed=seed) for seed in range(40)])
    windows[::3, 4:7, 0] = np.nan
    batch = forecaster.predict(windows)
    np.testing.assert_allclose([forecaster.predict(one) for one in windows], batch, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(forecaster.predict(windows), batch)


def test_a_large_declared_window_takes_no_memory_before_it_is_given(tmp_path):
    """The center of every value of a window is not laid out by a file alone."""
    student = NumpyStudent(
        {
            "weight_0": np.ones((1, 1000)),
            "bias_0": np.zeros(1),
            "center": np.zeros(1000),
            "targets": np.arange(1000),
            "n_channels": np.array(1000),
        }
    )
    assert student._centers is None
