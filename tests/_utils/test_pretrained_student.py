"""The student that forecasts without fit: the same inputs as its teacher, units, forms, files, NumPy alone."""

import logging
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from skdistill import load_pretrained_student
from skdistill._utils.pretrained_student import N_LAGS, SHIPPED_STUDENT, ArrayStudent, _Reader, read_inputs
from skdistill.teachers import Pretrained
from skdistill.teachers import _echo_network as echo
from skdistill.teachers._echo_weights import load_echo
from skdistill.teachers._shipped import EchoModel


@pytest.fixture(scope="module")
def student():
    """Give the student of the package."""
    return load_pretrained_student()


def make_waves(n_rows, n_series=6, seed=0):
    generator = np.random.default_rng(seed)
    waves = np.sin(np.arange(n_rows) * 2 * np.pi / 12) * generator.uniform(0.5, 3.0, (n_series, 1))
    return (
        waves
        + 0.2 * generator.normal(size=(n_series, n_rows))
        + 0.02 * generator.normal(size=(n_series, n_rows)).cumsum(1)
    )


@pytest.mark.parametrize("n_rows", [1, 2, 3, 9, 30, 200, 700])
def test_it_reads_what_its_teacher_reads(n_rows):
    series = make_waves(n_rows)
    series[1, : n_rows // 3] = np.nan
    series[2, n_rows // 2 : n_rows // 2 + 3] = np.nan
    series[3] = np.round(np.maximum(series[3], 0))
    window = echo._window(torch.from_numpy(series))
    if n_rows > 1:  # the teacher pads contexts to whole patches
        lags = echo._pick_lags(window, echo.EchoConfig(n_lags=N_LAGS))
        shown, known = echo._past_errors(window, lags.lags[:, :3])
        echoes, center = echo._echoes(window, lags.lags, 32, 6)
        noise = echo._noise(window, shown, known)
        features = echo._features(window, lags, noise, center)
        inputs = read_inputs(series, 32)
        assert np.array_equal(_Reader(series).lags, lags.lags)
        np.testing.assert_allclose(inputs.features, features, atol=1e-5)
        np.testing.assert_allclose(inputs.patches.transpose(0, 2, 1, 3).reshape(len(series), -1, 32), echoes, atol=1e-5)
    assert np.isfinite(read_inputs(series, 32).features).all()


def test_units_do_not_matter(student):
    series = make_waves(120)[0]
    np.testing.assert_allclose(student.predict(1e6 * series, 24), 1e6 * student.predict(series, 24), rtol=1e-4)


def test_it_is_near_its_teacher_and_better_than_the_last_value(student):
    series = make_waves(180, 20)
    context, truth = series[:, :-24], series[:, -24:]
    with torch.inference_mode():
        teacher = EchoModel(load_echo(torch.device("cpu"))).predict(torch.from_numpy(context).float(), 24).point.numpy()
    errors = [np.abs(one - truth).mean() for one in (student.quantiles(context, 24)[:, 4], teacher, context[:, -1:])]
    assert errors[0] < 1.15 * errors[1]
    assert errors[0] < 0.5 * errors[2]


def test_quantiles_rise_and_the_median_is_the_forecast(student):
    series = make_waves(60).T
    quantiles = student.predict_quantiles(series, 20)
    assert quantiles.shape == (20, 6, 9)
    assert (np.diff(quantiles, axis=2) >= 0).all()
    np.testing.assert_array_equal(quantiles[..., 4], student.predict(series, 20))


def test_forms(student):
    series = make_waves(60).T
    expected = student.predict(series, 7)
    assert student.predict(series[:, 0], 7).shape == (7,)
    both = student.predict(series[None].repeat(2, axis=0), 7)
    np.testing.assert_allclose(both, expected[None].repeat(2, axis=0), atol=1e-6)  # products of two have another order
    index = pd.date_range("2024-01-31", periods=60, freq="ME")
    frame = pd.DataFrame(series, index=index, columns=list("abcdef"))
    forecast = student.predict(frame, 7)
    assert forecast.index[0] == pd.Timestamp("2029-01-31")
    assert list(forecast) == list("abcdef")
    np.testing.assert_array_equal(forecast, expected)
    assert student.predict(frame["a"], 7).name == "a"
    assert student.predict_quantiles(frame["a"], 7).shape == (7, 9)
    assert set(student.predict({"x": frame, "y": series}, 7)) == {"x", "y"}
    assert len(student.predict([frame, series[:20]], 7)) == 2


def test_panels_are_forecast_series_by_series(student):
    series = make_waves(60)[:2]
    days = pd.date_range("2024-01-01", periods=60)
    frames = {name: pd.DataFrame({"y": one}, days) for name, one in zip("ba", series, strict=True)}
    panel = pd.concat(frames, names=["series", "time"])
    forecast = student.predict(panel, 7)
    assert forecast.index.equals(pd.MultiIndex.from_product([["b", "a"], pd.date_range("2024-03-01", periods=7)]))
    np.testing.assert_array_equal(forecast.loc["a", "y"], student.predict(series[1], 7))
    np.testing.assert_array_equal(student.predict(panel["y"], 7), forecast["y"])
    assert student.predict_quantiles(panel, 7)["a"].shape == (7, 1, 9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda one: one[::-1], "out of order"),
        (lambda one: one.drop(one.index[30]), "irregular step"),
        (lambda one: one.set_axis(one.index.insert(3, one.index[3])[:60]), "duplicate labels"),
        (lambda one: one.set_axis(one.index.strftime("%Y-%m-%d")), "is text, not time"),
    ],
)
def test_rows_that_are_not_one_after_another_are_refused(student, change, message):
    series = pd.Series(make_waves(60)[0], pd.date_range("2024-01-01", periods=60))
    with pytest.raises(ValueError, match=message):
        student.predict(change(series), 3)


