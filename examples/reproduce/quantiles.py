"""Distributions: what a student keeps of its teacher's quantiles
==============================================================

Two probabilistic teachers, a pretrained foundation model that has seen neither series and an iTransformer trained here
with quantiles, teach a linear student the nine deciles of the next 96 rows of ETTh1 and exchange rate. It is compared
with the teachers and with the same student trained on the truth alone, each as trained, after split conformal
calibration on the validation windows, and after rolling calibration on the 500 most recent windows. The weight of
a teacher is selected from four values by the validation loss of each seed, and only this weight is scored on the test
part.

Run ``python examples/reproduce/quantiles.py --model FOLDER`` with the folder of a Chronos checkpoint, for example
from ``examples/pretrain_small_foundation_model.py``. Each row is written as soon as it is measured.
"""

# %%
# Settings
# --------

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, ROOT, heading, write_results
from _random_foundation_model import save_random_bolt

from skdistill import DistilledForecaster
from skdistill.data._context_batch import ContextBatch
from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split
from skdistill.losses import QuantileDistill
from skdistill.metrics import quantile_scores
from skdistill.networks import ITransformer, Linear
from skdistill.teachers import Chronos, TrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--model", default=str(ROOT / ".cache" / "small-chronos-bolt"), help="folder or hub id of a Chronos"
)
SERIES = ["ETTh1", "exchange rate"]
parser.add_argument("--series", nargs="+", default=SERIES, choices=SERIES)
parser.add_argument("--context", type=int, default=336)
parser.add_argument("--horizon", type=int, default=96)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
parser.add_argument("--memory", default=None, help="folder that keeps labels and fitted teachers")
arguments = parser.parse_args()
WEIGHTS = [0.03, 0.1, 0.3, 1.0]
LEVELS = tuple(round(0.1 * decile, 1) for decile in range(1, 10))
if QUICK:
    arguments.context, arguments.horizon, arguments.seeds, arguments.epochs = 48, 12, 1, 1
    scratch = Path(tempfile.mkdtemp())
    arguments.model = str(save_random_bolt(scratch / "bolt", context_length=48, prediction_length=12, patch_size=8))
torch.set_num_threads(1)
MEMORY = tempfile.TemporaryDirectory()  # labels and fitted teachers, shared by the weights of a seed
RESULTS = Path(__file__).resolve().parent / "results" / "quantiles.csv"


