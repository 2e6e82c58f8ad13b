"""The same student with and without covariates that are known over the horizon
===========================================================================

Four data sets: hourly bike rentals (weather, working day), half-hourly electricity demand of Victoria (temperature,
holiday), daily sales of eight items of M5 (price, events), and a made panel of shops whose promotions and prices are
planned. Known covariates are what came true, so the weather is a perfect forecast: the gain is an upper bound there.

Every model is fitted once, on the rows before the first test window, and forecasts windows that do not overlap. MASE is
the mean absolute error divided by the mean absolute seasonal difference of the training rows, averaged over series;
RMSSE, the measure of the M5 competition, is the root of the mean squared error in units of the mean squared difference
of neighboring training rows. The chosen student is the one with the smallest error on windows before the test, for each
measure. The files are those of ``<data home>/covariates``; ``examples/benchmarks/covariate_peers.py`` is LightGBM on
the same windows.
"""

# %%
import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.preprocessing import FunctionTransformer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, check_names, heading, provenance, write_results
from _covariate_tasks import Problem, cut, judge, read_problems, windows_before

from skdistill import DistilledForecaster
from skdistill.losses import LossSum, Response, Supervised
from skdistill.networks import MLP, Linear
from skdistill.teachers import RegressorTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--sets", nargs="+", default=None)
parser.add_argument("--models", nargs="+", default=None, help="Models to run; results of others stay.")
arguments = parser.parse_args()
torch.set_num_threads(1)


# %%
# Models
# ------
#
# Boosting gets the same columns, in a table of lags, the values of the season before, and the covariates at and beside
# each step, one regressor for all steps and series. Counts are many small numbers and a few large ones: some students
# work on square roots; one, for panels, also scales each window by itself, as the level of sales changes over years.

MODELS = {
    "exact linear": ("linear", False, "auto"),
    "MLP": ("mlp", False, "auto"),
    "gradient boosting": ("boosting", False, "auto"),
}
CANDIDATES = [
    (network, rooted, "auto") for network in ("linear", "mlp", "mlp without skip") for rooted in (False, True)
]
OF_PANELS = [("mlp without skip", True, "window")]
RESULTS = Path(__file__).resolve().parent / "results" / "known_covariates.csv"
MEASURES = ("mase", "rmsse")
TRAINING = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 2 if QUICK else 10, "batch_size": 64}


