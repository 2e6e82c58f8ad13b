"""When does a teacher help?
=========================

A student learns from the truth, and a teacher adds its own knowledge. The benefit should depend on the number of
training rows, and on knowledge of the teacher that is not in these rows. Here two students, an exact linear
model and an MLP, learn from the last 2% to 100% of the training rows of ETTh1 and exchange rate: alone, or
with one of four teachers.

* *iTransformer*: trained on the same rows, so it has no additional knowledge.
* *small foundation model*: the Chronos-Bolt of ``examples/pretrain_small_foundation_model.py``, which was
  trained on synthetic series only.
* *linear of many series*: an exact linear model fitted to 20,000 synthetic series.
* *small foundation model, all rows*: an exact linear model fitted to the labels of the foundation model on
  all training rows, without any truth; it shows the value of labels on rows without known truth.

Settings are ranked by their error on the validation part. For each series, the best setting with a teacher is
scored once on the test part, and its confidence interval is corrected for the number of settings.

Run ``python examples/when_does_a_teacher_help.py``.
"""

# %%
# Settings
# --------

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, ROOT, heading, parse_options, write_results
from _random_foundation_model import save_random_bolt
from _synthetic_series import make_series
from sklearn.frozen import FrozenEstimator

from skdistill import DistilledForecaster, DistilledRegressor
from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split
from skdistill.losses import Response, Supervised
from skdistill.networks import MLP, ITransformer, Linear
from skdistill.teachers import Chronos, FrozenTeacher, TrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--model", default=str(ROOT / ".cache" / "small-chronos-bolt"), help="hub id or folder of a Chronos"
)
parser.add_argument("--context", type=int, default=96)
parser.add_argument("--horizon", type=int, default=24)
parser.add_argument("--shares", type=float, nargs="+", default=[0.02, 0.05, 0.1, 0.25, 0.5, 1.0])
parser.add_argument("--weights", type=float, nargs="+", default=[0.3, 1.0, 3.0, 10.0], help="of the teacher")
parser.add_argument("--resamples", type=int, default=2000)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
arguments = parse_options(parser)
torch.set_num_threads(1)
if QUICK:
    arguments.context, arguments.horizon, arguments.shares, arguments.weights = 24, 6, [0.3, 1.0], [1.0]
    arguments.resamples = 50
    arguments.model = str(
        save_random_bolt(Path(tempfile.mkdtemp()), context_length=24, prediction_length=6, patch_size=8)
    )
REACH = arguments.context + arguments.horizon
lengths = {"context_length": arguments.context, "prediction_length": arguments.horizon, "random_state": 0}
FIGURE = ROOT / "docs" / "_static" / "when_does_a_teacher_help.png"


