"""A student distilled from teachers that read covariates, beside the same student alone
======================================================================================

Hourly bike rentals and half-hourly electricity demand of Victoria, with covariates that are known over the horizon, as
in ``known_covariates.py``: fitted once on the rows before 60 test windows of one day. Every teacher teaches two
students: the linear one, solved exactly, and an MLP. The difference to the student alone is given with its standard
error over the windows, after averaging the seeds of the student.
"""

# %%
import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sktime.forecasting.compose import make_reduction

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, check_names, heading, write_results
from _covariate_tasks import Problem, cut, judge, read_problems

from skdistill import DistilledForecaster, Memory
from skdistill.losses import LossSum, Response, Supervised, TeacherForecast
from skdistill.networks import MLP, TFT, Linear, TiDE, TimeXer
from skdistill.teachers import RegressorTeacher, SktimeTeacher, TrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--sets", nargs="+", default=["bike rentals", "Victoria"])
parser.add_argument("--teachers", nargs="+", default=None)
parser.add_argument("--seeds", type=int, default=3)
arguments = parser.parse_args()
torch.set_num_threads(1)

# %%
# Teachers
# --------

EPOCHS = 1 if QUICK else 15


def trained(network: Any) -> TrainedTeacher:
    """Return a network as a teacher that is trained once, with the same seed for all students."""
    return TrainedTeacher(network, max_epochs=EPOCHS, lr=1e-3, lr_schedule="cosine", batch_size=64, random_state=0)


def teachers(problem: Problem) -> dict[str, Any]:
    boosting = HistGradientBoostingRegressor(loss="absolute_error", max_iter=10 if QUICK else 200, max_features=0.5)
    reduction = make_reduction(Ridge(alpha=10.0), window_length=2 * problem.season, strategy="recursive")
    small = {"hidden_size": 8} if QUICK else {"hidden_size": 32}
    found = {
        "gradient boosting": RegressorTeacher(boosting, season=problem.season, max_rows=100_000, random_state=0),
        "TiDE": trained(TiDE(**(small if QUICK else {"hidden_size": 128}))),
        "TimeXer": trained(TimeXer(**small)),
        "TFT": trained(TFT(**small)),
        "sktime, ridge on lags and X": SktimeTeacher(reduction, fitting="once"),
    }
    check_names(arguments.teachers, found, "--teachers")
    return {name: one for name, one in found.items() if arguments.teachers is None or name in arguments.teachers}


# %%
# Students
# --------


def students(problem: Problem, taught: bool) -> dict[str, tuple[Any, Any]]:
    """Return the networks with their loss."""
    linear = Linear("mean", past_rows=2 * problem.season, penalty=[0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
    mlp = MLP(64, batch_norm=False, decomposition=False, dropout=0.2, linear_skip=linear)
    squares = Response(0.05, supervised_weight=0.05) if taught else Supervised(0.05)
    terms = [("squares", squares), ("absolute", Supervised(loss="mae"))]
    terms += [("labels", TeacherForecast(1.0, loss="mae"))] if taught else []
    return {"exact linear": (linear, Response() if taught else Supervised()), "MLP": (mlp, LossSum(terms))}


def fit(problem: Problem, teacher: Any, student: tuple[Any, Any], seed: int, memory: Memory) -> DistilledForecaster:
    train = cut(problem.panel, problem.n_windows * problem.prediction_length)[[problem.target, *problem.known]]
    network, loss = student
    is_trained = isinstance(network, MLP)  # the other one is solved exactly
    training = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": EPOCHS, "batch_size": 64} if is_trained else {}
    return DistilledForecaster(
        teacher,
        network,
        loss,
        context_length=problem.context_length,
        prediction_length=problem.prediction_length,
        targets=[problem.target],
        known_covariates=problem.known,
        validation_fraction=max(4 * problem.prediction_length, len(train) // 10),
        memory=memory,
        random_state=seed,
        **problem.settings,
        **training,
    ).fit(train)


def errors_of(problem: Problem, forecaster: DistilledForecaster, ask: str) -> np.ndarray:
    """Return the MASE of each window."""

    def forecast(past: pd.DataFrame, future: pd.DataFrame) -> np.ndarray:
        recent = cut(past, 0, problem.context_length)[[problem.target, *problem.known]]
        return getattr(forecaster, ask)(recent, future=future)[problem.target].to_numpy()

    return judge(problem, forecast)["mase"]


def compare(name: str, problem: Problem, memory: Memory, rows: list[dict[str, Any]]) -> None:
    """Add one row for each teacher and student, and write all."""
    alone: dict[str, np.ndarray] = {}
    for label, teacher in {"alone": None, **teachers(problem)}.items():
        own = None
        for student in ("exact linear", "MLP"):
            start, found = time.perf_counter(), []
            for seed in range(1 if student == "exact linear" or QUICK else arguments.seeds):
                fitted = fit(problem, teacher, students(problem, teacher is not None)[student], seed, memory)
                found.append(errors_of(problem, fitted, "predict"))
            if teacher is not None and own is None:
                own = errors_of(problem, fitted, "predict_teacher").mean()
            errors = np.mean(found, axis=0)
            gain = errors - alone.setdefault(student, errors)
            noise = gain.std(ddof=1) / len(gain) ** 0.5
            row = {"data": name, "teacher": label, "student": student, "mase": errors.mean(), "teacher_mase": own}
            row |= {"change": gain.mean(), "standard_error": noise, "seeds": len(found)}
            rows.append({**row, "seconds": time.perf_counter() - start})
            print(f"  {label}, {student}: {errors.mean():.3f}, change {gain.mean():+.4f} ± {noise:.4f}", flush=True)
        write_results(pd.DataFrame(rows), Path(__file__).resolve().parent / "results" / "covariate_teachers.csv")


# %%
# Run
# ---

if __name__ == "__main__":
    results: list[dict[str, Any]] = []
    names = ["made shops"] if QUICK else arguments.sets
    for name, problem in read_problems(arguments.data_home.expanduser(), quick=QUICK, names=names).items():
        if QUICK:
            problem = replace(problem, n_windows=2, settings={"window_step": 28})
        heading(f"{name}: known {problem.known}")
        with tempfile.TemporaryDirectory() as folder:
            compare(name, problem, Memory(folder, allow_pickle=True), results)
