"""Local times to moments, and which zone explains an odd hour."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdistill.data._clock_changes import ZONES, name_zone
from skdistill.datasets._clock import localize

NIGHT = pd.date_range("2024-10-26 22:00", periods=8, freq="h", tz="UTC").tz_convert("Europe/Berlin")


def put_in_zone(walls, series=None, *, ambiguous="raise", nonexistent="raise", tz="Europe/Berlin"):
    codes, distinct = pd.factorize(walls)
    series = np.zeros(len(walls), dtype=int) if series is None else series
    moments, codes = localize(
        pd.DatetimeIndex(distinct), codes, series, tz, ambiguous=ambiguous, nonexistent=nonexistent
    )
    return moments[codes]


@pytest.mark.parametrize("freq", ["h", "30min", "15min"])
@pytest.mark.parametrize("zone", ZONES)
def test_local_times_of_a_year_are_inferred(zone, freq):
    if zone == "Australia/Lord_Howe" and freq == "h":
        pytest.skip("its clock changes by half an hour: one row of two is in the file")
    year = pd.date_range("2022-01-01", "2023-12-31", freq=freq, tz="UTC").tz_convert(zone)
    assert put_in_zone(year.tz_localize(None), ambiguous="infer", tz=zone).equals(year)


@given(st.sets(st.integers(0, 15), max_size=12))
def test_a_night_with_gaps_is_inferred_or_asked_about(out):
    night = pd.date_range("2024-10-26 23:00", periods=16, freq="15min", tz="UTC").tz_convert("Europe/Berlin")
    night = night[np.setdiff1d(np.arange(16), list(out))]
    try:
        got = put_in_zone(night.tz_localize(None), ambiguous="infer")
    except ValueError as error:
        assert "cannot tell" in str(error)  # noqa: PT017 (either is right)
    else:
        assert got.equals(night)


def test_a_file_with_the_latest_row_first_is_read_from_its_end():
    assert put_in_zone(NIGHT[::-1].tz_localize(None), ambiguous="infer").equals(NIGHT[::-1])
    both = NIGHT.append(NIGHT[::-1])
    assert put_in_zone(both.tz_localize(None), np.repeat([0, 1], 8), ambiguous="infer").equals(both)
    mixed = [7, 6, 0, 1, 2, 3, 4, 5]
    with pytest.raises(ValueError, match=r"not in order of time|cannot tell"):
        put_in_zone(NIGHT[mixed].tz_localize(None), ambiguous="infer")
    assert put_in_zone(NIGHT[[5, 6, 0, 1]].tz_localize(None), ambiguous="infer") is not None  # nothing is doubled there


def test_every_series_has_a_night_of_its_own():
    walls = NIGHT.tz_localize(None)
    both = put_in_zone(walls.append(walls), np.repeat([0, 1], 8), ambiguous="infer")
    assert both.equals(NIGHT.append(NIGHT))


def test_what_doubled_times_are_may_be_given():
    walls = pd.DatetimeIndex(["2024-10-27 01:00", "2024-10-27 02:00"])
    assert str(put_in_zone(walls, ambiguous=True)[1]) == "2024-10-27 02:00:00+02:00"
    assert str(put_in_zone(walls, ambiguous=False)[1]) == "2024-10-27 02:00:00+01:00"
    assert put_in_zone(walls, ambiguous="NaT").isna().tolist() == [False, True]
    with pytest.raises(ValueError, match=r"1 times occur twice on the clock of Europe/Berlin.*ambiguous='infer'"):
        put_in_zone(walls)
    with pytest.raises(ValueError, match=r"2024-10-27 02:00:00 .* in the file 1 times in a series.*True .summer time."):
        put_in_zone(walls, ambiguous="infer")
    with pytest.raises(ValueError, match="ambiguous must be one of"):
        put_in_zone(walls, ambiguous="first")


def test_what_skipped_times_are_may_be_given():
    walls = pd.DatetimeIndex(["2024-03-31 01:00", "2024-03-31 02:00"])
    assert str(put_in_zone(walls, nonexistent="shift_forward")[1]) == "2024-03-31 03:00:00+02:00"
    assert str(put_in_zone(walls, nonexistent=pd.Timedelta("1h"))[1]) == "2024-03-31 03:00:00+02:00"
    assert put_in_zone(walls, nonexistent="NaT").isna().tolist() == [False, True]
    with pytest.raises(ValueError, match=r"1 times are skipped by the clock of Europe/Berlin, first 2024-03-31 02:00"):
        put_in_zone(walls)


def test_a_zone_explains_what_its_clock_does_and_not_much_else():
    none = pd.DatetimeIndex([])
    spring = pd.DatetimeIndex(["2023-03-26 02:00", "2024-03-31 02:00"])
    assert name_zone(spring, "skipped", none)[0] == "Europe/Berlin"
    assert name_zone(spring, "skipped", spring[:1]) is None  # a time that is there was not skipped
    assert name_zone(pd.DatetimeIndex(["2024-03-10 02:30"]), "skipped", none)[0] == "America/New_York"
    assert name_zone(spring.tz_localize("UTC"), "skipped", none) is None
    assert name_zone(none, "doubled", none) is None
    hours = pd.date_range("2024-01-01", "2024-12-31", freq="h")
    random = hours[np.random.default_rng(0).permutation(len(hours))[:500]].append(spring[1:])
    assert name_zone(random, "skipped", none) is None  # among so many it is chance
