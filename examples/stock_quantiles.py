"""Quantiles for stock: how much to put on the shelf
=================================================

A shop that orders what it sold on average is sold out on almost half of its days. If a missed sale costs three times as
much as an unsold piece, the cheapest order is the 75% quantile of demand (the newsvendor rule). We fit one small
student with quantiles to thirty shops, calibrate it, and count what each way of ordering costs.

Run ``python examples/stock_quantiles.py``.
"""

# %%
# Thirty shops
# ------------
# Daily demand is a count with a week's rhythm; its noise grows with its size.

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, save_picture

from skdistill import DistilledForecaster
from skdistill.networks import MLP

N_SHOPS, N_DAYS, N_TEST, WEEK = (4, 120, 28, 7) if QUICK else (30, 500, 84, 7)
MISSED, UNSOLD = 3.0, 1.0  # cost of a piece
rng = np.random.default_rng(0)
days = pd.date_range("2023-01-02", periods=N_DAYS, freq="D")
rhythm = 1 + 0.5 * np.sin(2 * np.pi * days.day_of_week / WEEK) + 0.4 * (days.day_of_week == 5)
shops = {}
for number in range(N_SHOPS):
    mean = np.exp(rng.uniform(1, 5)) * rhythm
    shape = 4.0  # of the gamma-Poisson mixture: more spread than a Poisson count
    shops[f"shop {number:02d}"] = pd.DataFrame(
        {"demand": rng.poisson(mean * rng.gamma(shape, 1 / shape, N_DAYS)).astype(float)}, index=days
    )
demand = pd.concat(shops, names=["series", "time"])
train = demand.groupby("series", group_keys=False).head(N_DAYS - N_TEST)
test = demand.groupby("series", group_keys=False).tail(N_TEST + 4 * WEEK)

# %%
# One student for all
# -------------------
# ``quantiles`` trains every level; ``calibration`` corrects them on the last training rows; ``bounds`` keeps orders
# above zero.

order_level = MISSED / (MISSED + UNSOLD)
student = DistilledForecaster(
    None,
    MLP(hidden_size=32),
    "response",
    quantiles=[0.25, 0.5, order_level],
    calibration="conformal",
    context_length=4 * WEEK,
    prediction_length=WEEK,
    validation_fraction=0.2,
    bounds=(0, None),
    max_epochs=2 if QUICK else 15,
    random_state=0,
).fit(train)

# %%
# What an order costs
# -------------------
# Every test week is ordered on its first morning, for each day.

costs: dict[str, list[float]] = {"mean of four weeks": [], "median": [], f"{100 * order_level:.0f}% quantile": []}
sold_out: dict[str, list[float]] = {name: [] for name in costs}
for name in shops:
    rows = test.loc[[name]]
    for start in range(0, N_TEST, WEEK):
        context = rows.iloc[start : start + 4 * WEEK]
        truth = rows.iloc[start + 4 * WEEK : start + 5 * WEEK]["demand"].to_numpy()
        levels = student.predict_quantiles(context)
        last_weeks = context["demand"].to_numpy().reshape(-1, WEEK).mean(axis=0)
        orders = {
            "mean of four weeks": last_weeks,
            "median": levels["demand"][0.5].to_numpy(),
            f"{100 * order_level:.0f}% quantile": levels["demand"][order_level].to_numpy(),
        }
        for way, order in orders.items():
            missed, left = np.clip(truth - order, 0, None), np.clip(order - truth, 0, None)
            costs[way].append((MISSED * missed + UNSOLD * left).mean() / rows["demand"].mean())
            sold_out[way].append((missed > 0).mean())
heading("Cost of a day, in mean demands, and share of days that are sold out")
table = pd.DataFrame(
    {"cost": {k: np.mean(v) for k, v in costs.items()}, "sold out": {k: np.mean(v) for k, v in sold_out.items()}}
)
print(table.round(3))

# %%
# One shop
# --------

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
name = "shop 00"
rows = test.loc[[name]]
context, truth = rows.iloc[: 4 * WEEK], rows.iloc[4 * WEEK : 5 * WEEK].loc[name, "demand"]
levels = student.predict_quantiles(context).loc[name]["demand"]
past = context.loc[name, "demand"].tail(2 * WEEK)
axes.bar(past.index, past, color="0.8", label="sold")
axes.bar(truth.index, truth, color="0.4", label="demand")
axes.step(levels.index, levels[order_level], where="mid", color="#D55E00", label=f"order: {100 * order_level:.0f}%")
axes.step(levels.index, levels[0.5], where="mid", color="#0072B2", linestyle="--", label="order: median")
axes.set_ylabel("pieces")
axes.set_title("A week's orders" + (" [quick, not a result]" if QUICK else ""))
axes.legend(loc="upper left", ncols=4, frameon=False)
axes.margins(y=0.25)
axes.tick_params(axis="x", rotation=30)
save_picture(figure, "stock_quantiles.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/stock_quantiles.png'
