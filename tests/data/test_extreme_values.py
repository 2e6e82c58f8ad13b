"""Values that float32 cannot hold: scaled, or refused by name."""

import numpy as np
import pytest
from doubles import make_forecaster, make_series

from skdistill import DistilledForecaster
from skdistill.networks import MLP, ITransformer, Linear, PatchTST

STUDENTS = [
    Linear(),
    MLP(4),
    MLP(4, normalization="revin"),
    ITransformer(8, n_heads=2, n_layers=1),
    PatchTST(8, n_layers=1, n_heads=2, patch_size=4, patch_stride=2),
]


def fit(series, student, **changes):
    return make_forecaster(teacher=None, student=student, random_state=0, **changes).fit(series)


@pytest.mark.parametrize("student", STUDENTS, ids=str)
@pytest.mark.parametrize("unit", [1e-100, 1e-30, 1e-12, 1e20, 3e37, 1e100])
def test_the_unit_of_a_series_does_not_matter(student, unit):
    series = make_series(100)
    plain, scaled = fit(series, student), fit(series * unit, student)
    np.testing.assert_allclose(scaled.predict(series * unit) / unit, plain.predict(series), rtol=1e-3)


@pytest.mark.parametrize("student", STUDENTS[:2], ids=str)
def test_float32_series_at_the_end_of_their_range_are_forecast(student):
    series = (make_series(100) * 4e37).astype(np.float32)
    forecast = fit(series, student).predict(series)
    assert forecast.dtype == np.float32
    assert np.isfinite(forecast).all()


@pytest.mark.parametrize("unit", [1e155, 1e300, 1e-170, 1e-320])
def test_units_without_squares_are_refused(unit):
    with pytest.raises(ValueError, match=r"X must have .*1e[+-]150.*channel 0"):
        fit(make_series(100) * unit, Linear())


@pytest.mark.parametrize("student", STUDENTS[:3], ids=str)
@pytest.mark.parametrize("value", [1e25, -1e60])
def test_a_validation_row_that_float32_cannot_square_is_named(student, value):
    series = make_series(100)
    series[93, 1] = value
    with pytest.raises(ValueError, match=r"X must have values within 1e\+18 standard .* got .* in row 93 .* channel 1"):
        fit(series, student, validation_fraction=0.2)


@pytest.mark.parametrize("student", STUDENTS, ids=str)
@pytest.mark.parametrize("value", [1e60, -1e300])
def test_a_context_that_float32_cannot_hold_is_named(student, value):
    series = make_series(100)
    forecaster = fit(series, student)
    before = forecaster.predict(series)
    spoiled = series.copy()
    spoiled[95, 1] = value
    windows = np.stack([series[-12:], spoiled[-12:]])
    message = r"the forecast of window {} is not finite: its context has .* in row 7, channel 1"
    for given, window in ((spoiled, 0), (windows, 1)):
        with pytest.raises(ValueError, match=message.format(window)):
            forecaster.predict(given)
    with pytest.raises(ValueError, match="is not finite"):
        forecaster.backtest(spoiled)
    np.testing.assert_array_equal(forecaster.predict(series), before)


@pytest.mark.parametrize("student", ["linear", "mlp"])
def test_a_small_spread_on_a_large_level_is_no_constant(student):
    wave = np.sin(2 * np.pi * np.arange(400) / 8)[:, None]
    plain, high = (
        DistilledForecaster(
            None,
            student,
            "response",
            context_length=16,
            prediction_length=4,
            max_epochs=2,
            random_state=0,
            device="cpu",
        ).fit(level + spread * wave)
        for level, spread in ((0.0, 1.0), (-3e10, 2e-3))
    )
    forecast = (high.predict(-3e10 + 2e-3 * wave) + 3e10) / 2e-3
    np.testing.assert_allclose(forecast, plain.predict(wave), atol=0.05)  # float64 resolves 2e-3 of the spread


def test_the_score_of_large_float32_values_is_finite():
    series = (1e25 * make_series()).astype(np.float32)
    forecaster = make_forecaster(teacher=None, student="linear").fit(series)
    np.testing.assert_allclose(forecaster.score(series), forecaster.score(series.astype(np.float64)), rtol=1e-4)
