"""The seven panels of the scripts: training rows, truth, and errors in units of seasonal differences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from _common import check_names

from skdistill.datasets import make_multiseasonal


@dataclass(frozen=True)
class Panel:
    """Training rows, truth and step of a panel."""

    train: pd.DataFrame
    truth: dict[object, np.ndarray]
    season: int

    @property
    def horizon(self) -> int:
        """Number of rows to forecast."""
        return len(next(iter(self.truth.values())))


FILES = {
    "hospital": ("hospital_monthly", 12, "MS"),
    "tourism quarterly": ("tourism_quarterly", 4, "QS"),
    "car parts": ("carparts_monthly", 12, "MS"),
    "M3 monthly": ("m3_monthly", 12, "MS"),
    "NN5 daily": ("nn5_daily", 7, "D"),
    "tourism monthly": ("tourism_monthly", 12, "MS"),
}


def make_panel(series: dict[object, np.ndarray], truth: dict[object, np.ndarray], season: int, freq: str) -> Panel:
    """Give every series an index with the step, because some files have no dates or artificial ones."""
    frames = {
        name: pd.DataFrame({"y": values}, index=pd.date_range("2000-01-01", periods=len(values), freq=freq))
        for name, values in series.items()
    }
    return Panel(pd.concat(frames, names=["series", "time"]), truth, season)


def read_file(path: Path, season: int, freq: str) -> Panel:
    rows = pd.read_csv(path)
    groups = dict(list(rows.groupby("unique_id", sort=False)))
    train = {name: one.loc[one["split"] == "train", "y"].to_numpy(float) for name, one in groups.items()}
    truth = {name: one.loc[one["split"] == "test", "y"].to_numpy(float) for name, one in groups.items()}
    return make_panel(train, truth, season, freq)


def read_m4_hourly(folder: Path) -> Panel:
    train, test = (pd.read_csv(folder / f"M4-Hourly-{part}.csv", index_col=0) for part in ("train", "test"))
    series = {name: row[~np.isnan(row)] for name, row in zip(train.index, train.to_numpy(float), strict=True)}
    return make_panel(series, dict(zip(test.index, test.to_numpy(float), strict=True)), 24, "h")


def made_panel() -> Panel:
    series = {
        f"made {number}": 10.0**number * make_multiseasonal(400, 1, seasons=(24,), random_state=number).to_numpy()[:, 0]
        for number in range(4)
    }
    train = {name: values[:-24] for name, values in series.items()}
    return make_panel(train, {name: values[-24:] for name, values in series.items()}, 24, "h")


def read_panels(folder: Path, names: Iterable[str] | None = None) -> dict[str, Panel]:
    """Read the panels whose files are there, in the order asked for."""
    check_names(names, [*FILES, "M4 hourly"], "--panels")
    found = {}
    for name in names or [*FILES, "M4 hourly"]:
        file, season, freq = FILES.get(name, ("", 24, "h"))
        if name == "M4 hourly" and (folder / "M4-Hourly-train.csv").exists():
            found[name] = read_m4_hourly(folder)
        elif file and (folder / "panels" / f"{file}.csv").exists():
            found[name] = read_file(folder / "panels" / f"{file}.csv", season, freq)
    return found


def errors(panel: Panel, forecasts: dict[object, np.ndarray]) -> np.ndarray:
    """Return the scaled error of every series; missing truth is left out, and NaN where no seasonal difference is."""
    found = []
    for name, expected in panel.truth.items():
        past = panel.train.loc[name].to_numpy()[:, 0]
        unit = np.nanmean(np.abs(past[panel.season :] - past[: -panel.season])) if len(past) > panel.season else 0.0
        found.append(np.nanmean(np.abs(forecasts[name] - expected)) / unit if unit > 0 else np.nan)
    return np.array(found)


def seasonal_naive(panel: Panel) -> dict[object, np.ndarray]:
    forecasts = {}
    for name, expected in panel.truth.items():
        past = panel.train.loc[name, "y"].interpolate(limit_direction="both").to_numpy()
        forecasts[name] = np.resize(past[-panel.season :], len(expected))
    return forecasts


def predict(forecaster, panel: Panel) -> dict[object, np.ndarray]:
    forecast = forecaster.predict(panel.train)
    return {name: forecast.loc[name].to_numpy()[:, 0] for name in panel.truth}


def minus(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the mean difference over series, and its standard error."""
    differences = one - other
    differences = differences[~np.isnan(differences)]
    return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))
