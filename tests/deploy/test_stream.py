"""A stream forecasts what predict does, row by row."""

import numpy as np
import pytest
from doubles import make_forecaster, make_frame, make_series

from skdistill.networks import MLP, ITransformer


@pytest.mark.parametrize("student", [MLP(4), ITransformer(8, n_heads=2)], ids=["fused", "not fused"])
def test_every_forecast_is_that_of_predict(student):
    forecaster = make_forecaster(teacher=None, student=student).fit(make_series())
    series = make_series(60, seed=1)
    stream = forecaster.stream(series[:5])
    for number, row in enumerate(series[5:], start=6):
        stream.append(row)
        assert len(stream) == min(number, 12)
        if number >= 12:
            np.testing.assert_array_equal(stream.predict(), forecaster.predict(series[:number]))
    assert number == 60


def test_a_stream_says_what_is_missing():
    forecaster = make_forecaster(teacher=None).fit(make_series())
    stream = forecaster.stream()
    with pytest.raises(ValueError, match="needs context_length = 12 rows to forecast from; got 0"):
        stream.predict()
    for bad in ([1.0], [1.0, np.nan]):
        with pytest.raises(ValueError, match="row of append must be 2 finite numbers"):
            stream.append(bad)
    with pytest.raises(ValueError, match="reads no calendar features"):
        make_forecaster(teacher=None, student=ITransformer(8, n_heads=2)).fit(make_frame()).stream()


def test_columns_in_another_order_are_refused_as_in_predict():
    frame = make_frame()
    forecaster = make_forecaster(teacher=None).fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        forecaster.stream(frame[frame.columns[::-1]])
    np.testing.assert_allclose(forecaster.stream(frame).predict(), forecaster.predict(frame), rtol=1e-5)
    assert len(forecaster.stream(frame[:0])) == 0
    with pytest.raises(ValueError, match="recent of stream must be one series"):
        make_forecaster(teacher=None).fit(make_series()).stream(make_series()[None])
