"""Panels whose covariates are known over the horizon, and how they are forecast.

Shared by scripts that need skdistill and by scripts of peers, in an environment without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _common import check_names


@dataclass(frozen=True)
class Problem:
    """A panel, its known covariates, and how it is forecast."""

    panel: pd.DataFrame
    target: str
    known: list[str]
    season: int
    context_length: int
    prediction_length: int
    n_windows: int
    settings: dict[str, Any] = field(default_factory=dict)


def as_panel(table: pd.DataFrame) -> pd.DataFrame:
    return pd.concat({"all": table}, names=["series", "time"])


def read_bikes(folder: Path) -> Problem:
    table = pd.read_csv(folder / "bike_sharing_dataset_clean.csv", index_col=0, parse_dates=True)
    known = ["workingday", "temp", "hum", "windspeed"]
    table = table[["users", *known]].assign(rain=(table["weather"] == "rain").astype(float))
    return Problem(as_panel(table), "users", [*known, "rain"], 24, 168, 24, 60, {"window_step": 24})


def read_victoria(folder: Path) -> Problem:
    table = pd.read_csv(folder / "vic_electricity.csv")
    table.index = pd.DatetimeIndex(pd.to_datetime(table["Time"]).dt.tz_localize(None))
    warm, cold = (table["Temperature"] - 22).clip(lower=0), (16 - table["Temperature"]).clip(lower=0)
    local = table.index + pd.Timedelta("10h")
    working = pd.Series((local.day_of_week < 5) & ~table["Holiday"].to_numpy(), index=table.index).astype(float)
    made = {"demand": table["Demand"], "temperature": table["Temperature"], "warm": warm, "cold": cold}
    table = pd.DataFrame({**made, "working": working})
    first = int(np.argmax(local.hour == 0))  # windows are local days
    table = table.iloc[first : first + (len(table) - first) // 48 * 48]
    return Problem(as_panel(table), "demand", list(table.columns[1:]), 48, 336, 48, 60, {"window_step": 48})


def read_m5(folder: Path) -> Problem:
    table = pd.read_csv(folder / "m5_sales_exog_small.csv", parse_dates=["ds"])
    table = table.set_index(["unique_id", "ds"]).rename_axis(["series", "time"]).sort_index()
    known = [name for name in table if name != "y"]
    return Problem(table, "y", known, 7, 56, 28, 6)


def make_shops(n_days: int = 700, n_shops: int = 20) -> Problem:
    """Make shops whose promotions are planned and whose prices change a few times."""
    days, parts = pd.date_range("2022-01-01", periods=n_days, freq="D"), {}
    for number in range(n_shops):
        rng = np.random.default_rng(number)
        promotion = np.repeat(rng.random(n_days // 4 + 1) < 0.15, 4)[:n_days].astype(float)
        price = np.repeat(rng.uniform(0.8, 1.2, n_days // 60 + 1), 60)[:n_days] * (1 - 0.2 * promotion)
        level = 20 * 3 ** rng.normal() * (1 + 0.3 * np.sin(2 * np.pi * (days.day_of_week + rng.integers(7)) / 7))
        mean = level * price ** -rng.uniform(1, 2) * (1 + rng.uniform(0.2, 0.8) * promotion)
        sales = rng.poisson(mean * np.exp(0.1 * rng.normal(size=n_days)))
        parts[f"shop {number}"] = pd.DataFrame({"sales": sales, "promotion": promotion, "price": price}, index=days)
    panel = pd.concat(parts, names=["series", "time"]).astype(float).sort_index()
    return Problem(panel, "sales", ["promotion", "price"], 7, 56, 28, 6)


def read_problems(data_home: Path, *, quick: bool, names: list[str] | None = None) -> dict[str, Problem]:
    """Return the made shops, and the problems whose files are in ``<data home>/covariates``."""
    readers = {"bike rentals": read_bikes, "Victoria": read_victoria, "M5 sample": read_m5}
    check_names(names, ["made shops", *readers], "--sets")
    folder = data_home / "covariates"
    made = (
        {"made shops": make_shops(450, 3) if quick else make_shops()} if names is None or "made shops" in names else {}
    )
    real = {} if quick or not folder.exists() else readers
    return made | {name: read(folder) for name, read in real.items() if names is None or name in names}


def cut(panel: pd.DataFrame, n_after: int, n_rows: int | None = None) -> pd.DataFrame:
    """Return the rows of each series before the last ones, or so many of them."""
    places = panel.groupby("series").cumcount(ascending=False).to_numpy()
    kept = places >= n_after if n_rows is None else (places >= n_after) & (places < n_after + n_rows)
    return panel[kept]


def windows_before(problem: Problem, most: int = 20) -> int:
    """Return the number of windows before the test on which models are chosen: half of the rows stay for training."""
    length = problem.panel.groupby("series").size().min()
    return int(min(most, max(1, length // 2 // problem.prediction_length - problem.n_windows)))


def judge(
    problem: Problem, forecast: Callable[[pd.DataFrame, pd.DataFrame], np.ndarray], n_before: int = 0
) -> dict[str, np.ndarray]:
    """Forecast windows that do not overlap, and measure the errors of each.

    Parameters
    ----------
    problem : Problem
        The panel.
    forecast : callable
        From the rows of each series before a window, and the known covariates of its rows, to values in their order.
    n_before : int, default=0
        Number of windows at the end of the panel that are left out, for choices before the test.

    Returns
    -------
    errors : dict of str to ndarray of shape (n_windows,)
        ``mase``: mean absolute error in units of the mean absolute seasonal difference of the training rows, averaged
        over series; ``rmsse``: root of the mean squared error in units of the mean squared difference of neighboring
        training rows, as in the M5 competition.
    """
    horizon = problem.prediction_length
    train = cut(problem.panel, (problem.n_windows + n_before) * horizon)[problem.target].groupby("series")
    absolute = train.apply(lambda one: one.diff(problem.season).abs().mean())
    squared = train.apply(lambda one: (one.diff() ** 2).mean())
    found: dict[str, list[float]] = {"mase": [], "rmsse": []}
    for number in range(problem.n_windows + n_before, n_before, -1):
        rows = cut(problem.panel, (number - 1) * horizon, horizon)
        answer = forecast(cut(problem.panel, number * horizon), rows[problem.known])
        error = rows[problem.target] - answer.ravel()
        found["mase"].append((error.abs().groupby("series").mean() / absolute).mean())
        found["rmsse"].append((((error**2).groupby("series").mean() / squared) ** 0.5).mean())
    return {name: np.array(values) for name, values in found.items()}
