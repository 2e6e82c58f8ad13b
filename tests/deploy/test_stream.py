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


def test_a_stream_of_a_known_series_has_its_units():
    panel = {"a": make_series(), "b": 100.0 * make_series(seed=1)}
    forecaster = make_forecaster(teacher=None, student="linear", quantiles=(0.1, 0.5, 0.9), loss="quantiledistill")
    forecaster.fit(panel)
    stream = forecaster.stream({"b": panel["b"]})
    np.testing.assert_array_equal(stream.predict(), forecaster.predict(panel)["b"])
    wanted = (0.2, 0.7)
    np.testing.assert_array_equal(
        stream.predict_quantiles(wanted), forecaster.predict_quantiles(panel, quantiles=wanted)["b"]
    )
    with pytest.raises(ValueError, match=r"must be one series.*got 2 series"):
        forecaster.stream(panel)


def test_masked_rows_and_other_tables_are_read_as_in_predict():
    polars = pytest.importorskip("polars")
    forecaster = make_forecaster(teacher=None, student="linear").fit(make_series())
    rows = np.ma.masked_greater(make_series(30), 1e5)
    rows[-3, 0] = 1e6
    rows[-3, 0] = np.ma.masked
    np.testing.assert_array_equal(forecaster.stream(rows).predict(), forecaster.predict(rows))
    with pytest.raises(ValueError, match=r"recent of stream must be an array or a pandas object; got polars"):
        forecaster.stream(polars.DataFrame(make_series(30)))
