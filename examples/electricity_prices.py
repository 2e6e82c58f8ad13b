"""Electricity prices of tomorrow
==============================

On a day-ahead market, the prices of the 24 hours of tomorrow are set at noon. The operators of the grid publish before
that how much they expect to be consumed and generated: two columns that are known in advance. A small exact student
reads them, alone and taught by gradient boosting, which reads the same columns. What is known in advance matters more
than who teaches: on the made market the two forecasts take 27% off the error, and the teacher nothing, because it
is better where prices jump, which no linear student can follow. On Belgian prices of 2016 the forecasts take 6% off,
and the teacher is worse than its student alone.

With ``--data-home FOLDER``, prices are those of a market in ``FOLDER/epf`` (a CSV file with time, price and the two
forecasts); without, of a made one.

Run ``python examples/electricity_prices.py``.
"""

# %%
import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingRegressor

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, parse_options, save_picture

from skdistill import DistilledForecaster
from skdistill.networks import Linear
from skdistill.teachers import RegressorTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=None, help="folder with epf/<market>.csv")
parser.add_argument("--market", default=None, help="market of --data-home; BE if left out")
arguments = parse_options(parser)
if arguments.market is not None and arguments.data_home is None:
    parser.error("--market needs --data-home: without it, the prices of a made market are forecast")
torch.set_num_threads(1)
DAYS, TEST_DAYS, WEEK = (45, 7, 7) if QUICK else (500, 60, 7)

# %%
# The market
# ----------


def made_market() -> pd.DataFrame:
    """Return prices that follow what is left of generation, and the forecasts of the day before."""
    rng = np.random.default_rng(0)
    hours = pd.date_range("2022-01-03", periods=24 * DAYS, freq="h")
    day, weekend = hours.hour.to_numpy(), hours.day_of_week.to_numpy() >= 5
    walk = pd.Series(rng.normal(size=len(hours))).ewm(halflife=18).mean().to_numpy()
    load = (
        70 + 12 * np.sin((day - 9) / 24 * 2 * np.pi) + 6 * np.sin((day - 6) / 12 * 2 * np.pi) - 8 * weekend + 8 * walk
    )
    wind = np.clip(18 + 60 * pd.Series(rng.normal(size=len(hours))).ewm(halflife=30).mean().to_numpy(), 0, None)
    scarce = load - wind + rng.normal(size=len(hours))
    price = 30 + 0.6 * scarce + 40 * np.exp((scarce - 68) / 6).clip(max=6) + 2 * rng.normal(size=len(hours))
    forecasts = {"load": load + rng.normal(size=len(hours)), "generation": wind + 2 * rng.normal(size=len(hours))}
    return pd.DataFrame({"price": price, **forecasts}, index=hours)


def read_market(path: Path) -> pd.DataFrame:
    """Read time, price and two forecasts, which keep their names: their order differs between markets."""
    rows = pd.read_csv(path, index_col=0, parse_dates=True, skipinitialspace=True)
    return rows.rename(columns={rows.columns[0]: "price"}).asfreq("h").iloc[-24 * DAYS :]


file = f"epf/{arguments.market or 'BE'}.csv"
market = made_market() if arguments.data_home is None else read_market(arguments.data_home / file)
n_train = 24 * (DAYS - TEST_DAYS)
print(market.tail(3))

# %%
# Three students
# --------------
# ``window_step=24`` learns from forecasts that start at midnight, the only ones that are asked for.

KNOWN = list(market.columns[1:])
settings = {"context_length": 24 * WEEK, "prediction_length": 24, "window_step": 24, "random_state": 0}
linear = Linear(penalty=[0.01, 0.1, 1.0, 10.0])
boosting = HistGradientBoostingRegressor(max_iter=20 if QUICK else 200, random_state=0)


def fit(teacher: object, known: list[str]) -> DistilledForecaster:
    """Fit an exact student on the rows before the test days."""
    columns = ["price", *known]
    roles = {"targets": ["price"], "known_covariates": known or None}
    student = linear if not known else Linear(penalty=linear.penalty, past_rows=24)  # of the covariates
    forecaster = DistilledForecaster(teacher, student, "response", **roles, **settings)
    return forecaster.fit(market[columns].iloc[:n_train])


