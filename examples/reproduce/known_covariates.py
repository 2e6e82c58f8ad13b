"""The same student with and without covariates that are known over the horizon
===========================================================================

Four data sets: hourly bike rentals (weather, working day), half-hourly electricity demand of Victoria (temperature,
holiday), daily sales of eight items of M5 (price, events), and a made panel of shops whose promotions and prices are
planned. Known covariates are what came true, so the weather is a perfect forecast: the gain is an upper bound there.

Every model is fitted once, on the rows before the first test window, and forecasts windows that do not overlap. MASE is
the mean absolute error divided by the mean absolute seasonal difference of the training rows, averaged over series. The
files are those of ``<data home>/covariates``.
"""

# %%
import argparse
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.losses import LossSum, Response, Supervised
from skdistill.networks import MLP, Linear
from skdistill.teachers import RegressorTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--sets", nargs="+", default=None)
arguments = parser.parse_args()
torch.set_num_threads(1)


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


# %%
# Data
# ----


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
    working = pd.Series((local.dayofweek < 5) & ~table["Holiday"].to_numpy(), index=table.index).astype(float)
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
        level = 20 * 3 ** rng.normal() * (1 + 0.3 * np.sin(2 * np.pi * (days.dayofweek + rng.integers(7)) / 7))
        mean = level * price ** -rng.uniform(1, 2) * (1 + rng.uniform(0.2, 0.8) * promotion)
        sales = rng.poisson(mean * np.exp(0.1 * rng.normal(size=n_days)))
        parts[f"shop {number}"] = pd.DataFrame({"sales": sales, "promotion": promotion, "price": price}, index=days)
    panel = pd.concat(parts, names=["series", "time"]).astype(float).sort_index()
    return Problem(panel, "sales", ["promotion", "price"], 7, 56, 28, 6)


def read_problems(folder: Path) -> dict[str, Problem]:
    readers = {"bike rentals": read_bikes, "Victoria": read_victoria, "M5 sample": read_m5}
    found = {"made shops": make_shops(450, 3) if QUICK else make_shops()}
    if not QUICK and (folder / "covariates").exists():
        found |= {name: read(folder / "covariates") for name, read in readers.items()}
    return {name: one for name, one in found.items() if arguments.sets is None or name in arguments.sets}


# %%
# Models
# ------
#
# Boosting gets the same columns, in a table of lags, the values of the season before, and the covariates at and beside
# each step, one regressor for all steps and series.

MODELS = {
    "exact linear, without": ("linear", False),
    "exact linear, known": ("linear", True),
    "MLP, without": ("mlp", False),
    "MLP, known": ("mlp", True),
    "gradient boosting, without": ("boosting", False),
    "gradient boosting, known": ("boosting", True),
}
TRAINING = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 2 if QUICK else 10, "batch_size": 64}


def cut(panel: pd.DataFrame, n_after: int, n_rows: int | None = None) -> pd.DataFrame:
    """Return the rows of each series before the last ones, or so many of them."""
    places = panel.groupby("series").cumcount(ascending=False).to_numpy()
    kept = places >= n_after if n_rows is None else (places >= n_after) & (places < n_after + n_rows)
    return panel[kept]


def fit(problem: Problem, model: str, with_known: bool) -> DistilledForecaster:
    """Fit a student, or gradient boosting as the teacher of one."""
    known = problem.known if with_known else []
    train = cut(problem.panel, problem.n_windows * problem.prediction_length)[[problem.target, *known]]
    linear = Linear("mean", past_rows=2 * problem.season, penalty=[0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
    mlp = MLP(64, batch_norm=False, decomposition=False, dropout=0.2, linear_skip=linear)
    absolute = LossSum([("squares", Supervised(0.05)), ("absolute", Supervised(loss="mae"))])
    boosting = HistGradientBoostingRegressor(loss="absolute_error", max_iter=10 if QUICK else 200, max_features=0.5)
    teacher = RegressorTeacher(boosting, season=problem.season, n_folds=None, max_rows=200_000)
    return DistilledForecaster(
        teacher if model == "boosting" else None,
        mlp if model == "mlp" else linear,
        absolute if model == "mlp" else Response() if model == "boosting" else Supervised(),
        context_length=problem.context_length,
        prediction_length=problem.prediction_length,
        targets=[problem.target],
        known_covariates=known,
        validation_fraction=max(4 * problem.prediction_length, int(train.groupby("series").size().min()) // 10),
        random_state=0,
        **{**problem.settings, **TRAINING},
    ).fit(train)


def mase(problem: Problem, forecaster: DistilledForecaster | None, ask: str, with_known: bool) -> float:
    """Return the error over the test windows; None is seasonal naive."""
    horizon, n_test = problem.prediction_length, problem.n_windows * problem.prediction_length
    train = cut(problem.panel, n_test)[problem.target]
    units = train.groupby("series").apply(lambda one: one.diff(problem.season).abs().mean())
    errors = []
    for number in range(problem.n_windows, 0, -1):
        truth = cut(problem.panel, (number - 1) * horizon, horizon)
        if forecaster is None:
            past = cut(problem.panel[problem.target], number * horizon, problem.season)
            forecast = (
                past.groupby("series").apply(lambda one: pd.Series(np.resize(one.to_numpy(), horizon))).to_numpy()
            )
        else:
            known = problem.known if with_known else []
            past = cut(problem.panel, number * horizon, problem.context_length)[[problem.target, *known]]
            future = truth[known] if known else None
            forecast = getattr(forecaster, ask)(past, future=future)[problem.target].to_numpy()
        error = (truth[problem.target] - forecast.ravel()).abs().groupby("series").mean()
        errors.append((error / units).mean())
    return float(np.mean(errors))


# %%
# Run
# ---

if __name__ == "__main__":
    rows = []
    for name, problem in read_problems(arguments.data_home.expanduser()).items():
        heading(f"{name}: {problem.panel.index.get_level_values(0).nunique()} series, known {problem.known}")
        scores = {"seasonal naive": (mase(problem, None, "", False), 0.0)}
        for name_of_model, (model, with_known) in MODELS.items():
            start = time.perf_counter()
            forecaster = fit(problem, model, with_known)
            seconds = time.perf_counter() - start
            ask = "predict_teacher" if model == "boosting" else "predict"
            scores[name_of_model] = (mase(problem, forecaster, ask, with_known), seconds)
        for model, (error, seconds) in scores.items():
            print(f"  {model}: MASE {error:.3f}, {seconds:.1f} s", flush=True)
            rows.append({"data": name, "model": model, "mase": error, "seconds": seconds})
    if rows:
        write_results(pd.DataFrame(rows), Path(__file__).resolve().parent / "results" / "known_covariates.csv")
