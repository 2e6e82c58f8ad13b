"""Times as people write them."""

import datetime
import decimal
import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdistill.datasets import read_panel, regularize
from skdistill.datasets._moments import read_moments


def read(values, **options):
    moments, codes = read_moments(pd.Series(values), "the time column", **options)
    assert moments.is_unique
    return moments[codes]


DAYS = pd.date_range("2024-01-01", periods=40, freq="D")
HALF_HOURS = pd.date_range("2024-01-12 22:00", periods=40, freq="30min")


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M",
        "%d.%m.%Y %H:%M:%S", "%m/%d/%y %I:%M %p", "%d %b %Y %H:%M", "%B %d, %Y %H:%M", "%Y%m%d %H:%M",
        "%d/%m/%Y %H:%M:%S.%f",
    ],
)  # fmt: skip
def test_forms_that_tell_their_order(form):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(read(HALF_HOURS.strftime(form))) == list(HALF_HOURS)
        assert list(read(HALF_HOURS.strftime(form), date_format=form)) == list(HALF_HOURS)


@given(st.dates(datetime.date(1970, 1, 1), datetime.date(2067, 12, 31)), st.booleans(), st.sampled_from(["%y", "%Y"]))
def test_an_order_that_is_given_is_read_or_refused(day, dayfirst, year):
    text = day.strftime(f"%d/%m/{year}" if dayfirst else f"%m/%d/{year}")
    assert read([text], dayfirst=dayfirst)[0] == pd.Timestamp(day)
    if day.day > 12:
        with pytest.raises(ValueError, match=r"cannot be read with the (day|month) first"):
            read([text], dayfirst=not dayfirst)


def test_the_order_of_dates_that_leave_it_open_is_found_by_the_step_and_told():
    months = pd.date_range("2022-01-01", periods=30, freq="MS")
    for form, order in (("%d/%m/%Y", "day first"), ("%m/%d/%Y", "month first"), ("%d-%m-%y", "day first")):
        with pytest.warns(UserWarning, match=rf"read with the {order}, .* as 01 (Jan|Febr)uary 2022.*dayfirst=True"):
            assert list(read(months.strftime(form))) == list(months)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(read(months.strftime("%d/%m/%Y"), dayfirst=True)) == list(months)
        assert list(read(["01/01/2024", "02/02/2024"])) == list(pd.DatetimeIndex(["2024-01-01", "2024-02-02"]))


def test_where_nothing_decides_the_order_is_asked_for():
    twelve = pd.date_range("2024-01-01", periods=12, freq="MS").strftime("%d/%m/%Y")  # or twelve days of January
    ways = "'01/02/2024' is 01 February 2024 or 02 January 2024"
    with pytest.raises(ValueError, match=rf"with the day first or with the month first: {ways}\. Give dayfirst=True"):
        read(twelve)
    with pytest.raises(ValueError, match="with the day first or with the month first or with the year first"):
        read(["01/02/03", "05/04/03", "07/08/03"])


def test_points_mean_that_the_day_is_first():
    with pytest.warns(UserWarning, match="day first"):
        assert read(["01.02.2024", "05.02.2024", "08.03.2024"])[0] == pd.Timestamp("2024-02-01")


def test_days_first_does_not_turn_other_forms_around():
    for dayfirst in (True, False, None):
        assert list(read(["2024/01/02", "2024/01/03"], dayfirst=dayfirst).day) == [2, 3]
        assert list(read(["20240102", "20240103"], dayfirst=dayfirst).day) == [2, 3]
        assert list(read(["2024-01-02", "2024-01-03 12:00"], dayfirst=dayfirst)) == [
            pd.Timestamp("2024-01-02"),
            pd.Timestamp("2024-01-03 12:00"),
        ]


def test_offsets_from_utc():
    one = read(["2024-01-01 00:00+01:00", "2024-01-02 00:00+01:00"])
    assert str(one[0]) == "2024-01-01 00:00:00+01:00"
    several = read(["2024-03-30T12:00+01:00", "2024-03-31T12:00+02:00"])
    assert str(several.tz) == "UTC"
    assert list(several.hour) == [11, 10]


@pytest.mark.parametrize(
    "values",
    [
        DAYS,
        DAYS.tz_localize("Asia/Kolkata"),
        DAYS.date,
        DAYS.to_pydatetime(),
        DAYS.to_series().astype("category").array,
        np.array(DAYS.to_numpy(), dtype="datetime64[D]"),
    ],
)
def test_moments_of_every_type(values):
    assert list(read(values).tz_localize(None)) == list(DAYS)


