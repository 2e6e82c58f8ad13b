"""DistilTS: a foundation model teaches DLinear and a one-layer iTransformer
=========================================================================

A foundation model with trained weights (the small one of ``examples/pretrain_small_foundation_model.py``, or any
hub id or folder of a Chronos) teaches both published students on ETTh1 and exchange rate. Each
is compared with the same student alone, with the objective without horizon weights, and, for the iTransformer,
with alignment; also with the teacher itself, and with the exactly solved linear student. Errors are over the
whole horizon and by quarter, for several seeds. Costs of teachers and students are measured by
``examples/benchmarks/benchmark_foundation.py`` and ``benchmark_labels.py``.

Run ``python examples/reproduce/distilts.py``. A stopped run continues where it left off.
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
from skdistill.comparison import rolling_forecasts
from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split
from skdistill.losses import DistilTS, Supervised
from skdistill.networks import DLinear, ITransformer, Linear
from skdistill.teachers import Chronos

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--model", default=str(ROOT / ".cache" / "small-chronos-bolt"), help="hub id or folder of a Chronos"
)
SERIES = ["ETTh1", "exchange rate"]
parser.add_argument("--series", nargs="+", default=SERIES, choices=SERIES)
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--horizon", type=int, default=96)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--hidden-size", type=int, default=512, help="width of the iTransformer student")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
arguments = parser.parse_args()
torch.set_num_threads(1)
if QUICK:
    arguments.context, arguments.horizon, arguments.seeds, arguments.hidden_size, arguments.epochs = 48, 12, 1, 8, 1
    arguments.model = str(
        save_random_bolt(Path(tempfile.mkdtemp()), context_length=48, prediction_length=12, patch_size=8)
    )
RESULTS = Path(__file__).resolve().parent / "results"


def load(name: str) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return training rows, test rows and the validation fraction."""
    if QUICK:
        frame, protocol = make_multiseasonal(500, 2, random_state=len(name)), "70/10/20"
    else:
        fetch = fetch_ett if name == "ETTh1" else fetch_exchange_rate
        data = fetch(data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    return standard_split(frame, protocol, context_length=arguments.context)


def make_forecaster(student: object, **changes: object) -> DistilledForecaster:
    """Create a forecaster with the published settings: Adam 1e-4, constant, batch 32, patience 3, 10 epochs."""
    settings = {
        "teacher": None,
        "student": student,
        "loss": DistilTS(alignment_weight=0.0),
        "context_length": arguments.context,
        "prediction_length": arguments.horizon,
        "lr": 1e-4,
        "lr_schedule": "constant",
        "batch_size": 32,
        "patience": 3,
        "max_epochs": arguments.epochs,
    }
    return DistilledForecaster(**{**settings, **changes})


# %%
# Accuracy
# --------


def quarter_errors(forecasts: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Average errors of all windows in standardized units, over the whole horizon and by quarter."""
    errors = ((forecasts - truth) ** 2).mean(axis=(0, 2))
    quarters = {f"quarter_{number + 1}": float(part.mean()) for number, part in enumerate(np.array_split(errors, 4))}
    return {"mse": float(errors.mean()), "mae": float(np.abs(forecasts - truth).mean()), **quarters}


def student_errors(forecaster: DistilledForecaster, test: pd.DataFrame) -> dict[str, float]:
    """Score a student on every stride-1 window."""
    values = forecaster.scaling_.standardize(test.to_numpy())[arguments.context :]
    truth = np.lib.stride_tricks.sliding_window_view(values, arguments.horizon, axis=0).transpose(0, 2, 1)
    forecasts = forecaster.backtest(test).to_numpy().reshape(truth.shape)
    return quarter_errors(forecaster.scaling_.forecasts_to_standard(forecasts), truth)


def teacher_errors(forecaster: DistilledForecaster, test: pd.DataFrame) -> dict[str, float]:
    """Score a teacher on the same windows."""
    rolled = rolling_forecasts(forecaster, test)
    return quarter_errors(rolled.forecasts["teacher"], rolled.truth)


itransformer = ITransformer(hidden_size=arguments.hidden_size, n_layers=1, n_heads=2 if QUICK else 8)
STUDENTS = {"DLinear": DLinear(), "iTransformer": itransformer}
WAYS = {
    "alone": None,
    "weights off": DistilTS(alignment_weight=0.0, tau=0.0),
    "weights on": DistilTS(alignment_weight=0.0),
    "weights and alignment on": DistilTS(),
}
path = RESULTS / "distilts_accuracy.csv"
done = path.with_suffix(".partial.csv")
rows = [] if QUICK or not done.exists() else pd.read_csv(done).to_dict("records")
seen = {(row["series"], row["student"], row["way"], row["seed"]) for row in rows}


def note(series: str, student: str, way: str, seed: int, errors: dict[str, float]) -> None:
    """Add a row and write it to disk immediately."""
    rows.append({"series": series, "student": student, "way": way, "seed": seed, **errors})
    if not QUICK:
        pd.DataFrame(rows).to_csv(done, index=False)
    print(f"{series}, {student}, {way}, seed {seed}: {errors['mse']:.4f}", flush=True)


for series in arguments.series:
    train, test, fraction = load(series)
    settings = {"validation_fraction": fraction, "memory": None if QUICK else ROOT / ".cache" / "distilts"}
    for seed in range(arguments.seeds):
        for student_name, student in STUDENTS.items():
            for way, loss in WAYS.items():
                if (series, student_name, way, seed) in seen or ("alignment" in way and not student.has_features):
                    continue
                teacher = None if loss is None else Chronos(arguments.model, random_state=0)
                loss = DistilTS(alignment_weight=0.0) if loss is None else loss
                forecaster = make_forecaster(student, teacher=teacher, loss=loss, random_state=seed, **settings)
                forecaster.fit(train)
                note(series, student_name, way, seed, student_errors(forecaster, test))
                if teacher is not None and (series, "teacher", "zero-shot", 0) not in seen:
                    seen.add((series, "teacher", "zero-shot", 0))
                    note(series, "teacher", "zero-shot", 0, teacher_errors(forecaster, test))
    if (series, "exact linear", "alone", 0) not in seen:
        solved = make_forecaster(Linear(), loss=Supervised(), **settings).fit(train)
        note(series, "exact linear", "alone", 0, student_errors(solved, test))

table = pd.DataFrame(rows)
heading(f"DistilTS, {arguments.context} -> {arguments.horizon}, {arguments.seeds} seeds, teacher {arguments.model}")
shown = table.drop(columns="seed").groupby(["series", "student", "way"], sort=False).agg(["mean", "std"])
print(shown.to_string(float_format="{:.4g}".format))
write_results(table, path)
done.unlink(missing_ok=True)
