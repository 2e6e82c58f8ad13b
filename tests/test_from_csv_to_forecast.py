"""A newcomer's first files: from a CSV file to a forecast in at most ten lines, and every export answers alike."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import skdistill
from skdistill.deploy import NumpyStudent

RETAIL = """
from skdistill import DistilledForecaster
from skdistill.datasets import read_panel

panel = read_panel("sales.csv", id=["shop", "item"], time="date", fill_value={"sales": 0, "promo": 0})
forecaster = DistilledForecaster(
    None, "linear", "response", known_covariates=["promo"], bounds=(0, None), context_length=28, prediction_length=14
)
forecast = forecaster.fit(panel).predict(panel)  # the last 14 rows hold the promotions to come
"""

LOAD = """
from skdistill import DistilledForecaster
from skdistill.datasets import regularize

load = regularize("load.csv", time="time", tz="Europe/Berlin", ambiguous="infer", verbose=0)
forecaster = DistilledForecaster(None, "linear", "response", context_length=168, prediction_length=24)
forecast = forecaster.fit(load).predict(load)
"""

SENSORS = """
from skdistill import DistilledForecaster
from skdistill.datasets import regularize

panel = regularize("sensors.csv", id="sensor", time="at", tolerance="10s", duplicates="mean", verbose=0)
forecaster = DistilledForecaster(None, "linear", "response", context_length=60, prediction_length=15)
forecast = forecaster.fit(panel).predict(panel)
"""

PRICES = """
from skdistill import DistilledForecaster
from skdistill.datasets import regularize

