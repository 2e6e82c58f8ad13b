"""Whom to ask: one teacher, a mixture, or a mixture for every window
==================================================================

Four teachers (the pretrained model of the package, Theta, a small iTransformer trained on the spot, seasonal naive)
label the training windows of series and panels. An exact linear student learns from the truth and from

* nobody (*alone*);
* the single teacher whose student has the least validation error (*best single*);
* ``AdaptiveEnsemble``, which mixes them with the same shares everywhere, learned on validation windows;
* ``RoutedEnsemble``, whose shares depend on the window, with labels that count less where teachers disagree and nothing
  where the student alone is predicted to be better; *routed, ungated* counts all labels alike.

Test rows are scored once. The error is the MSE in standardized units for series, and the MASE (averaged over series)
for panels; standard errors are those of paired differences to *routed*, over blocks of the length of the horizon, or
over series.

A second table, on the seven channels of ETTh1, has what teaches relations and features: a student that mixes channels
with and without ``ChannelRelations``, and a student of features with a plain and with a ``PrivilegedTeacher``.

Run ``python examples/reproduce/routing.py``; the folder needs ``ETTh1.csv``,
``covariates/bike_sharing_dataset_clean.csv`` and ``panels/*.csv`` (columns unique_id, ds, y, split).
"""

# %%
import argparse
import os
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, provenance, write_results

from skdistill import DistilledForecaster
from skdistill.core import BaseTeacher, Labels
from skdistill.datasets import make_multiseasonal
from skdistill.losses import ChannelRelations, Response, TimeDistill
from skdistill.networks import MLP, ITransformer, Linear
from skdistill.teachers import (
    AdaptiveEnsemble,
    Pretrained,
    PrivilegedTeacher,
    RoutedEnsemble,
    Theta,
    TrainedTeacher,
)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--sets", nargs="+", default=None, help="names of data sets; default: all")
parser.add_argument("--no-terms", action="store_true", help="leave out the second table")
parser.add_argument("--merge", action="store_true", help="keep the rows of other data sets in the results")
arguments = parser.parse_args()
folder = arguments.data_home.expanduser()
target = Path(__file__).resolve().parent / "results" / "routing.csv"
torch.set_num_threads(1)
warnings.filterwarnings("ignore", ".* have too few training rows")
SEEDS = (0,) if QUICK else (0, 1)

# %%
# Data
# ----


@dataclass(frozen=True)
class Problem:
    """Rows to fit on, what is forecast, and the rows to test on."""

    fit: Any
    truth: Any  # the rows of a series from the first test row on; or a dict from the id of a series to its horizon
    season: int
    context_length: int
    horizon: int
    validation: float | int
    step: int = 1  # rows between windows

    @property
    def is_panel(self) -> bool:
        """Whether there are many series."""
        return isinstance(self.truth, dict)


def from_series(
    frame: pd.DataFrame, n_train: int, n_validation: int, context_length: int, horizon: int, step: int = 1
) -> Problem:
    fit, test = frame.iloc[: n_train + n_validation], frame.iloc[n_train + n_validation :]
    return Problem(fit, test, 24, context_length, horizon, n_validation, step)


def etth1(context_length: int = 504) -> Problem:
    frame = pd.read_csv(folder / "ETTh1.csv", index_col=0, parse_dates=True).iloc[:14400].astype(float).asfreq("h")
    return from_series(frame, 8640, 2880, context_length, 96, step=4)


def bikes() -> Problem:
    path = folder / "covariates" / "bike_sharing_dataset_clean.csv"
    frame = pd.read_csv(path, index_col="date_time", parse_dates=True)[["users"]].astype(float).asfreq("h")
    return from_series(frame, 10512, 3504, 336, 24, step=3)


def panel(file: str, season: int, freq: str, n_seasons: int, step: int) -> Problem:
    rows = pd.read_csv(folder / "panels" / f"{file}.csv")
    parts, truth = {}, {}
    for name, one in rows.groupby("unique_id", sort=False):
        values = one.loc[one["split"] == "train", "y"].to_numpy(float)
        index = pd.date_range("2000-01-01", periods=len(values), freq=freq)
        parts[name] = pd.DataFrame({"y": values}, index=index)
        truth[name] = one.loc[one["split"] == "test", "y"].to_numpy(float)
    horizon = len(next(iter(truth.values())))
    frame = pd.concat(parts, names=["series", "time"])
    return Problem(frame, truth, season, n_seasons * season, horizon, horizon + season, step)


def made() -> Problem:
    return from_series(make_multiseasonal(700, 2, seasons=(24,), random_state=0), 400, 150, 48, 12)


SETS = {
    "ETTh1": etth1,
    "NN5 daily": lambda: panel("nn5_daily", 7, "D", 16, step=10),
    "hospital": lambda: panel("hospital_monthly", 12, "MS", 3, step=5),
    "M3 monthly": lambda: panel("m3_monthly", 12, "MS", 3, step=13),
    "tourism monthly": lambda: panel("tourism_monthly", 12, "MS", 4, step=10),
    "bikes": bikes,
}

