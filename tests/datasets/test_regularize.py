"""Untidy files become regular, and it is said how."""

import io
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdistill.datasets import read_panel, regularize


def table(index, **columns):
    columns = columns or {"y": np.arange(len(index), dtype=float)}
    return pd.DataFrame({"at": index, **columns})


def quiet(*args, **options):
    return regularize(*args, verbose=0, **options)


# -- forms ---------------------------------------------------------------------------------------


def test_one_series_comes_of_a_column_an_index_or_a_vector(capsys):
    days = pd.date_range("2024-01-01", periods=5, freq="D")
    frame = table(days[[0, 1, 4]])
    series = regularize(frame, time="at")
    assert series.index.equals(days)
    assert series.index.freq == pd.offsets.Day()
    assert series.index.name == "at"
    assert series["y"].isna().tolist() == [False, False, True, True, False]
    assert capsys.readouterr().out == (
        "regularize: 1 series, 5 rows of 3 read, a step of 1 day; inserted 2 missing rows, the longest gap (2 rows) "
        "after 2024-01-02 00:00:00.\n"
    )
    assert series.attrs["regularized"] == {
        "step": "1 day", "n_read": 3, "n_rows": 5, "n_dropped": 0, "n_rounded": 0, "n_merged": 0, "n_inserted": 2,
    }  # fmt: skip
    pd.testing.assert_frame_equal(quiet(frame.set_index("at")), series)
    pd.testing.assert_frame_equal(quiet(frame.set_index("at")["y"]), series)
    pd.testing.assert_frame_equal(quiet(series), series)
    assert capsys.readouterr().out == ""


def test_an_index_without_a_name_and_channels_called_as_levels_are():
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    series = quiet(pd.DataFrame({"time": [1.0, 3.0]}, index=days[[0, 2]]))
    assert series.index.name is None
    assert list(series.columns) == ["time"]
    panel = quiet(pd.concat({"a": series.rename(columns={"time": "series"})}))
    assert list(panel.columns) == ["series"]
    assert panel.index.names == ["series", "time"]


def test_a_series_of_which_no_row_is_left():
    walls = pd.DatetimeIndex(["2024-03-31 02:00", "2024-03-31 01:00", "2024-03-31 03:00"])
    frame = table(walls, shop=["a", "b", "b"], y=[1.0, 2.0, 3.0])
    options = {"time": "at", "tz": "Europe/Berlin", "nonexistent": "NaT"}
    assert quiet(frame, id="shop", **options)["y"].tolist() == [2.0, 3.0]
    with pytest.raises(ValueError, match="no row of the table has a time that occurs once on the clock"):
        quiet(frame[:1], id="shop", **options)


def test_a_panel_comes_of_a_column_of_ids_or_a_panel():
    days = pd.date_range("2024-01-01", periods=3, freq="D")
    frame = table([*days[[0, 2]], *days], shop=[2, 2, 1, 1, 1], y=np.arange(5.0))
    panel = quiet(frame, id="shop", time="at")
    pd.testing.assert_frame_equal(panel, read_panel(frame, id="shop", time="at"))
    pd.testing.assert_frame_equal(quiet(panel), panel)


def test_what_is_kept_with_gaps_has_a_step_too(capsys):
    days = pd.date_range("2024-01-01", periods=5, freq="D")
    with pytest.warns(
        UserWarning, match="1 missing row, after 2024-01-02 00:00:00, at a step of 1 day. They were left"
    ):
        series = regularize(table(days.delete(2)), time="at", missing_rows="keep")
    assert len(series) == 4
    assert series.attrs["regularized"]["step"] == "1 day"
    assert "a step of 1 day" in capsys.readouterr().out


def test_without_a_time_column_there_must_be_an_index():
    with pytest.raises(ValueError, match="set time="):
        quiet(io.StringIO("at,y\n2024-01-01,1"))
    with pytest.raises(ValueError, match="duplicates of regularize must be one of 'raise', 'first'"):
        quiet(table([1, 2]), time="at", duplicates="median")
    with pytest.raises(ValueError, match="missing_rows of regularize must be one of"):
        quiet(table([1, 2]), time="at", missing_rows="drop")


