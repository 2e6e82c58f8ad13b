"""Labels of many series: each kind checked once, and carried on as one by one."""

import numpy as np
import pandas as pd
import pytest

from skdistill.data._label_reader import LabelReader
from skdistill.data._labels_ahead import labels_ahead, stacked_labels
from skdistill.data._row_labels import check_row_labels
from skdistill.data._series import Series

STARTS = ["2024-01-01", "2024-01-03 06:00", "2024-02-29"]
INDEXES = {
    "hours": [pd.date_range(start, periods=40, freq="h") for start in STARTS],
    "hours without freq": [pd.DatetimeIndex(pd.date_range(start, periods=40, freq="h").to_numpy()) for start in STARTS],
    "days": [pd.DatetimeIndex(pd.date_range(start, periods=40, freq="D").to_numpy()) for start in STARTS],
    "business days": [pd.DatetimeIndex(pd.date_range(start, periods=40, freq="B").to_numpy()) for start in STARTS],
    "weeks": [pd.DatetimeIndex(pd.date_range(start, periods=40, freq="7D").to_numpy()) for start in STARTS],
    "month ends": [pd.DatetimeIndex(pd.date_range(start, periods=40, freq="ME").to_numpy()) for start in STARTS],
    "time zone": [pd.date_range(start, periods=90, freq="D", tz="Europe/Berlin") for start in STARTS],
    "few": [pd.DatetimeIndex(pd.date_range(start, periods=3, freq="D").to_numpy()) for start in STARTS],
    "periods": [pd.period_range(start, periods=40, freq="M") for start in STARTS],
    "numbers": [pd.Index(np.arange(first, first + 80, 2)) for first in (0, 5, 9)],
    "ranges": [pd.RangeIndex(first, first + 40) for first in (0, 5, 9)],
    "unlike": [
        pd.date_range("2024-01-01", periods=40, freq="h"),
        pd.date_range("2024-01-01", periods=40, freq="D"),
        pd.date_range("2024-01-01", periods=40, freq="30min"),
    ],
}


@pytest.mark.parametrize("indexes", INDEXES.values(), ids=INDEXES.keys())
def test_labels_of_many_series_are_those_of_each(indexes):
    reader = LabelReader()
    steps = [reader.step(index, "X") for index in indexes]
    assert steps == [check_row_labels(index) for index in indexes]
    series = [Series(np.zeros((len(index), 1)), index, step=step) for index, step in zip(indexes, steps, strict=True)]
    expected = [one.labels_ahead(5) for one in series]
    for found, one in zip(labels_ahead(series, 5), expected, strict=True):
        pd.testing.assert_index_equal(found, one)
    joined = expected[0].append(expected[1:])
    pd.testing.assert_index_equal(stacked_labels(series, 5), joined, exact="equiv")


def test_a_gap_in_one_of_many_series_is_found():
    index = pd.date_range("2024-01-01", periods=80, freq="h")
    reader = LabelReader()
    reader.step(index, "X[0]")
    with pytest.raises(ValueError, match=r"The index of X\[1\] has an irregular step"):
        reader.step(index.delete(50), "X[1]")
    with pytest.raises(ValueError, match=r"The index of X\[2\] is out of order"):
        reader.step(index[::-1], "X[2]")


def test_a_step_of_fit_goes_before_what_few_labels_show():
    days = pd.DatetimeIndex(pd.date_range("2024-01-01", periods=5, freq="D").to_numpy())  # Monday to Friday
    known = [check_row_labels(pd.date_range("2024-01-01", periods=40, freq="B"))]
    assert LabelReader(known).step(days, "X") == check_row_labels(days, known=known)
