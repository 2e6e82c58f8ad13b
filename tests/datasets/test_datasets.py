"""Real series are checked, missing ones say where to put them, splits are the published ones."""

import io
import shutil

import numpy as np
import pandas as pd
import pytest

from skdistill.datasets import fetch_ett, fetch_exchange_rate, load_csv, make_multiseasonal, standard_split


@pytest.fixture
def data_path(shared_path):
    return shared_path / "data"


def test_ett_is_loaded_from_a_folder(data_path):
    data = fetch_ett("ETTh1", data_home=data_path)
    assert data.frame.shape == (17420, 7)
    assert data.frame.index[0] == pd.Timestamp("2016-07-01")
    assert list(data.frame.columns)[-1] == "OT"
    assert data.protocol == "ett-hourly"


def test_exchange_rate_is_found_by_the_environment_variable(data_path, monkeypatch):
    monkeypatch.setenv("SKDISTILL_DATA", str(data_path))
    data = fetch_exchange_rate()
    assert data.frame.shape == (7588, 8)
    assert data.protocol == "70/10/20"


def test_a_download_is_checked_and_kept(data_path, tmp_path, monkeypatch):
    monkeypatch.setattr("skdistill.datasets._ett._URL", f"file://{data_path}/{{name}}.csv")

    def retrieve(url, known_hash, fname, path, processor):
        shutil.copy(url.removeprefix("file://"), path / fname)
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert fetch_ett("ETTh1", data_home=tmp_path).frame.shape == (17420, 7)
    assert [file.name for file in tmp_path.iterdir()] == ["ETTh1.csv"]


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path):
    (tmp_path / "ETTh1.csv").write_text("date,OT\n2016-07-01,1.0\n")
    with pytest.raises(ValueError, match=r"not the published file: its sha256 is .* instead of f18de3ad"):
        fetch_ett("ETTh1", data_home=tmp_path)


def test_without_internet_the_error_says_where_to_put_the_file(tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr("pooch.retrieve", offline)
    with pytest.raises(OSError, match=r"(?s)could not be downloaded.*put it at .*ETTh2.csv.*SKDISTILL_DATA"):
        fetch_ett("ETTh2", data_home=tmp_path)
    with pytest.raises(OSError, match=r"download_if_missing=False\..*exchange_rate.txt.gz elsewhere, unpack it and"):
        fetch_exchange_rate(data_home=tmp_path, download_if_missing=False)


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match=r"Did you mean 'ETTm[12]'"):
        fetch_ett("ETTm")


def test_published_split_of_etth1():
    frame = pd.DataFrame({"x": np.arange(17420)})
    train, test, fraction = standard_split(frame, "ett-hourly", context_length=720)
    assert train["x"].iloc[[0, -1]].tolist() == [0, 11519]
    assert test["x"].iloc[[0, -1]].tolist() == [11520 - 720, 14399]
    assert fraction == 0.25
    quarter = standard_split(pd.DataFrame({"x": np.arange(69680)}), "ett-quarter-hourly", context_length=96)
    assert len(quarter[0]) == 4 * 11520


def test_shares_of_the_rows_round_as_published():
    train, test, fraction = standard_split(pd.DataFrame({"x": np.arange(7588)}), "70/10/20", context_length=96)
    assert len(test) - 96 == int(7588 * 0.2) == 1517
    assert len(train) == 7588 - 1517
    assert round(len(train) * (1 - fraction)) == int(7588 * 0.7) == 5311


def test_a_split_of_too_few_rows_says_how_many_it_needs():
    with pytest.raises(ValueError, match="needs 14400 rows; got 100"):
        standard_split(pd.DataFrame({"x": np.arange(100)}), "ett-hourly", context_length=10)


# -- one's own file ------------------------------------------------------------------------------

CSV = "day,load,note\n2024-01-01,1.5,a\n2024-01-02,2.5,b\n2024-01-03,3.5,c\n"