# %%
# Teachers
# --------


class SeasonalNaive(BaseTeacher):
    """Repeats the last season."""

    def __init__(self, season: int) -> None:
        self.season = season

    def fit(self, windows, checkpoint=None):
        """Keep the shapes of the problem."""
        self.prediction_length_, self.targets_ = windows.train.prediction_length, list(windows.train.targets)
        return self

    def label(self, contexts):
        """Repeat the last season of every context."""
        last = contexts.values[:, -self.season :, self.targets_]
        n_seasons = -(-self.prediction_length_ // self.season)
        return Labels(last.repeat(1, n_seasons, 1)[:, : self.prediction_length_])


ASKED: dict[str, dict[Any, Any]] = {}


class Once(BaseTeacher):
    """A teacher that is fitted once and asked once about each window, whoever asks."""

    needs_training = True

    def __init__(self, teacher: BaseTeacher, key: str) -> None:
        self.teacher = teacher
        self.key = key

    def fit(self, windows, checkpoint=None):
        """Fit at the first call."""
        known = ASKED.setdefault(self.key, {})
        if "teacher" not in known:
            known["teacher"] = self.teacher.fit(windows)
        return self

    def label(self, contexts):
        """Label the windows that are new."""
        known = ASKED[self.key]
        places = list(zip(contexts.series.tolist(), contexts.origins.tolist(), strict=True))
        new = np.flatnonzero([place not in known for place in places])
        if len(new):
            forecasts = known["teacher"].label(contexts.take(new)).forecast
            known.update(zip((places[number] for number in new), forecasts, strict=True))
        return Labels(torch.stack([known[place] for place in places]))


def members(name: str, problem: Problem) -> list[tuple[str, BaseTeacher]]:
    width, n_epochs = (8, 1) if QUICK else (64, 10)
    network = ITransformer(width, n_layers=2, n_heads=4)
    given = {
        "pretrained": Pretrained(),
        "theta": Theta(season=problem.season),
        "itransformer": TrainedTeacher(network, lr=1e-3, max_epochs=n_epochs, batch_size=64, random_state=0),
        "naive": SeasonalNaive(problem.season),
    }
    return [(one, Once(teacher, f"{name} {one}")) for one, teacher in given.items()]


# %%
# Errors
# ------


def errors(problem: Problem, forecaster: DistilledForecaster) -> np.ndarray:
    """Return one error per block of test rows, or per series."""
    return series_errors(problem, forecaster) if problem.is_panel else block_errors(problem, forecaster)


def block_errors(problem: Problem, forecaster: DistilledForecaster) -> np.ndarray:
    """Forecast from an origin every fourth of the horizon; average over blocks of one horizon."""
    values = pd.concat([problem.fit, problem.truth]).to_numpy()
    length, horizon = problem.context_length, problem.horizon
    origins = np.arange(len(problem.fit), len(values) - horizon + 1, horizon // 4)
    contexts = np.stack([values[origin - length : origin] for origin in origins])
    truth = np.stack([values[origin : origin + horizon] for origin in origins])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        forecasts = forecaster.predict(contexts)
    squares = np.square((forecasts - truth) / problem.fit.to_numpy()[: -problem.validation].std(axis=0))
    return np.array([block.mean() for block in np.array_split(squares, -(-len(squares) // 4))])


def series_errors(problem: Problem, forecaster: DistilledForecaster) -> np.ndarray:
    """Return the mean absolute scaled error of every series."""
    forecasts = forecaster.predict(problem.fit)
    found = []
    for name, expected in problem.truth.items():
        past = problem.fit.loc[name].to_numpy()[:, 0]
        unit = np.nanmean(np.abs(past[problem.season :] - past[: -problem.season]))
        error = np.nanmean(np.abs(forecasts.loc[name].to_numpy()[:, 0] - expected))
        found.append(error / unit if unit > 0 else np.nan)
    return np.array(found)


def minus(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Return the mean difference, and its standard error."""
    differences = (one - other)[np.isfinite(one - other)]
    return float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(len(differences)))


# %%
# First table
# -----------


def fit(problem: Problem, teacher: BaseTeacher | None, **changes: Any) -> DistilledForecaster:
    settings = {
        "student": Linear(season=problem.season),
        "loss": "response",
        "context_length": problem.context_length,
        "prediction_length": problem.horizon,
        "validation_fraction": problem.validation,
        "random_state": 0,
        "device": "cpu",
        "min_observed": 2 * problem.season if problem.is_panel else None,
        "window_step": problem.step,
        **changes,
    }
    return DistilledForecaster(teacher, **settings).fit(problem.fit)


def run(name: str, problem: Problem) -> list[dict[str, Any]]:
    heading(f"{name}: horizon {problem.horizon}, context {problem.context_length}")
    given = members(name, problem)
    found, told = {"alone": (fit(problem, None), 0.0)}, {}
    for one, teacher in given:
        start = time.process_time()
        found[one] = fit(problem, teacher), time.process_time() - start
    best = min((one for one, _ in given), key=lambda one: found[one][0].history_[0]["valid_loss"])
    routes = {
        "global shares": AdaptiveEnsemble(given, judge="teacher"),
        "global shares, judged by a student": AdaptiveEnsemble(given),
        "routed": RoutedEnsemble(given),
        "routed, ungated": RoutedEnsemble(given, disagreement=0.0, beat_student=False),
    }
    for one, teacher in routes.items():
        start = time.process_time()
        found[one] = fit(problem, teacher), time.process_time() - start
        told[one] = found[one][0].teacher_
    scores = {one: errors(problem, forecaster) for one, (forecaster, _) in found.items()}
    rows = []
    for one, (forecaster, seconds) in found.items():
        difference, noise = minus(scores[one], scores["routed"])
        row = {
            "set": name,
            "measure": "MASE" if problem.is_panel else "MSE",
            "teacher": one,
            "best_single": one == best,
        }
        row |= {"error": np.nanmean(scores[one]), "minus_routed": difference, "standard_error": noise}
        row |= {"validation": forecaster.history_[0]["valid_loss"], "seconds": seconds}
        if one in told:
            row["shares"] = " ".join(f"{value:.2f}" for value in shares_of(told[one]))
        if one.startswith("routed"):
            row |= {"temperature": told[one].temperature_, "label_weight": told[one].mean_weight_}
        rows.append(row)
    print(pd.DataFrame(rows).drop(columns="set").to_string(index=False), flush=True)
    return rows


def shares_of(teacher: BaseTeacher) -> np.ndarray:
    return teacher.mean_shares_ if isinstance(teacher, RoutedEnsemble) else teacher.weights_


# %%
# Second table
# ------------


def run_terms(problem: Problem) -> list[dict[str, Any]]:
    heading("relations between channels, and privileged features")
    width, n_epochs = (8, 1) if QUICK else (64, 6)
    network = ITransformer(width, n_layers=2, n_heads=4)
    trained = {"lr": 1e-3, "max_epochs": min(4, n_epochs), "batch_size": 128}
    plain, privileged = TrainedTeacher(network, **trained), PrivilegedTeacher(network, **trained)
    mixing = ITransformer(width // 2, n_layers=1, n_heads=4, time_features=False)
    features = MLP(2 * width, batch_norm=False, dropout=0.3)
    cases = {
        "mixing student alone": (None, mixing, Response()),
        "mixing student, response": (plain, mixing, Response()),
        "mixing student, response + relations 0.1": (plain, mixing, Response() + ChannelRelations(0.1)),
        "mixing student, response + relations 1": (plain, mixing, Response() + ChannelRelations(1.0)),
        "feature student alone": (None, features, Response()),
        "feature student, forecast only": (plain, features, TimeDistill(feature_weight=0.0)),
        "feature student, forecast and features": (plain, features, TimeDistill()),
        "feature student, privileged features": (privileged, features, TimeDistill()),
    }
    scores: dict[str, list[np.ndarray]] = {name: [] for name in cases}
    settings = {"max_epochs": n_epochs, "lr": 1e-3, "lr_schedule": "cosine", "batch_size": 128}
    for seed in SEEDS:
        for name, (teacher, student, loss) in cases.items():
            changes = {"student": student, "loss": loss, "random_state": seed, **settings}
            scores[name].append(errors(problem, fit(problem, teacher, **changes)))
    rows = []
    for name, found in scores.items():
        reference = (
            "mixing student, response" if name.startswith("mixing") else "feature student, forecast and features"
        )
        means = np.array([np.nanmean(one) for one in found])
        difference, noise = minus(np.mean(found, axis=0), np.mean(scores[reference], axis=0))
        row = {"set": "ETTh1, terms", "measure": "MSE", "teacher": name, "best_single": False, "error": means.mean()}
        row |= {"seed_deviation": means.std(ddof=1) if len(means) > 1 else np.nan}
        rows.append(row | {"reference": reference, "minus_reference": difference, "standard_error": noise})
    print(pd.DataFrame(rows).drop(columns="set").to_string(index=False), flush=True)
    return rows


# %%
# Run
# ---

names = ["made"] if QUICK else arguments.sets or list(SETS)
rows: list[dict[str, Any]] = []
kept = pd.read_csv(target) if arguments.merge and target.exists() else None


def write() -> None:
    results = pd.DataFrame(rows).assign(**provenance())
    if kept is not None:
        results = pd.concat([kept[~kept["set"].isin(results["set"])], results])
    write_results(results, target)  # after every data set


for name in names:
    rows += run(name, made() if QUICK else SETS[name]())
    write()
if not arguments.no_terms:
    rows += run_terms(made() if QUICK else etth1(context_length=96))
    write()
