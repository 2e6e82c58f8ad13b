"""Electricity prices with day-ahead forecasts known over the horizon, as fev-bench scores them
===========================================================================================

Hourly prices of electricity markets, each with two day-ahead forecasts (load, generation) that are known over the 24
hours to forecast. The windows are those of fev-bench: 20 windows of 24 hours, one a day, over the last 480 hours; MASE
divides by the mean absolute difference of values 24 hours apart in all rows before a window. Markets are the CSV files
of ``<data home>/epf``: time, price, and the covariates, in this order.

* *exact linear*: a linear student of 336 hours of prices, two days of covariates, and the covariates of the horizon,
  alone and with a teacher, whose labels count once or three times as much as the truth.
* *MLP*: a hidden layer on top of the linear solution, alone and with the teacher.
* *gradient boosting*: the teacher, one regressor on a table of windows; training windows are labeled out of fold.

Prices pass through asinh. Everything is fitted once, on the rows before the first window. Public holidays of the
country are known covariates, too, if the market's name is in ``HOLIDAYS``. The same models, fitted on the rows before
the 90 days that precede the test, are scored on these 90 days first: *best by validation* is the student with the
lowest geometric mean there.
"""

# %%
import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, check_names, heading, write_results

from skdistill import DistilledForecaster, Memory
from skdistill.calendar import calendar_covariates
from skdistill.losses import LossSum, Response, Supervised, TeacherForecast
from skdistill.networks import MLP, Linear
from skdistill.teachers import RegressorTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--markets", nargs="+", default=None)
arguments = parser.parse_args()
torch.set_num_threads(1)

HORIZON, CONTEXT = 24, 48 if QUICK else 336
N_TEST, N_VALIDATION = (3, 3) if QUICK else (20, 90)
HOLIDAYS = {"BE": "BE", "DE": "DE", "FR": "FR", "NP": "NO", "PJM": "US"}
TEACHER = "gradient boosting (the teacher)"

# %%
# Data
# ----


def read_market(path: Path) -> pd.DataFrame:
    """Return price and covariates of a market, with holidays."""
    table = pd.read_csv(path, index_col=0, parse_dates=True)
    table.columns = ["price", *(f"forecast {number}" for number in range(1, table.shape[1]))]
    table.index.name = None
    if path.stem in HOLIDAYS:
        table = table.join(calendar_covariates(table.index, holidays=HOLIDAYS[path.stem], around=1, fields=()))
    return table


def made_market() -> pd.DataFrame:
    """Return a market in which the price follows the load."""
    rng, hours = np.random.default_rng(0), np.arange(24 * 80)
    load = 10 + 3 * np.sin(2 * np.pi * hours / 24) + np.repeat(rng.normal(size=80), 24)
    price = 5 * load + rng.normal(size=len(hours))
    index = pd.date_range("2020-01-01", periods=len(hours), freq="h")
    return pd.DataFrame({"price": price, "forecast 1": load}, index=index)


def read_markets(folder: Path) -> dict[str, pd.DataFrame]:
    paths = sorted((folder / "epf").glob("*.csv"))
    check_names(arguments.markets, [path.stem for path in paths], "--markets")
    return {
        path.stem: read_market(path) for path in paths if arguments.markets is None or path.stem in arguments.markets
    }


# %%
# Windows and score
# -----------------


def origins_of(table: pd.DataFrame, n_windows: int) -> list[int]:
    """Return the first rows of the last windows."""
    return [len(table) - HORIZON * number for number in range(n_windows, 0, -1)]


def mase(table: pd.DataFrame, forecasts: list[np.ndarray]) -> float:
    """Return the mean over the last windows, one for each forecast."""
    prices, errors = table["price"].to_numpy(), []
    for origin, forecast in zip(origins_of(table, len(forecasts)), forecasts, strict=True):
        unit = np.abs(prices[24:origin] - prices[: origin - 24]).mean()
        errors.append(np.abs(prices[origin : origin + HORIZON] - forecast).mean() / unit)
    return float(np.mean(errors))


def seasonal_naive(table: pd.DataFrame, n_windows: int) -> list[np.ndarray]:
    prices = table["price"].to_numpy()
    return [prices[origin - 24 : origin] for origin in origins_of(table, n_windows)]


# %%
# Models
# ------
#
# The settings were tried on the validation days. An MLP is trained on absolute errors; the small quadratic terms are
# those for which its linear part is solved.