def signed_root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def signed_square(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.square(values)


def networks(problem: Problem) -> dict[str, tuple[Any, Any]]:
    """Return networks with the loss that trains them."""
    past = {"past_rows": 2 * problem.season} if problem.known else {}
    linear = Linear("mean", penalty=[0.003, 0.01, 0.03, 0.1, 0.3, 1.0], **past)
    mlp = MLP(64, batch_norm=False, decomposition=False, dropout=0.2, linear_skip=linear)
    absolute = LossSum([("squares", Supervised(0.05)), ("absolute", Supervised(loss="mae"))])
    plain = MLP(64, batch_norm=False, decomposition=False, dropout=0.2)
    students = {"linear": (linear, Supervised()), "mlp": (mlp, absolute)}
    return students | {"mlp without skip": (plain, Supervised(loss="mae")), "boosting": (linear, Response())}


def fit(problem: Problem, model: str, rooted: bool, scaling: str, n_after: int) -> DistilledForecaster:
    """Fit a student, or gradient boosting as the teacher of one, on the rows before the last ones."""
    train = cut(problem.panel, n_after)[[problem.target, *problem.known]]
    boosting = HistGradientBoostingRegressor(loss="absolute_error", max_iter=10 if QUICK else 200, max_features=0.5)
    teacher = RegressorTeacher(boosting, season=problem.season, n_folds=None, max_rows=200_000)
    root = FunctionTransformer(signed_root, signed_square, check_inverse=False)
    student, loss = networks(problem)[model]
    return DistilledForecaster(
        teacher if model == "boosting" else None,
        student,
        loss,
        context_length=problem.context_length,
        prediction_length=problem.prediction_length,
        targets=[problem.target],
        known_covariates=problem.known,
        validation_fraction=max(4 * problem.prediction_length, int(train.groupby("series").size().min()) // 10),
        transformer=root if rooted else None,
        scaling=scaling,
        random_state=0,
        **{**problem.settings, **({} if isinstance(student, Linear) else TRAINING)},
    ).fit(train)


def measure(problem: Problem, model: str, rooted: bool, scaling: str, n_before: int = 0) -> dict[str, Any]:
    """Fit a model before the windows, forecast them, and return the errors."""
    forecaster = fit(problem, model, rooted, scaling, (problem.n_windows + n_before) * problem.prediction_length)
    ask = forecaster.predict_teacher if model == "boosting" else forecaster.predict

    def forecast(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        recent = cut(past, 0, problem.context_length)[[problem.target, *problem.known]]
        return ask(recent, future=future if problem.known else None)[problem.target].to_numpy()

    errors = judge(problem, forecast, n_before)
    means = {name: float(one.mean()) for name, one in errors.items()}
    return {**means, "windows": " ".join(f"{one:.4f}" for one in errors["mase"])}


def measure_chosen(problem: Problem) -> dict[str, Any]:
    """Return the errors of the students that are best on windows before the test."""
    earlier = Problem(**{**vars(problem), "n_windows": windows_before(problem)})
    is_panel = problem.panel.index.get_level_values(0).nunique() > 1
    candidates = CANDIDATES + OF_PANELS * is_panel
    tried = {one: measure(earlier, *one, n_before=problem.n_windows) for one in candidates}
    print(f"  before the test: {tried}", flush=True)
    best = {name: min(tried, key=lambda one: tried[one][name]) for name in MEASURES}
    print(f"  chosen: {best}", flush=True)
    found = {one: measure(problem, *one) for one in set(best.values())}
    return {**{name: found[one][name] for name, one in best.items()}, "windows": found[best["mase"]]["windows"]}


def without_a_model(problem: Problem) -> dict[str, dict[str, float]]:
    """Return the errors of seasonal naive and, where many values are 0, of 0."""

    def naive(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        season = cut(past[problem.target], 0, problem.season).groupby("series")
        return np.concatenate([np.resize(one.to_numpy(), problem.prediction_length) for _, one in season])

    found = {"seasonal naive": judge(problem, naive)}
    if (problem.panel[problem.target] == 0).mean() > 0.3:
        found["always 0"] = judge(problem, lambda past, future: np.zeros(len(future)))
    return {name: {one: float(values.mean()) for one, values in errors.items()} for name, errors in found.items()}


def write(rows: list[dict[str, Any]]) -> None:
    """Write results; those of other data sets and models stay."""
    found = pd.DataFrame(rows).assign(**provenance())
    kept = pd.read_csv(RESULTS) if RESULTS.exists() and not QUICK else found[:0]
    others = [
        pair not in set(zip(found["data"], found["model"], strict=True))
        for pair in zip(kept["data"], kept["model"], strict=True)
    ]
    write_results(pd.concat([kept[others], found]), RESULTS)


# %%
# Run
# ---

if __name__ == "__main__":
    rows = []
    check_names(arguments.models, [*MODELS, "student, chosen"], "--models")
    for name, whole in read_problems(arguments.data_home.expanduser(), quick=QUICK, names=arguments.sets).items():
        heading(f"{name}: {whole.panel.index.get_level_values(0).nunique()} series, known {whole.known}")
        scores = {model: (errors, 0.0) for model, errors in without_a_model(whole).items()}
        for label, known in {"without": [], "known": whole.known}.items():
            problem = Problem(**{**vars(whole), "known": known})
            for model, settings in {**MODELS, "student, chosen": None}.items():
                if arguments.models is not None and model not in arguments.models:
                    continue
                start = time.perf_counter()
                errors = measure_chosen(problem) if settings is None else measure(problem, *settings)
                scores[f"{model}, {label}"] = (errors, time.perf_counter() - start)
                print(f"  {model}, {label}: {errors}", flush=True)
        rows += [{"data": name, "model": model, **errors, "seconds": one} for model, (errors, one) in scores.items()]
    if rows:
        write(rows)
