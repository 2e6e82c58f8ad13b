"""What teachers change on the seven panels
==========================================

The exact linear student on square roots, alone and taught by: the Theta method and exponential smoothing (one fit per
series, rolled through its training rows), an iTransformer that is trained on the panel, and the pretrained model of
the package. All labels count as much as the truth. Context and penalty are fixed, and nothing is chosen.

Series are a sample with a fixed seed, because exponential smoothing takes about a second per series: student and
teachers see these series only. Differences are over series, with their standard error.
"""

# %%
import argparse
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, provenance, write_results
from _panels import Panel, errors, made_panel, minus, predict, read_panels, seasonal_naive
from sktime.forecasting.ets import AutoETS
from sktime.forecasting.theta import ThetaForecaster

from skdistill import DistilledForecaster
from skdistill.data import SquareRoot
from skdistill.networks import ITransformer, Linear
from skdistill.teachers import SktimeTeacher, TrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--panels", nargs="+", default=None, help="names of panels; default: all")
parser.add_argument("--n-series", type=int, default=60, help="series of a panel")
parser.add_argument("--merge", action="store_true", help="keep the rows of other panels in the results")
arguments = parser.parse_args()
torch.set_num_threads(1)

CONTEXT = {"car parts": 24, "tourism quarterly": 16, "NN5 daily": 56, "M4 hourly": 168}
FEWER = {"NN5 daily": 20, "M4 hourly": 20}  # long series


def sample(panel: Panel, n_series: int) -> Panel:
    """Keep some series."""
    names = list(panel.truth)
    if len(names) <= n_series:
        return panel
    places = np.sort(np.random.default_rng(0).choice(len(names), n_series, replace=False))
    kept = [names[place] for place in places]
    rows = panel.train.index.get_level_values(0).isin(kept)
    return replace(panel, train=panel.train[rows], truth={name: panel.truth[name] for name in kept})


def make_teachers(season: int) -> dict[str, object]:
    """Return the teachers by name; statistics see roots, whose seasons add up."""
    smoothing = AutoETS(sp=season, trend="add", damped_trend=True, seasonal="add")
    small = ITransformer(32, n_heads=4, n_layers=2)
    return {
        "theta": SktimeTeacher(ThetaForecaster(sp=season, deseasonalize_model="additive"), fitting="series"),
        "ets": SktimeTeacher(smoothing, fitting="series"),
        "itransformer": TrainedTeacher(small, lr=1e-3, max_epochs=5, patience=None, random_state=0),
        "pretrained": "pretrained",
    }


def fit(panel: Panel, context: int, teacher: object) -> np.ndarray:
    """Fit the student, and return its errors."""
    student = DistilledForecaster(
        teacher, Linear(), "response", context_length=context, prediction_length=panel.horizon, random_state=0,
        validation_fraction=0, transformer=SquareRoot(),
    )  # fmt: skip
    return errors(panel, predict(student.fit(panel.train), panel))


def run(name: str, panel: Panel) -> dict[str, object]:
    n_all = len(panel.truth)
    panel = sample(panel, min(arguments.n_series, FEWER.get(name, arguments.n_series)))
    context = 24 if QUICK else CONTEXT.get(name, 4 * panel.season)
    row = {"panel": name, "n_series": len(panel.truth), "of": n_all, "context_length": context}
    row["seasonal_naive"] = np.nanmean(errors(panel, seasonal_naive(panel)))
    alone = fit(panel, context, None)
    row["alone"] = np.nanmean(alone)
    for teacher, given in make_teachers(panel.season).items():
        start = time.process_time()
        taught = fit(panel, context, given)
        row[f"of_{teacher}"] = np.nanmean(taught)
        row[f"of_{teacher}_minus_alone"], row[f"of_{teacher}_standard_error"] = minus(taught, alone)
        row[f"of_{teacher}_seconds"] = time.process_time() - start
    heading(name)
    print(pd.Series(row).to_string(), flush=True)
    return row


panels = {"made": made_panel()} if QUICK else read_panels(arguments.data_home.expanduser(), arguments.panels)
target = Path(__file__).resolve().parent / "results" / "panel_teachers.csv"
rows = []
for name, panel in panels.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows.append(run(name, panel))
    results = pd.DataFrame(rows).assign(**provenance())
    if arguments.merge and target.exists():
        kept = pd.read_csv(target)
        results = pd.concat([kept[~kept["panel"].isin(results["panel"])], results])
    write_results(results, target)  # after every panel