linear = Linear("mean", past_rows=48, penalty=0.1)
mlp = MLP(256, batch_norm=False, decomposition=False, dropout=0.4, linear_skip=linear)
boosting = HistGradientBoostingRegressor(
    loss="absolute_error",
    max_iter=10 if QUICK else 200,
    learning_rate=0.07,
    min_samples_leaf=40,
    l2_regularization=1.0,
    max_features=0.5,
    early_stopping=False,
)
teacher = RegressorTeacher(boosting, season=24, seasonal_lags=2 if QUICK else 14, random_state=0)
TRAINING = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 2 if QUICK else 20, "batch_size": 64, "patience": None}


def absolute(weight: float) -> LossSum:
    """Return absolute errors to the truth and, with a weight, to the teacher."""
    terms = [("squares", Response(0.05 * weight, supervised_weight=0.05)), ("truth", Supervised(loss="mae"))]
    return LossSum([*terms, ("labels", TeacherForecast(weight, loss="mae"))] if weight else terms)


STUDENTS = {
    "exact linear, alone": (None, linear, Supervised(), {}),
    "exact linear, teacher": (teacher, linear, Response(), {}),
    "exact linear, teacher x 3": (teacher, linear, Response(3.0), {}),
    "MLP, alone": (None, mlp, LossSum([("squares", Supervised(0.05)), ("truth", Supervised(loss="mae"))]), TRAINING),
    "MLP, teacher x 3": (teacher, mlp, absolute(3.0), TRAINING),
}


def fit(table: pd.DataFrame, memory: Memory, student: tuple[Any, ...]) -> DistilledForecaster:
    """Fit a student on daily windows, with prices through asinh."""
    guide, network, loss, training = student
    return DistilledForecaster(
        guide,
        network,
        loss,
        context_length=CONTEXT,
        prediction_length=HORIZON,
        targets=["price"],
        known_covariates=[name for name in table if name != "price"],
        window_step=24,
        transformer=make_pipeline(RobustScaler(), FunctionTransformer(np.arcsinh, np.sinh, check_inverse=False)),
        validation_fraction=0,
        memory=None if guide is None else memory,
        random_state=0,
        **training,
    ).fit(table)


def forecast(forecaster: DistilledForecaster, table: pd.DataFrame, n_windows: int, ask: str) -> list[np.ndarray]:
    """Forecast the last windows, each from the rows before it."""
    answers = []
    for origin in origins_of(table, n_windows):
        future = table.iloc[origin : origin + HORIZON].drop(columns="price")
        answer = getattr(forecaster, ask)(table.iloc[origin - CONTEXT : origin], future=future)
        answers.append(answer["price"].to_numpy())
    return answers


def score(table: pd.DataFrame, n_windows: int) -> dict[str, tuple[float, float]]:
    """Return MASE over the last windows, and seconds to fit, of all models fitted on the rows before them."""
    train = table.iloc[: origins_of(table, n_windows)[0]]
    scores = {"seasonal naive": (mase(table, seasonal_naive(table, n_windows)), 0.0)}
    with tempfile.TemporaryDirectory() as folder:
        memory = Memory(folder, allow_pickle=True)  # labels are made once
        for name, student in STUDENTS.items():
            start = time.perf_counter()
            fitted = fit(train, memory, student)
            seconds = time.perf_counter() - start
            scores[name] = (mase(table, forecast(fitted, table, n_windows, "predict")), seconds)
            if fitted.teacher_ is not None and TEACHER not in scores:
                scores[TEACHER] = (mase(table, forecast(fitted, table, n_windows, "predict_teacher")), seconds)
    return scores


# %%
# Run
# ---

if __name__ == "__main__":
    markets = {"made": made_market()} if QUICK else read_markets(arguments.data_home.expanduser())
    rows = []
    for name, table in markets.items():
        heading(f"{name}: {len(table)} hours, covariates {list(table.columns[1:])}")
        before = score(table.iloc[: -HORIZON * N_TEST], N_VALIDATION)
        for model, (error, seconds) in score(table, N_TEST).items():
            print(f"  {model}: MASE {error:.3f}, in validation {before[model][0]:.3f}, {seconds:.1f} s", flush=True)
            row = {"market": name, "model": model, "mase": error, "validation_mase": before[model][0]}
            rows.append({**row, "seconds": seconds})
    if rows:
        results = pd.DataFrame(rows)
        means = np.exp(np.log(results[["model", "mase", "validation_mase"]].set_index("model")).groupby("model").mean())
        print(means.sort_values("validation_mase").round(3))
        best = means.loc[list(STUDENTS), "validation_mase"].idxmin()
        print(f"best by validation: {best}, geometric mean {means.loc[best, 'mase']:.3f}")
        write_results(results, Path(__file__).resolve().parent / "results" / "epf.csv")