@pytest.mark.parametrize("form", ["%Y-M%m", "%YM%m"])
def test_months_of_statistical_offices_are_months(form):
    """pandas reads 2024-M03 as three seconds after the start of the year."""
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    assert list(read(months.strftime(form))) == list(months)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (["2024-01-01", None], {}, "has no time in 1 rows, first in row 1"),
        (["32/13/2024"], {}, "cannot be read, such as '32/13/2024', in any order of day, month and year"),
        (["01/02/2024", "soon"], {}, "cannot be read as timestamps: .*date_format="),
        (
            ["2024-01-01 10:00"],
            {"date_format": "%d/%m/%Y"},
            "cannot be read as timestamps: .*written as '2024-01-01 10",
        ),
        (["2024-01-01 24:00"], {}, "cannot be read as timestamps"),
        (["2024-W05", "2024-W06"], {}, "It is a week: append .* '2024-W05-1', and give date_format='%G-W%V-%u'"),
        (["Jan-24", "Feb-24"], {}, "('Jan-24' has no year|Out of bounds).*date_format="),
        (["10:00", "11:00"], {}, "times of the day without a date, such as '10:00'"),
        (
            ["2024-01-01 00:00+01:00", "2024-01-01 01:00"],
            {},
            "with an offset from UTC and times without",
        ),
        ([1.5], {}, r"whole numbers; got 1\.5"),
        ([1990], {"numbers": False}, r"got numbers, first 1990\. .*date_format='%Y' or dtype=\{None: str\} for years"),
        ([19900131], {}, "got numbers, first 19900131"),
        ([202411, 202412, 202501], {}, "got numbers, first 202411.*'%Y%m' for months"),
        ([202251, 202252, 202301], {}, "first 202251, that start again.*format='%G%V-%u'"),
        ([2053, 2101, 2102], {}, "start again .*format='%G%V-%u'"),
        ([202252, 202300, 202301], {}, "start again .*weeks that start at 0, as %W"),
        ([202312, 202313, 202401], {}, "start again .*202413 are no months"),
        ([2411, 2412, 2501], {}, "start again .*'%y%m' 2401"),
        ([2022364, 2022365, 2023001], {}, "start again .*date_format='%Y%j'"),
        ([20243, 20244, 20251], {}, "got numbers, first 20243"),
        (["1704067200"], {"unit": "s"}, "unit='s' is for times that are numbers; the time column holds '1704067200'"),
        (DAYS, {"unit": "s"}, "unit='s' is for times that are numbers; the time column holds datetime64"),
        ([1e300], {"unit": "s"}, "cannot be read as timestamps"),
        ([1], {"unit": "week"}, "unit must be one of"),
        (["03/04/2024"], {"date_format": "%m/%d/%Y", "dayfirst": True}, "dayfirst=True would be ignored"),
        ([20240101], {"date_format": "%Y%m%d", "unit": "s"}, "unit='s' would be ignored"),
        ([["a"]], {}, "(cannot be read|unhashable)"),
    ],
)
def test_bad_times(values, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        read(values, **options)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (DAYS, {"dayfirst": True}),
        (DAYS, {"date_format": "%d/%m/%Y"}),
        (DAYS.to_period("D"), {"dayfirst": False}),
        ([1, 2, 3], {"dayfirst": True}),
        ([datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)], {"date_format": "%d"}),
    ],
)
def test_options_of_text_are_told_to_have_no_effect_on_other_times(values, options):
    name = next(iter(options))
    with pytest.warns(UserWarning, match=f"^{name}=.* has no effect: the time column holds .*, no text"):
        read(values, **options)


