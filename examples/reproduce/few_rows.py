"""Few rows: a student of the pretrained teacher beside the same student alone
==============================================================================

Students learn from the last 2%, 5% and 10% of the training rows of two series: alone, and with the teacher of the
package. The two series were written down here before anything was fitted to them: **ETTh1** (seven channels) and the
**first target of weather** (air pressure, every ten minutes). The grid below was tried before on other series (bike
sharing, the electricity demand of Victoria, prices of Belgium).

Context 96, horizon 24. The student is exactly linear, or an MLP whose teacher also labels perturbed copies of the rows.
Rows read, level, penalty and weight of the teacher are chosen on the last fifth of the few rows, for students alone and
taught separately, and so is the kind of student. Test windows are the last fifth of the series (ETTh1: the last four
months), every fourth one. Errors are mean squared errors in units of the training rows. Standard errors of a gain come
from a block bootstrap of the test windows; an MLP is fitted with several seeds.

``python examples/reproduce/few_rows.py --data-home FOLDER``
"""

# %%
import argparse
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster, load_pretrained_student
from skdistill.comparison import block_bootstrap_means
from skdistill.data import Augmentation
from skdistill.datasets import fetch_ett, make_multiseasonal, standard_split
from skdistill.losses import Response
from skdistill.networks import MLP, Linear
from skdistill.teachers import Pretrained

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--series", nargs="+", default=["ETTh1", "weather"])
parser.add_argument("--shares", type=float, nargs="+", default=[0.02, 0.05, 0.1])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--mlp-rows", type=int, default=800, help="fit MLPs, which take minutes, on at most so many rows")
parser.add_argument("--data-home", type=Path, default=None)
arguments = parser.parse_args()
torch.set_num_threads(1)
CONTEXT, HORIZON, STEP = 96, 24, 4
PENALTIES, WEIGHTS = [0.01, 0.1, 1.0, 10.0, 100.0], [1.0, 3.0, 10.0, 30.0]
ROWS_READ, LEVELS = [24, 48, 96], ["last", "mean"]
if QUICK:
    arguments.series, arguments.shares, arguments.seeds, ROWS_READ = ["made"], [0.3], 1, [24]


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return training rows, and test rows with the context before them, in units of the training rows."""
    if name == "weather":
        with zipfile.ZipFile(arguments.data_home / "weather.zip") as folder, folder.open("weather/weather.csv") as file:
            frame, protocol = pd.read_csv(file, index_col=0, parse_dates=True).iloc[:, :1], "70/10/20"
    elif name == "made":
        frame, protocol = make_multiseasonal(800, 2, random_state=0), "70/10/20"
    else:
        data = fetch_ett(name, data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    train, test, fraction = standard_split(frame, protocol, context_length=CONTEXT)
    train = train.iloc[: round(len(train) * (1 - fraction))]
    mean, scale = train.mean(), train.std()
    return ((train - mean) / scale).to_numpy(), ((test - mean) / scale).to_numpy()


def windows_of(test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the contexts and the truth of the test windows."""
    cut = np.lib.stride_tricks.sliding_window_view(test, CONTEXT + HORIZON, axis=0)[::STEP]
    cut = cut.transpose(0, 2, 1)
    return cut[:, :CONTEXT], cut[:, CONTEXT:]