@pytest.mark.parametrize("kind", [str, object, "datetime64[us]"])
def test_numbers_of_rows_are_no_times_beside_a_column_of_times(kind):
    frame = table(pd.date_range("2024-01-01", periods=4, freq="D").astype(kind), y=np.arange(4.0))
    with pytest.raises(ValueError, match=r"it numbers the rows, and column 'at' holds times: set time='at'"):
        quiet(frame)
    assert quiet(frame[["y"]]).index.tolist() == [0, 1, 2, 3]


# -- zones ---------------------------------------------------------------------------------------

ZONES = ["Europe/Berlin", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe", "America/New_York"]


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=4)
@given(data=st.data())
def test_a_year_of_local_hours_with_gaps_becomes_regular(zone, data):
    year = pd.date_range("2023-06-01", "2024-05-31", freq="30min", tz=zone)
    step = 1 if zone == "Australia/Lord_Howe" else 2
    year = year[::step]
    changes = np.flatnonzero(np.diff(year.tz_localize(None).asi8 - year.asi8))
    near = {row + k for row in changes.tolist() for k in range(-10, 10)}
    out = data.draw(st.sets(st.integers(1, len(year) - 2).filter(lambda row: row not in near), max_size=30))
    kept = year[np.setdiff1d(np.arange(len(year)), list(out))]
    local = table(kept.tz_localize(None), y=np.ones(len(kept)))
    series = quiet(local, time="at", tz=zone, ambiguous="infer")
    assert list(series.index) == list(year)
    assert int(series["y"].isna().sum()) == len(out) == series.attrs["regularized"]["n_inserted"]


def test_clock_changes_that_are_not_spoken_of_name_the_way_out():
    walls = pd.date_range("2024-10-26", periods=60, freq="h", tz="Europe/Berlin").tz_localize(None)
    with pytest.raises(ValueError, match=r"time column 'at'.*occur twice on the clock of Europe/Berlin.*'infer'"):
        quiet(table(walls), time="at", tz="Europe/Berlin")
    with pytest.raises(ValueError, match=r"lose an hour\. Pass the zone: regularize\(\.\.\., tz='Europe/Berlin'"):
        quiet(table(walls), time="at")
    with pytest.warns(UserWarning, match="lose an hour"):
        assert len(quiet(table(walls), time="at", duplicates="first")) == 59
    spring = pd.date_range("2024-03-31", periods=5, freq="h")
    with pytest.raises(ValueError, match=r"skipped by the clock of Europe/Berlin.*nonexistent='NaT'. drops"):
        quiet(table(spring), time="at", tz="Europe/Berlin")


def test_rows_of_an_hour_that_was_not_are_dropped_or_moved(capsys):
    spring = table(pd.date_range("2024-03-31", periods=5, freq="h"))
    series = regularize(spring, time="at", tz="Europe/Berlin", nonexistent="NaT")
    assert series["y"].tolist() == [0, 1, 3, 4]
    assert series.index.equals(pd.date_range("2024-03-31", periods=4, freq="h", tz="Europe/Berlin", name="at"))
    assert "1 rows dropped whose local time the clock skips" in capsys.readouterr().out
    moved = quiet(spring, time="at", tz="Europe/Berlin", nonexistent="shift_forward", duplicates="mean")
    assert moved["y"].tolist() == [0, 1, 2.5, 4]
    with pytest.raises(ValueError, match=r"unknown time zone|No time zone found|Mars"):
        quiet(spring, time="at", tz="Mars/Olympus")


@pytest.mark.parametrize("zone", ["Africa/Cairo", "America/Santiago", "America/Havana"])
def test_days_begin_with_midnight_or_the_first_moment_after_it(zone):
    days = pd.date_range("2024-01-01", periods=366, freq="D")
    series = quiet(table(days.delete([100, 200])), time="at", tz=zone)
    assert (series.index.tz_localize(None).normalize() == days).all()
    panel = read_panel(table(days, unique_id="a", ds=days, y=1.0).drop(columns="at"), tz=zone)
    assert list(panel.index.get_level_values(1)) == list(series.index)


