"""DistilTS: a foundation model teaches DLinear and a one-layer iTransformer
==========================================================================

Three tables. *Accuracy*: a foundation model with trained weights (the small one of
``examples/pretrain_small_foundation_model.py``, or any hub id or folder of a Chronos) teaches both published
students on ETTh1 and exchange rate; beside each the same student alone, the teacher without its horizon
weights, and, for the iTransformer, without the alignment; errors whole and by quarter of the horizon,
over several seeds. *Efficiency*: parameters and latency of teachers at their published sizes, whose
weights are random because speed does not depend on them, and of their students. *Labels*: windows a
second through the batched teacher, through sktime's wrapper of the same model, and what labelling
every epoch, as released, would cost.

Run ``python examples/reproduce/distilts.py --tables accuracy efficiency labels``.
"""

# %%
# Settings
# --------

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, ROOT, heading, write_results
from _random_foundation_model import BOLT_SIZES, save_random_bolt, save_random_moirai, save_random_time_moe

from skdistill import DistilledForecaster
from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split
from skdistill.losses import DistilTS
from skdistill.networks import DLinear, ITransformer
from skdistill.teachers import Chronos, Moirai, TimeMoE

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--tables", nargs="+", default=["accuracy", "efficiency", "labels"])
parser.add_argument(
    "--model", default=str(ROOT / ".cache" / "small-chronos-bolt"), help="hub id or folder of a Chronos"
)
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--horizon", type=int, default=96)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--hidden-size", type=int, default=512, help="width of the iTransformer student")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
arguments = parser.parse_args()
scratch = Path(tempfile.mkdtemp())
if QUICK:
    arguments.context, arguments.horizon, arguments.seeds, arguments.hidden_size, arguments.epochs = 48, 12, 1, 8, 1
    arguments.model = str(save_random_bolt(scratch / "bolt", context_length=48, prediction_length=12, patch_size=8))
RESULTS = Path(__file__).resolve().parent / "results"


