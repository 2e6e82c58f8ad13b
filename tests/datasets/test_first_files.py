"""A new user's first files: from CSV to a panel in at most four lines each."""

import numpy as np
import pandas as pd
import pytest

from skdistill.datasets import read_panel, regularize, to_long

RNG_SEED = 0


@pytest.fixture
def retail(tmp_path):
    """Long table in no order: shops of 1,000 times different size, zeros, promotions, prices that begin late."""
    rng = np.random.default_rng(RNG_SEED)
    days = pd.date_range("2023-01-01", periods=400, freq="D")
    parts = []
    for shop, size in {"kiosk": 0.5, "village": 5, "town": 50, "city": 500}.items():
        for item in (7, 12):
            promo = rng.random(400) < 0.1
            part = pd.DataFrame({"shop": shop, "item": item, "date": days.strftime("%m/%d/%Y")})
            part["promo"], part["sales"] = promo.astype(int), rng.poisson(size * (1 + promo))
            part["price"] = np.where(np.arange(400) < 30, np.nan, 9.99)
            parts.append(part.iloc[rng.integers(0, 60) :])
    frame = pd.concat(parts).sample(frac=1, random_state=0)
    frame.drop(index=frame.index[:20]).to_csv(tmp_path / "retail.csv", index=False)
    return tmp_path / "retail.csv"


def test_retail(retail):
    panel = read_panel(retail, id=["shop", "item"], time="date")
    assert panel.index.get_level_values("series").unique().tolist() == [
        "city/12", "city/7", "kiosk/12", "kiosk/7", "town/12", "town/7", "village/12", "village/7",
    ]  # fmt: skip
    sizes = panel.groupby("series")["sales"].mean()
    assert sizes.max() / sizes.min() > 800
    assert (panel.loc["kiosk/7", "sales"] == 0).mean() > 0.4
    assert panel["price"].isna().any()
    for _, one in panel.groupby(level="series"):
        assert (np.diff(one.index.get_level_values("time")) == np.timedelta64(1, "D")).all()


@pytest.fixture
def load_in_local_time(tmp_path):
    """Hourly load of two years in local time, dates with the day first, days missing, a decimal comma."""
    hours = pd.date_range("2022-01-01", "2023-12-31 23:00", freq="h", tz="Europe/Berlin")
    kept = np.ones(len(hours), dtype=bool)
    for first, length in ((500, 30), (4000, 3), (9000, 72)):
        kept[first : first + length] = False
    load = 50 + 10 * np.sin(np.arange(len(hours)) * 2 * np.pi / 24)
    frame = pd.DataFrame({"Zeit": hours.strftime("%d.%m.%Y %H:%M"), "Last": load})[kept]
    frame.to_csv(tmp_path / "load.csv", index=False, sep=";", decimal=",")
    return tmp_path / "load.csv", hours, kept


def test_hourly_load_in_local_time(load_in_local_time, capsys):
    path, hours, kept = load_in_local_time
    series = regularize(path, time="Zeit", tz="Europe/Berlin", ambiguous="infer", sep=";", decimal=",")
    assert list(series.index) == list(hours)
    np.testing.assert_array_equal(series["Last"].isna(), ~kept)
    np.testing.assert_allclose(series["Last"][kept], 50 + 10 * np.sin(np.arange(len(hours)) * 2 * np.pi / 24)[kept])
    assert "inserted 105 missing rows, the longest gap (72 rows)" in capsys.readouterr().out


def test_hourly_load_without_its_zone_is_not_read_in_silence(load_in_local_time):
    with pytest.raises(ValueError, match=r"lose an hour.*tz='Europe/Berlin', ambiguous='infer'"):
        read_panel(load_in_local_time[0], id=[], time="Zeit", sep=";", decimal=",")


@pytest.fixture
def sensors(tmp_path):
    """Sensors that report every minute or so, each at seconds of its own, some rows twice, some lost."""
    rng = np.random.default_rng(RNG_SEED)
    minutes = pd.date_range("2024-05-01", periods=600, freq="min", tz="UTC")
    parts = []
    for sensor, phase in ((1, 0), (2, 17), (3, 59)):
        jitter = pd.to_timedelta(phase + rng.uniform(-4, 4, size=600), unit="s")
        part = pd.DataFrame({"sensor": sensor, "time": (minutes + jitter).as_unit("ms"), "value": np.arange(600.0)})
        part = part.drop(index=rng.permutation(np.arange(1, 599))[:25])
        parts += [part, part.iloc[50:53]]
    pd.concat(parts).sort_values("time").to_csv(tmp_path / "sensors.csv", index=False)
    return tmp_path / "sensors.csv"


def test_minute_sensors(sensors):
    panel = regularize(sensors, id="sensor", time="time", tolerance="10s", duplicates="mean", verbose=0)
    assert panel.groupby("series").size().tolist() == [600, 600, 600]
    assert panel["value"].isna().groupby("series").sum().tolist() == [25, 25, 25]
    for _, one in panel.groupby("series"):
        np.testing.assert_array_equal(one["value"].dropna(), np.flatnonzero(one["value"].notna()))
    assert panel.attrs["regularized"]["n_merged"] == 9


@pytest.fixture
def prices(tmp_path):
    """Prices of business days, holidays left out, day and month in an order that some rows leave open."""
    days = pd.date_range("2022-01-03", periods=500, freq="B")
    kept = days.drop(["2022-04-15", "2022-12-26", "2023-05-01"])
    frame = pd.DataFrame({"unique_id": "share", "ds": kept.strftime("%d/%m/%Y"), "y": np.arange(len(kept)) + 100.0})
    frame.to_csv(tmp_path / "prices.csv", index=False)
    return tmp_path / "prices.csv", days


def test_business_days(prices):
    path, days = prices
    panel = read_panel(path)
    assert list(panel.index.get_level_values("time")) == list(days)
    assert panel.index.levels[1].freq == pd.offsets.BusinessDay()
    assert panel["y"].isna().sum() == 3
    assert to_long(panel)["ds"].tolist() == list(days)