def test_one_row_for_the_doubled_hour_leaves_the_other_missing():
    walls = pd.date_range("2024-10-27", periods=5, freq="h")
    summer = quiet(table(walls), time="at", tz="Europe/Berlin", ambiguous=True)
    np.testing.assert_array_equal(summer["y"], [0, 1, 2, np.nan, 3, 4])
    winter = quiet(table(walls), time="at", tz="Europe/Berlin", ambiguous=False)
    np.testing.assert_array_equal(winter["y"], [0, 1, np.nan, 2, 3, 4])


# -- duplicates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_options_of_local_times_are_told_to_have_no_effect_on_others(zone):
    frame = table(pd.date_range("2024-10-27", periods=5, freq="h", tz=zone))
    with pytest.warns(UserWarning, match="^ambiguous='infer' and nonexistent='NaT' has no effect: "):
        regularize(frame, time="at", tz=zone, ambiguous="infer", nonexistent="NaT")


@pytest.mark.parametrize(
    ("how", "expected"),
    [("first", [1.0, 3.0]), ("last", [2.0, 5.0]), ("mean", [1.5, 4.0]), ("sum", [3.0, 8.0])],
)
def test_duplicates_become_one_row(how, expected, capsys):
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-01", "2024-01-02", "2024-01-01", "2024-01-02"])
    frame = table(days, y=[3.0, 1.0, np.nan, 2.0, 5.0], z=np.float32([1, 2, 3, 4, 5]))
    series = regularize(frame, time="at", duplicates=how)
    assert series["y"].tolist() == expected
    assert series["z"].dtype == np.float32
    assert series.attrs["regularized"]["n_merged"] == 3
    assert "3 duplicates " in capsys.readouterr().out


def test_the_sum_of_nothing_observed_is_missing_and_text_keeps_its_first():
    frame = table([0, 0, 1], y=[np.nan, np.nan, 1.0], note=["u", "v", "w"])
    with (
        pytest.warns(UserWarning, match="not numbers"),
        pytest.warns(UserWarning, match="merges 1 rows whose 'note' is not that of the row before them"),
    ):
        series = quiet(frame, time="at", duplicates="sum")
    assert series["y"].isna().tolist() == [True, False]
    assert series["note"].tolist() == ["u", "w"]


# -- jitter --------------------------------------------------------------------------------------


@given(
    st.sampled_from(["1s", "15s", "1min", "10min", "1h"]),
    st.integers(0, 59),
    st.integers(0, 10**6),
    st.sampled_from([None, "Europe/Berlin"]),
)
def test_jitter_within_the_tolerance_is_rounded_away(step, phase, seed, tz):
    size = pd.Timedelta(step)
    rng = np.random.default_rng(seed)
    clean = pd.date_range("2024-03-30", periods=200, freq=step, tz=tz) + phase * size / 60
    kept = np.sort(rng.permutation(200)[:180])
    off = pd.to_timedelta(rng.uniform(-0.1, 0.1, size=180) * size.total_seconds(), unit="s")
    series = quiet(table((clean[kept] + off).as_unit("us")), time="at", tolerance=size * 0.2)
    got = series.index
    assert len(got) == kept[-1] - kept[0] + 1
    assert (np.diff(got.asi8) == size.total_seconds() * 1e6).all()
    assert np.abs(got - clean[kept[0] : kept[-1] + 1]).max() <= size * 0.2


@pytest.mark.parametrize("freq", [None, "D"])
@pytest.mark.parametrize(
    ("zone", "tolerance"), [("Europe/Berlin", "10min"), ("Europe/Berlin", "2h"), ("America/Sao_Paulo", "2h")]
)
def test_days_are_rounded_to_midnight_of_the_clock(freq, zone, tolerance):
    days = pd.date_range("2018-03-01", periods=300, freq="D").tz_localize(zone, nonexistent="shift_forward")
    near = days + pd.to_timedelta(np.random.default_rng(0).integers(0, 60, len(days)), unit="s")
    series = quiet(table(near), time="at", tolerance=tolerance, freq=freq)
    assert list(series.index) == list(days)


def test_one_of_many_missing_hours_names_no_zone():
    """The clock of Berlin was said to skip 02:00 of 31 March, among 60 hours without a row here and there."""
    hours = pd.date_range("2024-03-01", periods=960, freq="h")
    there = np.random.default_rng(0).random(960) > 0.06
    there[hours == "2024-03-31 02:00"] = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regularize(table(hours[there]), time="at")


