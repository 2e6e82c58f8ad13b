"""Times of files keep their zone where DuckDB brings rows together."""

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster, scale_out
from skdistill.datasets import to_long
from skdistill.networks import Linear

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


def make_file(path, freq, n_rows):
    times = pd.date_range("2024-03-01", periods=n_rows, freq=freq, tz="Europe/Madrid")  # the clock changes on 31 March
    noise = np.random.default_rng(0).normal(size=(2, n_rows))
    series = {number: pd.DataFrame({"y": 1.0 * (times.hour == 8) + noise[number]}, index=times) for number in range(2)}
    panel = pd.concat(series, names=["unique_id", "ds"])
    to_long(panel).sample(frac=1, random_state=0).to_parquet(path, index=False)
    return panel


def make(student):
    return DistilledForecaster(None, student, "response", context_length=14, prediction_length=7)


@pytest.mark.parametrize(("freq", "n_rows"), [("h", 200), ("D", 60)])
def test_calendars_and_steps_are_those_of_the_zone(freq, n_rows, tmp_path):
    panel = make_file(tmp_path / "rows.parquet", freq, n_rows)
    student = Linear(time_features=True, last_rows=4)
    expected = make(student).fit(panel).predict(panel)
    found = scale_out.fit(make(student), tmp_path / "rows.parquet")
    pd.testing.assert_frame_equal(found.predict(panel), expected, rtol=1e-4)
    plain = make("linear").fit(panel)
    table = scale_out.predict(plain, tmp_path / "rows.parquet").to_pandas().set_index(["unique_id", "ds"])
    pd.testing.assert_frame_equal(table, plain.predict(panel), rtol=1e-4)
