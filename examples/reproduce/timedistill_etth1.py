"""TimeDistill on ETTh1: an iTransformer teaches the decomposition MLP
===================================================================

The protocol of the published tables: rows 0-8639 train, 8640-11519 validate, 11520-14399 test;
channels standardized by the training rows; all stride-1 test windows are scored. Two students
are trained with the published settings (both distillation weights 2, as on ETTh1): the published MLP, and
the same MLP with dropout instead of BatchNorm. The student with the smaller validation error, averaged over
seeds, is selected; both are shown, with and without a teacher.

Run ``python examples/reproduce/timedistill_etth1.py``. Fitted models are kept in ``.cache/``, so a
stopped run continues where it left off.
"""

# %%
# Settings, and the results of the authors' code on a similar machine
# -------------------------------------------------------------------

import argparse
import statistics
import sys
from pathlib import Path

import joblib
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, ROOT, as_teacher, heading, write_results

from skdistill import DistilledForecaster, compare
from skdistill.datasets import fetch_ett, make_multiseasonal, standard_split
from skdistill.losses import TimeDistill
from skdistill.networks import MLP, ITransformer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--horizons", type=int, nargs="+", default=[96, 336])
parser.add_argument("--context", type=int, default=720)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv")
parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "timedistill_etth1")
arguments = parser.parse_args()

# (context, horizon) -> {model: (MSE, MAE)}: the authors' TimeDistill code (7f2e7d0), torch 2.13, 2-core CPU.
AUTHORS = {
    (720, 96): {"teacher": (0.392, 0.423), "student alone": (0.416, 0.437), "student": (0.373, 0.407)},
    (720, 336): {"teacher": (0.460, 0.472), "student alone": (0.510, 0.489), "student": (0.424, 0.439)},
    (96, 96): {"teacher": (0.386, 0.405), "student alone": (0.382, 0.399), "student": (0.374, 0.395)},
}

if QUICK:
    arguments.horizons, arguments.context, arguments.seeds = [12], 48, 2
    frame = make_multiseasonal(1200, 3, seasons=(24,), random_state=0)
    train, test, fraction = standard_split(frame, "70/10/20", context_length=48)
    sizes = {"teacher": 16, "student": 16}
    limits = {"max_epochs": 2}
else:
    data = fetch_ett("ETTh1", data_home=arguments.data_home)
    train, test, fraction = standard_split(data.frame, data.protocol, context_length=arguments.context)
    sizes = {"teacher": 256, "student": 512}
    limits = {}


STUDENTS = {
    "published": MLP(hidden_size=sizes["student"]),
    "no BatchNorm": MLP(hidden_size=sizes["student"], batch_norm=False, dropout=0.5),
}

# %%
# One cell of the table: a teacher, its student, and the same student alone
# -------------------------------------------------------------------------


def fit(horizon: int, seed: int, student: str, *, taught: bool) -> DistilledForecaster:
    """Fit one model, or load it from an earlier run."""
    name = f"{student.replace(' ', '-')}-{'taught' if taught else 'alone'}"
    path = arguments.cache / f"{arguments.context}-{horizon}-{seed}-{name}.joblib"
    if path.exists() and not QUICK:
        return joblib.load(path)
    forecaster = DistilledForecaster(
        teacher=as_teacher(ITransformer(hidden_size=sizes["teacher"], n_layers=2, n_heads=8)) if taught else None,
        student=STUDENTS[student],
        loss=TimeDistill(prediction_weight=2.0, feature_weight=2.0),
        context_length=arguments.context,
        prediction_length=horizon,
        validation_fraction=fraction,
        random_state=seed,
        memory=None if QUICK else arguments.cache,
        **limits,
    ).fit(train)
    if not QUICK:
        arguments.cache.mkdir(parents=True, exist_ok=True)
        joblib.dump(forecaster, path)
    return forecaster


def validation_error(models: list[DistilledForecaster]) -> float:
    """Average the best validation MSE over seeds."""
    return statistics.mean(min(epoch["valid_loss"] for epoch in model.history_) for model in models)


def table(horizon: int) -> pd.DataFrame:
    """Select the student by validation error, then score all students on the test part."""
    seeds = range(arguments.seeds)
    taught = {f"student, {s}": [fit(horizon, seed, s, taught=True) for seed in seeds] for s in STUDENTS}
    alone = {f"student alone, {s}": [fit(horizon, seed, s, taught=False) for seed in seeds] for s in STUDENTS}
    errors = {name: validation_error(models) for name, models in {**taught, **alone}.items()}
    chosen = min(taught, key=errors.__getitem__)
    ordered = {chosen: taught[chosen], **taught, **alone}  # differences refer to the selected student
    result = compare(ordered, test, alone=False)
    teachers = [name for name in result.index if name.endswith(": teacher")]
    result = result.drop(index=teachers[1:]).rename(index={teachers[0]: "teacher"})  # they share one teacher
    authors = AUTHORS.get((arguments.context, horizon), {})
    published = [authors.get(name.removesuffix(", published"), (float("nan"),) * 2) for name in result.index]
    result["authors_mse"] = [mse for mse, _ in published]
    result["authors_mae"] = [mae for _, mae in published]
    result["validation_mse"] = [errors.get(name, float("nan")) for name in result.index]
    result["chosen"] = result.index == chosen
    result.insert(0, "horizon", horizon)
    result.insert(0, "context", arguments.context)
    return result.reset_index()


# %%
# Our results next to those of the authors
# ----------------------------------------

if __name__ == "__main__":
    results = pd.concat([table(horizon) for horizon in arguments.horizons], ignore_index=True)
    columns = ["context", "horizon", "model", "mse", "mae", "authors_mse", "authors_mae", "seed_spread"]
    columns += ["validation_mse", "chosen", "difference", "standard_error", "parameters", "ms_per_window"]
    heading(f"ETTh1, {arguments.seeds} seeds, standardized errors")
    print(results[columns].to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    name = "-".join(map(str, [arguments.context, *arguments.horizons]))
    write_results(results.drop(columns="in_words"), Path(__file__).parent / "results" / f"timedistill_etth1_{name}.csv")