def load(name: str) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return training rows, test rows and the validation fraction."""
    if QUICK:
        frame, protocol = make_multiseasonal(700, 2, random_state=len(name)), "70/10/20"
    else:
        fetch = fetch_ett if name == "ETTh1" else fetch_exchange_rate
        data = fetch(data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    return standard_split(frame, protocol, context_length=arguments.context)


def teachers(seed: int) -> dict[str, object]:
    """Create both teachers; the foundation model is the same for every seed."""
    network = ITransformer(hidden_size=16 if QUICK else 128, n_heads=2 if QUICK else 8)
    return {
        "foundation model": Chronos(arguments.model, layer=None, random_state=0),
        "iTransformer": TrainedTeacher(
            network, quantiles=LEVELS, max_epochs=1 if QUICK else 10, patience=3, random_state=seed
        ),
    }


def make_forecaster(series: str, teacher: object, seed: int, fraction: float, weight: float) -> DistilledForecaster:
    """Create the student: one linear layer and the head for quantiles, trained by gradient descent."""
    shift = "last" if series == "exchange rate" else "last_season"
    return DistilledForecaster(
        teacher=teacher,
        student=Linear(shift=shift, solver="gradient"),
        loss=QuantileDistill(quantile_weight=weight),
        context_length=arguments.context,
        prediction_length=arguments.horizon,
        quantiles=LEVELS,
        validation_fraction=fraction,
        batch_size=64,
        lr=3e-3,
        lr_schedule="cosine",
        max_epochs=arguments.epochs,
        memory=arguments.memory or MEMORY.name,
        device="cpu",
        random_state=seed,
    )


# %%
# Measuring
# ---------


def truth_of(forecaster: DistilledForecaster, test: pd.DataFrame) -> np.ndarray:
    """Cut the horizons of all stride-1 windows, (n_windows, horizon, n_channels)."""
    windows = np.lib.stride_tricks.sliding_window_view(test.to_numpy()[arguments.context :], arguments.horizon, axis=0)
    return windows.transpose(0, 2, 1)


def teacher_quantiles(forecaster: DistilledForecaster, test: pd.DataFrame) -> np.ndarray:
    """Return quantiles of the teacher at the levels of the student, which both teachers provide."""
    rows = forecaster.scaling_.standardize(test.to_numpy())
    parts = []
    for first in range(0, len(rows) - arguments.context - arguments.horizon + 1, 256):
        last = min(first + 256, len(rows) - arguments.context - arguments.horizon + 1)
        index = [test.index[start : start + arguments.context] for start in range(first, last)]
        contexts = np.stack([test.to_numpy()[start : start + arguments.context] for start in range(first, last)])
        batch = ContextBatch(contexts, index).standardized(forecaster.scaling_, arguments.horizon, with_time=True)
        labels = forecaster.teacher_.label(batch)
        assert np.allclose(labels.quantile_levels, LEVELS)
        parts.append(labels.quantiles.permute(0, 2, 3, 1).numpy())
    return forecaster.scaling_.quantiles_to_original(np.concatenate(parts))


def score(forecaster: DistilledForecaster, test: pd.DataFrame, quantiles: np.ndarray) -> dict[str, float]:
    """Return weighted quantile loss, and coverage and width of the 80% interval, in standardized units."""
    truth, scale = truth_of(forecaster, test), forecaster.scaling_.scale_
    found = quantile_scores(truth, quantiles, LEVELS, scale=scale)
    size = float(np.abs((truth - forecaster.scaling_.mean_) / scale).mean())
    return {"crps": found.crps, "wql": found.crps / size, "coverage": found.coverage, "width": found.width}


def calibrated(
    forecaster: DistilledForecaster, train: pd.DataFrame, test: pd.DataFrame, fraction: float
) -> dict[str, np.ndarray]:
    """Forecast the test part as trained, and after both calibrations on the validation windows."""
    n_validation = round(len(train) * fraction)
    recent = train.iloc[len(train) - n_validation - arguments.context :]
    answers = {"as trained": forecaster.backtest_quantiles(test)}
    for name in ("conformal", "rolling"):
        forecaster.set_params(calibration=name).calibrate(recent)
        answers[name] = forecaster.backtest_quantiles(test)
    forecaster.calibration_ = None
    return answers


# %%
# Every series, seed and teacher
# ------------------------------

rows: list[dict[str, object]] = []


def note(series: str, seed: int, model: str, calibration: str, scores: dict[str, float], weight: float) -> None:
    """Add a row, print it, and write all rows."""
    rows.append(
        {"series": series, "seed": seed, "model": model, "calibration": calibration, **scores, "weight": weight}
    )
    print(rows[-1], flush=True)
    write_results(pd.DataFrame(rows), RESULTS)


for seed in range(arguments.seeds):
    for series in arguments.series:
        train, test, fraction = load(series)
        for name, teacher in {"truth alone": None, **teachers(seed)}.items():
            fits = {
                weight: make_forecaster(series, teacher, seed, fraction, weight).fit(train)
                for weight in (WEIGHTS if teacher is not None else [0.0])
            }
            errors = {weight: min(epoch["valid_loss"] for epoch in one.history_) for weight, one in fits.items()}
            chosen = min(errors, key=errors.__getitem__)
            print(f"{series}, seed {seed}, {name}: validation loss by weight {errors}", flush=True)
            forecaster = fits[chosen]
            if teacher is not None and (name == "iTransformer" or not seed):
                quantiles = teacher_quantiles(forecaster, test)
                note(series, seed, f"teacher: {name}", "as trained", score(forecaster, test, quantiles), np.nan)
            model = "student, truth alone" if teacher is None else f"student of the {name}"
            for calibration, quantiles in calibrated(forecaster, train, test, fraction).items():
                note(series, seed, model, calibration, score(forecaster, test, quantiles), chosen)

heading("\nMeans over seeds")
frame = pd.DataFrame(rows)
means = frame.groupby(["series", "model", "calibration"], sort=False)[["crps", "wql", "coverage", "width"]].mean()
print(means.to_string(float_format=lambda value: f"{value:.4f}"))