def test_days_counted_by_excel_are_told():
    with pytest.warns(UserWarning, match=r"45292, read as 2094-01-02 .*1899-12-30"):
        read([45292, 45293], unit="D")
    with pytest.raises(ValueError, match="1899-12-30"):
        read([45292, 45293], numbers=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read([19723, 19724], unit="D")
        read([45292, 45293], unit="h")
        read([1704067200000, 1704153600000], unit="ms")
        read([0, 86400000], unit="ms")


FAR = pytest.param(
    1_000, "s", marks=pytest.mark.skipif(pd.__version__ < "3", reason="older pandas has no year 55969, and says so")
)


@pytest.mark.parametrize(("size", "unit"), [(1, "ms"), FAR, (1_000, "us"), (1_000_000, "ns")])
def test_numbers_of_another_unit_are_told(size, unit):
    with pytest.warns(UserWarning, match=f"with unit='{unit}'. Is it the unit"):
        read([1704067200 * size, 1704153600 * size], unit=unit)


@pytest.mark.parametrize(
    ("texts", "dates"),
    [
        (["M1 2024", "M2 2024"], ["2024-01-01", "2024-02-01"]),
        (["2024/M01", "2024/M12"], ["2024-01-01", "2024-12-01"]),
        (["2024T1", "2024T4"], ["2024-01-01", "2024-10-01"]),
        (["1T2024", "2T2024"], ["2024-01-01", "2024-04-01"]),
        (["T1 2024", "T3 2024"], ["2024-01-01", "2024-07-01"]),
        (["1. 2. 2024", "2. 2. 2024", "3. 2. 2024"], ["2024-02-01", "2024-02-02", "2024-02-03"]),
        (["202402010000", "202402010100"], ["2024-02-01 00:00", "2024-02-01 01:00"]),
    ],
)
@pytest.mark.filterwarnings("ignore:.* was read with the day first")
def test_months_quarters_and_days_that_pandas_reads_as_something_else(texts, dates):
    moments, codes = read_moments(pd.Series(texts), "the time column")
    assert list(moments[codes]) == list(pd.to_datetime(dates))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["201001", "201002"], r"holds '201001', 6 digits that can be read in several ways: give date_format="),
        (["240101", "240102"], r"holds '240101', 6 digits"),
        (["Monday 05/02/2024", "Monday 12/02/2024"], r"first: 'Monday 05/02/2024' is 02 May 2024 or 05 February 2024"),
        (["1h 01.02.2024", "2h 01.02.2024"], r"with the month first or with the day first: '1h 01.02.2024'"),
    ],
)
def test_text_that_can_be_read_in_several_ways_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        read_moments(pd.Series(texts), "the time column")


def test_text_in_an_unusual_form_is_read_in_the_order_that_is_said():
    texts = pd.Series(["Monday 05/02/2024", "Monday 12/02/2024"])
    assert list(read_moments(texts, "the time column", dayfirst=True)[0].month) == [2, 2]


@pytest.mark.parametrize(
    ("texts", "options", "told"),
    [
        (["1/31/68", "2/29/68"], {}, "'1/31/68', read as 31 January 2068"),
        (["68-Jan", "68-Feb"], {}, "'68-Jan', read as 01 January 2068"),
        (["Dec-67", "Jan-68"], {"date_format": "%b-%y"}, "'Dec-67', read as 01 December 2067"),
        ([670131, 670201], {"date_format": "%y%m%d"}, "'670131', read as 31 January 2067"),
    ],
)
def test_years_of_two_digits_that_are_read_as_years_far_ahead_are_told(texts, options, told):
    with pytest.warns(UserWarning, match=f"{told}: years of two digits can mean either century"):
        read(texts, **options)


@pytest.mark.parametrize("texts", [["1/31/1968", "2/29/1968"], ["1/31/2068"], ["20680131"], ["1/31/24"], ["1/31/70"]])
def test_years_that_are_certain_or_near_are_not_told(texts):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(texts)


@pytest.mark.parametrize(("n_years", "n_told"), [(9, 0), (12, 1)])
def test_plans_of_ten_years_are_near(n_years, n_told, recwarn):
    read([f"1/31/{(pd.Timestamp.now().year + n_years) % 100:02}"])
    assert len(recwarn) == n_told


@pytest.mark.parametrize("form", ["{}/{:02}", "{}-{:02}"])
def test_years_from_one_to_the_next_are_not_read_as_months(form):
    texts = [form.format(year, year % 100 + 1) for year in (2002, 2003)]
    with pytest.raises(
        ValueError, match=rf"'{texts[0]}', '{texts[1]}', which look like years from 2002 to the next one"
    ):
        read(texts)
    assert list(read(texts, date_format=form.format("%Y", 0).replace("00", "%m")).month) == [3, 4]
    assert list(read(texts[:1]).month) == [3]  # one alone tells nothing


@pytest.mark.parametrize("order", [1, -1])
def test_timestamps_with_and_without_a_zone_are_refused_in_any_order(order):
    """As pandas.concat makes them of two tables."""
    parts = [pd.Series(DAYS[:4]), pd.Series(DAYS[4:8].tz_localize("UTC"))]
    column = pd.concat(parts[::order], ignore_index=True)
    with pytest.raises(ValueError, match=r"times with an offset from UTC and times without|Cannot mix"):
        read(column)