def squared(forecasts: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Average the squared error of every window."""
    return np.square(forecasts - truth).mean(axis=(1, 2))


# %%
# Students
# --------

COMMON = {"context_length": CONTEXT, "prediction_length": HORIZON, "validation_fraction": 0.2, "device": "cpu"}


def linear(known: np.ndarray, *, taught: bool) -> tuple[float, DistilledForecaster]:
    """Return the exact linear student that validated best."""
    fitted = []
    for level in LEVELS:
        for last_rows in ROWS_READ:
            grid = {"prediction": WEIGHTS} if taught else None
            student = Linear(level, penalty=PENALTIES, last_rows=last_rows, weight_grid=grid)
            forecaster = DistilledForecaster(
                Pretrained(layer=None) if taught else None, student, Response(), random_state=0, **COMMON
            ).fit(known)
            fitted.append((min(row["valid_loss"] for row in forecaster.history_), forecaster))
    return min(fitted, key=lambda pair: pair[0])


def mlp(known: np.ndarray, seed: int, *, taught: bool) -> tuple[float, DistilledForecaster]:
    """Return an MLP; its teacher labels thirty perturbed copies of the rows, too."""
    copies = Augmentation(1 if QUICK else 30, scale=0.3, mix=0.5, jitter=0.1, knot_distance=48)
    more = {"windows_without_truth": True, "augmentation": copies} if taught else {}
    forecaster = DistilledForecaster(
        Pretrained(layer=None) if taught else None,
        MLP(128, batch_norm=False, dropout=0.2, decomposition=False),
        Response(10.0),
        batch_size=64, lr=1e-3, max_epochs=2 if QUICK else 30, patience=8, weight_averaging=0.99, random_state=seed,
        **COMMON, **more,
    ).fit(known)  # fmt: skip
    return min(row["valid_loss"] for row in forecaster.history_), forecaster


def gain(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Return by how much an error is smaller, relative to the other, with a standard error over blocks of windows."""
    both = np.stack([ours, theirs])
    block = min(4 * HORIZON // STEP, both.shape[1])
    means = block_bootstrap_means(both, [both.shape[1]], block_length=block, n_resamples=1000, random_state=0)
    return 1 - ours.mean() / theirs.mean(), float(np.std(1 - means[0] / means[1]))


# %%
# All shares
# ----------

rows = []
for name in arguments.series:
    train, test = load(name)
    contexts, truth = windows_of(test)
    student = load_pretrained_student().predict(contexts, HORIZON)
    zero_shot = squared(student, truth)
    for share in arguments.shares:
        known = train[-round(share * len(train)) :]
        errors, judged, spread = {}, {}, {}
        started = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for taught in (False, True):
                word = "taught" if taught else "alone"
                judged[f"linear {word}"], forecaster = linear(known, taught=taught)
                errors[f"linear {word}"] = squared(forecaster.backtest(test, step=STEP).reshape(truth.shape), truth)
                if taught:
                    teacher = np.stack([forecaster.predict_teacher(one) for one in contexts[::8]])
                if len(known) > arguments.mlp_rows:
                    continue
                members = [mlp(known, seed, taught=taught) for seed in range(arguments.seeds)]
                each = [squared(one.backtest(test, step=STEP).reshape(truth.shape), truth) for _, one in members]
                judged[f"MLP {word}"] = float(np.mean([score for score, _ in members]))
                errors[f"MLP {word}"] = np.mean(each, axis=0)
                spread[f"MLP {word}"] = float(np.std([one.mean() for one in each], ddof=1)) if len(each) > 1 else np.nan
        chosen = {
            word: min((one for one in judged if one.endswith(word)), key=judged.get) for word in ("alone", "taught")
        }
        value, error = gain(errors[chosen["taught"]], errors[chosen["alone"]])
        row = {"series": name, "share": share, "rows": len(known)}
        row |= {one: values.mean() for one, values in errors.items()}
        row |= {f"{one}, spread": value for one, value in spread.items()}
        row |= {"alone": chosen["alone"], "taught": chosen["taught"], "gain": value, "gain_error": error}
        for kind in ("linear", "MLP") if "MLP alone" in errors else ("linear",):
            row[f"gain {kind}"], row[f"gain_error {kind}"] = gain(errors[f"{kind} taught"], errors[f"{kind} alone"])
        row["teacher"] = float(np.square(teacher - truth[::8]).mean())
        row["pretrained student"] = zero_shot.mean()
        rows.append({**row, "seeds": arguments.seeds, "seconds": time.process_time() - started})
        print(pd.Series(rows[-1]).to_string(), flush=True)
table = pd.DataFrame(rows)
heading("\nMean squared error, and by how much the student of the teacher is better than alone")
print(table[["series", "share", "rows", "alone", "taught", "gain", "gain_error"]].to_string(index=False))
write_results(table, Path(__file__).parent / "results" / "few_rows.csv")
