"""Long tables become the canonical panel, and the way back."""

import datetime
import io
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdistill.datasets import read_panel, to_long


def long(**columns):
    return pd.DataFrame({"unique_id": "a", "ds": range(len(next(iter(columns.values())))), **columns})


# -- the panel -----------------------------------------------------------------------------------


def test_rows_in_any_order_become_a_panel_in_order():
    frame = pd.DataFrame({"shop": [7, 3, 7], "day": ["2024-01-02", "2024-01-05", "2024-01-01"], "y": [2, 5, 1]})
    panel = read_panel(frame, id="shop", time="day")
    assert panel.index.names == ["series", "time"]
    assert [(one, str(day.date())) for one, day in panel.index] == [
        (3, "2024-01-05"),
        (7, "2024-01-01"),
        (7, "2024-01-02"),
    ]
    assert panel["y"].tolist() == [5.0, 1.0, 2.0]
    assert panel.index.levels[0].dtype == np.int64


def test_the_user_s_table_and_the_panel_share_no_memory():
    for frame in (long(y=[1.0, 2.0]), long(y=[1.0, 2.0], name=["x", "y"]), long(y=[1.0, 2.0], z=[3.0, 4.0])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of text
            panel = read_panel(frame)
        panel.iloc[0, 0] = 9.0
        assert frame["y"][0] == 1.0


def test_numbers_are_floats_and_single_ones_stay_so():
    panel = read_panel(long(a=np.float32([1, 2]), b=[True, False], c=np.int8([1, 2]), d=pd.array([1, None])))
    assert [str(one) for one in panel.dtypes] == ["float32", "float64", "float64", "float64"]
    np.testing.assert_array_equal(panel["d"], [1.0, np.nan])


def test_a_panel_is_read_as_it_is():
    panel = read_panel(long(y=[1.0, 2.0]))
    pd.testing.assert_frame_equal(read_panel(panel), panel)
    named = panel.rename_axis(index=["shop", "day"])
    pd.testing.assert_frame_equal(read_panel(named, id="shop", time="day"), panel)
    pd.testing.assert_frame_equal(read_panel(named["y"]), panel)


def test_several_columns_name_a_series():
    frame = pd.DataFrame({"store": [2, 10, 2], "item": ["b", "a", "a"], "ds": [0, 0, 0], "y": [1.0, 2.0, 3.0]})
    panel = read_panel(frame, id=["store", "item"])
    assert panel["y"].to_dict() == {("10/a", 0): 2.0, ("2/a", 0): 3.0, ("2/b", 0): 1.0}
    two = pd.DataFrame({"store": ["a/b", "a"], "item": ["c", "b/c"], "ds": [0, 0], "y": [1.0, 2.0]})
    with pytest.raises(ValueError, match="'a/b/c' comes from different values of 'store', 'item'"):
        read_panel(two, id=["store", "item"])


@pytest.mark.parametrize(
    "times",
    [
        pd.period_range("2024-01", periods=3, freq="M"),
        pd.timedelta_range("1h", periods=3, freq="h"),
        pd.Index([10, 20, 30]),
        pd.Index([1990.0, 1991.0, 1992.0]),
        pd.Index([datetime.date(2024, 1, k) for k in (1, 2, 3)]),
    ],
)
def test_times_of_every_kind(times):
    panel = read_panel(pd.DataFrame({"unique_id": "a", "ds": times[[0, 2, 1]], "y": [1.0, 3.0, 2.0]}))
    assert panel["y"].tolist() == [1.0, 2.0, 3.0]
    assert list(panel.index.get_level_values(1)) == list(
        pd.DatetimeIndex(times) if isinstance(times[0], datetime.date) else times
    )
    short = read_panel(pd.DataFrame({"unique_id": ["a", "a", "b", "b", "b"], "ds": [*times[[0, 2]], *times], "y": 1.0}))
    assert short["y"].isna().tolist() == [False, True, False, False, False, False]


def test_times_get_a_zone_and_change_it():
    text = "unique_id,ds,y\na,2024-03-30 12:00,1\na,2024-03-31 12:00,2\n"
    local = read_panel(io.StringIO(text), tz="Europe/Berlin").index.get_level_values(1)
    assert list(local) == list(pd.date_range("2024-03-30 12:00", periods=2, tz="Europe/Berlin"))
    offsets = text.replace("30 12:00", "30 12:00+01:00").replace("31 12:00", "31 12:00+02:00")
    utc = read_panel(io.StringIO(offsets)).index.get_level_values(1)
    assert list(utc) == list(local)
    assert str(utc.tz) == "UTC"
    assert list(read_panel(io.StringIO(offsets), tz="Europe/Berlin").index.get_level_values(1)) == list(local)


def test_offsets_from_utc_do_not_tell_the_zone_but_an_error_does():
    weeks = pd.date_range("2024-03-05", periods=9, freq="7D", tz="Europe/Berlin")
    text = to_long(read_panel(long(y=np.ones(9), ds=weeks))).to_csv(index=False)
    with pytest.raises(ValueError, match=r"no regular step in UTC, but have one in local time.*tz='Europe/Berlin'"):
        read_panel(io.StringIO(text))
    assert list(read_panel(io.StringIO(text), tz="Europe/Berlin").index.get_level_values(1)) == list(weeks)


def test_the_level_of_times_keeps_a_step_that_few_rows_do_not_show():
    days = pd.date_range("2024-01-01", periods=30, freq="B")
    panel = read_panel(pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0}))
    assert panel.index.levels[1].freq == pd.offsets.BusinessDay()


