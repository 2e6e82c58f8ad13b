"""A process whose new tensors are float64 gets the same numbers: networks compute in float32."""

import numpy as np
import pytest
import torch
from doubles import make_series

from skdistill import DistilledForecaster, DistilledRegressor, load
from skdistill.networks import MLP, CustomNetwork, DLinear, ITransformer, Linear
from skdistill.teachers import TrainedTeacher

SERIES = make_series(120, 2)
SETTINGS = {"context_length": 12, "prediction_length": 4, "max_epochs": 1, "random_state": 0}
OWN_QUANTILES = {"quantiles": (0.1, 0.5, 0.9), "calibration": "conformal"}


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    assert torch.get_default_dtype() == torch.float64
    torch.set_default_dtype(torch.float32)


class Repeat(torch.nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.layer = torch.nn.Linear(spec.context_length, spec.prediction_length)

    def forward(self, context):
        return self.layer(context.transpose(1, 2)).transpose(1, 2)


def make(student, options):
    teacher = TrainedTeacher(DLinear(3), max_epochs=1)
    return DistilledForecaster(teacher, student, "response", **SETTINGS, **options)


@pytest.mark.filterwarnings("ignore:the teacher DLinear gets")
@pytest.mark.parametrize(
    ("student", "options"),
    [
        (Linear(), {}),
        (MLP(4), OWN_QUANTILES),
        (ITransformer(8, n_heads=2), OWN_QUANTILES),
        (CustomNetwork(Repeat), {}),
    ],
    ids=["exact", "mlp", "itransformer", "own"],
)
def test_a_forecaster_fits_forecasts_saves_and_loads(student, options, float64, tmp_path):
    forecaster = make(student, options).fit(SERIES)
    answer = forecaster.predict(SERIES)
    assert answer.dtype == np.float64
    assert {one.dtype for one in forecaster.student_.state_dict().values()} <= {torch.float32, torch.int64}
    teacher = forecaster.predict_teacher(SERIES)
    if options:
        forecaster.calibrate(SERIES).predict_quantiles(SERIES)
    if not isinstance(student, CustomNetwork):
        forecaster.save(tmp_path / "saved")
        np.testing.assert_array_equal(load(tmp_path / "saved").predict(SERIES), answer)
    torch.set_default_dtype(torch.float32)
    usual = make(student, options).fit(SERIES)
    np.testing.assert_array_equal(usual.predict(SERIES), answer)
    np.testing.assert_array_equal(usual.predict_teacher(SERIES), teacher)
    torch.set_default_dtype(torch.float64)


@pytest.mark.parametrize("suffix", [".npz", ".h", ".pt2"])
def test_a_student_is_exported(suffix, float64, tmp_path):
    forecaster = make(MLP(4), {}).fit(SERIES)
    assert forecaster.export(tmp_path / f"student{suffix}").difference < 1e-3


def test_a_regressor_fits(float64):
    table = np.lib.stride_tricks.sliding_window_view(SERIES[:, 0], 16)
    regressor = DistilledRegressor(None, MLP(4), "response", max_epochs=1, random_state=0)
    assert regressor.fit(table[:, :12], table[:, 12:]).predict(table[:3, :12]).shape == (3, 4)


def test_an_exact_student_is_updated(float64):
    forecaster = DistilledForecaster(None, Linear(), "response", context_length=12, prediction_length=4).fit(SERIES)
    forecaster.partial_fit(SERIES[:20])
    assert {one.dtype for one in forecaster.student_.parameters()} == {torch.float32}


@pytest.mark.filterwarnings("ignore:the teacher DLinear gets")
@pytest.mark.parametrize(
    ("student", "options"),
    [
        (Linear(), {}),
        (MLP(4), OWN_QUANTILES),
        (ITransformer(8, n_heads=2), OWN_QUANTILES),
        (MLP(4), {"training_precision": "bfloat16"}),
    ],
    ids=["exact", "mlp", "itransformer", "mlp in bfloat16"],
)
def test_autocast_around_a_forecaster_changes_nothing(student, options):
    def answers(fitted):
        labels = fitted.predict_teacher(SERIES)
        return [fitted.predict(SERIES), labels, *([fitted.predict_quantiles(SERIES)] if "quantiles" in options else [])]

    expected = answers(make(student, options).fit(SERIES))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = answers(make(student, options).fit(SERIES))
        assert torch.is_autocast_enabled("cpu")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
