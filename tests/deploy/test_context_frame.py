"""What exports do to a context in torch is what the NumPy runtime does."""

import numpy as np
import pytest
import torch
from doubles import make_forecaster, make_frame, make_series

from skdistill._utils.numpy_student import fill_missing, window_center_and_unit
from skdistill.deploy import NumpyStudent
from skdistill.deploy._context_frame import _center_and_unit, fill
from skdistill.networks import MLP, ITransformer

MIXING = ITransformer(8, n_heads=2, time_features=False)


@pytest.mark.parametrize("season", [1, 2, 5, 7])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.7, 0.95])
def test_gaps_and_units_are_those_of_the_numpy_runtime(season, share):
    generator = np.random.default_rng(season)
    values = generator.normal(size=(20, 23, 2))
    missing = generator.random(values.shape) < share
    gaps = np.where(missing, np.nan, values)
    filled = fill(torch.from_numpy(np.where(missing, 0.0, values)), torch.from_numpy(missing), season)
    np.testing.assert_allclose(filled.numpy(), fill_missing(gaps, season), atol=1e-12)
    found = _center_and_unit(torch.from_numpy(gaps), torch.from_numpy(missing), season)
    for one, expected in zip(found, window_center_and_unit(gaps, season), strict=True):
        np.testing.assert_allclose(one[:, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    "values", [np.tile([1.0, 4.0, 2.0], 5), np.full(15, 7.0), np.zeros(15), 2.0 + np.arange(15) % 3]
)
def test_units_of_repeating_and_constant_contexts_are_those_of_the_numpy_runtime(values):
    noise = 1e-7 * np.random.default_rng(0).normal(size=15)  # from season to season, rounding alone
    for rows in (values, values * (1 + noise)):
        context = rows[None, :, None]
        found = _center_and_unit(torch.from_numpy(context), torch.zeros(1, 15, 1, dtype=torch.bool), 3)
        for one, expected in zip(found, window_center_and_unit(context.astype(np.float32), 3), strict=True):
            np.testing.assert_allclose(one[:, 0].numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("student", "suffix"),
    [
        pytest.param(MLP(4), ".npz", id="fused, .npz"),
        pytest.param(MLP(4), ".pt2", id="fused, .pt2"),
        pytest.param(MIXING, ".pt2", id="not fused, .pt2", marks=pytest.mark.slow),
        pytest.param(MIXING, ".onnx", id="not fused, .onnx", marks=pytest.mark.slow),
    ],
)
def test_exports_fill_gaps_that_fit_did_not_see(student, suffix, tmp_path):
    forecaster = make_forecaster(teacher=None, student=student, context_length=16).fit(make_frame(n_timestamps=90))
    windows = np.stack([make_series(16, seed=seed) for seed in range(4)]).astype(np.float32)
    windows[0, 3:6, 0] = windows[1, 10:, 1] = windows[1, :9] = np.nan
    windows[2, :, 0] = np.nan  # nothing is observed
    path = tmp_path / f"student{suffix}"
    forecaster.export(path)
    if suffix == ".npz":
        answer = NumpyStudent.load(path).predict(windows)
    elif suffix == ".pt2":
        answer = torch.export.load(path).module()(torch.from_numpy(windows)).numpy()
    else:
        runtime = pytest.importorskip("onnxruntime")
        answer = runtime.InferenceSession(str(path)).run(None, {"context": windows})[0]
    expected = forecaster.predict(windows)
    assert np.isnan(expected[2, :, 0]).all()
    assert np.isfinite(expected[[0, 1, 3]]).all()
    np.testing.assert_allclose(answer, expected, atol=1e-5)