def test_masks_and_large_levels(student):
    series = make_waves(60)[0]
    gaps = np.where(np.arange(60) % 20 == 5, np.nan, series)
    expected = student.predict(gaps, 7)
    np.testing.assert_array_equal(student.predict(np.ma.masked_array(series, np.isnan(gaps)), 7), expected)
    high = student.predict(series + 1e6, 7) - 1e6
    np.testing.assert_allclose(student.predict(series + 1e10, 7) - 1e10, high, atol=1e-3)


def test_missing_values_and_short_series(student):
    series = make_waves(60, 3)
    series[0, :40] = np.nan
    series[1, 20:25] = np.nan
    series[2] = np.nan
    forecast = student.predict(series.T, 12)
    assert np.isfinite(forecast[:, :2]).all()
    assert np.isnan(forecast[:, 2]).all()
    np.testing.assert_allclose(student.predict(np.array([5.0]), 3), 5.0, rtol=1e-3)
    np.testing.assert_allclose(student.predict(np.full(40, 7.0), 3), 7.0, rtol=1e-3)


@pytest.mark.parametrize("n_rows", [70, 500, 2500])
@pytest.mark.parametrize("horizon", [5, 730])
def test_columns_that_begin_later_are_forecast_as_without_the_rows_before(student, n_rows, horizon):
    """Else a share of missing values, of the context and of its last quarter, spoils what is read of short series."""
    series = make_waves(n_rows, 4).T
    starts = [0, n_rows - 3, n_rows - 30, n_rows // 2]
    for column, start in enumerate(starts):
        series[:start, column] = np.nan
    forecast = student.predict(series, horizon)
    for column, start in enumerate(starts):
        alone = student.predict(series[start:, column], horizon)
        np.testing.assert_allclose(forecast[:, column], alone, rtol=1e-4, atol=1e-5)
    quantiles = student.predict_quantiles(np.stack([series, series[::-1]]), horizon)  # others begin in one of both
    np.testing.assert_allclose(quantiles[0, :, :, 4], forecast, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n_rows", [70, 2500])
def test_columns_that_end_earlier_are_forecast_from_their_last_value(student, n_rows):
    """Else lags point to what is missing: 24 rows of NaN made the errors of a clear season five times larger."""
    series = make_waves(n_rows, 4).T
    gone = [0, 1, 24, 60]
    for column, after in enumerate(gone):
        series[n_rows - after :, column] = np.nan
    forecast = student.predict(series, 9)
    for column, after in enumerate(gone):
        alone = student.predict(series[-2048:, column][: min(n_rows, 2048) - after], after + 9)[after:]
        np.testing.assert_allclose(forecast[:, column], alone, rtol=1e-4, atol=1e-5)


def test_horizons_beyond_training_are_rolled_out_and_said(student, caplog):
    series = make_waves(200)[0]
    with caplog.at_level(logging.WARNING, logger="skdistill"):
        forecast = student.predict(series, 800)
    assert forecast.shape == (800,)
    assert "rolled out" in caplog.text
    np.testing.assert_array_equal(forecast[:720], student.predict(series, 720))


@pytest.mark.parametrize("n", [0, -1, 1.5, "a"])
def test_bad_lengths_are_named(student, n):
    with pytest.raises(ValueError, match="prediction_length of predict"):
        student.predict(np.ones(10), n)


def test_empty_series_are_named(student):
    with pytest.raises(ValueError, match="at least one value"):
        student.predict(np.ones((0, 2)), 3)


def test_what_is_no_number_or_infinite_is_refused(student):
    with pytest.raises(TypeError, match="X must contain numbers"):
        student.predict(np.array(["a", "b"]), 3)
    for times in (pd.date_range("2024-01-01", periods=9), pd.DataFrame({"ds": pd.date_range("2024", periods=9)})):
        with pytest.raises(TypeError, match="X must be real numbers; got values of type datetime64"):
            student.predict(times if isinstance(times, pd.DataFrame) else times.to_numpy(), 3)
    with pytest.raises(ValueError, match="X contains infinity"):
        student.predict({"x": np.array([1.0, np.inf, 2.0])}, 3)


def test_it_carries_the_provenance_of_its_teacher(student, tmp_path):
    teacher = {name: value for name, value in Pretrained().provenance()[0].items() if name != "revision"}
    assert student.provenance_ == [teacher]
    student.save(tmp_path / "copy.npz")
    assert load_pretrained_student(tmp_path / "copy.npz").provenance_ == []


def test_files_are_the_same_or_refused(student, tmp_path):
    student.save(tmp_path / "copy.npz")
    again = load_pretrained_student(tmp_path / "copy.npz")
    series = make_waves(60)[0]
    np.testing.assert_array_equal(student.predict(series, 12), again.predict(series, 12))
    data = bytearray(SHIPPED_STUDENT.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "damaged.npz").write_bytes(data)
    with pytest.raises(ValueError, match=r"no pretrained student.*checksum"):
        ArrayStudent.load(tmp_path / "damaged.npz")
    from skdistill._utils import pretrained_student as module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_VERSION", 2)
        student.save(tmp_path / "later.npz")
    with pytest.raises(ValueError, match="version 2"):
        ArrayStudent.load(tmp_path / "later.npz")
    assert SHIPPED_STUDENT.stat().st_size < 2 << 20


def test_it_needs_numpy_alone():
    code = (
        "import sys, numpy, skdistill; skdistill.load_pretrained_student().predict(numpy.ones(30), 5); "
        "print([one for one in ('torch', 'pandas', 'sklearn', 'scipy') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
