"""How row labels go on: what pandas' own ranges give, over offsets and zones, stored or shown by the labels alone."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skdistill.data._calendar import calendar_features
from skdistill.data._index_checks import check_time_index, checked_step
from skdistill.data._precede import precede_index
from skdistill.data._steps import ClockStep, continue_index, find_step
from skdistill.datasets import read_panel, regularize

HAS_ARROW = importlib.util.find_spec("pyarrow") is not None
OFFSETS = {
    "quarter hours": pd.offsets.Minute(15),
    "36 hours": pd.offsets.Hour(36),
    "days": pd.offsets.Day(3),
    "a week on no day": pd.offsets.Week(),
    "Thursdays": pd.offsets.Week(2, weekday=3),
    "business days": pd.offsets.BDay(),
    "Saturday to Wednesday": pd.offsets.CustomBusinessDay(weekmask="Sat Sun Mon Tue Wed"),
    "hours of business": pd.offsets.BusinessHour(),
    "mid month": pd.DateOffset(months=1, day=20),
    "the 29th": pd.DateOffset(months=1, day=29),
    "the 30th, every two months": pd.DateOffset(months=2, day=30),
    "the 31st of every third month": pd.DateOffset(months=3, day=31),
    "last Tuesday": pd.offsets.LastWeekOfMonth(weekday=1),
    "second Friday, every third month": pd.offsets.WeekOfMonth(3, week=1, weekday=4),
    "month ends and the 10th": pd.offsets.SemiMonthEnd(day_of_month=10),
    "firsts and the 16th": pd.offsets.SemiMonthBegin(day_of_month=16),
    "last business day": pd.offsets.BMonthEnd(),
    "quarters from February": pd.offsets.QuarterBegin(startingMonth=2),
    "years to March": pd.offsets.YearEnd(month=3),
}
STORED_ONLY = {
    "holidays": pd.offsets.CustomBusinessDay(holidays=["2021-05-04", "2021-07-06", "2022-01-03"]),
    "last working day with holidays": pd.offsets.CustomBusinessMonthEnd(holidays=["2021-08-31"]),
    "hours of a shop": pd.offsets.CustomBusinessHour(start="10:00", end="14:00", weekmask="Tue Thu Sat"),
    "days and hours": pd.DateOffset(days=1, hours=3),
    "a fiscal year": pd.offsets.FY5253(weekday=5, startingMonth=1),
}
ZONES = [None, "UTC", "Europe/Paris", "Asia/Beirut", "America/Asuncion", "America/Santiago"]
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def whole_range(offset, start, n_labels, zone):
    """Labels of an offset: in time that passes for hours, else on the wall clock, skipped times shifted forward."""
    if isinstance(offset, pd.offsets.Tick) and not isinstance(offset, pd.offsets.Day):
        return pd.date_range(start, periods=n_labels, freq=offset, tz="UTC").tz_convert(zone)
    wall = pd.date_range(start, periods=n_labels, freq=offset)
    if zone is None:
        return wall
    return wall.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.zeros(n_labels, dtype=bool))


def bare(index):
    """The same labels without a stored frequency."""
    return pd.DatetimeIndex(list(index)).as_unit(index.unit)


@FEW
@given(
    name=st.sampled_from(sorted(OFFSETS)),
    zone=st.sampled_from(ZONES),
    day=st.integers(0, 700),
    hour=st.sampled_from([0, 2, 10]),
    cut=st.integers(45, 70),
)
def test_labels_alone_go_on_as_pandas_would(name, zone, day, hour, cut):
    start = pd.Timestamp(2019, 1, 1, hour) + pd.Timedelta(days=day)
    if "hours of business" in name:
        start = start.normalize() + pd.Timedelta(hours=9)
        cut += 100
    whole = whole_range(OFFSETS[name], OFFSETS[name].rollforward(start), cut + 30, zone)
    if type(OFFSETS[name]) is pd.DateOffset:  # the first label of such a range may be on no offset
        whole = whole[1:]
    head = bare(whole[:cut])
    check_time_index(head)
    assert list(continue_index(head, 20)) == list(whole[cut : cut + 20])


@FEW
@given(
    name=st.sampled_from(sorted(OFFSETS | STORED_ONLY)),
    zone=st.sampled_from(ZONES),
    day=st.integers(0, 500),
    length=st.integers(1, 4),
)
def test_the_step_of_many_labels_carries_few_of_them_on(name, zone, day, length):
    offset = (OFFSETS | STORED_ONLY)[name]
    start = offset.rollforward(pd.Timestamp(2020, 3, 1) + pd.Timedelta(days=day))
    whole = whole_range(offset, start, 60, zone)[1:]
    step = find_step(pd.date_range(start, periods=41, freq=offset)[1:])
    few = bare(whole[40 - length : 40])
    assert step.keeps(few)
    assert list(step.follow(few, 12)) == list(whole[40:52])


@pytest.mark.parametrize("name", STORED_ONLY)
def test_a_stored_offset_survives(name):
    whole = pd.date_range("2021-01-04", periods=60, freq=STORED_ONLY[name])
    ahead = continue_index(whole[:40], 20)
    assert ahead.freq == STORED_ONLY[name]
    assert list(ahead) == list(whole[40:])
    check_time_index(whole)
    assert calendar_features(whole[:3]).shape[1] == calendar_features(whole).shape[1]


def test_a_calendar_with_holidays_is_asked_for():
    days = bare(pd.date_range("2021-01-04", periods=200, freq=STORED_ONLY["holidays"]))
    with pytest.raises(ValueError, match=r"CustomBusinessDay\(holidays=\.\.\.\)\)\. .*reset_index\(drop=True\)"):
        check_time_index(days)
    check_time_index(pd.DatetimeIndex(days, freq=STORED_ONLY["holidays"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "wall", "step"),
    [
        ("Africa/Cairo", "2023-04-10 00:00", "1D"),  # midnight is skipped
        ("America/Sao_Paulo", "2018-10-20 00:00", "1D"),
        ("America/Nuuk", "2024-03-10 23:00", "1D"),  # the hour before midnight is skipped
        ("Europe/Madrid", "2025-03-01 02:30", "1D"),
        ("Europe/Madrid", "2025-10-01 02:30", "1D"),  # 02:30 comes twice
        ("Australia/Adelaide", "2024-09-20 02:15", "2D"),
        ("America/New_York", "2025-02-20 02:00", "7D"),
        ("Europe/Berlin", "2025-03-29 02:00", "12h"),
    ],
)
def test_clock_changes_ahead_at_the_end_and_behind(zone, wall, step):
    naive = pd.date_range(wall, periods=70, freq=step)
    whole = naive.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.zeros(70, dtype=bool))
    step = find_step(whole[:60])
    for stop in range(6, 60):
        if find_step(whole[:stop]) == step:  # before the change, the labels do not tell 12 hours from half a day
            assert list(continue_index(whole[:stop], 10)) == list(whole[stop : stop + 10])
        for length in (1, 2, 5):
            assert step.keeps(whole[stop - length : stop])
            assert list(step.follow(whole[stop - length : stop], 10)) == list(whole[stop : stop + 10])


@pytest.mark.parametrize("minutes", [15, 30, 60, 120, 90])
@pytest.mark.parametrize("day", ["2025-03-29", "2025-10-25"])
def test_time_that_passes_is_counted_in_utc(minutes, day):
    whole = pd.date_range(day, periods=200, freq=f"{minutes}min", tz="UTC").tz_convert("Europe/Rome")
    for stop in (5, 17, 50, 120):
        assert list(continue_index(bare(whole[:stop]), 60)) == list(whole[stop : stop + 60])


@given(
    start=st.integers(-(10**6), 10**6),
    size=st.integers(1, 10**5),
    dtype=st.sampled_from(["int64", "int32", "Int64", *["int64[pyarrow]"] * HAS_ARROW]),
)
@FEW
def test_whole_numbers_of_any_step(start, size, dtype):
    values = start + size * np.arange(12)
    index = pd.Index(values, dtype=dtype, name="n")
    ahead = continue_index(index[:8], 4)
    assert list(ahead) == list(values[8:])
    assert ahead.name == "n"
    assert list(continue_index(index[7:8], 4, step=find_step(index))) == list(values[8:])


@given(start=st.floats(-1e4, 1e4), size=st.floats(1e-3, 1e3))
@FEW
def test_real_numbers_of_any_step(start, size):
    values = start + size * np.arange(30)
    index = pd.Index(values)
    check_time_index(index)
    np.testing.assert_allclose(continue_index(index[:20], 10), values[20:], rtol=1e-9, atol=1e-9 * (size + abs(start)))
    with pytest.raises(ValueError, match=r"irregular step.*reset_index"):
        check_time_index(index.delete(slice(10, 12)))


@pytest.mark.parametrize("start", [1.7e9, -1.7e9])
@pytest.mark.parametrize("size", [0.004, 0.001, 1 / 3, 0.25, 1 / 1024])
def test_seconds_of_the_epoch_with_decimals(start, size):
    values = start + size * np.arange(60)
    ahead = continue_index(pd.Index(values[:50], name="s"), 10)
    np.testing.assert_allclose(ahead - start, values[50:] - start, rtol=0, atol=1e-3 * size + 1e-6)
    assert ahead.name == "s"


@pytest.mark.parametrize(
    ("start", "size", "dtype", "expected"),
    [
        (1_700_000_000_000, 1, "float64", "float64"),  # milliseconds
        (1_700_000_000_000_000, 1000, "float64", "float64"),
        (1_700_000_000_000_000_000, 3_600_000_000_000, "float64", "float64"),
        (2**24 - 50, 1, "float32", "int64"),
        (2**24 - 50, 2, "float32", "float32"),
        (2**24 - 50, 1, "Float32", "int64"),
        (2**53 - 50, 1, "float64", "int64"),
        (2**62, 1, "int64", "int64"),
        (60, 1, "int8", "int8"),
        (100, 1, "Int8", "int64"),
    ],
)
def test_large_whole_numbers_in_any_type(start, size, dtype, expected):
    index = pd.Index(start + size * np.arange(50 if "float" in dtype.lower() else 20), dtype=dtype)
    ahead = continue_index(index, 40)
    assert ahead.dtype == expected
    assert [int(label) for label in ahead] == [start + size * number for number in range(len(index), len(index) + 40)]


def test_years_with_decimals_are_regular():
    index = pd.Index(np.round(1990 + np.arange(48) / 12, 2))
    check_time_index(index)
    np.testing.assert_allclose(continue_index(index, 3), 1994 + np.arange(3) / 12, atol=0.02)


@pytest.mark.parametrize("size", ["1h", "250ms", "36h", "7D"])
def test_durations(size):
    whole = pd.timedelta_range("2h", periods=20, freq=size, name="after")
    head = pd.TimedeltaIndex(whole[:12].to_numpy(), name="after")
    assert list(continue_index(head, 8)) == list(whole[12:])
    assert list(continue_index(head[-1:], 8, step=find_step(head))) == list(whole[12:])
    with pytest.raises(ValueError, match="irregular"):
        check_time_index(head.delete(5))


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("timestamp[ns][pyarrow]", pd.date_range("2024-01-31", periods=20, freq="ME")),
        ("timestamp[us, tz=Asia/Tokyo][pyarrow]", pd.date_range("2024-03-28", periods=20, freq="D", tz="Asia/Tokyo")),
        ("date32[day][pyarrow]", pd.date_range("2024-03-29", periods=20, freq="B")),
        ("duration[ms][pyarrow]", pd.timedelta_range("1h", periods=20, freq="90s")),
    ],
)  # fmt: skip
def test_labels_of_arrow_types_go_on_in_their_type(kind, labels):
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    whole = pd.Index(labels, name="t").astype(kind)
    ahead = continue_index(whole[:15], 5)
    assert ahead.dtype == whole.dtype
    assert list(ahead) == list(whole[15:])
    check_time_index(whole)
    with pytest.raises(ValueError, match="out of order"):
        check_time_index(whole[::-1])


@pytest.mark.parametrize("name", OFFSETS)
def test_labels_that_precede(name):
    whole = whole_range(OFFSETS[name], "2021-02-20 09:00", 90, "Europe/Paris")[1:]
    assert list(precede_index(bare(whole[20:]), 10)) == list(whole[10:20])


def test_a_month_understood_from_two_labels():
    for labels, following in (
        (["2024-01-31", "2024-02-29"], "2024-03-31"),
        (["2023-11-01", "2023-12-01"], "2024-01-01"),
        (["2023-06-30", "2023-09-30"], "2023-12-31"),
    ):
        assert continue_index(pd.DatetimeIndex(labels), 1)[0] == pd.Timestamp(following)


def test_a_range_that_drifted_after_february_goes_on_so():
    whole = pd.date_range("2021-01-31", periods=20, freq=pd.DateOffset(months=1))
    assert list(continue_index(bare(whole[:12]), 8)) == list(whole[12:])
    assert list(continue_index(whole[:12], 8)) == list(whole[12:])


GAPS = {  # the zone, the last time before a gap, what is skipped, the first time after it
    "half an hour": ("Australia/Lord_Howe", "2024-10-05", "2h10min", "2024-10-06 02:30+11:00"),
    "at midnight": ("Africa/Cairo", "2024-04-25", "0h20min", "2024-04-26 01:00+03:00"),
    "an hour": ("Europe/Rome", "2024-03-30", "2h40min", "2024-03-31 03:00+02:00"),
}


@pytest.mark.parametrize(("zone", "day", "time", "after"), GAPS.values(), ids=GAPS)
def test_a_skipped_time_is_the_first_one_after_the_gap(zone, day, time, after):
    days = pd.date_range(end=day, periods=12, freq="D") + pd.Timedelta(time)
    index = days.tz_localize(zone)
    ahead = continue_index(index, 3)
    assert ahead[0] == pd.Timestamp(after)
    assert list(ahead[1:].tz_localize(None)) == [days[-1] + pd.Timedelta(days=2), days[-1] + pd.Timedelta(days=3)]
    whole = index.append(ahead)
    assert list(continue_index(whole[:-1], 1)) == [whole[-1]]
    assert list(continue_index(whole[:13], 2)) == list(whole[13:])


def test_a_day_that_a_zone_skipped_is_skipped():
    days = pd.date_range(end="2011-12-29", periods=12, freq="D").tz_localize("Pacific/Apia")
    ahead = continue_index(days, 3)
    assert [f"{one:%d %H:%M}" for one in ahead] == ["31 00:00", "01 00:00", "02 00:00"]
    across = continue_index(days[:-1], 3)
    assert [f"{one:%d %H:%M}" for one in across] == ["29 00:00", "31 00:00", "01 00:00"]
    noons = continue_index(days + pd.Timedelta("12h"), 3)
    assert [f"{one:%d %H:%M}" for one in noons] == ["31 12:00", "01 12:00", "02 12:00"]


@pytest.mark.parametrize("hour", [0, 12])
@pytest.mark.parametrize("form", ["labels", "read_panel", "regularize"])
def test_a_day_that_a_zone_skipped_is_no_missing_row(form, hour):
    days = pd.date_range("2011-11-20", periods=70, freq="D")
    days = (days[days != "2011-12-30"] + pd.Timedelta(hours=hour)).tz_localize("Pacific/Apia")
    if form != "labels":
        table = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0})
        read = read_panel if form == "read_panel" else regularize
        found = read(table.drop(index=[5, 40]), id="unique_id", time="ds")  # one is the row after the skipped day
        assert found.index.get_level_values(-1).equals(days)
        assert list(np.flatnonzero(found["y"].isna())) == [5, 40]
    assert checked_step(days) == ClockStep(pd.offsets.Day(), pd.Timedelta(hours=hour))
    april = days.append(continue_index(days, 80))  # to a clock change that 24 hours would not follow
    assert set(april.hour) == {hour}
    assert checked_step(april) == checked_step(days)


def test_a_week_that_ends_on_a_skipped_day_has_a_row():
    fridays = pd.date_range(end="2011-12-23", periods=6, freq="7D").tz_localize("Pacific/Apia")
    assert [f"{one:%d %H:%M}" for one in continue_index(fridays, 2)] == ["31 00:00", "06 00:00"]