@pytest.mark.parametrize("is_missing", [False, True])
def test_days_at_a_time_that_half_an_hour_skips(is_missing):
    days = pd.date_range("2024-10-01 02:15", periods=12)
    labels = days.where(days.day != 6, days + pd.Timedelta("15min")).tz_localize("Australia/Lord_Howe")
    series = quiet(table(labels[np.arange(12) != 5] if is_missing else labels), time="at")
    assert list(series.index) == list(labels)


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(
    ("freq", "first", "tolerance"),
    [
        ("W-SUN", "2024-03-24", "5min"),
        ("W-SUN", "2024-03-24", "3h"),
        ("14D", "2024-03-24 06:00", "5min"),
        ("D", "2024-03-24 06:10", "5min"),
        ("h", "2024-03-24 00:20:30", "20s"),
    ],
)
def test_steps_start_where_the_times_do(freq, first, tolerance, zone):
    """Sundays were rounded to 00:48, the nearest sixtieth of a week."""
    clean = pd.date_range(first, periods=40, freq=freq, tz=zone)
    off = pd.to_timedelta(np.random.default_rng(0).integers(-9, 10, 40), unit="s")
    series = quiet(table(clean + off), time="at", tolerance=tolerance, freq=freq)
    assert list(series.index) == list(clean)


def test_sensors_that_jitter_say_so_and_how_they_were_rounded(capsys):
    rng = np.random.default_rng(0)
    minutes = pd.date_range("2024-01-01", periods=100, freq="min") + pd.to_timedelta(rng.integers(-3, 4, 100), unit="s")
    with pytest.raises(ValueError, match=r"times jitter: steps lie around \d+ .*tolerance="):
        quiet(table(minutes), time="at")
    series = regularize(table(minutes), time="at", tolerance="5s")
    assert series.index.equals(pd.date_range("2024-01-01", periods=100, freq="min", name="at"))
    assert "times rounded to the step, by 0 days 00:00:03 at most" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"tolerance": "2s"},
            r"\d+ times of the table lie off the step of 1 minute by more than tolerance='2s', first",
        ),
        ({"tolerance": "50s"}, "at most half of the step of 1 minute"),
        ({"tolerance": "soon"}, "tolerance must be a span of time such as '10s'; got 'soon'"),
        ({"tolerance": "-5s"}, "tolerance must be a span of time"),
        ({"tolerance": "5s", "freq": "ME"}, "freq must be a span of time such as '10s' where times are rounded"),
    ],
)
def test_bad_tolerance(options, message):
    rng = np.random.default_rng(0)
    minutes = pd.date_range("2024-01-01", periods=100, freq="min") + pd.to_timedelta(rng.integers(-3, 4, 100), unit="s")
    with pytest.raises(ValueError, match=message.replace("; got 'soon'", ".*; got 'soon'")):
        quiet(table(minutes), time="at", **options)


def test_what_has_no_usual_step_asks_for_it():
    odd = pd.DatetimeIndex(["2024-01-01 00:00", "2024-01-01 00:43", "2024-01-01 01:27"])
    with pytest.raises(ValueError, match=r"median step of the table is 0 days 00:43:30, near none.*freq="):
        quiet(table(odd), time="at", tolerance="1s")
    with pytest.raises(ValueError, match="no two times of one series"):
        quiet(table(odd[:1]), time="at", tolerance="1s")
    with pytest.raises(ValueError, match="tolerance rounds moments; the times of the table are int64"):
        quiet(table([1, 2]), time="at", tolerance="1s")


# -- calendars -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "labels",
    [
        pd.date_range("2024-01-01", periods=40, freq="B"),
        pd.date_range("2024-01-01", periods=40, freq="SME"),
        pd.date_range("2024-01-01", periods=40, freq=pd.offsets.LastWeekOfMonth(weekday=4)),
        pd.DatetimeIndex([pd.Timestamp("2023-11-30") + pd.DateOffset(months=k) for k in range(40)]),
        pd.date_range("2024-01-01", periods=40, freq=pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu")),
    ],
)
def test_calendars_with_holidays(labels):
    kept = labels.delete([7, 20, 21])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        series = quiet(table(kept), time="at")
    assert list(series.index) == list(labels)
    assert series["y"].isna().sum() == 3


