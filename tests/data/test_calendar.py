"""Calendar features, continued indices and index checks."""

import sys

import numpy as np
import pandas as pd
import pytest

from skdistill.data._calendar import calendar_features
from skdistill.data._index_checks import check_time_index
from skdistill.data._steps import continue_index


def bare(index):
    """The same labels without the stored frequency, as a CSV file gives them."""
    out = pd.DatetimeIndex(index, freq=None, name=index.name)
    out.freq = None
    return out


@pytest.mark.parametrize(
    ("freq", "width"),
    [
        ("10s", 6), ("250ms", 6), ("15min", 5), ("90min", 5), ("h", 4), ("6h", 4), ("D", 3), ("2D", 3), ("B", 3),
        ("W", 2), ("W-WED", 2), ("7D", 2), ("ME", 1), ("MS", 1), ("BME", 1), ("QE", 1), ("QS", 1), ("YE", 0), ("YS", 0),
    ],
)  # fmt: skip
def test_features_width_and_range(freq, width):
    index = pd.date_range("2020-01-01", periods=30, freq=freq)
    out = calendar_features(index)
    assert out.shape == (30, width)
    assert out.dtype == np.float32
    assert (np.abs(out) <= 0.5).all()
    np.testing.assert_array_equal(calendar_features(bare(index)), out)
    np.testing.assert_array_equal(calendar_features(index[:1], frequency=freq), out[:1])


@pytest.mark.parametrize(
    ("freq", "width"), [("s", 6), ("min", 5), ("h", 4), ("D", 3), ("W", 2), ("M", 1), ("Q", 1), ("Y", 0)]
)
def test_features_of_periods(freq, width):
    assert calendar_features(pd.period_range("2020-01-01", periods=5, freq=freq)).shape == (5, width)
    assert calendar_features(pd.period_range("2020-01-01", periods=1, freq=freq)).shape == (1, width)


def test_features_values():
    stamp = pd.DatetimeIndex(["2024-12-31 23:59:59"])  # a Tuesday, day 366
    expected = [0.5, 0.5, 0.5, 1 / 6 - 0.5, 0.5, 0.5]
    np.testing.assert_allclose(calendar_features(stamp, frequency="s")[0], expected, atol=1e-6)
    np.testing.assert_allclose(calendar_features(stamp, frequency="H")[0], expected[2:], atol=1e-6)
    np.testing.assert_allclose(calendar_features(stamp, frequency="W")[0], [0.5, -0.5], atol=1e-6)  # ISO week 1
    np.testing.assert_allclose(calendar_features(stamp, frequency="M")[0], [0.5], atol=1e-6)
    assert calendar_features(stamp, frequency="Y").shape == (1, 0)


def test_features_local_time():
    utc = pd.date_range("2024-06-01 22:00", periods=4, freq="h", tz="UTC")
    out = calendar_features(utc.tz_convert("Europe/Berlin"))
    assert out[0, 0] == -0.5


@pytest.mark.parametrize(
    ("labels", "width"),
    [
        (["2024-01-01", "2024-01-02"], 3),
        (["2024-01-31", "2024-02-29"], 1),
        (["2024-01-01 00:00", "2024-01-01 01:00"], 4),
        (["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05"], 3),
        (["2024-01-05", "2024-01-01", "2024-01-02", "2024-01-04"], 3),
        (["2020-01-01", "2021-01-01"], 0),
    ],
)
def test_features_fall_back_to_the_median_step(labels, width):
    assert calendar_features(pd.DatetimeIndex(labels)).shape == (len(labels), width)


def test_features_refusals():
    one = pd.DatetimeIndex(["2024-01-01"])
    with pytest.raises(ValueError, match="pass `frequency`"):
        calendar_features(one)
    with pytest.raises(ValueError, match="Unknown frequency"):
        calendar_features(one, frequency="fortnight")
    with pytest.raises(ValueError, match="NaT"):
        calendar_features(pd.DatetimeIndex(["2024-01-01", None]))
    with pytest.raises(TypeError, match="RangeIndex"):
        calendar_features(pd.RangeIndex(3))
    assert calendar_features(one[:0], frequency="h").shape == (0, 4)


FREQS = ["s", "15min", "h", "36h", "D", "2D", "B", "W", "2W-WED", "ME", "MS", "BME", "2MS", "QE", "QS", "YE", "YS"]


