"""Seven panels, one default
========================

Monthly tourism, quarterly tourism, hospital visits, cash machines, the M3 competition, car parts and the hourly series
of M4: many series of different scales, some short, some with gaps. Every panel gets the same call,
``DistilledForecasterCV(prediction_length=...)``: it selects context length, penalty, student and teacher on the last
rows of the training rows, and fits the choice on all of them. The test rows are the horizons of the competitions and
are scored once.

Beside it are seasonal naive, the exact linear student that was best on the same validation rows, and what the teacher
changes: the chosen student alone and with each teacher that was good enough to be tried (of those that label fast),
with the standard error of the difference over the series; and the student of the Theta method beside this method.

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
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, provenance, write_results
from _panels import Panel, errors, made_panel, minus, predict, read_panels, seasonal_naive

from skdistill import DistilledForecasterCV
from skdistill.teachers._theta_forecast import theta_forecast

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--panels", nargs="+", default=None, help="names of panels; default: all")
parser.add_argument("--merge", action="store_true", help="keep the rows of other panels in the results")
arguments = parser.parse_args()
torch.set_num_threads(1)


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


def forecasts_of_theta(panel: Panel) -> dict[object, np.ndarray]:
    """Forecast every series by the Theta method of the package, from all its rows."""
    forecasts = {}
    for name in panel.truth:
        past = panel.train.loc[name, "y"].interpolate(limit_direction="both").to_numpy()
        forecasts[name] = theta_forecast(past[None], panel.season, panel.horizon)[0]
    return forecasts


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
    chosen = search.cv_results_["params"][exact]
    row |= {"linear_context": chosen["context_length"], "linear_transformer": chosen["transformer"]}

    found = {search.best_params_["teacher"]: ours}
    for teacher in (None, "theta"):
        other = best_row(search, search.best_params_["student"], teacher)
        if teacher not in found and other is not None:
            found[teacher] = fit_row(search, other, panel)
    row["alone"] = np.nanmean(found[None])
    for teacher in (one for one in found if one is not None):
        row[f"of_{teacher}"] = np.nanmean(found[teacher])
        row[f"of_{teacher}_minus_alone"], row[f"of_{teacher}_standard_error"] = minus(found[teacher], found[None])
    own = errors(panel, forecasts_of_theta(panel))
    row["theta"] = np.nanmean(own)
    if "theta" in found:
        row["of_theta_minus_theta"], row["of_theta_minus_theta_standard_error"] = minus(found["theta"], own)
    print(pd.Series(row).to_string(), flush=True)
    return row


panels = {"made": made_panel()} if QUICK else read_panels(arguments.data_home.expanduser(), arguments.panels)
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