# -- missing rows --------------------------------------------------------------------------------

GAP = "unique_id,ds,y,text\na,2024-01-01,1,u\na,2024-01-04,4,v\nb,2024-01-01,5,u\nb,2024-01-02,6,u\nb,2024-01-03,7,u\n"


def gap(**options):
    return read_panel(io.StringIO(GAP), columns=["y"], **options)


def test_missing_rows_are_inserted_left_or_refused():
    assert gap()["y"].fillna(-1).tolist() == [1, -1, -1, 4, 5, 6, 7]
    assert gap(fill_value=0)["y"].tolist() == [1, 0, 0, 4, 5, 6, 7]
    assert gap(fill_value={"y": 2.5})["y"].tolist() == [1, 2.5, 2.5, 4, 5, 6, 7]
    said = "the file has 2 missing rows in 1 series, the longest gap .2 rows. after 2024-01-01 00:00:00 of series 'a'"
    with pytest.warns(UserWarning, match=said):
        assert gap(missing_rows="keep")["y"].tolist() == [1, 4, 5, 6, 7]
    with pytest.raises(ValueError, match=f"{said}, at a step of 1 day.*missing_rows='insert'"):
        gap(missing_rows="raise")
    with pytest.raises(ValueError, match="missing_rows of read_panel must be one of"):
        gap(missing_rows="fill")
    with pytest.raises(ValueError, match=r"fill_value names the column 'z'; the channels are \['y'\]"):
        gap(fill_value={"z": 0})
    with pytest.raises(ValueError, match="fill_value is the value of inserted rows; missing_rows='keep' inserts none"):
        gap(fill_value=0, missing_rows="keep")
    for wrong in ("ffill", np.inf, {"y": -np.inf}):
        with pytest.raises(TypeError, match=r"fill_value must (be a|hold) number"):
            gap(fill_value=wrong)


