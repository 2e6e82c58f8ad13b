"""Exact linear students on ETTh1
==============================

The protocol of ``timedistill_etth1.py`` with an exactly solved student: one linear layer on the last 504
rows, relative to the mean of the last day. Penalty and weight of the teacher are selected by validation error; the
test part is scored once per row.
"""

# %%
import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, as_teacher, heading, write_results

from skdistill import DistilledForecaster, compare
from skdistill.datasets import fetch_ett, make_multiseasonal, standard_split
from skdistill.losses import Response
from skdistill.networks import ITransformer, Linear

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--horizons", type=int, nargs="+", default=[96, 336])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--data-home", default=None)
arguments = parser.parse_args()
CONTEXT, LAST_ROWS = (48, 36) if QUICK else (720, 504)
if QUICK:
    arguments.horizons, arguments.seeds = [12], 2
torch.set_num_threads(1)
PENALTIES, WEIGHTS = [0.01, 0.1, 1.0], [0.0, 0.25, 0.5, 1.0, 2.0, 4.0]

# %%
# Fit
# ---


def fit(
    series: pd.DataFrame, validation_fraction: float, horizon: int, seed: int, taught: bool, memory: str
) -> DistilledForecaster:
    student = Linear(
        last_rows=LAST_ROWS,
        solver="exact",
        penalty=PENALTIES,
        weight_grid={"prediction": WEIGHTS} if taught else None,
    )
    return DistilledForecaster(
        teacher=as_teacher(ITransformer(hidden_size=16 if QUICK else 256)) if taught else None,
        student=student,
        loss=Response(),
        context_length=CONTEXT,
        prediction_length=horizon,
        validation_fraction=validation_fraction,
        memory=memory,
        device="cpu",
        random_state=seed,
    ).fit(series)


def run(horizon: int, memory: str) -> pd.DataFrame:
    if QUICK:
        frame, protocol = make_multiseasonal(900, 7, random_state=0), "70/10/20"
    else:
        data = fetch_ett("ETTh1", data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    train, test, validation_fraction = standard_split(frame, protocol, context_length=CONTEXT)
    models = {
        "exact linear, distilled": [
            fit(train, validation_fraction, horizon, s, True, memory) for s in range(arguments.seeds)
        ],
        "exact linear, no teacher": [fit(train, validation_fraction, horizon, 0, False, memory)],
    }
    table = compare(models, test, alone=False).loc[list(models)]
    for name, members in models.items():
        for member in members:
            chosen = next(row for row in member.history_ if row["chosen"])
            print(f"{horizon}: {name}: chosen { ({k: v for k, v in chosen.items() if k not in ('epoch', 'dur')}) }")
    table["fit_seconds"] = [sum(row["dur"] for row in members[0].history_) for members in models.values()]
    return table.reset_index().assign(context=CONTEXT, horizon=horizon)


with tempfile.TemporaryDirectory() as name:
    result = pd.concat([run(horizon, name) for horizon in arguments.horizons], ignore_index=True)
heading("\nExact linear students")
columns = ["horizon", "model", "mse", "mae", "seed_spread", "difference", "standard_error", "fit_seconds", "parameters"]
print(result[columns].to_string(index=False, float_format=lambda value: f"{value:.4g}"))
write_results(result[["context", *columns]], Path(__file__).parent / "results" / "exact_linear_etth1.csv")