@pytest.mark.parametrize("freq", FREQS)
@pytest.mark.parametrize("tz", [None, "UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("stored", [True, False])
def test_continue_datetimes(freq, tz, stored):
    whole = pd.date_range("2024-03-01", periods=60, freq=freq, tz=tz, name="t")
    head = whole[:40] if stored else bare(whole[:40])
    check_time_index(head)
    pd.testing.assert_index_equal(continue_index(head, 20), whole[40:], check_names=True)
    assert continue_index(head, 0).shape == (0,)


def test_dst_hours_are_regular():
    for start in ("2024-03-30", "2024-10-26"):
        whole = bare(pd.date_range(start, periods=96, freq="h", tz="Europe/Berlin"))
        check_time_index(whole)
        pd.testing.assert_index_equal(continue_index(whole[:20], 76), whole[20:], exact="equiv")


def test_wall_clock_steps_and_mid_months():
    wall = pd.date_range("2024-03-29", periods=20, freq="6h").tz_localize("Europe/Berlin")
    check_time_index(wall)
    assert list(continue_index(wall[:16], 4)) == list(wall[16:])
    mid = pd.DatetimeIndex(["2024-01-15", "2024-02-15", "2024-03-15"])
    check_time_index(mid)
    assert list(continue_index(mid, 1)) == [pd.Timestamp("2024-04-15")]


def test_continue_two_labels_and_units():
    out = continue_index(pd.DatetimeIndex(["2024-01-01", "2024-01-03"], name="t").as_unit("s"), 2)
    assert list(out) == [pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-07")]
    assert out.unit == "s"
    assert out.name == "t"
    two = bare(pd.date_range("2024-03-30", periods=2, freq="D", tz="Europe/Berlin"))
    assert continue_index(two, 1)[0] == pd.Timestamp("2024-04-01", tz="Europe/Berlin")


@pytest.mark.parametrize("freq", ["h", "D", "W", "M", "2M", "Q", "Y"])
def test_continue_periods(freq):
    whole = pd.period_range("2024-01-01", periods=12, freq=freq, name="p")
    pd.testing.assert_index_equal(continue_index(whole[:8], 4), whole[8:])
    pd.testing.assert_index_equal(continue_index(whole[:1], 2), whole[1:3])
    pd.testing.assert_index_equal(continue_index(whole[:8:2], 2), whole[8::2])
    check_time_index(whole)
    with pytest.raises(ValueError, match="positions 2 and 3"):
        check_time_index(whole.delete(3))


def test_continue_integers_and_others():
    pd.testing.assert_index_equal(
        continue_index(pd.RangeIndex(3, 9, 3, name="i"), 2), pd.RangeIndex(9, 15, 3, name="i")
    )
    pd.testing.assert_index_equal(continue_index(pd.RangeIndex(0), 2), pd.RangeIndex(2))
    pd.testing.assert_index_equal(continue_index(pd.Index([1, 3, 5], name="i"), 2), pd.Index([7, 9], name="i"))
    assert continue_index(pd.Index([1, 2], dtype="int32"), 2).dtype == np.int32
    assert list(continue_index(pd.Index([126, 127], dtype="int8"), 2)) == [128, 129]
    assert list(continue_index(pd.Index([1, 2], dtype="Int64"), 1)) == [3]
    for other in (
        pd.Index([1, 2, 4], name="z"),
        pd.Index([1, 1], name="z"),
        pd.Index([7], name="z"),
        pd.Index(["a"], name="z"),
        pd.Index([0.5, 1.5, 1.7], name="z"),
        pd.Index([], name="z"),
        pd.DatetimeIndex([], name="z"),
        pd.DatetimeIndex(["2024-01-01"], name="z"),
        pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-04"], name="z"),
        pd.PeriodIndex(["2024-01", "2024-02", "2024-04"], freq="M", name="z"),
    ):
        pd.testing.assert_index_equal(continue_index(other, 2), pd.RangeIndex(2, name="z"))
    assert len(continue_index(pd.MultiIndex.from_product([[1], [2]]), 2)) == 2
    with pytest.raises(ValueError, match="at least 0"):
        continue_index(pd.RangeIndex(3), -1)


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(5), pd.RangeIndex(0, 10, 5), pd.Index([2, 4, 6]), pd.Index([3, 9]), pd.Index([3]),
        pd.Index(["b", "a", "b"]), pd.Index([0.1, 0.3, 0.5]), pd.Index([True, False, True]),
        pd.MultiIndex.from_product([[2, 1], [1, 1]]), pd.DatetimeIndex([]),
        pd.DatetimeIndex(["2024-01-01", "2024-05-01"]),
        pd.Index([2, 1], dtype=object), pd.to_timedelta([1, 2, 3], unit="h"),
    ],
)  # fmt: skip
def test_check_passes(index):
    assert check_time_index(index) is None


KINDS = [
    bare(pd.date_range("2024-01-01", periods=12, freq="h")),
    bare(pd.date_range("2024-01-01", periods=12, freq="D")),
    bare(pd.date_range("2024-01-01", periods=12, freq="B")),
    bare(pd.date_range("2024-01-01", periods=12, freq="ME")),
    bare(pd.date_range("2024-01-01", periods=12, freq="QS")),
    bare(pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Berlin")),
    bare(pd.date_range("2024-03-25", periods=12, freq="D", tz="Europe/Berlin")),
    bare(pd.date_range("2024-01-01", periods=12, freq="WOM-3MON")),
    pd.period_range("2024-01", periods=12, freq="M"),
    pd.Index(np.arange(12) * 2),
]


@pytest.mark.parametrize("index", KINDS, ids=repr)
def test_check_finds_faults(index):
    check_time_index(index)
    with pytest.raises(ValueError, match=r"index of y has duplicate labels: .* at position 4 "):
        check_time_index(index[[0, 1, 2, 3, 2, 4]], name="y")
    with pytest.raises(ValueError, match=r"out of order: .* position 3 .*RollingOriginSplit or KFold\(shuffle=False\)"):
        check_time_index(index[[0, 1, 4, 2, 3]])
    with pytest.raises(ValueError, match="out of order"):
        check_time_index(index[::-1])
    with pytest.raises(ValueError, match=r"positions 7 and 8.*not contiguous") as caught:
        check_time_index(index.delete(8))
    assert f"between {index[7]} and {index[9]} " in str(caught.value)


def test_check_missing_and_reversed():
    with pytest.raises(ValueError, match="NaT, first at position 1"):
        check_time_index(pd.DatetimeIndex(["2024-01-01", None]))
    with pytest.raises(ValueError, match="NaT"):
        check_time_index(pd.PeriodIndex(["NaT"], freq="M"))
    with pytest.raises(ValueError, match="missing label"):
        check_time_index(pd.Index([1, None], dtype="Int64"))
    with pytest.raises(ValueError, match="out of order"):
        check_time_index(pd.RangeIndex(5, 0, -1))
    with pytest.raises(ValueError, match="out of order"):
        check_time_index(pd.date_range("2024-01-05", periods=4, freq="-1D"))
    with pytest.raises(ValueError, match="irregular"):
        check_time_index(pd.DatetimeIndex(["2024-01-03", "2024-02-07", "2024-03-01"]))


@pytest.mark.parametrize("index", [pd.Index([0.1, 0.2, 0.3, 0.4, 0.5]), pd.to_timedelta(range(5), unit="h")], ids=repr)
def test_floats_and_durations_must_be_regular_and_in_order(index):
    check_time_index(index)
    with pytest.raises(ValueError, match=r"out of order: .* position 2 "):
        check_time_index(index[[0, 2, 1, 3]])
    with pytest.raises(ValueError, match="duplicate labels"):
        check_time_index(index[[0, 1, 1, 3]])
    with pytest.raises(ValueError, match=r"(a missing label|NaT), first at position 5"):
        check_time_index(index.append(index[:1].where([False])))
    with pytest.raises(ValueError, match=r"positions 2 and 3\).*X.reset_index\(drop=True\)"):
        check_time_index(index[[0, 1, 2, 4]])


def test_the_check_looks_at_all_labels_at_once():
    index = bare(pd.date_range("2000-01-01", periods=200_000, freq="min", tz="Europe/Berlin"))
    counts = []
    for n in (2_000, 200_000):
        calls: list[str] = []
        sys.setprofile(lambda frame, event, argument, calls=calls: calls.append(event))
        try:
            check_time_index(index[:n])
        finally:
            sys.setprofile(None)
        counts.append(len(calls))
    assert counts[1] < 2 * counts[0]
    with pytest.raises(ValueError, match="irregular"):
        check_time_index(index.delete(100_000))