@pytest.mark.parametrize("read", [read_panel, regularize])
def test_days_of_excel_that_count_as_numbers_are_told(read):
    options = {"id": "unique_id", "time": "ds"}
    table = pd.DataFrame({"unique_id": "a", "ds": np.arange(45292, 45322), "y": 1.0})
    with pytest.warns(UserWarning, match="holds numbers, first 45292, which count as such.*1899-12-30"):
        read(table, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(table.assign(ds=table["ds"] - 45292), **options)


@pytest.mark.parametrize(
    "form",
    [
        "%d %b %Y %I:%M %p GMT-05:00", "%Y/%m/%d %I:%M:%S %p UTC-0500", "%b %d, %Y, %I:%M:%S %p GMT-5",
        "%d.%m.%Y %H:%M:%S GMT-05:00", "%Y-%m-%d %H:%M GMT-5", "%a %b %d %Y %H:%M:%S GMT-0500 (Eastern Standard Time)",
    ],
)  # fmt: skip
def test_offsets_from_greenwich_have_the_sign_that_is_written(form):
    """Pandas read some of them with the other sign, as POSIX has it for names of zones."""
    moments = HALF_HOURS.tz_localize("Etc/GMT+5")
    assert list(read(moments.strftime(form))) == list(moments)


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%d %b %Y %I:%M %p UTC", "%Y-%m-%d %H:%M UTC"])
def test_times_of_greenwich_are_in_utc(form):
    """Pandas reads those of web servers, RFC 1123, as local times."""
    moments = HALF_HOURS.tz_localize("UTC")
    assert list(read(moments.strftime(form))) == list(moments)
    table = pd.DataFrame({"t": moments.strftime(form), "y": range(len(moments))})
    in_berlin = regularize(table, time="t", tz="Europe/Berlin", verbose=0)
    assert list(in_berlin.index) == list(moments)


def test_dates_that_excel_took_for_others_are_refused():
    """Days up to 12 are months there, and others stay text: a whole year is regular, with its rows in another order."""
    year = pd.date_range("2024-01-01", "2024-12-31")
    of_sheet = [datetime.datetime(one.year, one.day, one.month) if one.day <= 12 else f"{one:%d/%m/%Y}" for one in year]
    with pytest.raises(
        ValueError, match="times, whose days are 12 at most, and text such as '13/01/2024': an earlier step"
    ):
        read(pd.Series(of_sheet, dtype=object))
    with pytest.raises(ValueError, match="holds numbers and times, such as 45292 and "):
        read(pd.Series([DAYS[0], 45292], dtype=object))
    assert list(read(pd.Series([*DAYS[:20], *DAYS[20:].strftime("%Y-%m-%d")], dtype=object))) == list(DAYS)


@pytest.mark.parametrize(
    ("options", "form"), [({"dayfirst": True}, "%d/%m/%Y"), ({"date_format": "%d/%m/%Y"}, "%d/%m/%Y"), ({}, "%d.%m.%Y")]
)
def test_text_among_times_is_read_as_it_is_alone(options, form, recwarn):
    """Sheets hold both; the month was taken for the first number, and options had no effect."""
    mixed = pd.Series([*DAYS[:14], *DAYS[14:26].strftime(form)], dtype=object)
    assert list(read(mixed, **options)) == list(DAYS[:26])
    assert not [one for one in recwarn if "no effect" in str(one.message)]
    with pytest.raises(ValueError, match=r"several orders|day first"):
        read(pd.Series([DAYS[20], "03/04/2024", "04/05/2025"], dtype=object))


@pytest.mark.parametrize("kind", [int, float, decimal.Decimal])
def test_numbers_as_objects_are_numbers(kind):
    """They counted nanoseconds since 1970."""
    rows = pd.Series([kind(one) for one in range(1980, 2020)], dtype=object)
    assert list(read(rows)) == list(range(1980, 2020))
    assert read(rows, date_format="%Y")[0] == pd.Timestamp("1980-01-01")
    assert read(rows * 86400, unit="s")[0] == pd.Timestamp("1975-06-04")
    with pytest.raises(ValueError, match="got numbers, first 2024010"):
        read(pd.Series([kind(20240101), kind(20240102)], dtype=object))


@pytest.mark.parametrize("form", ["{}:00-{}:00", "{}:30 -{}:00", "{}:00:00-{}:00"])
def test_ranges_of_time_are_no_offsets(form):
    """09:00-10:00 was 19:00 in UTC, two hours before 10:00-11:00."""
    hours = [f"{hour:02d}" for hour in range(9, 18)]
    texts = [f"2024-01-01 {form.format(*pair)}" for pair in itertools.pairwise(hours)]
    with pytest.raises(ValueError, match="holds ranges of time such as '2024-01-01 09:"):
        read(pd.Series(texts))
    places = read(pd.Series([f"2024-01-01 {hour}:00-0{zone}:00" for hour in hours for zone in (5, 6)]))
    assert places.min() == pd.Timestamp("2024-01-01 14:00", tz="UTC")
