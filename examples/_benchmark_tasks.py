"""Tasks of public benchmarks that a folder of files contains: windows, scores, seasonal naive.

The protocol is that of GIFT-Eval: windows that do not overlap, at the end of each series (a tenth of it, at most 20
windows); MASE with the season of the frequency (hours 24, days 1, weeks 1, months 12), averaged over series and
windows, and compared with seasonal naive on the same windows. WQL is the mean quantile loss of nine deciles, divided by
the mean absolute value.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Task:
    """Series, and the length and number of their forecasts."""

    series: list[np.ndarray]
    horizon: int
    season: int
    n_windows: int | None = None  # None: a tenth of the series, at most 20
    freq: str | None = None


@dataclass(frozen=True)
class Windows:
    """Windows to forecast: the rows before each, the truth after them, units of MASE, and seasonal naive."""

    pasts: list[np.ndarray]
    series: np.ndarray  # (n_windows,)
    truth: np.ndarray  # (n_windows, horizon)
    scales: np.ndarray  # (n_windows,)
    naive: np.ndarray  # (n_windows, horizon)


def cut(task: Task) -> Windows:
    """Cut the windows of a task."""
    pasts, numbers, truths, scales, naive = [], [], [], [], []
    for number, given in enumerate(task.series):
        series = given[np.flatnonzero(np.isfinite(given))[0] :]
        n_windows = task.n_windows or int(np.clip(math.ceil(0.1 * len(series) / task.horizon), 1, 20))
        for back in range(n_windows, 0, -1):
            end = len(series) - back * task.horizon
            past = series[:end]
            pasts.append(past)
            numbers.append(number)
            truths.append(series[end : end + task.horizon])
            scales.append(float(np.nanmean(np.abs(past[task.season :] - past[: -task.season]))))
            filled = pd.Series(past[-max(task.season, 1) * 8 :]).ffill().to_numpy()
            naive.append(filled[len(filled) - task.season + np.arange(task.horizon) % task.season])
    return Windows(pasts, np.array(numbers), np.stack(truths), np.array(scales), np.stack(naive))


def score(windows: Windows, quantiles: np.ndarray) -> dict[str, float]:
    """Score deciles, (n_windows, 9, horizon), or point forecasts, (n_windows, horizon), which count as every decile."""
    truth, scale = windows.truth, windows.scales
    point = quantiles[:, 4] if quantiles.ndim == 3 else quantiles
    good = np.isfinite(scale) & (scale > 0)
    ours = np.abs(point - truth)[good] / scale[good, None]
    theirs = np.abs(windows.naive - truth)[good] / scale[good, None]
    error = truth[:, None] - (quantiles if quantiles.ndim == 3 else quantiles[:, None])
    levels = LEVELS[:, None]
    total = np.nansum(np.abs(truth))
    wql = np.nansum(2 * np.maximum(levels * error, (levels - 1) * error)) / total / len(LEVELS)
    naive_wql = np.nansum(np.abs(windows.naive - truth)) / total
    mase, naive_mase = float(np.nanmean(ours)), float(np.nanmean(theirs))
    better = float(np.mean(np.nanmean(ours, 1) < np.nanmean(theirs, 1)))
    return {
        "windows": len(truth), "MASE": mase, "naive": naive_mase, "MASE_ratio": mase / naive_mase, "WQL": wql,
        "WQL_ratio": wql / naive_wql, "better": better,
    }  # fmt: skip


# -- sets ----------------------------------------------------------------------------------------


def daily(data: Path, name: str, frequency: str, how: str) -> Task:
    frame = pd.read_csv(data / name, parse_dates=[0]).set_index("ds")["y"]
    if frequency != "D":
        frame = frame.resample({"W": "W", "M": "ME"}[frequency]).agg(how)
    horizon, season = {"D": (30, 1), "W": (8, 1), "M": (12, 12)}[frequency]
    return Task([frame.to_numpy(float)], horizon, season, freq={"D": "D", "W": "W", "M": "MS"}[frequency])


def panel(data: Path, name: str, horizon: int, season: int, freq: str = "MS", n_windows: int = 1) -> Task:
    frame = pd.read_csv(data / "panels" / f"{name}.csv", usecols=["unique_id", "ds", "y"])
    return Task([part["y"].to_numpy(float) for _, part in frame.groupby("unique_id")], horizon, season, n_windows, freq)


def ett(data: Path, horizon: int, season: int, frequency: str, n_rows: int | None = None) -> Task:
    frame = pd.read_csv(data / "ETTh1.csv", parse_dates=[0]).set_index("date")[:n_rows]
    if frequency != "h":
        frame = frame.resample(frequency).sum()
    return Task(list(frame.to_numpy(float).T), horizon, season, freq=frequency)


def m4_hourly(data: Path, test: bool) -> Task:
    train = pd.read_csv(data / "M4-Hourly-train.csv").iloc[:, 1:].to_numpy(float)
    series = [row[np.isfinite(row)] for row in train]
    if test:
        ends = pd.read_csv(data / "M4-Hourly-test.csv").iloc[:, 1:].to_numpy(float)
        series = [np.concatenate([row, end]) for row, end in zip(series, ends, strict=True)]
    return Task(series, 48, 24, 1, "h")


def exchange(data: Path) -> Task:
    values = pd.read_csv(data / "exchange_rate.txt", header=None).to_numpy(float)
    return Task(list(values.T), 30, 1, freq="D")


def table(data: Path, name: str, columns: Callable[[pd.DataFrame], pd.DataFrame], horizon: int, season: int) -> Task:
    frame = columns(pd.read_csv(data / name))
    return Task(list(frame.to_numpy(float).T), horizon, season, freq="h")


def weather(data: Path) -> Task:
    with zipfile.ZipFile(data / "weather.zip") as folder, folder.open("weather/weather.csv") as file:
        return Task(list(numbers(pd.read_csv(file)).to_numpy(float).T), 96, 144, freq="10min")


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.select_dtypes("number")


def first_number(frame: pd.DataFrame) -> pd.DataFrame:
    return numbers(frame).iloc[:, :1]


# Sets used while the mixture of series is developed, and sets that are only scored at the end.
DEVELOPMENT: dict[str, Callable[[Path], Task]] = {
    "births/D": lambda data: daily(data, "births_us.csv", "D", "sum"),
    "births/W": lambda data: daily(data, "births_us.csv", "W", "sum"),
    "births/M": lambda data: daily(data, "births_us.csv", "M", "sum"),
    "saugeen/D": lambda data: daily(data, "river_flow_saugeen.csv", "D", "mean"),
    "saugeen/W": lambda data: daily(data, "river_flow_saugeen.csv", "W", "mean"),
    "saugeen/M": lambda data: daily(data, "river_flow_saugeen.csv", "M", "mean"),
    "hospital": lambda data: panel(data, "hospital_monthly", 12, 12),
    "car parts": lambda data: panel(data, "carparts_monthly", 12, 12),
    "tourism monthly": lambda data: panel(data, "tourism_monthly", 24, 12),
    "tourism quarterly": lambda data: panel(data, "tourism_quarterly", 8, 4, "QS"),
    "M3 monthly": lambda data: panel(data, "m3_monthly", 18, 12),
    "NN5 daily": lambda data: panel(data, "nn5_daily", 56, 7, "D"),
    "exchange rate": exchange,
    "ETTh1 training rows/H": lambda data: ett(data, 48, 24, "h", 8640),
    "ETTh1 training rows/H long": lambda data: ett(data, 480, 24, "h", 8640),
    "ETTh1 training rows/D": lambda data: ett(data, 30, 1, "D", 8640),
    "ETTh1 training rows/W": lambda data: ett(data, 8, 1, "W", 8640),
    "M4 hourly, two days before the test": lambda data: m4_hourly(data, test=False),
}
FINAL: dict[str, Callable[[Path], Task]] = {
    "m4_hourly": lambda data: m4_hourly(data, test=True),
    "ett1/H short": lambda data: ett(data, 48, 24, "h"),
    "ett1/H medium": lambda data: ett(data, 480, 24, "h"),
    "ett1/H long": lambda data: ett(data, 720, 24, "h"),
    "ett1/D": lambda data: ett(data, 30, 1, "D"),
    "ett1/W": lambda data: ett(data, 8, 1, "W"),
    "weather": weather,
    "electricity prices BE": lambda data: table(data, "epf/BE.csv", first_number, 24, 24),
    "electricity prices FR": lambda data: table(data, "epf/FR.csv", first_number, 24, 24),
    "electricity prices PJM": lambda data: table(data, "epf/PJM.csv", first_number, 24, 24),
    "bike sharing": lambda data: table(
        data, "covariates/bike_sharing_dataset_clean.csv", lambda frame: frame[["users"]], 48, 24
    ),
    "air quality": lambda data: table(data, "missing/air_quality_valencia.csv", numbers, 48, 24),
}

# Configurations of GIFT-Eval: the set, and whether its windows are exactly those of the benchmark.
GIFT_EVAL: dict[str, tuple[str, bool]] = {
    "us_births/d/short": ("births/D", True),
    "us_births/m/short": ("births/M", True),
    "saugeen/d/short": ("saugeen/D", True),
    "saugeen/m/short": ("saugeen/M", True),
    "hospital/m/short": ("hospital", True),
    "m4_hourly/h/short": ("m4_hourly", True),
    "car_parts/m/short": ("car parts", True),
    "us_births/w/short": ("births/W", False),
    "saugeen/w/short": ("saugeen/W", False),
    "ett1/w/short": ("ett1/W", False),
    "ett1/d/short": ("ett1/D", False),
    "ett1/h/short": ("ett1/H short", False),
    "ett1/h/medium": ("ett1/H medium", False),
    "ett1/h/long": ("ett1/H long", False),
}
# Tasks of fev-bench; electricity prices without the covariates that the benchmark also offers.
FEV_BENCH: dict[str, tuple[str, bool]] = {
    "epf_be": ("electricity prices BE", True),
    "epf_fr": ("electricity prices FR", True),
    "epf_pjm": ("electricity prices PJM", True),
    "hospital": ("hospital, four windows", True),
}
SETS: dict[str, Callable[[Path], Task]] = {
    **DEVELOPMENT,
    **FINAL,
    "hospital, four windows": lambda data: panel(data, "hospital_monthly", 12, 12, n_windows=4),
}