def test_series_that_end_before_others_are_told_where_rows_are_filled():
    """Days without sales are left out of the table: those after the last sale of an item, too."""
    with pytest.warns(
        UserWarning, match=r"1 of 2 series end before .* 2024-01-04 00:00:00; .* 2024-01-03 .*series 'b'"
    ):
        gap(fill_value=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gap()
        text = GAP + "b,2024-01-04,0,u\n"
        read_panel(io.StringIO(text), columns=["y"], fill_value=0)
        read_panel(io.StringIO(text.replace("b,2024-01-01,5,u\n", "")), columns=["y"], fill_value=0)  # starts later


def test_rows_between_those_of_a_plan_are_not_filled():
    """They counted as observed zeros, so that forecasts started after the last of them."""
    days = pd.date_range("2024-01-01", periods=12)
    frame = pd.concat([pd.DataFrame({"unique_id": one, "ds": days, "y": 1.0, "promo": 1.0}) for one in "ab"])
    frame.loc[frame["ds"] >= days[8], "y"] = np.nan
    frame = frame[~frame["ds"].isin(days[[5, 10]]) & ~((frame["unique_id"] == "b") & frame["ds"].isin(days[6:8]))]
    panel = read_panel(frame, fill_value=0)
    for one, zeros in (("a", [5]), ("b", [5, 6, 7])):
        assert np.flatnonzero(panel.loc[one, "y"] == 0).tolist() == zeros
        assert panel.loc[one, "y"].isna().tolist() == [False] * 8 + [True] * 4
    assert panel["promo"].notna().all()
    assert panel.loc["a", "promo"].iloc[10] == 0
    assert read_panel(frame.assign(promo=np.nan), fill_value=0)["promo"].isna().all()  # no row tells when they end


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5])
def test_rows_left_out_at_random_are_no_other_step(density):
    rng = np.random.default_rng(0)
    there = rng.random((2000, 100)) < density
    series, day = np.nonzero(there)
    frame = pd.DataFrame({"unique_id": series, "ds": pd.date_range("2024-01-01", periods=100)[day], "y": 1.0})
    panel = read_panel(frame, fill_value=0)
    assert panel["y"].sum() == there.sum()
    assert (np.diff(panel.loc[series[0]].index) == np.timedelta64(1, "D")).all()


def test_text_is_kept_reported_and_missing_in_inserted_rows():
    with pytest.warns(UserWarning, match=r"not numbers, left unchanged: 'text' \(text such as 'u'\).*columns="):
        panel = read_panel(io.StringIO(GAP))
    assert panel["text"].isna().tolist() == [False, True, True, False, False, False, False]
    assert panel["text"].dropna().tolist() == ["u", "v", "u", "u", "u"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["1", "closed", "3", "n.a."], r"'y' \(numbers except 'closed' in row 1 and 1 more: na_values="),
        (["1,5", "2,5", "3,5", "4,5"], r"'y' \(text such as '1,5': decimal=',' reads it\)"),
        (pd.Categorical(["u", "v", "u", "u"]), r"'y' \(category\)"),
        (pd.date_range("2024-01-01", periods=4), r"'y' \(datetime64\[.*\]\)"),
    ],
)
def test_a_column_that_should_be_numbers_is_told_apart(values, message):
    with pytest.warns(UserWarning, match=message):
        read_panel(long(y=values))


def test_irregular_rows_may_be_kept():
    frame = long(y=[1.0, 2.0, 3.0, 4.0, 5.0], ds=[0, 10, 20, 31, 40])
    with pytest.raises(ValueError, match=r"the table: there is no regular step: .*20 is followed by 31"):
        read_panel(frame)
    with pytest.warns(UserWarning, match="no regular step"):
        assert read_panel(frame, missing_rows="keep")["y"].tolist() == [1, 2, 3, 4, 5]


def test_gaps_that_are_none_are_told():
    days = [*pd.date_range("2024-01-01", periods=30), pd.Timestamp("2204-01-01")]
    with (
        warnings.catch_warnings(),
        pytest.raises(ValueError, match=r"grow from 31 to \d+ rows at a step of 1 day: .*2024-01-30.*wrong date"),
    ):
        read_panel(long(y=np.ones(31), ds=days))
    days[-1] = pd.Timestamp("2024-12-31")
    with pytest.warns(UserWarning, match="a gap of 335 rows follows 2024-01-30 00:00:00, longer than all"):
        read_panel(long(y=np.ones(31), ds=days))
    rng = np.random.default_rng(0)
    sold = pd.date_range("2024-01-01", periods=300)[np.sort(rng.permutation(300)[:90])]
    with pytest.warns(UserWarning, match=r"more than the 90 existing rows.*fill_value=0"):
        read_panel(long(y=np.ones(90), ds=sold))
    with pytest.warns(
        UserWarning, match="19 missing rows, .* beside the 20 existing rows"
    ):  # of another step than freq
        read_panel(long(y=np.ones(20), ds=pd.date_range("2024-01-01", periods=20, freq="2D")), freq="D")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_panel(long(y=np.ones(30), ds=days[:30]))


