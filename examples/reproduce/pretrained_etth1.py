"""Students of the pretrained teacher on ETTh1
==============================================

The protocol of ``timedistill_etth1.py`` with the teacher of the package, which needs no training. The student is an
exact linear map, or an MLP on top of it, relative to the mean of the last day. The teacher reads up to 2,048 rows (as
many as it was trained for), its student the last few hundred. The rows that the student reads, the penalty and the
weight of the teacher are chosen by validation error, for students alone and taught separately; the test part is scored
once per row of the table.

``python examples/reproduce/pretrained_etth1.py --data-home FOLDER``
"""

# %%
import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.comparison import block_bootstrap_means, rolling_forecasts
from skdistill.datasets import fetch_ett, make_multiseasonal, standard_split
from skdistill.losses import Response
from skdistill.networks import MLP, Linear
from skdistill.teachers import Pretrained

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--horizons", type=int, nargs="+", default=[96, 336])
parser.add_argument("--seeds", type=int, default=3, help="of the MLP; 0 leaves it out")
parser.add_argument("--data-home", default=None)
parser.add_argument("--memory", default=None, help="folder that keeps the labels")
arguments = parser.parse_args()
CONTEXT, ROWS_READ, WIDTH = (72, [24, 36], 16) if QUICK else (2048, [336, 432, 504, 576, 720], 512)
if QUICK:
    arguments.horizons, arguments.seeds = [12], 1
torch.set_num_threads(1)
PENALTIES, WEIGHTS = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0], [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]


def fit(train: pd.DataFrame, fraction: float, horizon: int, taught: bool, student: object, seed: int = 0, **training):
    """Fit a student, alone or taught, and return it with its validation error."""
    forecaster = DistilledForecaster(
        Pretrained(layer=None) if taught else None, student, Response(), context_length=CONTEXT,
        prediction_length=horizon, min_observed=max(ROWS_READ), validation_fraction=fraction, memory=arguments.memory,
        device="cpu", random_state=seed, **training,
    ).fit(train)  # fmt: skip
    return min(row["valid_loss"] for row in forecaster.history_ if "valid_loss" in row), forecaster


def linear(last_rows: int, taught: bool, penalties: object = PENALTIES, weights: object = WEIGHTS) -> Linear:
    """Return an exact linear network."""
    grid = {"prediction": weights} if taught else None
    return Linear(last_rows=last_rows, season=24, solver="exact", penalty=penalties, weight_grid=grid)


CALM = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 2 if QUICK else 10, "weight_averaging": 0.99}
if QUICK:
    frame, protocol = make_multiseasonal(900, 2, random_state=0), "70/10/20"
else:
    data = fetch_ett("ETTh1", data_home=arguments.data_home)
    frame, protocol = data.frame, data.protocol
train, test, fraction = standard_split(frame, protocol, context_length=CONTEXT)
rows = []
with tempfile.TemporaryDirectory() as temporary:
    arguments.memory = arguments.memory or temporary
    for horizon in arguments.horizons:
        errors = {}
        for taught in (False, True):
            word = "distilled" if taught else "alone"
            tried = {n: fit(train, fraction, horizon, taught, linear(n, taught)) for n in ROWS_READ}
            best = min(tried, key=lambda n: tried[n][0])
            for n, (score, _) in tried.items():
                print(f"{horizon}: exact linear {word}, {n} rows: validation {score:.4f}", flush=True)
            chosen = next(row for row in tried[best][1].history_ if row["chosen"])
            told = {key: value for key, value in chosen.items() if key not in ("epoch", "dur", "chosen")}
            print(f"{horizon}: exact linear {word}: {told}", flush=True)
            network = MLP(
                WIDTH, batch_norm=False, dropout=0.5, last_rows=best,
                linear_skip=linear(best, taught),
            )  # fmt: skip
            several = [fit(train, fraction, horizon, taught, network, seed, **CALM) for seed in range(arguments.seeds)]
            named = {f"exact linear, {word}": [tried[best]], f"MLP, {word}": several}
            for name, members in ((name, members) for name, members in named.items() if members):
                squares, absolutes = [], []
                for _, forecaster in members:
                    rolled = rolling_forecasts(forecaster, test)
                    difference = rolled.forecasts["student"] - rolled.truth
                    squares.append(np.square(difference).mean(axis=(1, 2)))
                    absolutes.append(np.abs(difference).mean())
                if taught:
                    teacher = np.square(rolled.forecasts["teacher"] - rolled.truth).mean()
                    errors.setdefault("teacher", teacher)
                errors[name] = np.mean(squares, axis=0)
                rows.append({
                    "horizon": horizon, "model": name, "rows_read": best,
                    "validation_mse": float(np.mean([score for score, _ in members])),
                    "mse": errors[name].mean(), "mae": float(np.mean(absolutes)),
                    "seed_spread": float(np.std([one.mean() for one in squares], ddof=1)) if len(squares) > 1 else None,
                    "parameters": members[0][1].count_parameters(), "teacher_mse": errors.get("teacher"),
                })  # fmt: skip
                print(rows[-1], flush=True)
        for row in (row for row in rows if row["horizon"] == horizon and row["model"].endswith("distilled")):
            pair = np.stack([errors[row["model"]], errors[row["model"].replace("distilled", "alone")]])
            means = block_bootstrap_means(
                pair, [pair.shape[1]], block_length=2 * horizon, n_resamples=1000, random_state=0
            )
            row["minus_alone"] = float(pair[0].mean() - pair[1].mean())
            row["standard_error"] = float((means[0] - means[1]).std())
        table = pd.DataFrame(rows)
        write_results(
            table.assign(context=CONTEXT).dropna(axis=1, how="all"),
            Path(__file__).parent / "results" / "pretrained_etth1.csv",
        )
heading("\nStudents of the pretrained teacher on ETTh1")
print(table.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