def test_a_day_first_file():
    text = "at;y\n" + "".join(f"{day:%d.%m.%Y};{k},5\n" for k, day in enumerate(pd.date_range("2024-01-28", periods=9)))
    series = quiet(io.StringIO(text), time="at", sep=";", decimal=",")
    assert series.index.equals(pd.date_range("2024-01-28", periods=9, name="at"))
    assert series["y"].tolist() == [k + 0.5 for k in range(9)]


@pytest.mark.parametrize("how", ["first", "last", "mean", "sum"])
@pytest.mark.parametrize("names", [(1.0, 2.0, 3.0), ("north", "south", "west")])
def test_merged_rows_that_a_column_tells_apart_are_told(how, names):
    """Three shops were one, of their mean."""
    days = pd.date_range("2024-01-01", periods=10)
    parts = [pd.DataFrame({"day": days, "shop": name, "sales": np.arange(10.0) + k}) for k, name in enumerate(names)]
    table, other = pd.concat(parts), pd.concat([*parts[:1], parts[0].assign(sales=7.0)])
    options = {"time": "day", "duplicates": how, "verbose": 0}
    with pytest.warns(
        UserWarning, match=rf"merges 3 rows of each time, in which 'shop' .* {names[0]!r} and {names[1]!r}"
    ):
        regularize(table, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* has columns that are not numbers")
        regularize(other, **options)
        regularize(table, columns=["sales"], **options)
        regularize(table, id="shop", **options)


def test_values_that_are_lost_where_rows_without_one_are_kept_are_told():
    """A plan that overlaps with what was observed, or versions of a product that lack what the other has."""
    days = pd.date_range("2024-01-01", periods=30)
    past = pd.DataFrame({"at": days, "y": 1.0, "promo": 0.0})
    both = pd.concat([past, past[:1], past[20:].drop(columns="y")])
    with pytest.warns(UserWarning, match="keeps rows without a value of 'y' .* 10 times, first at 2024-01-21"):
        quiet(both, time="at", duplicates="last")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet(both, time="at", duplicates="first")
        assert quiet(both, time="at", duplicates="mean")["y"].notna().all()


def test_rows_that_lack_the_same_value_lose_none():
    rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=30), "y": 1.0, "promo": 0.0})
    rows.loc[25, "y"] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for how in ("first", "last"):
            quiet(pd.concat([rows, rows[20:]]), time="at", duplicates=how)


@pytest.mark.parametrize(
    ("n_doubled", "n_other", "told"), [(9, 5, False), (10, 5, True), (40, 2, False), (12, 3, True), (40, 40, True)]
)
@pytest.mark.parametrize("with_gap", [False, True])
def test_sums_are_told_from_ten_times_and_three_other_values_on(n_doubled, n_other, told, with_gap):
    rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=40), "y": 1.0})
    rows.loc[: n_other - 1, "y"] += 1.0 + np.arange(n_other)
    gap = rows[:n_doubled].assign(y=np.nan) if with_gap else rows[:0]
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        quiet(pd.concat([rows, rows[:n_doubled], gap]), time="at", duplicates="sum")
    assert ["duplicates='sum' adds up 'y'" in str(one.message) for one in found] == [True] * told


def test_sums_of_what_no_row_of_a_time_differs_in_are_told():
    """Transactions with a flag and a price, of which the sum grew with their number."""
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=40)
    sold = pd.DataFrame({"at": days, "promo": rng.integers(0, 2, 40)}).loc[rng.integers(0, 40, 200)]
    sold["y"] = rng.integers(1, 5, 200)
    with pytest.warns(UserWarning, match="duplicates='sum' adds up 'promo', which is equal in all rows of each time"):
        quiet(sold, time="at", duplicates="sum")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet(sold, time="at", columns=["y"], duplicates="sum")
        quiet(sold.assign(promo=1.0), time="at", duplicates="sum")  # one each
        quiet(sold, time="at", duplicates="mean")
