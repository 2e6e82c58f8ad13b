"""Calendar fields and holidays as columns."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest

from skdistill.calendar import calendar_covariates

HOURS = pd.date_range("2024-12-23", periods=96, freq="h")


def test_dummies_mark_the_value_of_each_field():
    out = calendar_covariates(HOURS)
    assert out.shape == (96, 24 + 7 + 12)
    assert out.index.equals(HOURS)
    for field, columns in (("hour", 24), ("weekday", 7), ("month", 12)):
        block = out.filter(regex=f"^{field}_")
        assert block.shape[1] == columns
        assert (block.sum(axis=1) == 1).all()
        np.testing.assert_array_equal(
            block.to_numpy().argmax(axis=1) + (field == "month"), getattr(HOURS, field), err_msg=field
        )


@pytest.mark.parametrize(
    ("freq", "fields"),
    [("15min", "hour weekday month"), ("D", "weekday month"), ("B", "weekday month"), ("W", "month"), ("MS", "month"),
     ("YS", "")],
)  # fmt: skip
def test_default_fields_are_those_that_vary_at_the_step(freq, fields):
    index = pd.date_range("2024-01-01", periods=30, freq=freq)
    assert list(calendar_covariates(index, encoding="numbers").columns) == fields.split()


def test_cycles_close():
    out = calendar_covariates(HOURS, fields=["hour"], encoding="cycles")
    assert list(out.columns) == ["hour_sin", "hour_cos"]
    angle = 2 * np.pi * np.arange(96) / 24
    np.testing.assert_allclose(out, np.stack([np.sin(angle), np.cos(angle)], axis=1), atol=1e-12)


def test_numbers_are_categories_that_any_labels_share():
    first, later = (calendar_covariates(part, encoding="numbers", frequency="h") for part in (HOURS[:5], HOURS[50:51]))
    assert list(first["hour"]) == [0, 1, 2, 3, 4]
    pd.testing.assert_series_equal(first.dtypes, later.dtypes)


@pytest.mark.parametrize("encoding", ["dummies", "cycles", "numbers"])
def test_rows_do_not_depend_on_the_other_rows(encoding):
    settings = {"encoding": encoding, "frequency": "h", "holidays": ["2024-12-25"], "around": 1}
    whole = calendar_covariates(HOURS, **settings)
    pd.testing.assert_frame_equal(calendar_covariates(HOURS[40:], **settings), whole.iloc[40:], check_freq=False)


def test_every_kind_of_index_says_the_same():
    expected = calendar_covariates(HOURS, holidays=["2024-12-25"], around=1).to_numpy()
    zoned = calendar_covariates(HOURS.tz_localize("Europe/Berlin"), holidays=["2024-12-25"], around=1)
    periods = calendar_covariates(HOURS.to_period(), holidays=["2024-12-25"], around=1)
    panel = calendar_covariates(
        pd.MultiIndex.from_product([["a", "b"], HOURS], names=["series", "time"]), holidays=["2024-12-25"], around=1
    )
    pytest.importorskip("pyarrow", reason="needs pip install 'skdistill[parquet]'")
    arrow = HOURS.astype("timestamp[ns][pyarrow]")
    np.testing.assert_array_equal(calendar_covariates(arrow, holidays=["2024-12-25"], around=1), expected)
    assert calendar_covariates(arrow).index.dtype == arrow.dtype
    np.testing.assert_array_equal(zoned, expected)
    np.testing.assert_array_equal(periods, expected)
    np.testing.assert_array_equal(panel.loc["a"], expected)
    np.testing.assert_array_equal(panel.loc["b"], expected)


def test_holidays_and_the_days_around_them():
    days = pd.date_range("2024-12-22", periods=7, freq="D")
    out = calendar_covariates(days, holidays=pd.DatetimeIndex(["2024-12-25", "2024-12-26"]), around=2, fields=())
    assert list(out.columns) == ["holiday", "holiday_in_1", "holiday_1_ago", "holiday_in_2", "holiday_2_ago"]
    assert out["holiday"].tolist() == [0, 0, 0, 1, 1, 0, 0]
    assert out["holiday_in_1"].tolist() == [0, 0, 1, 1, 0, 0, 0]
    assert out["holiday_1_ago"].tolist() == [0, 0, 0, 0, 1, 1, 0]
    assert out["holiday_in_2"].tolist() == [0, 1, 1, 0, 0, 0, 0]


def test_a_country_and_its_parts():
    pytest.importorskip("holidays")
    days = pd.date_range("2024-01-01", "2024-12-31", freq="D")
    germany = calendar_covariates(days, holidays="DE")["holiday"]
    assert germany.sum() == 9  # nationwide
    bavaria = calendar_covariates(days, holidays="DE-BY")["holiday"]
    assert bavaria["2024-01-06"] == 1  # Epiphany
    assert germany["2024-01-06"] == 0
    local = pd.date_range("2024-12-24 22:30", periods=2, freq="h", tz="UTC").tz_convert("Europe/Berlin")
    assert calendar_covariates(local, holidays="DE")["holiday"].tolist() == [0, 1]


def test_a_calendar_of_the_package_is_filled_in():
    library = pytest.importorskip("holidays")
    days = pd.date_range("2023-12-30", periods=4, freq="D")
    lazy = calendar_covariates(days, holidays=library.country_holidays("FR"), around=1, fields=())
    pd.testing.assert_frame_equal(lazy, calendar_covariates(days, holidays="FR", around=1, fields=()))
    assert lazy["holiday_in_1"].tolist() == [0, 1, 0, 0]


def test_months_count_their_holidays():
    pytest.importorskip("holidays")
    months = pd.period_range("2024-01", periods=12, freq="M")
    out = calendar_covariates(months, holidays="DE", fields=())
    assert out["holiday"].tolist() == [1, 0, 1, 1, 3, 0, 0, 0, 0, 1, 0, 2]


@pytest.mark.parametrize("freq", ["W", "Q-NOV", "Y-JUN"])
@pytest.mark.parametrize("is_lazy", [False, True])
def test_the_last_period_counts_holidays_after_the_turn_of_the_year(freq, is_lazy):
    library = pytest.importorskip("holidays")
    last = pd.period_range("2024-12-30", periods=1, freq=freq)
    holidays = library.country_holidays("US") if is_lazy else "US"
    days = pd.date_range(last[0].start_time, last[0].end_time, freq="D")
    each_day = calendar_covariates(days, holidays="US", around=1, fields=())
    assert each_day["2025":]["holiday"].sum() > 0
    out = calendar_covariates(last, holidays=holidays, around=1, fields=())
    assert out.iloc[0].tolist() == each_day.sum().tolist()


def test_no_rows_have_the_columns_too():
    assert calendar_covariates(HOURS[:0], frequency="h", holidays=["2024-12-25"]).shape == (0, 44)


@pytest.mark.parametrize(
    ("index", "settings", "message"),
    [
        (pd.RangeIndex(5), {}, "needs a DatetimeIndex or a PeriodIndex, of a panel as last level; got RangeIndex"),
        (pd.DataFrame(index=HOURS), {}, "got DataFrame; pass its index"),
        (pd.DatetimeIndex(["2024-01-01", None]), {}, "contains NaT, first at position 1"),
        (HOURS, {"fields": ["hours"]}, "got 'hours'. Did you mean 'hour'"),
        (HOURS, {"fields": "hour"}, r"a list of names, such as \['hour'\]"),
        (HOURS, {"encoding": "dummy"}, "got 'dummy'. Did you mean 'dummies'"),
        (HOURS, {"around": 1}, "name holidays, too"),
        (HOURS, {"around": -1}, "around of calendar_covariates"),
        (pd.date_range("2024-01-01", periods=5, freq="W"), {"holidays": ["2024-01-01"]}, "to_period"),
        (pd.date_range("2024-01-01", periods=5, freq="2D"), {"holidays": ["2024-01-02"]}, "to_period"),
        (pd.date_range("2024-01-01", periods=9, freq="2B")[[*range(9)]], {"holidays": ["2024-01-02"]}, "to_period"),
        (pd.date_range("2024-01-01", periods=2, freq="2B"), {"holidays": ["2024-01-02"]}, "to_period"),
        (pd.date_range("2024-01-01", periods=5, freq="36h", tz="UTC"), {"holidays": ["2024-01-03"]}, "to_period"),
        (HOURS[:1], {}, "cannot be inferred; pass `frequency`"),
        (HOURS[:1], {"holidays": ["2024-12-25"], "frequency": "W"}, "to_period"),
        (HOURS[:1], {"holidays": ["2024-12-25"], "fields": (), "frequency": pd.offsets.Hour(36)}, "to_period"),
        (HOURS, {"holidays": ["05.01.2025"]}, r"year first; got '05\.01\.2025'"),
        (HOURS, {"holidays": [20241225]}, "must be dates.*got 20241225"),
        (HOURS, {"holidays": [pd.NaT]}, "must be dates.*got NaT"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(index, settings, message):
    index = pd.DatetimeIndex(index, freq=None) if isinstance(index, pd.DatetimeIndex) and len(index) == 1 else index
    with pytest.raises((TypeError, ValueError), match=message):
        calendar_covariates(index, **settings)


@pytest.mark.parametrize("step", ["W-WED", "MS", "SME", "QE-NOV", "YS", "36h", "2D", "WOM-3FRI"])
def test_a_known_step_of_more_than_a_day_is_refused_for_one_label_too(step):
    labels = pd.date_range("2024-12-18", periods=1, freq=step)
    with pytest.raises(ValueError, match="to_period"):
        calendar_covariates(labels, holidays=["2024-12-25"], fields=())


@pytest.mark.parametrize("step", ["D", "B", "C", "24h", "h", "bh"])
def test_one_label_of_a_step_of_a_day_or_less_has_its_own_holidays(step):
    labels = pd.date_range("2024-12-25", periods=1, freq=step)
    assert calendar_covariates(labels, holidays=[labels[0]], fields=())["holiday"].tolist() == [1]


def test_an_unknown_country_is_named():
    pytest.importorskip("holidays")
    with pytest.raises(ValueError, match=r"holidays = 'XX' .* 'DE-BY', or the dates themselves"):
        calendar_covariates(HOURS, holidays="XX")


def test_a_country_without_the_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(ImportError, match=r"pip install 'skdistill\[calendar\]'"):
        calendar_covariates(HOURS, holidays="DE")
    assert calendar_covariates(HOURS, holidays=["2024-12-25"])["holiday"].sum() == 24


def test_a_list_of_holidays_that_ends_before_the_labels_is_told():
    """Those of the horizon were missing, and no day of it was a holiday."""
    days = pd.date_range("2023-01-01", "2024-12-31")
    of_2023 = [f"2023-{month:02d}-15" for month in range(1, 13)]
    of_2024 = [date.replace("2023", "2024") for date in of_2023]
    with pytest.warns(UserWarning, match="end on 2023-12-15, 382 days before the last label: none is marked there"):
        calendar_covariates(days, holidays=of_2023)
    with pytest.warns(UserWarning, match="begin on 2024-01-15, 379 days after the first label"):
        calendar_covariates(days, holidays=of_2024)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calendar_covariates(days, holidays=[*of_2023, *of_2024])
        calendar_covariates(days, holidays=["2023-05-01", "2023-06-01"])  # of no year
        calendar_covariates(days[:300], holidays=of_2023)