def load(name: str) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return training rows, test rows and the share that validates."""
    if QUICK:
        frame, protocol = make_multiseasonal(500, 2, random_state=len(name)), "70/10/20"
    else:
        fetch = fetch_ett if name == "ETTh1" else fetch_exchange_rate
        data = fetch(data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    return standard_split(frame, protocol, context_length=arguments.context)


def make_forecaster(student: object, **changes: object) -> DistilledForecaster:
    """Make a forecaster with the published settings: Adam 1e-4, constant, batch 32, patience 3, 10 epochs."""
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


def quarter_errors(forecaster: DistilledForecaster, test: pd.DataFrame) -> dict[str, float]:
    """Average squared errors of all stride-1 windows, in standardised units, whole and by quarter."""
    values = forecaster.scaling_.standardise(test.to_numpy())
    windows = np.lib.stride_tricks.sliding_window_view(values[arguments.context :], arguments.horizon, axis=0)
    original = forecaster.backtest(test).to_numpy().reshape(len(windows), arguments.horizon, -1)
    forecasts = forecaster.scaling_.forecasts_to_standard(original)
    errors = ((forecasts - windows.transpose(0, 2, 1)) ** 2).mean(axis=(0, 2))
    quarters = {f"quarter_{number + 1}": float(part.mean()) for number, part in enumerate(np.array_split(errors, 4))}
    return {"mse": float(errors.mean()), **quarters}


def accuracy() -> pd.DataFrame:
    """Fit every student in every way, over the seeds."""
    itransformer = ITransformer(hidden_size=arguments.hidden_size, n_layers=1, n_heads=2 if QUICK else 8)
    students = {"DLinear": DLinear(), "iTransformer": itransformer}
    ways = {
        "alone": None,
        "weights off": DistilTS(alignment_weight=0.0, tau=0.0),
        "weights on": DistilTS(alignment_weight=0.0),
        "weights and alignment on": DistilTS(),
    }
    rows = []
    for name in ("ETTh1", "exchange rate"):
        train, test, fraction = load(name)
        for student_name, student in students.items():
            for way, loss in ways.items():
                if way == "weights and alignment on" and not student.has_features:
                    continue
                for seed in range(arguments.seeds):
                    teacher = None if loss is None else Chronos(arguments.model, random_state=0)
                    forecaster = make_forecaster(
                        student,
                        teacher=teacher,
                        loss=loss or DistilTS(alignment_weight=0.0),
                        validation_fraction=fraction,
                        random_state=seed,
                        memory=None if QUICK else ROOT / ".cache" / "distilts",
                    ).fit(train)
                    row = {"series": name, "student": student_name, "way": way, "seed": seed}
                    rows.append({**row, **quarter_errors(forecaster, test)})
    return pd.DataFrame(rows)


# %%
# Efficiency
# ----------


def published_teachers() -> dict[str, object]:
    """Make teachers of the published sizes, with random weights."""
    if QUICK:
        bolt = {"Chronos-Bolt tiny": Chronos(arguments.model, layer=None)}
    else:
        bolt = {
            f"Chronos-Bolt {name}": Chronos(save_random_bolt(scratch / name, size=size), layer=None)
            for name, size in BOLT_SIZES.items()
        }
    return {
        **bolt,
        "Time-MoE 50M": TimeMoE(save_random_time_moe(scratch / "time-moe", tiny=QUICK), layer=None),
        "Moirai base": Moirai(
            save_random_moirai(scratch / "moirai", tiny=QUICK), layer=None, patch_size=16, n_samples=4 if QUICK else 100
        ),
    }


def efficiency() -> pd.DataFrame:
    """Count and time each teacher and its DLinear student, one window and a batch of 32."""
    reach = arguments.context + arguments.horizon
    series = make_multiseasonal(2 * reach + 40, 7, random_state=0)
    rows = []
    for name, teacher in published_teachers().items():
        forecaster = make_forecaster(DLinear(), teacher=teacher, max_epochs=1, validation_fraction=0, random_state=0)
        forecaster.fit(series.iloc[: reach + 4])
        table = forecaster.compare(series.iloc[-reach - 31 :], alone=False, n_resamples=10, batch_size=32)
        student, heavy = (table[table["role"] == role].iloc[0] for role in ("student", "teacher"))
        row = {"teacher": name, "teacher_parameters": heavy.parameters, "student_parameters": student.parameters}
        for column in ("ms_per_window", "ms_per_batch"):
            row |= {f"teacher_{column}": heavy[column], f"student_{column}": student[column]}
            row[f"times_faster_{column.removeprefix('ms_per_')}"] = heavy[column] / student[column]
        rows.append({**row, "times_fewer_parameters": heavy.parameters / student.parameters})
        print(f"timed: {name}", flush=True)
    return pd.DataFrame(rows)


# %%
# Labels
# ------


def labels() -> pd.DataFrame:
    """Time labelling: batched, through sktime's wrapper one series at a time, and anew every epoch."""
    from sktime.forecasting.chronos import ChronosForecaster

    folder = arguments.model if QUICK else save_random_bolt(scratch / "labels", size=BOLT_SIZES["small"])
    series = make_multiseasonal(arguments.context + arguments.horizon + 300, 1, random_state=0)
    forecaster = make_forecaster(DLinear(), teacher=Chronos(folder, layer=None), validation_fraction=0, random_state=0)
    estimate = forecaster.estimate_labelling(series, n_samples=64)
    batched = estimate.n_windows / estimate.seconds
    wrapper, n_calls = ChronosForecaster(str(folder)), 3 if QUICK else 10
    horizon = np.arange(1, arguments.horizon + 1)
    wrapper.fit(series.iloc[: arguments.context, 0], fh=horizon).predict()  # loads the model
    start = time.perf_counter()
    for number in range(n_calls):
        context = series.iloc[number : number + arguments.context, 0]
        wrapper.fit(context, fh=horizon).predict()
    wrapped = n_calls / (time.perf_counter() - start)
    return pd.DataFrame(
        [
            {"way": "batched teacher", "windows_per_second": batched, "passes": 1},
            {"way": "sktime wrapper", "windows_per_second": wrapped, "passes": 1},
            {
                "way": "every epoch, as released",
                "windows_per_second": batched / arguments.epochs,
                "passes": arguments.epochs,
            },
        ]
    )


torch.set_num_threads(1)
for name in arguments.tables:
    table = {"accuracy": accuracy, "efficiency": efficiency, "labels": labels}[name]()
    heading(f"DistilTS, {name}")
    shown = table
    if name == "accuracy":
        shown = table.drop(columns="seed").groupby(["series", "student", "way"], sort=False).agg(["mean", "std"])
    print(shown.to_string(float_format="{:.4g}".format))
    write_results(table, RESULTS / f"distilts_{name}.csv")
