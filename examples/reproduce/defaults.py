"""What to get without asking: five single fits on validation rows
=================================================================

``DistilledForecaster()`` must be good on data it has not been tuned on. Candidates for its defaults are fitted on the
training rows of five panels (a sample of 40 series each) and of ETTh1 and the exchange rates, without the last horizon
of each series, which judges: no test row is read. One call for all data sets, a context of 336 rows (short series are
padded), no knob turned. Series of car parts are too short for one more horizon.

MASE of panels is in units of the seasonal differences of the fitted rows; the error of one long series is the mean
absolute error of its standardized channels over all horizons of the validation rows that start on its steps of 24.
Seconds are those of one CPU thread.
"""

# %%
import argparse
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results
from _panels import FILES, Panel, made_panel, read_panels

from skdistill import DistilledForecaster
from skdistill.losses import Response
from skdistill.networks import MLP, Linear
from skdistill.recipes import timedistill

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--n-series", type=int, default=40, help="series of a panel that are drawn")
arguments = parser.parse_args()
torch.set_num_threads(1)

# %%
# The candidates
# --------------


def on_linear() -> dict[str, Any]:
    """Return a small MLP on top of an exact solution, with the training of ``DistilledForecasterCV``."""
    network = MLP(128, n_layers=2, batch_norm=False, dropout=0.2, decomposition=False, linear_skip=Linear())
    training = {"batch_size": 256, "lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 8, "patience": None}
    return {"student": network, "loss": Response(), "weight_averaging": 0.99, **training}


CANDIDATES: dict[str, Callable[[], dict[str, Any]]] = {
    "default": dict,
    "default, without its last 20%": lambda: {"validation_fraction": 0.2},
    "exact linear alone": lambda: {"teacher": None},
    "MLP on exact linear": on_linear,
    "settings of TimeDistill": lambda: {**timedistill(), "context_length": 336},
}
if QUICK:
    CANDIDATES = {name: CANDIDATES[name] for name in ("default", "exact linear alone")}

# %%
# Panels
# ------


def drawn(panel: Panel) -> tuple[pd.DataFrame, dict[object, np.ndarray]]:
    """Return the rows to fit of some series, and the horizon after them."""
    groups = dict(list(panel.train.groupby(level=0, sort=False)))
    long = [name for name, rows in groups.items() if len(rows) >= 3 * panel.horizon + 2 * panel.season]
    n_series = min(arguments.n_series, len(long))
    chosen = np.sort(np.random.default_rng(0).choice(len(long), n_series, replace=False))
    rows = {long[number]: groups[long[number]] for number in chosen}
    fitted = pd.concat([one.iloc[: -panel.horizon] for one in rows.values()])
    return fitted, {name: one.iloc[-panel.horizon :].to_numpy().ravel() for name, one in rows.items()}


def mase(forecasts: pd.DataFrame, fitted: pd.DataFrame, truth: dict[object, np.ndarray], season: int) -> float:
    errors = []
    for name, values in truth.items():
        rows = fitted.loc[[name]].to_numpy().ravel()
        unit = np.nanmean(np.abs(rows[season:] - rows[:-season]))
        if unit > 0:
            errors.append(np.nanmean(np.abs(forecasts.loc[[name]].to_numpy().ravel() - values)) / unit)
    return float(np.mean(errors))


def run_panel(name: str, panel: Panel) -> list[dict[str, Any]]:
    fitted, truth = drawn(panel)
    rows = []
    for candidate, settings in CANDIDATES.items():
        start = time.process_time()
        lengths = {"prediction_length": panel.horizon, "random_state": 0}
        forecaster = DistilledForecaster(**settings() | lengths).fit(fitted)
        error = mase(forecaster.predict(fitted), fitted, truth, panel.season)
        seconds = time.process_time() - start
        rows.append({"data": name, "candidate": candidate, "error": error, "seconds": seconds})
        heading(f"{name}, {candidate}: {error:.3f}, {seconds:.1f} s")
    naive = {one: np.resize(fitted.loc[[one]].to_numpy().ravel()[-panel.season :], panel.horizon) for one in truth}
    flat = pd.concat({one: pd.DataFrame({"y": values}) for one, values in naive.items()})
    return [*rows, {"data": name, "candidate": "seasonal naive", "error": mase(flat, fitted, truth, panel.season)}]


# %%
# Long series
# -----------


def long_series(folder: Path) -> dict[str, tuple[pd.DataFrame, int, int]]:
    """Return the rows of series up to the end of their validation part, where that begins, and a season."""
    found = {}
    if (folder / "ETTh1.csv").exists():
        rows = pd.read_csv(folder / "ETTh1.csv", index_col=0, parse_dates=True)
        found["ETTh1"] = (rows.iloc[:11520], 8640, 24)
    if (folder / "exchange_rate.txt").exists():
        rates = pd.read_csv(folder / "exchange_rate.txt", header=None)
        rates.index = pd.date_range("1990-01-01", periods=len(rates), freq="D")
        found["exchange rates"] = (rates.iloc[: int(0.8 * len(rates))].add_prefix("c"), int(0.7 * len(rates)), 1)
    return found


def run_long(name: str, rows: pd.DataFrame, n_fitted: int, season: int) -> list[dict[str, Any]]:
    unit = rows.iloc[:n_fitted].std()
    found, naive = [], []
    for candidate, settings in CANDIDATES.items():
        start = time.process_time()
        forecaster = DistilledForecaster(**settings() | {"random_state": 0}).fit(rows.iloc[:n_fitted])
        errors = []
        for origin in range(n_fitted, len(rows) - forecaster.prediction_length + 1, 24):
            truth = rows.iloc[origin : origin + forecaster.prediction_length]
            errors.append(((forecaster.predict(rows.iloc[:origin]) - truth).abs() / unit).to_numpy().mean())
            last = np.resize(rows.iloc[origin - season : origin].to_numpy(), truth.shape)
            naive.append((np.abs(last - truth) / unit).to_numpy().mean())
        seconds = time.process_time() - start
        found.append({"data": name, "candidate": candidate, "error": np.mean(errors), "seconds": seconds})
        heading(f"{name}, {candidate}: {np.mean(errors):.3f}, {seconds:.1f} s")
    return [*found, {"data": name, "candidate": "seasonal naive", "error": np.mean(naive)}]


# %%
# Run
# ---

folder = arguments.data_home.expanduser()
panels = {"made": made_panel()} if QUICK else read_panels(folder, [name for name in FILES if name != "car parts"])
results: list[dict[str, Any]] = []
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", ".* have too few training rows")
    for name, panel in panels.items():
        results += run_panel(name, panel)
        write_results(pd.DataFrame(results), Path(__file__).parent / "results" / "defaults.csv")
    for name, series in ({} if QUICK else long_series(folder)).items():
        results += run_long(name, *series)
        write_results(pd.DataFrame(results), Path(__file__).parent / "results" / "defaults.csv")