prices = regularize("prices.csv", time="day", dayfirst=True, verbose=0)
forecaster = DistilledForecaster(None, "linear", "response", context_length=20, prediction_length=5)
forecast = forecaster.fit(prices).predict(prices)
"""


def run(code, folder, monkeypatch):
    """Run the lines in a folder, and return their names."""
    monkeypatch.chdir(folder)
    lines = [line for line in code.splitlines() if line.strip()]
    assert len(lines) <= 10
    names = {}
    exec(code, names)
    return names


def write_retail(path):
    """Shops from 1 to 1,000 sales a day, weeks, promotions, days without rows, and the plan of two more weeks."""
    generator = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=154, freq="D")
    rows = []
    for number, size in enumerate([1.0, 3.0, 30.0, 300.0, 1000.0]):
        for item in ("milk", "tea"):
            promo = (np.arange(154) % (9 + number) == 3).astype(int)
            level = size * (1 + 0.5 * np.sin(2 * np.pi * np.arange(154) / 7)) * (1 + promo)
            for day, mean, own in zip(days, level, promo, strict=True):
                sales = generator.poisson(mean)
                ahead = day >= days[140]
                if sales or ahead or generator.random() < 0.5:  # a day without sales often has no row
                    rows.append((day.date(), f"shop {number}", item, "" if ahead else sales, own))
    pd.DataFrame(rows, columns=["date", "shop", "item", "sales", "promo"]).to_csv(path / "sales.csv", index=False)


def write_load(path):
    """Hours of local time over the change of the clock in autumn; some rows are missing."""
    generator = np.random.default_rng(0)
    times = pd.date_range("2024-09-20", periods=24 * 50, freq="h", tz="Europe/Berlin")
    hours = np.arange(len(times))
    load = 500 + 100 * np.sin(2 * np.pi * hours / 24) + 30 * (hours // 24 % 7 < 5) + generator.normal(size=len(times))
    table = pd.DataFrame({"time": times.strftime("%Y-%m-%d %H:%M"), "load": load.round(1)})
    gone = np.r_[100:107, 400, 401, 900:930]
    table.drop(index=gone).to_csv(path / "load.csv", index=False)


def write_sensors(path):
    """Three sensors that report about every minute; some reports come twice, some never."""
    generator = np.random.default_rng(0)
    rows = []
    for sensor, level in (("boiler", 80.0), ("hall", 20.0), ("yard", 5.0)):
        minutes = np.flatnonzero(generator.random(600) > 0.03)
        minutes = minutes[200:] if sensor == "yard" else minutes
        times = pd.Timestamp("2024-05-01") + pd.to_timedelta(
            60 * minutes + generator.integers(-4, 5, len(minutes)), "s"
        )
        values = level + np.sin(2 * np.pi * minutes / 60) + 0.1 * generator.normal(size=len(minutes))
        rows += [(sensor, time, round(value, 2)) for time, value in zip(times, values, strict=True)]
        rows += rows[-2:-1]
    pd.DataFrame(rows, columns=["sensor", "at", "degrees"]).to_csv(path / "sensors.csv", index=False)


def write_prices(path):
    """Business days, the day first, without holidays."""
    generator = np.random.default_rng(0)
    days = pd.bdate_range("2024-01-02", periods=180)
    values = 100 + np.cumsum(generator.normal(size=180))
    table = pd.DataFrame({"day": days.strftime("%d/%m/%Y"), "price": values.round(2)})
    table.drop(index=[20, 62, 63, 110]).to_csv(path / "prices.csv", index=False)


# -- from file to forecast ---------------------------------------------------------------------------


def test_retail_sales_with_zeros_promotions_and_shops_of_all_sizes(tmp_path, monkeypatch):
    write_retail(tmp_path)
    names = run(RETAIL, tmp_path, monkeypatch)
    panel, forecast = names["panel"], names["forecast"]
    assert len(panel.index.unique(0)) == 10
    assert forecast.groupby(level=0).size().eq(14).all()
    assert forecast.index.get_level_values(1).min() == pd.Timestamp("2024-05-20")
    assert (forecast["sales"] >= 0).all()
    sizes = panel["sales"].groupby(level=0).mean()
    ratio = forecast["sales"].groupby(level=0).mean() / sizes
    assert ratio.between(0.6, 1.5).all()
    large = forecast.loc["shop 4/tea", "sales"]
    promoted = panel.loc["shop 4/tea", "promo"].loc[large.index] == 1
    assert large[promoted].mean() > 1.3 * large[~promoted].mean()


def test_hourly_load_in_local_time_with_gaps(tmp_path, monkeypatch):
    write_load(tmp_path)
    names = run(LOAD, tmp_path, monkeypatch)
    load, forecast = names["load"], names["forecast"]
    assert str(load.index.tz) == "Europe/Berlin"
    assert load["load"].isna().sum() == 39
    assert forecast.index[0] - load.index[-1] == pd.Timedelta("1h")
    hours = 24 * 50 + np.arange(24)
    truth = 500 + 100 * np.sin(2 * np.pi * hours / 24) + 30 * (hours // 24 % 7 < 5)
    assert np.abs(forecast["load"] - truth).mean() < 8


def test_sensors_that_report_about_every_minute(tmp_path, monkeypatch):
    write_sensors(tmp_path)
    names = run(SENSORS, tmp_path, monkeypatch)
    panel, forecast = names["panel"], names["forecast"]
    assert panel["degrees"].isna().any()
    assert panel.index.unique(0).tolist() == ["boiler", "hall", "yard"]
    for sensor, level in (("boiler", 80.0), ("hall", 20.0), ("yard", 5.0)):
        ahead = forecast.loc[sensor, "degrees"]
        minutes = (ahead.index - pd.Timestamp("2024-05-01")) / pd.Timedelta("1min")
        assert np.abs(ahead - level - np.sin(2 * np.pi * minutes / 60)).mean() < 0.3


def test_business_days_without_holidays(tmp_path, monkeypatch):
    write_prices(tmp_path)
    names = run(PRICES, tmp_path, monkeypatch)
    prices, forecast = names["prices"], names["forecast"]
    assert prices["price"].isna().sum() == 4
    assert (forecast.index.day_of_week < 5).all()
    assert forecast.index[0] == prices.index[-1] + pd.offsets.BDay()
    assert np.abs(forecast["price"] - prices["price"].iloc[-1]).max() < 10


# -- every export ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sensors(tmp_path_factory):
    """A student of the sensors, their panel with gaps, a short and a new series, and what predict says."""
    folder = tmp_path_factory.mktemp("sensors")
    write_sensors(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        names = run(SENSORS, folder, monkeypatch)
    yard = names["forecast"].loc["yard", "degrees"]
    low = float(yard.mean())
    with pytest.warns(UserWarning, match="lie outside bounds"):
        forecaster = names["forecaster"].set_params(bounds=(low, None)).fit(names["panel"])
    panel = {name: names["panel"].loc[name].to_numpy(copy=True) for name in ("boiler", "hall", "yard")}
    panel["boiler"][-20:-8] = np.nan
    panel["yard"][[-50, -3, -1]] = np.nan
    panel["hall"] = panel["hall"][-25:]
    panel["new"] = 300.0 + 7 * panel["boiler"]
    expected = np.stack(list(forecaster.predict(panel).values()))
    assert expected.min() == low < expected[2].max()
    contexts = np.full((4, 60, 1), np.nan)
    for context, rows in zip(contexts, panel.values(), strict=True):
        context[-len(rows[-60:]) :] = rows[-60:]
    assert np.isnan(contexts[[0, 2]]).any(axis=(1, 2)).all()
    return forecaster, panel, contexts, expected


def test_a_saved_student_answers_as_predict(sensors, tmp_path):
    forecaster, panel, _, expected = sensors
    forecaster.save(tmp_path / "student.skdistill")
    answer = skdistill.load(tmp_path / "student.skdistill").predict(panel)
    np.testing.assert_array_equal(np.stack(list(answer.values())), expected)


def test_the_numpy_runtime_answers_as_predict(sensors, tmp_path):
    forecaster, panel, contexts, expected = sensors
    forecaster.export(tmp_path / "student.npz")
    answer = NumpyStudent.load(tmp_path / "student.npz").predict(contexts, list(panel))
    np.testing.assert_allclose(answer, expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".onnx", ".pt2"])
def test_a_graph_answers_as_predict(suffix, sensors, tmp_path):
    if suffix == ".onnx":
        runtime = pytest.importorskip("onnxruntime", reason="the ONNX file is run")
        pytest.importorskip("onnxscript", reason="torch exports through it")
    forecaster, _, contexts, expected = sensors
    path = tmp_path / f"student{suffix}"
    forecaster.export(path)
    rows, numbers = contexts.astype(np.float32), np.array([0, 1, 2, -1])
    if suffix == ".onnx":
        session = runtime.InferenceSession(str(path))
        facts = session.get_modelmeta().custom_metadata_map
        assert json.loads(facts["skdistill.series_ids"]) == ["boiler", "hall", "yard"]
        answer = session.run(None, {"context": rows, "series": numbers})[0]
    else:
        import torch

        answer = torch.export.load(path).module()(torch.from_numpy(rows), series=torch.from_numpy(numbers)).numpy()
    np.testing.assert_allclose(answer, expected, rtol=1e-4)


@pytest.mark.parametrize("suffix", [".skdistill", ".npz"])
def test_the_server_answers_as_predict(suffix, sensors, tmp_path):
    pytest.importorskip("msgspec", reason="the server reads JSON with it")
    from skdistill.serving._limits import Limits
    from skdistill.serving._model import open_model
    from skdistill.serving._requests import make_reader

    forecaster, panel, contexts, expected = sensors
    path = Path(tmp_path / f"student{suffix}")
    forecaster.save(path) if suffix == ".skdistill" else forecaster.export(path)
    model = open_model(path)
    rows = np.where(np.isnan(contexts), None, contexts).tolist()
    question = make_reader(Limits())(json.dumps({"panel": dict(zip(panel, rows, strict=True))}).encode(), model)
    np.testing.assert_allclose(model.forecast(question.contexts, question.series), expected, rtol=1e-6)
