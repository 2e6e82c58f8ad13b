"""What is known in advance
========================

Promotions are planned, holidays are in the calendar, and the weather is forecast. This script makes the daily sales of
a few shops, which depend on all three, and shows what a student gains from them: past values only, everything known, a
part known, and weather forecasts as they were issued (vintages). All students are exact linear models without a
teacher; ``examples/reproduce/epf.py`` shows what a teacher that reads covariates adds.

Run ``python examples/covariates.py``.
"""

# %%
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, save_picture

from skdistill import DistilledForecaster
from skdistill.calendar import calendar_covariates
from skdistill.data import Vintages
from skdistill.networks import Linear

torch.set_num_threads(1)
N_DAYS, HORIZON = (260, 7) if QUICK else (900, 14)
N_TEST = 4 * HORIZON

# %%
# Sales
# -----
# A promotion adds 40 percent, a warm day adds, a holiday takes away, and the effects multiply. The temperature of
# tomorrow is forecast with an error of one degree, that of the fourteenth day with one of almost four.


def make_shop(number: int, days: pd.DatetimeIndex, temperature: np.ndarray, holiday: np.ndarray) -> pd.DataFrame:
    """Return sales, promotion, temperature and holiday of one shop."""
    rng = np.random.default_rng(number)
    size = 2.0**number
    promotion = np.repeat(rng.random(len(days) // 3 + 1) < 0.2, 3)[: len(days)].astype(float)
    week = 1 + 0.3 * np.sin(2 * np.pi * (days.day_of_week + number) / 7)
    sales = size * week * (1 + 0.4 * promotion) * (1 + 0.03 * temperature) * (1 - 0.5 * holiday)
    table = {"sales": sales * np.exp(0.05 * rng.normal(size=len(days))), "promotion": promotion}
    return pd.DataFrame({**table, "temperature": temperature, "holiday": holiday}, index=days)


rng = np.random.default_rng(0)
days = pd.date_range("2022-01-01", periods=N_DAYS, freq="D")
weather = np.convolve(rng.normal(size=N_DAYS + 4), np.full(5, 1.5), mode="valid")
temperature = 10 - 10 * np.cos(2 * np.pi * days.day_of_year.to_numpy() / 365) + weather
holiday = calendar_covariates(days, fields=(), holidays=["2022-04-18", "2022-06-06", "2023-04-10", "2023-05-29"])
shops = pd.concat(
    {f"shop {number}": make_shop(number, days, temperature, holiday["holiday"].to_numpy()) for number in range(4)},
    names=["series", "time"],
)
print(shops.groupby("series").head(2))

# %%
# With and without
# ----------------
# ``known_covariates`` names what ``predict`` gets as ``future``. Test origins lie in the last four horizons.

train = shops.groupby("series", group_keys=False).head(N_DAYS - N_TEST)
recent = shops.groupby("series", group_keys=False).tail(N_TEST + 28)
settings = {"context_length": 28, "prediction_length": HORIZON, "validation_fraction": 28, "random_state": 0}
penalties = [0.001, 0.01, 0.1, 1.0]


def fit(table: pd.DataFrame, known: list[str], **more: object) -> DistilledForecaster:
    """Fit an exact linear student."""
    roles = {"targets": ["sales"], "known_covariates": known}
    return DistilledForecaster(None, Linear(penalty=penalties), "response", **roles, **settings, **more).fit(table)


def error(forecaster: DistilledForecaster, table: pd.DataFrame) -> float:
    """Return the mean absolute error over all origins, in percent of mean sales, averaged over shops."""
    rolled = forecaster.backtest(table)["sales"]
    truth = table["sales"].reindex(rolled.index.droplevel("origin"))
    relative = (
        np.abs(rolled.to_numpy() - truth.to_numpy())
        / table["sales"].groupby("series").mean().reindex(rolled.index.get_level_values("series")).to_numpy()
    )
    return float(100 * relative.mean())


every = ["promotion", "temperature", "holiday"]
students = {
    "sales alone": (fit(train[["sales"]], []), recent[["sales"]]),
    "promotions known": (fit(train[["sales", "promotion"]], ["promotion"]), recent[["sales", "promotion"]]),
    "all known": (fit(train, every), recent),
}
heading("Mean absolute error, percent of mean sales")
for name, (forecaster, table) in students.items():
    print(f"  {name}: {error(forecaster, table):.2f}")

# %%
# What if?
# --------
# The same student answers for a plan with and without a promotion in the first three days.

all_known = students["all known"][0]
last = shops.groupby("series", group_keys=False).head(N_DAYS - HORIZON)
plan = shops.groupby("series", group_keys=False).tail(HORIZON)[every].copy()
plan["promotion"] = 0.0
without = all_known.predict(last, future=plan)
plan.loc[plan.groupby("series").cumcount() < 3, "promotion"] = 1.0
gain = all_known.predict(last, future=plan) / without - 1
print(100 * gain["sales"].unstack("series").round(3).head(5))

# %%
# Known for a part of the horizon
# -------------------------------
# NaN in ``future`` is unknown. ``known_dropout`` hides covariates in training from a random day on, so that the student
# learns what to do without them.

robust = fit(train, every, known_dropout=0.3)
partly = plan.copy()
partly.loc[partly.groupby("series").cumcount() >= 3, "temperature"] = np.nan
change = np.abs(robust.predict(last, future=partly) / robust.predict(last, future=plan) - 1)
print(f"temperature known for three days: the forecast moves by {100 * change['sales'].mean():.1f} percent on average")

# %%
# Forecasts of the weather, as they were issued
# ---------------------------------------------
# In training, the temperature of the horizon is not what came true, but what was forecast at that time: the student
# learns how far to trust it. At every test origin it reads the newest forecast.

issues = []
for day in range(N_DAYS):
    steps = np.arange(1, min(HORIZON, N_DAYS - 1 - day) + 1)
    told = temperature[day + steps] + np.sqrt(steps) * rng.normal(size=len(steps))
    issues.append(pd.DataFrame({"issued": days[day], "time": days[day + steps], "temperature": told}))
vintages = Vintages(pd.concat(issues, ignore_index=True))
print(vintages.known_at(days[100], days[101:104]))
with_vintages = fit(train, every, vintages=vintages)
naive = fit(train, every).set_params(vintages=vintages)  # trained on what came true, forecasts from forecasts
heading("Mean absolute error with forecast temperatures, percent of mean sales")
print(f"  trained on what was known: {error(with_vintages, recent):.2f}")
print(f"  trained on what came true: {error(naive, recent):.2f}")

# %%
# Two plans for one shop
# ----------------------
# With and without a promotion in the first three days, from the student that knows everything.

import matplotlib.pyplot as plt

name = "shop 2"
figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
sold = last.loc[name, "sales"].tail(28)
with_promotion = all_known.predict(last, future=plan).loc[name, "sales"]
axes.plot(sold.index, sold, color="0.5", label="sold")
axes.plot(with_promotion.index, with_promotion, color="#D55E00", label="with a promotion of three days")
axes.plot(with_promotion.index, without.loc[name, "sales"], "--", color="#0072B2", label="without")
axes.set_ylabel("sales")
axes.set_title("The same student, two plans" + (" [quick, not a result]" if QUICK else ""))
axes.legend(loc="upper left", ncols=3, frameon=False)
axes.margins(y=0.2)
axes.tick_params(axis="x", rotation=30)
save_picture(figure, "covariates.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/covariates.png'
