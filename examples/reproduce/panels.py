"""Seven panels, one default: exact linear students and MLPs on top of them
========================================================================

Monthly tourism, quarterly tourism, hospital visits, cash machines, the M3 competition, car parts and the hourly series
of M4: many series of different scales, some short, some with gaps. Every panel is fitted in one call, with the
same settings except the context length, which is selected from multiples of the season by the error on the last
horizon of the training rows. The test rows are the horizons of the competitions and are scored once.

MASE is the mean absolute error divided by the mean absolute seasonal difference of the training rows of a series,
averaged over series. The script needs a folder with ``panels/*.csv`` (columns unique_id, ds, y, split) and
``M4-Hourly-train.csv``, ``M4-Hourly-test.csv``.
"""

# %%
import argparse
import os
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.datasets import make_multiseasonal
from skdistill.losses import LossSum, Supervised
from skdistill.networks import MLP, Linear

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--panels", nargs="+", default=None)
parser.add_argument("--students", nargs="+", default=["linear", "mlp"], choices=["linear", "mlp"])
arguments = parser.parse_args()
torch.set_num_threads(1)
PENALTIES = [0.001, 0.01, 0.1, 1.0, 10.0]
SEASONS = (2, 3, 5)  # seasons in a context; hourly series have two seasons, and the longer one is used


@dataclass(frozen=True)
class Panel:
    """Training rows, truth and step of a panel."""

    train: pd.DataFrame
    truth: dict[object, np.ndarray]
    season: int
    contexts: tuple[int, ...]


# %%
# Data
# ----

FILES = {
    "tourism monthly": ("tourism_monthly", 12, "MS"),
    "tourism quarterly": ("tourism_quarterly", 4, "QS"),
    "hospital": ("hospital_monthly", 12, "MS"),
    "NN5 daily": ("nn5_daily", 7, "D"),
    "M3 monthly": ("m3_monthly", 12, "MS"),
    "car parts": ("carparts_monthly", 12, "MS"),
}


def make_panel(series: dict[object, np.ndarray], truth: dict[object, np.ndarray], season: int, freq: str) -> Panel:
    """Give every series an index with the step, because some files have no dates or artificial ones."""
    frames = {
        name: pd.DataFrame({"y": values}, index=pd.date_range("2000-01-01", periods=len(values), freq=freq))
        for name, values in series.items()
    }
    horizon = len(next(iter(truth.values())))
    longest = max(map(len, series.values())) - 2 * horizon
    long_season = 168 if freq == "h" else season
    contexts = sorted({min(n * long_season, longest) for n in SEASONS})
    return Panel(pd.concat(frames, names=["series", "time"]), truth, season, tuple(contexts))


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
    panel = make_panel(train, {name: values[-24:] for name, values in series.items()}, 24, "h")
    return Panel(panel.train, panel.truth, 24, (48,))


def read_panels(folder: Path) -> dict[str, Panel]:
    panels = {
        name: read_file(folder / "panels" / f"{file}.csv", season, freq)
        for name, (file, season, freq) in FILES.items()
        if (arguments.panels is None or name in arguments.panels) and (folder / "panels" / f"{file}.csv").exists()
    }
    wants_m4 = arguments.panels is None or "M4 hourly" in arguments.panels
    if wants_m4 and (folder / "M4-Hourly-train.csv").exists():
        panels["M4 hourly"] = read_m4_hourly(folder)
    return panels


# %%
# Students
# --------
#
# Missing true values are left out; a series without seasonal differences has no MASE.


def mase(panel: Panel, forecasts: dict[object, np.ndarray], train: pd.DataFrame, truth: dict) -> float:
    errors = []
    for name, expected in truth.items():
        past = train.loc[name].to_numpy()[:, 0]
        unit = np.nanmean(np.abs(past[panel.season :] - past[: -panel.season])) if len(past) > panel.season else 0.0
        if unit > 0:
            errors.append(np.nanmean(np.abs(forecasts[name] - expected)) / unit)
    return float(np.mean(errors))


def make_student(name: str) -> tuple[object, object, dict]:
    linear = Linear(penalty=PENALTIES)
    if name == "linear":
        return linear, Supervised(), {}
    training = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 2 if QUICK else 10, "batch_size": 256}
    student = MLP(64, batch_norm=False, decomposition=False, dropout=0.2, linear_skip=linear)
    loss = LossSum([("squares", Supervised(0.05)), ("absolute", Supervised(loss="mae"))])
    return student, loss, training


def fit(panel: Panel, student: str, context_length: int) -> DistilledForecaster:
    network, loss, training = make_student(student)
    horizon = len(next(iter(panel.truth.values())))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* have too few training rows")
        return DistilledForecaster(
            None,
            network,
            loss,
            context_length=context_length,
            prediction_length=horizon,
            validation_fraction=horizon,
            random_state=0,
            **training,
        ).fit(panel.train)


def seasonal_naive(panel: Panel) -> dict[object, np.ndarray]:
    forecasts = {}
    for name, expected in panel.truth.items():
        past = panel.train.loc[name, "y"].interpolate(limit_direction="both").to_numpy()
        last = past[-panel.season :]
        forecasts[name] = np.resize(last, len(expected))
    return forecasts


def valid_error(forecaster: DistilledForecaster) -> float:
    errors = [row["valid_loss"] for row in forecaster.history_ if "valid_loss" in row]
    return min(errors)


# %%
# Run
# ---

panels = {"made": made_panel()} if QUICK else read_panels(arguments.data_home.expanduser())
rows = []
for name, panel in panels.items():
    horizon = len(next(iter(panel.truth.values())))
    heading(f"{name}: {len(panel.truth)} series, horizon {horizon}")
    naive = mase(panel, seasonal_naive(panel), panel.train, panel.truth)
    print(f"  seasonal naive, {panel.season}: MASE {naive:.3f}")
    for student in arguments.students:
        start = time.perf_counter()
        candidates = {length: fit(panel, student, length) for length in panel.contexts}
        chosen = min(candidates, key=lambda length: valid_error(candidates[length]))
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        forecast = candidates[chosen].predict(panel.train)
        predict_seconds = time.perf_counter() - start
        forecasts = {one: forecast.loc[one].to_numpy()[:, 0] for one in panel.truth}
        error = mase(panel, forecasts, panel.train, panel.truth)
        print(f"  {student}: MASE {error:.3f}, context {chosen}, {seconds:.1f} s for {len(candidates)} contexts")
        rows.append(
            {
                "panel": name,
                "n_series": len(panel.truth),
                "horizon": horizon,
                "student": student,
                "context_length": chosen,
                "mase": error,
                "seasonal_naive": naive,
                "fit_seconds": seconds,
                "predict_seconds": predict_seconds,
            }
        )
if rows:
    write_results(pd.DataFrame(rows), Path(__file__).resolve().parent / "results" / "panels.csv")
