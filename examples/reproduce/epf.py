"""Electricity prices with day-ahead forecasts known over the horizon, as fev-bench scores them
===========================================================================================

Hourly prices of electricity markets, each with two day-ahead forecasts (load, generation) that are known over the 24
hours to forecast. The windows are those of fev-bench: 20 windows of 24 hours, one a day, over the last 480 hours; MASE
divides by the mean absolute difference of values 24 hours apart in all rows before a window. Markets are the CSV files
of ``<data home>/epf``: time, price, and the covariates, in this order.

* *exact linear*: a linear student of 336 hours of prices, two days of covariates, and the covariates of the horizon,
  without a teacher. Its penalty is chosen on the 90 days before the test.
* *gradient boosting*: the teacher, one regressor on a table of windows.
* *MLP*: on the linear solution, alone and distilled.

Prices pass through asinh. Everything is fitted once, on the rows before the first window. Public holidays of the
country are known covariates, too, if the market's name is in ``HOLIDAYS``.
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
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, RobustScaler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.calendar import calendar_covariates
from skdistill.losses import Supervised
from skdistill.networks import Linear

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--markets", nargs="+", default=None)
arguments = parser.parse_args()
torch.set_num_threads(1)

HORIZON, N_WINDOWS = 24, 20
CONTEXT = 48 if QUICK else 336
VALIDATION = 24 * (10 if QUICK else 90)
HOLIDAYS = {"BE": "BE", "DE": "DE", "FR": "FR", "NP": "NO", "PJM": "US"}
PENALTIES = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0]

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
    return {
        path.stem: read_market(path) for path in paths if arguments.markets is None or path.stem in arguments.markets
    }


# %%
# Windows and score
# -----------------


def origins_of(table: pd.DataFrame) -> list[int]:
    """Return the first rows of the windows."""
    return [len(table) - HORIZON * number for number in range(N_WINDOWS, 0, -1)]


def mase(table: pd.DataFrame, forecasts: list[np.ndarray]) -> float:
    """Return the mean over the windows."""
    prices, errors = table["price"].to_numpy(), []
    for origin, forecast in zip(origins_of(table), forecasts, strict=True):
        unit = np.abs(prices[24:origin] - prices[: origin - 24]).mean()
        errors.append(np.abs(prices[origin : origin + HORIZON] - forecast).mean() / unit)
    return float(np.mean(errors))


def seasonal_naive(table: pd.DataFrame) -> list[np.ndarray]:
    prices = table["price"].to_numpy()
    return [prices[origin - 24 : origin] for origin in origins_of(table)]


# %%
# Students
# --------


def make_forecaster(student: Any, loss: Any, teacher: Any = None, **settings: Any) -> DistilledForecaster:
    """Create a forecaster of daily windows, with prices through asinh."""
    return DistilledForecaster(
        teacher,
        student,
        loss,
        context_length=CONTEXT,
        prediction_length=HORIZON,
        targets=["price"],
        window_step=24,
        transformer=make_pipeline(RobustScaler(), FunctionTransformer(np.arcsinh, np.sinh, check_inverse=False)),
        random_state=0,
        **{"validation_fraction": VALIDATION, **settings},
    )


def forecast(forecaster: DistilledForecaster, table: pd.DataFrame, ask: str = "predict") -> list[np.ndarray]:
    """Forecast every window from the rows before it."""
    known = [name for name in table if name != "price"]
    answers = []
    for origin in origins_of(table):
        future = table[known].iloc[origin : origin + HORIZON]
        answers.append(
            getattr(forecaster, ask)(table.iloc[origin - CONTEXT : origin], future=future)["price"].to_numpy()
        )
    return answers


def fit_linear(table: pd.DataFrame) -> DistilledForecaster:
    """Choose the penalty on the last 90 days before the test, and fit again with them."""
    known = [name for name in table if name != "price"]
    train = table.iloc[: origins_of(table)[0]]
    chosen = make_forecaster(Linear("mean", past_rows=48, penalty=PENALTIES), Supervised(), known_covariates=known).fit(
        train
    )
    penalty = next(row["penalty"] for row in chosen.history_ if row["chosen"])
    student = Linear("mean", past_rows=48, penalty=penalty)
    return make_forecaster(student, Supervised(), known_covariates=known, validation_fraction=0).fit(train)


# %%
# Run
# ---

if __name__ == "__main__":
    markets = {"made": made_market()} if QUICK else read_markets(arguments.data_home.expanduser())
    rows = []
    for name, table in markets.items():
        heading(f"{name}: {len(table)} hours, covariates {list(table.columns[1:])}")
        results = {"seasonal naive": (mase(table, seasonal_naive(table)), 0.0)}
        start = time.perf_counter()
        linear = fit_linear(table)
        results["exact linear"] = (mase(table, forecast(linear, table)), time.perf_counter() - start)
        for model, (error, seconds) in results.items():
            print(f"  {model}: MASE {error:.3f}, {seconds:.1f} s")
            rows.append({"market": name, "model": model, "mase": error, "seconds": seconds})
    if rows:
        print(pd.DataFrame(rows))
        write_results(pd.DataFrame(rows), Path(__file__).resolve().parent / "results" / "epf.csv")
