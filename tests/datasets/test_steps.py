"""The one step of many series: every calendar is found, with gaps too; what has none is named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.datasets._gaps import find_gaps
from skdistill.datasets._steps import find_grid, is_regular
from skdistill.datasets._times import Times


def times_of(**series):
    """Series of given labels, as Times."""
    labels = pd.Index(list(series))
    lengths = [len(one) for one in series.values()]
    stamps = next(iter(series.values())).append(list(series.values())[1:])
    moments = stamps.unique().sort_values()
    return Times(moments, moments.get_indexer(stamps), np.repeat(np.arange(len(labels)), lengths), labels)


def month_days(day, n, start="2022-11", every=1):
    months = pd.period_range(start, periods=n * every, freq="M")[::every]
    return pd.DatetimeIndex([m.to_timestamp() + pd.Timedelta(days=min(day, m.days_in_month) - 1) for m in months])


CALENDARS = {
    "1 minute": pd.date_range("2024-01-01 00:00:07", periods=60, freq="min"),
    "250 ms": pd.date_range("2024-01-01", periods=60, freq="250ms"),
    "1 hour": pd.date_range("2024-03-30", periods=60, freq="h"),
    "1 hour, Berlin": pd.date_range("2024-03-30", periods=60, freq="h", tz="Europe/Berlin"),
    "6 hours, Berlin": pd.date_range("2024-03-29", periods=30, freq="6h").tz_localize("Europe/Berlin"),
    "1 day": pd.date_range("2024-02-01", periods=60, freq="D"),
    "1 day, Berlin": pd.date_range("2024-03-01", periods=60, freq="D", tz="Europe/Berlin"),
    "1 day, Cairo": pd.date_range("2024-04-01", periods=60, freq="D").tz_localize(
        "Africa/Cairo", nonexistent="shift_forward"
    ),
    "1 day at 02:30, Berlin": pd.date_range("2024-03-01 02:30", periods=60, freq="D").tz_localize(
        "Europe/Berlin", nonexistent="shift_forward"
    ),
    "business days": pd.date_range("2024-02-01", periods=60, freq="B"),
    "Sunday to Thursday": pd.date_range(
        "2024-02-01", periods=60, freq=pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu")
    ),
    "but Sundays": pd.date_range("2024-02-01", periods=60, freq=pd.offsets.CustomBusinessDay(weekmask="1111110")),
    "weeks": pd.date_range("2024-02-01", periods=60, freq="W-WED"),
    "two weeks": pd.date_range("2024-02-01", periods=60, freq="2W-WED"),
    "half months": pd.date_range("2024-01-01", periods=60, freq="SME"),
    "1st and 15th": pd.date_range("2024-01-01", periods=60, freq="SMS"),
    "5th and 20th": month_days(5, 24).union(month_days(20, 24)),
    "months": pd.date_range("2023-11-01", periods=40, freq="MS"),
    "month ends": pd.date_range("2023-11-01", periods=40, freq="ME"),
    "month ends, Santiago": pd.date_range("2023-11-01", periods=40, freq="ME", tz="America/Santiago"),
    "the 15th": month_days(15, 40),
    "the 28th": month_days(28, 40),
    "the 29th": month_days(29, 40),
    "the 30th": month_days(30, 40),
    "last business day": pd.date_range("2023-11-01", periods=40, freq="BME"),
    "first business day": pd.date_range("2023-11-01", periods=40, freq="BMS"),
    "last Friday": pd.date_range("2023-11-01", periods=40, freq=pd.offsets.LastWeekOfMonth(weekday=4)),
    "third Wednesday": pd.date_range("2023-11-01", periods=40, freq="WOM-3WED"),
    "quarters": pd.date_range("2013-11-01", periods=40, freq="QS-FEB"),
    "quarter ends": pd.date_range("2013-11-01", periods=40, freq="QE"),
    "years": pd.date_range("1983-11-01", periods=40, freq="YS"),
    "28 February": pd.date_range("1983-11-01", periods=40, freq="YE-FEB"),
    "numbers": pd.RangeIndex(3, 200, 5).astype(np.int64),
    "periods": pd.period_range("2020-01", periods=40, freq="M"),
    "spans": pd.timedelta_range("3h", periods=40, freq="90min"),
}


@pytest.mark.parametrize("name", CALENDARS)
def test_a_calendar_is_found_and_is_regular(name):
    labels = CALENDARS[name]
    grid = find_grid(times_of(a=labels))
    assert (np.diff(grid.numbers) == grid.stride).all()
    assert is_regular(labels)
    if isinstance(labels, pd.DatetimeIndex) and grid.offset is not None and labels.tz is None:
        assert pd.date_range(labels[0], periods=len(labels), freq=grid.offset).equals(labels)


@pytest.mark.parametrize("name", CALENDARS)
@settings(max_examples=8)
@given(data=st.data())
def test_rows_taken_out_are_found_again(name, data):
    labels = CALENDARS[name]
    out = data.draw(st.sets(st.integers(1, len(labels) - 2), max_size=len(labels) // 4))
    kept = np.setdiff1d(np.arange(len(labels)), list(out))
    times = times_of(a=labels[kept], b=labels)  # the other series keeps its days of the week
    grid = find_grid(times)
    gaps = find_gaps(times, grid)
    assert gaps.n_rows == len(out)
    ahead = np.arange(1, gaps.n_rows + 1) - np.repeat(np.cumsum(gaps.sizes) - gaps.sizes, gaps.sizes)
    numbers = grid.numbers[np.repeat(gaps.before, gaps.sizes)] + ahead * grid.stride
    between = grid.ruler.moments(np.zeros(len(numbers), dtype=int), numbers)
    assert list(between) == list(labels[sorted(out)])


def test_series_may_begin_at_points_of_their_own():
    days = pd.date_range("2024-01-01", periods=30, freq="D")
    grid = find_grid(times_of(a=days, b=days + pd.Timedelta(hours=6)))
    assert grid.name == "1 day"
    mondays, fridays = pd.date_range("2024-01-01", periods=30, freq="W-MON"), month_days(15, 3)
    assert find_grid(times_of(a=mondays, b=mondays + pd.Timedelta(days=4))).name == "7 days"
    assert find_grid(times_of(a=month_days(1, 30), b=month_days(30, 30), c=fridays)).name == "1 month"


def test_few_rows_are_read_the_likely_way():
    assert find_grid(times_of(a=pd.DatetimeIndex(["2024-01-01", "2024-02-01"]))).name == "1 month"
    assert find_grid(times_of(a=pd.DatetimeIndex(["2024-01-01", "2024-01-03"]))).name == "2 days"
    sparse = pd.DatetimeIndex(["2024-01-05", "2024-01-08", "2024-01-09", "2024-03-08", "2024-03-11", "2024-03-12"])
    assert find_grid(times_of(a=sparse)).name == "1 day"  # too few to say that there are no Wednesdays
    assert find_grid(times_of(a=pd.DatetimeIndex(["2024-01-01"]), b=pd.DatetimeIndex(["2024-01-07"]))).stride == 0


@pytest.mark.parametrize(
    ("freq", "labels"),
    [
        ("h", pd.DatetimeIndex(["2024-01-01 00:30", "2024-01-01 03:30"])),
        ("D", pd.DatetimeIndex(["2024-03-29", "2024-04-01"], tz="Europe/Berlin")),
        ("B", pd.DatetimeIndex(["2024-01-05", "2024-01-10"])),
        ("W", pd.DatetimeIndex(["2024-01-07", "2024-01-28"])),
        ("ME", pd.DatetimeIndex(["2024-01-31", "2024-04-30"])),
        (pd.DateOffset(months=1), pd.DatetimeIndex(["2024-01-30", "2024-04-30"])),
        (pd.offsets.CustomBusinessDay(holidays=["2024-01-09"]), pd.DatetimeIndex(["2024-01-05", "2024-01-11"])),
        ("bh", pd.DatetimeIndex(["2024-01-05 15:00", "2024-01-08 10:00"])),
        (pd.Timedelta("90min"), pd.DatetimeIndex(["2024-01-05 15:00", "2024-01-05 19:30"])),
        (5, pd.Index([5, 20])),
        ("M", pd.period_range("2024-01", periods=4, freq="M")[[0, 3]]),
        ("D", pd.TimedeltaIndex(["1D", "4D"])),
    ],
)
def test_a_step_that_is_given_is_kept(freq, labels):
    times = times_of(a=labels)
    grid = find_grid(times, freq)
    assert find_gaps(times, grid).n_rows == 2


def test_series_of_a_given_offset_may_begin_at_different_points_of_it():
    ahead = pd.date_range("2024-01-01", periods=10, freq="2MS")
    behind = pd.date_range("2024-02-01", periods=10, freq="2MS")
    times = times_of(a=ahead, b=behind)
    grid = find_grid(times, "2MS")
    assert find_gaps(times, grid).n_rows == 0
    assert list(grid.ruler.moments(np.array([0, 1]), np.array([1, 1]))) == [ahead[1], behind[1]]


HOURS = pd.date_range("2024-01-01", periods=48, freq="h")


@pytest.mark.parametrize(
    ("series", "freq", "message"),
    [
        (
            {"a": HOURS, "b": pd.date_range("2024-01-01", periods=5, freq="D")},
            None,
            "different steps: series 'a' has a step of 1 hour, series 'b' of 1 day",
        ),
        (
            {"a": pd.date_range("2020-01-01", periods=900, freq="D"), "b": month_days(1, 12, "2020-01")},
            None,
            "different steps: series 'a' has a step of 1 day, series 'b' of 1 month",
        ),
        (
            {"a": month_days(1, 24), "b": month_days(1, 8, every=3)},
            None,
            "series 'a' has a step of 1 month, series 'b' of 3 months",
        ),
        (
            {"a": HOURS, "b": pd.date_range("2024-01-01", periods=5, freq="30min")},
            None,
            "different steps: series 'b' has a step of 30 minutes, series 'a' of 1 hour",
        ),
        (
            {"a": HOURS.append(pd.DatetimeIndex(["2024-01-03 00:30"]))},
            None,
            "most rows are 1 hour apart, but in the series 2024-01-02 23:00:00 is followed by 2024-01-03 00:30:00",
        ),
        (
            {"a": HOURS + pd.to_timedelta(np.arange(48) * 37 % 11, unit="s")},
            None,
            r"times jitter: steps lie around 3604 seconds, most of them within 11 seconds of it.*tolerance",
        ),
        (
            {"a": month_days(3, 12), "b": month_days(3, 12)[:5].append(pd.DatetimeIndex(["2023-04-05"]))},
            None,
            "most rows lie on day 3 of the month, but one on 2023-04-05",
        ),
        ({"a": HOURS}, "D", "2024-01-01 01:00:00 does not lie on the step 'D' that begins at 2024-01-01"),
        ({"a": HOURS, "b": HOURS[3:]}, "MS", "2024-01-02 00:00:00 of series 'a' does not lie on the step 'MS'"),
        (
            {"a": pd.DatetimeIndex(["2024-01-01 00:00", "2024-02-01 00:30"])},
            "MS",
            "2024-02-01 00:30:00 is at another time of the day",
        ),
        ({"a": HOURS}, "fortnight", "Unknown frequency 'fortnight'"),
        ({"a": pd.Index([1, 2, 3])}, "D", "freq must be a positive whole number"),
        ({"a": pd.date_range("2024-01-01", periods=9, freq="D")}, "B", "2024-01-06.* does not lie on the step 'B'"),
        ({"a": month_days(3, 5).append(month_days(4, 1, "2024-01"))}, pd.DateOffset(months=1), "one day of the month"),
    ],
)
def test_what_has_no_step_is_named(series, freq, message):
    with pytest.raises(ValueError, match=message):
        find_grid(times_of(**series), freq)
