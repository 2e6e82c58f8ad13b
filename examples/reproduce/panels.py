"""Seven panels, one default
========================

Monthly tourism, quarterly tourism, hospital visits, cash machines, the M3 competition, car parts and the hourly series
of M4: many series of different scales, some short, some with gaps. Every panel gets the same call,
``DistilledForecasterCV(prediction_length=...)``: it selects context length, penalty, student and teacher on the last
rows of the training rows, and fits the choice on all of them. The test rows are the horizons of the competitions and
are scored once.

Beside it are seasonal naive, the exact linear student that was best on the same validation rows, and what the teacher
changes: the chosen student alone and with each teacher that was good enough to be tried (of those that label fast),
with the standard error of the difference over the series.

MASE is the mean absolute error divided by the mean absolute seasonal difference of the training rows of a series,
averaged over series. Seconds are those of one CPU thread. The script needs a folder with ``panels/*.csv`` (columns
unique_id, ds, y, split) and ``M4-Hourly-train.csv``, ``M4-Hourly-test.csv``.
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
from _common import QUICK, heading, provenance, write_results

from skdistill import DistilledForecasterCV
from skdistill.datasets import make_multiseasonal

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--panels", nargs="+", default=None, help="names of panels; default: all")
parser.add_argument("--merge", action="store_true", help="keep the rows of other panels in the results")
arguments = parser.parse_args()
torch.set_num_threads(1)


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


# %%
# Data
# ----

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


def read_panels(folder: Path) -> dict[str, Panel]:
    """Read the panels whose files are there, in the order asked for."""
    found = {}
    for name in arguments.panels or [*FILES, "M4 hourly"]:
        file, season, freq = FILES.get(name, ("", 24, "h"))
        if name == "M4 hourly" and (folder / "M4-Hourly-train.csv").exists():
            found[name] = read_m4_hourly(folder)
        elif file and (folder / "panels" / f"{file}.csv").exists():
            found[name] = read_file(folder / "panels" / f"{file}.csv", season, freq)
    return found


# %%
# Scores
# ------
#
# Missing true values are left out; a series without seasonal differences has no MASE.


def errors(panel: Panel, forecasts: dict[object, np.ndarray]) -> np.ndarray:
    """Return the scaled error of every series."""
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


# %%
# Students
# --------


def fit_default(panel: Panel) -> DistilledForecasterCV:
    few = {"context_lengths": [48], "max_windows": 200} if QUICK else {}
    return DistilledForecasterCV(prediction_length=panel.horizon, random_state=0, **few).fit(panel.train)


def best_row(search: DistilledForecasterCV, student: str, teacher: str | None) -> int | None:
    """Return the row of the search with the best validation error for a student and a teacher."""
    scores = search.cv_results_["mean_test_score"]
    wanted = [
        number
        for number, one in enumerate(search.cv_results_["params"])
        if (one["student"], one["teacher"]) == (student, teacher)
    ]
    return max(wanted, key=lambda number: scores[number], default=None)


def fit_row(search: DistilledForecasterCV, row: int, panel: Panel) -> np.ndarray:
    """Fit a row of the search on all training rows, and return its errors on the test rows."""
    return errors(panel, predict(search.candidate(row).fit(panel.train), panel))


# %%
# Run
# ---


def run(name: str, panel: Panel) -> dict[str, object]:
    heading(f"{name}: {len(panel.truth)} series, horizon {panel.horizon}")
    row = {"panel": name, "n_series": len(panel.truth), "season": panel.season, "horizon": panel.horizon}
    row["seasonal_naive"] = np.nanmean(errors(panel, seasonal_naive(panel)))
    row["zero"] = np.nanmean(errors(panel, {one: np.zeros(panel.horizon) for one in panel.truth}))

    start = time.process_time()
    search = fit_default(panel)
    row["fit_seconds"] = time.process_time() - start
    start = time.process_time()
    forecasts = predict(search, panel)
    row["predict_seconds"] = time.process_time() - start
    ours = errors(panel, forecasts)
    row |= {"mase": np.nanmean(ours), "parameters": search.count_parameters(), "explanation": search.explanation_}
    row |= {name: search.best_params_[name] for name in ("student", "teacher", "context_length", "transformer")}

    exact = best_row(search, "linear", None)
    start = time.process_time()
    row["linear"] = np.nanmean(fit_row(search, exact, panel))
    row["linear_seconds"] = time.process_time() - start
    row |= {f"linear_{name}": search.cv_results_["params"][exact][name] for name in ("context_length", "transformer")}

    found = {search.best_params_["teacher"]: ours}
    for teacher in (None, "theta"):
        other = best_row(search, search.best_params_["student"], teacher)
        if teacher not in found and other is not None:
            found[teacher] = fit_row(search, other, panel)
    row["alone"] = np.nanmean(found[None])
    for teacher in (one for one in found if one is not None):
        row[f"of_{teacher}"] = np.nanmean(found[teacher])
        row[f"of_{teacher}_minus_alone"], row[f"of_{teacher}_standard_error"] = minus(found[teacher], found[None])
    print(pd.Series(row).to_string(), flush=True)
    return row


panels = {"made": made_panel()} if QUICK else read_panels(arguments.data_home.expanduser())
target = Path(__file__).resolve().parent / "results" / "panels.csv"
rows = []
for name, panel in panels.items():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* have too few training rows")
        rows.append(run(name, panel))
    results = pd.DataFrame(rows).assign(**provenance())
    if arguments.merge and target.exists():
        kept = pd.read_csv(target)
        results = pd.concat([kept[~kept["panel"].isin(results["panel"])], results])
    write_results(results, target)  # after every panel