def test_a_doubled_or_skipped_hour_names_the_zone():
    hours = pd.date_range("2024-10-26", periods=72, freq="h", tz="Europe/Berlin").tz_localize(None)
    with pytest.raises(ValueError, match=r"(?s)2024-10-27 02:00:00.*Europe/Berlin.*lose an hour.*ambiguous='infer'"):
        read_panel(long(y=np.ones(72), ds=hours))
    hours = pd.date_range("2024-03-09", periods=72, freq="h", tz="America/New_York").tz_localize(None)
    with pytest.warns(UserWarning, match=r"skips 2024-03-10 02:00:00.*tz='America/New_York'"):
        read_panel(long(y=np.ones(72), ds=hours))


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ds": [0, 0, 1, 1]}, "2 rows whose time were seen before: 0, 1. Choose with regularize"),
        ({"ds": [0, 0, 1, 2], "y": 1.0}, "1 rows whose time were seen before, all of them copies: 0. Choose"),
        (
            {"unique_id": list("abab"), "ds": [0, 0, 0, 1]},
            r"1 rows whose series and time were seen before: 0 of series 'a'.*id=\[\.\.\., \.\.\.\]",
        ),
        ({"y": [1.0, np.inf, 2.0, -np.inf]}, "an infinite value in column 'y', row 1 .2 in all.*np.nan"),
        (
            {"unique_id": list("abab"), "ds": [0, 0, 1, 1], "y": [1, 2, 3, np.inf]},
            "infinite value in column 'y', row 3 of series 'b'",
        ),
        ({"unique_id": ["a", None, "a", "b"]}, "'unique_id' of the table lacks an id in 1 rows, first in row 1"),
        ({"unique_id": ["a", 3, "a", 3]}, "have several types, int and str"),
        ({"ds": ["2024-01-01", None, "2024-01-02", None]}, "'ds' of the table has no time in 2 rows, first in row 1"),
        ({"ds": ["2024-01-01", "yesterday", "x", "y"]}, "'ds' of the table cannot be read as timestamps"),
        ({"ds": [20240101, 20240102, 20240103, 20240104]}, "got numbers, first 20240101.*date_format='%Y'.*'%Y%m%d'"),
        ({"ds": [1704067200, 1704070800, 1704074400, 1704078000]}, "got numbers, first 1704067200.*unit='s'"),
        ({"ds": [0.5, 1.5, 2.5, 3.5]}, "timestamps or whole numbers; got 0.5"),
        ({"ds": [True, False, True, False]}, "holds True and False"),
    ],
)
def test_bad_input_is_named(change, message):
    frame = pd.DataFrame({"unique_id": "a", "ds": range(4), "y": [1.0, 2.0, 3.0, 4.0]}).assign(**change)
    with pytest.raises(ValueError, match=message):
        read_panel(frame)


def test_numbers_count_in_the_unit_or_form_given():
    frame = long(y=[1.0, 2.0], ds=[20240131, 20240201])
    assert list(read_panel(frame, date_format="%Y%m%d").index.get_level_values(1)) == list(
        pd.DatetimeIndex(["2024-01-31", "2024-02-01"])
    )
    seconds = read_panel(long(y=[1.0, 2.0], ds=[1704067200, 1704070800]), unit="s")
    assert list(seconds.index.get_level_values(1)) == list(pd.date_range("2024-01-01", periods=2, freq="h"))
    there = read_panel(long(y=[1.0, 2.0], ds=[1704067200, 1704070800]), unit="s", tz="Europe/Berlin")
    assert there.index[0][1] == pd.Timestamp("2024-01-01", tz="UTC")  # a number of seconds is the same everywhere
    days = read_panel(long(y=[1.0, 2.0], ds=[19723, 19724]), unit="D", tz="Europe/Berlin")
    assert days.index[0][1] == pd.Timestamp("2024-01-01", tz="Europe/Berlin")
    with pytest.raises(ValueError, match=r"unit must be one of 'D', .*; got 'fortnight'"):
        read_panel(frame, unit="fortnight")
    with pytest.raises(ValueError, match="has int64 instead of timestamps: tz='UTC' does not apply"):
        read_panel(long(y=[1.0, 2.0]), tz="UTC")