def load(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training rows, and validation and test rows with the context before them, all standardized."""
    if QUICK:
        frame, protocol = make_multiseasonal(500, 2, random_state=len(name)), "70/10/20"
    else:
        fetch = fetch_ett if name == "ETTh1" else fetch_exchange_rate
        data = fetch(data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    train, test, fraction = standard_split(frame, protocol, context_length=arguments.context)
    n_training = round(len(train) * (1 - fraction))
    values, last = train.to_numpy(), test.to_numpy()
    mean, scale = values[:n_training].mean(axis=0), values[:n_training].std(axis=0)
    values, last = (values - mean) / scale, (last - mean) / scale
    return values[:n_training], values[n_training - arguments.context :], last


# %%
# Students and teachers
# ---------------------
# The penalty of the linear student is selected from a grid on the last fifth of its rows, which are also used for early
# stopping of the MLP. Its level is the mean of the last day for hourly data, otherwise the last value.

TRAINING = {"lr": 1e-3, "max_epochs": 1 if QUICK else 30, "patience": 5}  # of the MLP
VALIDATION = 0.2
LEVELS = {"ETTh1": "last_season", "exchange rate": "last"}


def make_students(series: str) -> dict[str, object]:
    """Create the students for one series."""
    linear = Linear(LEVELS[series], penalty=[0.01, 0.1, 1.0, 10.0])
    return {"linear": linear, "MLP": MLP(hidden_size=8 if QUICK else 128)}


def make_teachers(series: str, train: np.ndarray) -> dict[str, object]:
    """Create the teachers for one series."""
    bolt = Chronos(arguments.model, layer=None, random_state=0)
    small = ITransformer(hidden_size=8 if QUICK else 64, n_layers=1, n_heads=2)
    linear = Linear(LEVELS[series])
    made = make_series(100 if QUICK else 20_000, REACH, np.random.default_rng(7))
    of_many = DistilledRegressor(None, linear, Supervised(), validation_fraction=0, random_state=0)
    of_many.fit(made[:, : arguments.context], made[:, arguments.context :])
    labels_alone = Response(supervised_weight=0.0)
    of_labels = DistilledForecaster(bolt, linear, labels_alone, validation_fraction=0, memory=MEMORY, **lengths)
    return {
        "iTransformer": TrainedTeacher(small, lr=1e-3, max_epochs=1 if QUICK else 10),
        "small foundation model": bolt,
        "linear of many series": FrozenTeacher(FrozenEstimator(of_many)),
        "small foundation model, all rows": FrozenTeacher(FrozenEstimator(of_labels.fit(train))),
    }


def fit(teacher: object, student: object, rows: np.ndarray, weight: float = 1.0) -> DistilledForecaster:
    """Distill on some rows, or train without a teacher."""
    loss = Supervised() if teacher is None else Response(weight)
    training = {} if isinstance(student, Linear) else TRAINING
    common = {"validation_fraction": VALIDATION, "memory": MEMORY, **lengths}
    return DistilledForecaster(teacher, student, loss, **common, **training).fit(rows)


def errors_of(forecaster: DistilledForecaster, part: np.ndarray) -> np.ndarray:
    """Average the squared error of every window of a part."""
    windows = np.lib.stride_tricks.sliding_window_view(part[arguments.context :], arguments.horizon, axis=0)
    forecasts = np.asarray(forecaster.backtest(part)).reshape(len(windows), arguments.horizon, -1)
    return ((forecasts - windows.transpose(0, 2, 1)) ** 2).mean(axis=(1, 2))


def gain(errors: np.ndarray, reference: np.ndarray) -> tuple[float, float]:
    """Return the relative reduction of an error, with a standard error from resampling paired blocks of time."""
    size = min(4 * arguments.horizon, len(errors))
    sums = [np.concatenate([[0.0], np.cumsum(one)]) for one in (errors, reference)]
    blocks = np.stack([one[size:] - one[:-size] for one in sums])
    generator = np.random.default_rng(0)
    drawn = generator.integers(blocks.shape[1], size=(arguments.resamples, -(-len(errors) // size)))
    ours, theirs = blocks[:, drawn].sum(axis=2)
    return 1 - errors.mean() / reference.mean(), float(np.std(1 - ours / theirs))


# %%
# Every setting, on the validation part
# -------------------------------------

MEMORY = Path(tempfile.mkdtemp()) if QUICK else ROOT / ".cache" / "when_does_a_teacher_help"
results = Path(__file__).resolve().parent / "benchmarks" / "results"
rows: list[dict[str, object]] = []
tests: dict[str, np.ndarray] = {}
for series in LEVELS:
    train, valid, tests[series] = load(series)
    students, teachers = make_students(series), make_teachers(series, train)
    for share in arguments.shares:
        known = train[-round(share * len(train)) :]
        if len(known) * (1 - VALIDATION) < REACH + 10:
            print(f"{series}, {share:.0%}: {len(known)} rows are too few")
            continue
        alone = {name: errors_of(fit(None, student, known), valid) for name, student in students.items()}
        best = min(alone, key=lambda name: alone[name].mean())
        for name, student in students.items():
            row = {"series": series, "share": share, "rows": len(known), "student": name}
            rows.append({**row, "teacher": "none", "weight": 0.0, "mse": alone[name].mean()})
            for teacher_name, teacher in teachers.items():
                for weight in arguments.weights if name == "linear" else [1.0]:
                    errors = errors_of(fit(teacher, student, known, weight), valid)
                    own, own_error = gain(errors, alone[name])
                    over_best, over_best_error = gain(errors, alone[best])
                    rows.append(
                        {
                            **row,
                            "teacher": teacher_name,
                            "weight": weight,
                            "mse": errors.mean(),
                            "gain": own,
                            "gain_error": own_error,
                            "gain_over_best_alone": over_best,
                            "gain_over_best_alone_error": over_best_error,
                        }
                    )
        print(f"{series}, {share:.0%} of the rows: done", flush=True)
        write_results(pd.DataFrame(rows), results / "teacher_help.csv")
table = pd.DataFrame(rows)
heading("Error on the validation part, and its reduction by the teacher")
print(table.drop(columns="gain_over_best_alone_error").to_string(index=False, float_format="{:.4f}".format))

# %%
# Score the selected setting once
# -------------------------------
# For each series, select the setting with the largest gain over the best student without a teacher on the validation
# part. The interval is corrected for the number of settings (the first step of Holm's procedure).

taught = table[table["teacher"] != "none"]
n_tried = len(taught)
factor = NormalDist().inv_cdf(1 - 0.05 / (2 * n_tried))
choices = []
for series, group in taught.groupby("series", sort=False):
    chosen = group.loc[group["gain_over_best_alone"].idxmax()]
    train, test = load(series)[0], tests[series]
    known, students = train[-int(chosen["rows"]) :], make_students(series)
    same = table[(table["series"] == series) & (table["share"] == chosen["share"]) & (table["teacher"] == "none")]
    best = same.loc[same["mse"].idxmin(), "student"]
    teacher = make_teachers(series, train)[chosen["teacher"]]
    distilled = errors_of(fit(teacher, students[chosen["student"]], known, chosen["weight"]), test)
    alone = errors_of(fit(None, students[best], known), test)
    value, error = gain(distilled, alone)
    choices.append(
        {
            **chosen[["series", "share", "rows", "student", "teacher", "weight"]].to_dict(),
            "alone": best,
            "valid_gain": chosen["gain_over_best_alone"],
            "test_mse": distilled.mean(),
            "test_mse_alone": alone.mean(),
            "test_gain": value,
            "test_gain_error": error,
            "low": value - factor * error,
            "high": value + factor * error,
            "settings_tried": n_tried,
        }
    )
chosen = pd.DataFrame(choices)
heading(f"The best setting of each series on the test part; {n_tried} settings were tried")
print(chosen.T.to_string(header=False))
write_results(chosen, results / "teacher_help_chosen.csv")

# %%
# Plot
# ----
# Gain over the same student alone on the validation part, with teacher weight 1. Bars show one standard error.

import matplotlib

if __name__ == "__main__" and "sphinx_gallery" not in sys.modules:
    matplotlib.use("Agg")
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 2, figsize=(9, 6), sharex=True, layout="constrained")
for (series, student), axis in zip([(a, b) for b in ("linear", "MLP") for a in LEVELS], axes.flat, strict=True):
    shown = taught[(taught["series"] == series) & (taught["student"] == student) & (taught["weight"] == 1.0)]
    for teacher, line in shown.groupby("teacher", sort=False):
        axis.errorbar(100 * line["share"], 100 * line["gain"], 100 * line["gain_error"], label=teacher, capsize=2)
    axis.axhline(0.0, color="gray", linewidth=0.8)
    axis.set(xscale="log", title=f"{series}, {student}", ylabel="reduction of the error, %")
for axis in axes[1]:
    axis.set_xlabel("share of the training rows, %")
axes[0, 0].legend(fontsize="small")
if not QUICK:
    figure.savefig(FIGURE, dpi=110)

# sphinx_gallery_thumbnail_path = '_static/when_does_a_teacher_help.png'