def test_a_csv_becomes_a_series():
    frame = load_csv(io.StringIO(CSV), time="day", usecols=["day", "load"])
    assert frame.index.equals(pd.date_range("2024-01-01", periods=3, name="day"))
    assert frame["load"].tolist() == [1.5, 2.5, 3.5]
    assert load_csv(io.StringIO("a,b\n1,2\n3,4\n")).shape == (2, 2)
    assert load_csv(io.StringIO(CSV), time=0, usecols=["day", "load"]).shape == (3, 1)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (CSV, {"time": "day"}, "not numeric: 'note'"),
        (CSV, {}, "'day' .*; 'note' .*set time='day'"),
        (CSV, {"time": "dya", "usecols": [0, 1]}, "Did you mean 'day'"),
        (CSV, {"time": 7}, "position below 3"),
        (CSV, {"time": "note", "usecols": [1, 2]}, "'note' .* cannot be read as timestamps"),
        ("day,x\n2024-01-02,1\n2024-01-01,2\n", {"time": "day"}, "(?i)order"),
        ("year,x\n1990,1\n1991,2\n", {"time": "year"}, r"'year' .*got numbers, first 1990.*dtype=\{'year': str\}"),
        ("day,x\n2024-01-01,1\n2024-01-01,2\n", {"time": "day"}, "(?i)(twice|unique|duplicate|repeat)"),
    ],
)
def test_bad_csv(text, options, message):
    with pytest.raises(ValueError, match=message):
        load_csv(io.StringIO(text), **options)


def test_numbers_are_times_in_the_unit_given_or_years():
    years = load_csv(io.StringIO("year,x\n1990,1\n1991,2\n"), time="year", dtype={"year": str})
    assert list(years.index.year) == [1990, 1991]
    seconds = load_csv(io.StringIO("t,x\n1704067200,1\n1704070800,2\n"), time="t", unit="s")
    assert list(seconds.index) == [pd.Timestamp("2024-01-01 00:00"), pd.Timestamp("2024-01-01 01:00")]


def test_offsets_that_change_with_daylight_saving_end_in_utc():
    rows = [f"2024-10-27T{time},{row}" for row, time in enumerate(["01:00+02:00", "02:00+02:00", "02:00+01:00"])]
    frame = load_csv(io.StringIO("\n".join(["t,x", *rows])), time="t")
    assert frame.index.equals(pd.date_range("2024-10-26 23:00", periods=3, freq="h", tz="UTC", name="t"))


# -- synthetic series ----------------------------------------------------------------------------


def test_synthetic_series_repeat_with_their_periods_and_seed():
    frame = make_multiseasonal(2400, 3, seasons=(24,), noise=0.0, trend=0.0, random_state=0)
    np.testing.assert_allclose(frame.to_numpy()[24:], frame.to_numpy()[:-24], atol=1e-9)
    pd.testing.assert_frame_equal(make_multiseasonal(50, random_state=1), make_multiseasonal(50, random_state=1))
    assert not make_multiseasonal(50, random_state=1).equals(make_multiseasonal(50, random_state=2))


def test_noise_has_the_size_asked_for():
    quiet = make_multiseasonal(20_000, 1, seasons=(24,), noise=0.0, random_state=0)
    loud = make_multiseasonal(20_000, 1, seasons=(24,), noise=0.5, random_state=0)
    assert (loud - quiet).to_numpy().std() == pytest.approx(0.5, rel=0.05)


def test_a_split_of_a_panel_or_of_rows_out_of_order_is_refused():
    one = pd.DataFrame({"x": np.arange(100.0)})
    panel = pd.concat({"a": one, "b": one})
    for frame in (panel, panel["x"], one.to_numpy()):
        with pytest.raises(TypeError, match="frame of standard_split must be a DataFrame of one series; got "):
            standard_split(frame, "70/10/20", context_length=10)
    with pytest.raises(ValueError, match="in the order of time"):
        standard_split(one[::-1], "70/10/20", context_length=10)