# -- the way back --------------------------------------------------------------------------------

IDS = st.one_of(st.lists(st.integers(-5, 50), min_size=1, max_size=4, unique=True),
                st.lists(st.text("ab 1/", min_size=1, max_size=4), min_size=1, max_size=4, unique=True))  # fmt: skip
STEPS = st.sampled_from(["h", "15min", "D", "B", "W-TUE", "MS", "ME", "QE", "YS", "SME", "BME"])


@st.composite
def panels(draw):
    step = draw(STEPS)
    tz = draw(st.sampled_from([None, "UTC", "Europe/Berlin"]))
    frames = {}
    for one in draw(IDS):
        calendar = pd.date_range("2023-12-28", periods=40, freq=step, tz=tz)
        first = draw(st.integers(0, 10))
        index = calendar[first : first + draw(st.integers(15, 29))]
        values = np.random.default_rng(first).normal(size=(len(index), 2))
        values[sorted(draw(st.sets(st.integers(0, 14), max_size=5))), 0] = np.nan
        frames[one] = pd.DataFrame(values, index=index, columns=["y", "price"])
    return pd.concat(frames, names=["series", "time"]).sort_index()


@given(panels(), st.randoms(use_true_random=False))
def test_there_and_back(panel, random):
    table = to_long(panel)
    assert list(table.columns) == ["unique_id", "ds", "y", "price"]
    order = list(range(len(table)))
    random.shuffle(order)
    again = read_panel(table.iloc[order])
    pd.testing.assert_frame_equal(again, panel, check_freq=False, check_index_type="equiv")
    kept = table.dropna()  # rows of which nothing was observed left out: those between come back
    inner = read_panel(kept)
    expected = panel[panel.index.isin(inner.index)]
    pd.testing.assert_series_equal(inner["y"], expected["y"], check_freq=False, check_index_type="equiv")
    assert inner.index.is_unique
    assert inner.index.is_monotonic_increasing


@given(panels())
def test_there_and_back_through_csv(panel):
    text = to_long(panel, id="shop", time="at").to_csv(index=False)
    tz = panel.index.levels[1].tz  # offsets from UTC do not tell the zone
    again = read_panel(io.StringIO(text), id="shop", time="at", tz=tz)
    assert again["y"].to_numpy() == pytest.approx(panel["y"].to_numpy(), nan_ok=True)
    assert list(again.index.get_level_values(1)) == list(panel.index.get_level_values(1))


def test_what_is_no_panel_has_no_long_table():
    with pytest.raises(ValueError, match=r"two|levels \(series, time\).*got 1 level"):
        to_long(pd.DataFrame({"y": [1.0]}))
    with pytest.raises(ValueError, match="got ndarray"):
        to_long(np.ones(3))
    panel = read_panel(long(y=[1.0, 2.0]))
    with pytest.raises(ValueError, match="'y' is the name of another column"):
        to_long(panel, id="y")
    with pytest.raises(ValueError, match="'a' is the name of another column"):
        to_long(panel, id="a", time="a")


@pytest.mark.parametrize(
    ("coarse", "fine", "size"),
    [
        (pd.date_range("2022-01-03", periods=20, freq="7D"), pd.date_range("2022-05-23", periods=150), 7),
        (
            pd.date_range("2022-01-01", periods=40, freq="h"),
            pd.date_range("2022-01-02 16:00", periods=160, freq="15min"),
            4,
        ),
        (pd.date_range("2015-01-01", periods=8, freq="QS"), pd.date_range("2017-01-01", periods=60, freq="MS"), 3),
        (pd.date_range("2022-01-03", periods=60, freq="7D"), pd.date_range("2023-02-27", periods=45), 7),
    ],
)
def test_rows_that_are_coarser_for_a_while_are_told(coarse, fine, size):
    """Sums of weeks were days with six days missing between."""
    frame = pd.DataFrame({"unique_id": "a", "ds": coarse.append(fine), "y": 1.0})
    with pytest.warns(UserWarning, match=rf"are {size} steps \(.*\) apart, others one.* sums of {size} steps"):
        assert read_panel(frame)["y"].isna().sum() == (size - 1) * len(coarse)


