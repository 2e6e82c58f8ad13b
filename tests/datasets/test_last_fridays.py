"""pandas infers that the last Fridays of months are the fourth ones, without a check."""

import numpy as np
import pandas as pd
import pytest

from skdistill import DistilledForecaster
from skdistill.datasets import read_panel

FRIDAYS = pd.date_range("2020-01-01", periods=40, freq=pd.offsets.LastWeekOfMonth(weekday=4))
AHEAD = pd.date_range(FRIDAYS[-1], periods=4, freq=FRIDAYS.freq)[1:]  # 28 April, 26 May, 30 June 2023


def rows_with_a_gap():
    table = pd.DataFrame({"unique_id": "a", "ds": FRIDAYS, "y": np.arange(40.0)}).drop([10, 30])
    return read_panel(table).loc["a"]


def rows_put_together():
    bare = pd.DatetimeIndex(FRIDAYS, freq=None)
    return pd.DataFrame({"y": np.arange(40.0)}, index=bare[:20].union(bare[20:]))


@pytest.mark.parametrize("read", [rows_with_a_gap, rows_put_together])
def test_last_fridays_go_on_with_last_fridays(read):
    rows = read()
    assert rows.index.equals(FRIDAYS)
    settings = {"context_length": 8, "prediction_length": 3, "validation_fraction": 0}
    forecaster = DistilledForecaster(None, "linear", "response", **settings).fit(rows)
    for known in (rows, rows.iloc[-1:]):
        assert forecaster.predict(known).index.equals(AHEAD)