def daily(forecaster: DistilledForecaster, *, of_teacher: bool = False) -> np.ndarray:
    """Forecast every test day from its midnight, (n_days, 24)."""
    columns = ["price", *(KNOWN if forecaster.known_covariates else [])]
    predict = forecaster.predict_teacher if of_teacher else forecaster.predict
    answers = []
    for start in range(n_train, len(market), 24):
        rows = market[columns].iloc[start - 24 * WEEK : start]
        future = market[KNOWN].iloc[start : start + 24] if forecaster.known_covariates else None
        answers.append(predict(rows, future=future)["price"].to_numpy())
    return np.stack(answers)


truth = market["price"].iloc[n_train:].to_numpy().reshape(-1, 24)
students = {
    "prices alone": fit(None, []),
    "with the two forecasts": fit(None, KNOWN),
    "the same, taught by boosting": fit(RegressorTeacher(boosting), KNOWN),
}
forecasts = {name: daily(one) for name, one in students.items()}
taught = students["the same, taught by boosting"]
forecasts["the teacher"] = daily(taught, of_teacher=True)
forecasts["the prices of yesterday"] = market["price"].iloc[n_train - 24 : -24].to_numpy().reshape(-1, 24)

# %%
# What the forecasts are worth
# ----------------------------

heading(
    "Mean absolute error of tomorrow's prices, and the standard error of the difference to 'with the two forecasts'"
)
errors = {name: np.abs(one - truth).mean(axis=1) for name, one in forecasts.items()}
for name, one in errors.items():
    difference = one - errors["with the two forecasts"]
    noise = difference.std(ddof=1) / np.sqrt(len(difference))
    print(f"  {name:30s} {one.mean():6.2f}   {difference.mean():+.2f} ± {noise:.2f}")

# %%
# What a forecast costs
# ---------------------


def milliseconds(forecast: object) -> float:
    """Return the time of one forecast, the median of five."""
    rows, future = market.iloc[n_train - 24 * WEEK : n_train], market[KNOWN].iloc[n_train : n_train + 24]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        forecast(rows, future=future)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


print(f"student: {taught.count_parameters():,} numbers")
if not QUICK:
    print(f"one day: {milliseconds(taught.predict):.2f} ms; its teacher {milliseconds(taught.predict_teacher):.0f} ms")

# %%
# A windy day
# -----------
# ``future`` can hold a plan instead of a forecast: what if a tenth more is generated in every hour of tomorrow? (Where
# nothing is known of generation: if a tenth more is consumed.) On the made market prices fall. On Belgian ones they
# rise, because all that is generated follows what is consumed.

moved = next((name for name in KNOWN if "generation" in name.lower()), KNOWN[0])
rows, tomorrow = market.iloc[n_train - 24 * WEEK : n_train], market[KNOWN].iloc[n_train : n_train + 24]
change = taught.predict(rows, future=tomorrow.assign(**{moved: 1.1 * tomorrow[moved]}))
change = (change - taught.predict(rows, future=tomorrow))["price"]
spread = f"from {change.min():+.2f} to {change.max():+.2f} by hour"
print(f"{moved}, a tenth more, moves the price by {change.mean():+.2f}, {spread}")

# %%
# One week
# --------
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained")
shown = slice(0, min(7, TEST_DAYS))
hours = market.index[n_train : n_train + 24 * len(truth[shown])]
axes.plot(hours, truth[shown].ravel(), color="black", label="price")
axes.plot(hours, forecasts["prices alone"][shown].ravel(), color="tab:gray", linestyle=":", label="prices alone")
axes.plot(
    hours, forecasts["the same, taught by boosting"][shown].ravel(), color="tab:blue", label="with forecasts, taught"
)
axes.set_ylabel("price")
axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)  # above the highest prices
save_picture(figure, "electricity_prices.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/electricity_prices.png'