def test_rows_left_out_at_random_or_on_some_weekdays_are_not_coarse(recwarn):
    days, rng = pd.date_range("2022-01-03", periods=700), np.random.default_rng(0)
    kept = [rng.random(700) < 0.6, days.dayofweek < 5, (days.dayofweek < 6) & (rng.random(700) < 0.8)]
    for rows in kept:
        read_panel(pd.DataFrame({"unique_id": "a", "ds": days[rows], "y": 1.0}))
    assert not recwarn.list


def test_a_fill_value_for_all_columns_that_is_no_level_of_one_is_told():
    days = pd.date_range("2024-01-01", periods=9).delete([3, 4])
    frame = pd.DataFrame(
        {"unique_id": "a", "ds": days, "sales": [1.0, 2, 1, 3, 1, 1, 1], "price": [9.5] * 4 + [9.9] * 3}
    )
    with pytest.warns(UserWarning, match=r"fill_value=0 fills 'price', too, which is between 9.5 and 9.9, in 2 insert"):
        read_panel(frame, fill_value=0)
    with pytest.warns(UserWarning, match="fill_value=0 fills 'price', too"):
        read_panel(frame.assign(price=[9.5, np.nan, 9.5, np.nan, 9.5, np.nan, 9.9]), fill_value=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_panel(frame, fill_value={"sales": 0})
        read_panel(frame.assign(price=np.nan), fill_value=0)
        read_panel(frame.assign(price=[2.0, 0, 4, 5, 5, 5, 5]), fill_value=0)
        read_panel(frame, columns=["sales"], fill_value=0)


@pytest.mark.parametrize(("lone", "where"), [("2024-01-15", "before the last"), ("2022-08-15", "after the first")])
def test_a_row_with_a_wrong_date_far_from_a_dense_series_is_told(lone, where):
    """Forecasts started after it, from one row."""
    days = pd.date_range("2023-01-01", periods=200).append(pd.DatetimeIndex([lone]))
    frame = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0})
    for options in ({}, {"fill_value": 0}):
        with pytest.warns(UserWarning, match=rf"rows lies {where} rows of the series, {lone}.* look for a wrong date"):
            read_panel(frame, **options)


def test_rows_left_out_are_told_before_a_long_gap_among_them():
    """Of sales every tenth day, the longest gap was told to be a wrong date, not that zeros are missing."""
    rng, days = np.random.default_rng(0), pd.date_range("2022-01-01", periods=400)
    parts = [pd.DataFrame({"unique_id": one, "ds": days[rng.random(400) < 0.05], "y": 1.0}) for one in range(20)]
    with pytest.warns(UserWarning, match="if rows without sales or events were left out, set fill_value=0"):
        read_panel(pd.concat(parts))


def test_counts_without_a_zero_in_a_table_with_gaps_are_told(recwarn):
    """A fourth of the days had no sales and no rows, and forecasts were too high by as much."""
    rng, days = np.random.default_rng(0), pd.date_range("2022-01-01", periods=200)
    parts = [pd.DataFrame({"unique_id": one, "ds": days, "y": rng.poisson(1.2, 200)}) for one in range(5)]
    table = pd.concat(parts)
    left_out = table[table["y"] > 0]
    with pytest.warns(UserWarning, match=r"counts from 1 on, hardly a 0, in 'y'.* set fill_value=0"):
        read_panel(left_out)
    recwarn.clear()
    read_panel(left_out, fill_value=0)
    some = table[rng.random(1000) < 0.85]
    read_panel(some)
    read_panel(some.assign(y=some["ds"].dt.dayofweek + 1, code=some["unique_id"] + 1))
    read_panel(some.assign(y=20 + some["y"]))
    assert not [one for one in recwarn if "hardly a 0" in str(one.message)]
