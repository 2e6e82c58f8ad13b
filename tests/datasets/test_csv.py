"""One series from a CSV file: the order of dates, and clock changes."""

import io

import pandas as pd
import pytest

from skdistill.datasets import load_csv


def text_of(index, form="%Y-%m-%d %H:%M"):
    return io.StringIO("\n".join(["at,load", *(f"{one:{form}},{k}" for k, one in enumerate(index))]))


MONTHS = pd.date_range("2021-01-01", periods=36, freq="MS", name="at")


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%d.%m.%y", "%d-%m-%Y %H:%M"])
def test_dates_with_the_day_first(form):
    assert load_csv(text_of(MONTHS, form), time="at", dayfirst=True).index.equals(MONTHS)
    assert load_csv(text_of(MONTHS, form), time="at", date_format=form).index.equals(MONTHS)
    with pytest.warns(UserWarning, match="the time column 'at' of the file was read with the day first"):
        assert load_csv(text_of(MONTHS, form), time="at").index.equals(MONTHS)


def test_pandas_own_ways_to_ask_for_dates_read_them_no_other_way():
    form = "%d/%m/%Y"
    assert load_csv(text_of(MONTHS, form), time="at", dayfirst=True, parse_dates=["at"]).index.equals(MONTHS)
    assert load_csv(text_of(MONTHS, form), index_col=0, parse_dates=True, dayfirst=True).index.equals(MONTHS)
    with pytest.raises(ValueError, match="the index of the file can be read with the day first or with the month"):
        load_csv(text_of(MONTHS[:12], form), index_col="at", parse_dates=True)
    for one in ("at", 0):
        assert load_csv(text_of(MONTHS, form), index_col=one, parse_dates=[one], dayfirst=True).index.equals(MONTHS)
    with pytest.raises(ValueError, match="apply to times: pass the time column of the file, time="):
        load_csv(text_of(MONTHS, form), dayfirst=True)


def test_dates_with_the_month_first():
    days = pd.date_range("2021-03-01", periods=30, freq="D", name="at")
    assert load_csv(text_of(days, "%m/%d/%Y"), time="at").index.equals(days)
    with pytest.raises(ValueError, match="cannot be read with the day first: '03/13/2021'"):
        load_csv(text_of(days, "%m/%d/%Y"), time="at", dayfirst=True)


def test_what_can_be_read_both_ways_is_asked_about():
    with pytest.raises(ValueError, match=r"day first or with the month first.*Give dayfirst=True"):
        load_csv(text_of(MONTHS[:12], "%d/%m/%Y"), time="at")


def test_numbers_in_a_form_are_dates():
    days = pd.date_range("2021-01-30", periods=5, freq="D", name="at")
    assert load_csv(text_of(days, "%Y%m%d"), time="at", date_format="%Y%m%d").index.equals(days)


@pytest.mark.parametrize(("zone", "start"), [("Europe/Berlin", "2024-10-26"), ("America/New_York", "2024-11-02")])
@pytest.mark.parametrize("freq", ["h", "15min"])
def test_advice_on_a_doubled_hour_costs_no_hour(zone, start, freq):
    walls = pd.date_range(start, periods=300, freq=freq, tz=zone).tz_localize(None)
    with pytest.raises(ValueError, match=rf"has duplicate times.*lose an hour.*tz='{zone}', ambiguous='infer'"):
        load_csv(text_of(walls), time="at")


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", "2024-03-30"),
        ("Australia/Sydney", "2024-10-05"),
        ("Africa/Cairo", "2024-04-25"),  # at midnight
        ("America/Santiago", "2024-09-07"),
    ],
)
@pytest.mark.parametrize("freq", ["h", "15min"])
def test_advice_on_a_skipped_hour_makes_up_no_rows(zone, start, freq):
    walls = pd.date_range(start, periods=300, freq=freq, tz=zone).tz_localize(None)
    with pytest.raises(ValueError, match=rf"irregular step.*no row is missing there.*tz='{zone}'"):
        load_csv(text_of(walls), time="at")


def test_other_gaps_and_duplicates_name_the_tool_for_them():
    hours = pd.date_range("2024-06-01", periods=50, freq="h")
    with pytest.raises(ValueError, match=r"irregular step.*: X.reset_index.*regularize sorts rows, merges duplicates"):
        load_csv(text_of(hours.delete(7)), time="at")
    with pytest.raises(ValueError, match=r"duplicate labels.*regularize"):
        load_csv(text_of(hours.insert(7, hours[7])), time="at")


@pytest.mark.parametrize("form", ["%d%m%Y", "%m%d%Y", "%d%m%y", "%m%Y", "%H%M%d%m%Y", "%y%m"])
def test_numbers_that_lost_a_leading_zero_are_read_by_their_format(form):
    months = pd.date_range("2004-01-01", periods=8, freq="MS")  # no later one tells that the first digit is missing
    assert load_csv(text_of(months, form), time="at", date_format=form).index.equals(months)


def test_fractions_are_no_dates():
    with pytest.raises(ValueError, match=r"must hold whole numbers for date_format; got 20240102\.5"):
        load_csv(io.StringIO("at,load\n20240101,1\n20240102.5,2\n20240103,3"), time="at", date_format="%Y%m%d")


@pytest.mark.parametrize(
    ("rows", "options", "advice"),
    [
        ("time,y\n2024-01-01,1,\n2024-01-02,2,\n", {}, "end with a separator, give index_col=False"),
        ("time;y\n2024-01-01;1,5\n2024-01-02;2,5\n", {"decimal": ","}, "give sep=';'"),
        ("y\n2024-01-01,1\n2024-01-02,2\n", {}, "index_col=0"),
    ],
)
def test_names_do_not_slip_to_the_next_column(rows, options, advice, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(rows)
    with pytest.raises(ValueError, match=f"more fields than its header has names.*{advice}"):
        load_csv(path, **options)
    if not options:
        told = {"index_col": False, "time": "time"} if "time" in rows else {"index_col": 0}
        assert load_csv(path, **told)["y"].tolist() == [1, 2]


def test_dates_of_the_index_are_asked_for_where_pandas_would_swap_days_and_months():
    days = pd.date_range("2024-02-01", periods=5, freq="D", name="at")
    with pytest.raises(ValueError, match="the index of the file can be read with the day first or with the month"):
        load_csv(text_of(days, "%d/%m/%Y"), index_col="at", parse_dates=["at"])


def test_a_position_is_enough_where_a_file_has_no_header():
    text = text_of(MONTHS).getvalue().partition("\n")[2]
    assert load_csv(io.StringIO(text), time=0, header=None).index.equals(MONTHS.rename(0))
