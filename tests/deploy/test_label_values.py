"""Columns and steps through JSON."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest
from doubles import make_forecaster, make_series
from pandas.tseries.holiday import USFederalHolidayCalendar

from skdistill import load
from skdistill._utils._document import SavedFileError
from skdistill.data._series_labels import SeriesLabels
from skdistill.data._steps import ClockStep, DurationStep, NumberStep, PeriodStep
from skdistill.deploy import NumpyStudent
from skdistill.deploy._label_values import read_labels, write_labels

OFFSETS = [
    pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu", holidays=["2024-01-01"]),
    pd.offsets.CustomBusinessDay(calendar=USFederalHolidayCalendar()),
    pd.offsets.CustomBusinessHour(start="10:00", end="15:00", holidays=["2024-05-01"]),
    pd.offsets.CustomBusinessMonthEnd(holidays=["2024-01-31"]),
    pd.offsets.Week(),
    pd.offsets.SemiMonthEnd(2, day_of_month=10),
    pd.offsets.FY5253(weekday=1, startingMonth=3),
    pd.DateOffset(months=1, day=30),
    pd.DateOffset(hours=6),
    pd.offsets.Day(2),
    pd.offsets.Milli(250),
]
COLUMNS = [
    pd.Index([3, 1]),
    pd.RangeIndex(2),
    pd.Index(["a", 3]),
    pd.Index([0.5, 1.5]),
    pd.DatetimeIndex(["2024-01-01", "2024-02-01"], tz="Europe/Rome"),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]),
]


def through_json(labels):
    return read_labels(json.loads(json.dumps(write_labels(labels))), 2)


@pytest.mark.parametrize("offset", OFFSETS, ids=repr)
def test_offsets_come_back_themselves(offset):
    labels = SeriesLabels(COLUMNS[0], (ClockStep(offset, pd.Timedelta(hours=2)), ClockStep(offset)))
    assert through_json(labels).steps == labels.steps


@pytest.mark.parametrize("columns", COLUMNS, ids=repr)
def test_columns_come_back_themselves(columns):
    steps = (NumberStep(2), NumberStep(0.5), DurationStep(pd.Timedelta("90s")), PeriodStep(pd.offsets.MonthEnd(), 3))
    labels = through_json(SeriesLabels(columns, steps))
    assert list(labels.columns) == list(columns)
    assert labels.steps == steps


def test_what_no_file_can_hold_is_left_out_with_a_warning():
    class Mine(pd.offsets.Day):
        pass

    with pytest.warns(UserWarning, match="column names such as <object.*by position, and the step D: labels"):
        labels = through_json(SeriesLabels(pd.Index([object(), object()]), (ClockStep(Mine()), NumberStep(2))))
    assert labels.columns is None
    assert labels.steps == (NumberStep(2),)


@pytest.mark.parametrize("names", [[b"a", b"b"], list(pd.interval_range(0, 2)), [decimal.Decimal(1), "b"]], ids=repr)
def test_saving_says_that_names_of_columns_are_lost(names, tmp_path):
    forecaster = make_forecaster(teacher=None, student="linear").fit(pd.DataFrame(make_series(), columns=names))
    for call in (forecaster.save, load):
        with pytest.warns(UserWarning, match="columns will be taken by position. Use text or numbers as names"):
            call(tmp_path / "student.skdistill")


DAY = {"class": "Day", "n": 1, "normalize": False, "arguments": {}}
BAD = [
    {"columns": {"names": [{"plain": 1}]}, "steps": []},
    {"columns": {"names": [{"object": 1}, {"plain": 1}]}, "steps": []},
    {"columns": {"range": [0, 2, 0]}, "steps": []},
    {"columns": None, "steps": [{"number": 0}]},
    {"columns": None, "steps": [{"clock": [{**DAY, "class": "to_offset"}, None]}]},
    {"columns": None, "steps": [{"clock": [{**DAY, "n": "1"}, None]}]},
    {"columns": None, "steps": [{"clock": [{**DAY, "arguments": {"unknown": True}}, None]}]},
    {"columns": None, "steps": [{"clock": [DAY, 1.5]}]},
    {"columns": None},
    {"columns": {"lost": "x" * 1000}, "steps": []},
    {"columns": {"lost": 3}, "steps": []},
    [],
]


@pytest.mark.parametrize("content", BAD, ids=repr)
def test_anything_else_is_refused(content):
    with pytest.raises(SavedFileError, match="labels are malformed"):
        read_labels(content, 2)


IDS = [
    ["a", "b"],
    [1, 2**60 + 1],
    [np.int64(3), np.int64(5)],
    [1.5, True],
    [pd.Timestamp("2024-01-01"), "2024-01-01 00:00:00"],
    [pd.Timestamp("2024-01-01", tz="Europe/Berlin"), datetime.date(2024, 1, 1)],
    [pd.Period("2024-01", "M"), pd.Timedelta("36h")],
    [("a", ("b", 1)), ("a", pd.Timestamp("2024-01-01"))],
]


@pytest.mark.parametrize("ids", IDS, ids=repr)
def test_ids_of_series_come_back_themselves(ids, tmp_path):
    panel = {ids[0]: make_series(), ids[1]: 100.0 * make_series(seed=1)}
    forecaster = make_forecaster(teacher=None, student="linear").fit(panel)
    forecaster.save(tmp_path / "student.skdistill")
    loaded = load(tmp_path / "student.skdistill")
    assert loaded.scaling_.ids_ == ids
    expected = forecaster.predict(panel)
    for name, forecast in loaded.predict(panel).items():
        np.testing.assert_array_equal(forecast, expected[name])
    if len({str(one) for one in ids}) == 2:
        forecaster.export(tmp_path / "student.npz")
        student = NumpyStudent.load(tmp_path / "student.npz")
        for name, rows in panel.items():
            np.testing.assert_allclose(student.predict(rows[None], series=[name])[0], expected[name], rtol=1e-6)
        return
    with pytest.raises(ValueError, match="would stand for two series"):
        forecaster.export(tmp_path / "student.npz")


@pytest.mark.parametrize("one", [b"a", decimal.Decimal(1), float("nan"), np.datetime64("2024-01-01")], ids=repr)
def test_ids_that_no_file_can_hold_are_refused_when_saving(one, tmp_path):
    forecaster = make_forecaster(teacher=None, student="linear").fit({one: make_series(), "b": make_series()})
    with pytest.raises(ValueError, match="save writes ids of series that are text"):
        forecaster.save(tmp_path / "student.skdistill")
