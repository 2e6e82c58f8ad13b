"""Many series: shops of every size
================================

A retailer has a long table of daily sales: shops that sell one piece a day and shops that sell a thousand, days without
a row, promotions that are planned ahead, and a shop that has just opened. This script reads the table, fits one student
for all shops, compares it with the baselines, forecasts, and takes the student to where it runs.

Run ``python examples/panels.py``.
"""

# %%
import sys
import time
import warnings
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, save_picture

from skdistill import DistilledForecaster
from skdistill.datasets import read_panel
from skdistill.deploy import NumpyStudent
from skdistill.networks import Linear

N_SHOPS, N_DAYS = (8, 120) if QUICK else (60, 500)
HORIZON = 14
folder = Path(mkdtemp())

# %%
# A long table
# ------------
# One row per shop and day. Days without sales have no row, a register was broken for a while (its sales are empty), and
# the plan of the next two weeks stands at the end: promotions are known, sales are not.


def write_table(path: Path) -> None:
    """Write made sales with weeks, promotions, a trend and counts from 1 to 1,000."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=N_DAYS + HORIZON, freq="D")
    parts = []
    for number, size in enumerate(np.geomspace(1, 1000, N_SHOPS)):
        promotion = (np.repeat(rng.random(len(days) // 3 + 1), 3)[: len(days)] < 0.2).astype(int)
        week = 1 + 0.4 * np.sin(2 * np.pi * (days.day_of_week + number % 3) / 7)
        mean = size * week * (1 + 0.6 * promotion) * np.linspace(1, 1.3, len(days))
        sales = rng.poisson(mean).astype(float)
        sales[40:50] = np.nan if number == 2 else sales[40:50]
        sales[N_DAYS:] = np.nan
        table = pd.DataFrame({"shop": f"shop {number:02}", "date": days, "sales": sales, "promotion": promotion})
        table = table[(table["sales"] != 0) | (table["date"] >= days[N_DAYS])]
        parts.append(table[-HORIZON - 12 :] if number == N_SHOPS - 1 else table)  # the last one opened 12 days ago
    pd.concat(parts).to_csv(path, index=False)


write_table(folder / "sales.csv")
panel = read_panel(folder / "sales.csv", id="shop", time="date", fill_value={"sales": 0.0, "promotion": 0.0})
sizes = panel["sales"].groupby(level=0).agg(["size", "mean"])
print(
    f"{len(sizes)} shops of {sizes['size'].min()} to {sizes['size'].max()} rows sell {sizes['mean'].min():.1f} to "
    f"{sizes['mean'].max():.0f} a day; {panel['sales'].isna().sum()} values are missing or to come"
)

# %%
# One student for all shops
# -------------------------
# Every shop is scaled by its own rows, so small and large ones teach alike. Missing values and the short series need no
# care. ``bounds`` keeps forecasts from being negative.

time_of = panel.index.get_level_values(1)
past = panel[time_of <= time_of.max() - pd.Timedelta(days=HORIZON)]
last_days = past.index.get_level_values(1).max() - pd.Timedelta(days=2 * HORIZON)
train = past[past.index.get_level_values(1) <= last_days]

student = DistilledForecaster(
    teacher=None,
    student=Linear(time_features=False),
    loss="response",
    known_covariates=["promotion"],
    bounds=(0, None),
    context_length=28,
    prediction_length=HORIZON,
    validation_fraction=0,
    random_state=0,
)
begin = time.perf_counter()
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*too few training rows")  # the new shop teaches nothing yet
    student.fit(train)
heading(f"\nfitted on {len(train)} rows in {time.perf_counter() - begin:.2f} s")

# %%
# Is it any good?
# ---------------
# ``compare`` scores the last rows, which the student has not seen, against the baselines of every plausible season.
# MASE is relative to the seasonal differences of each shop; the errors of every shop are there, too.

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="compare leaves out")  # the new shop is shorter than a context
    table = student.compare(past.groupby(level=0).tail(28 + 2 * HORIZON), n_resamples=50)
print(table[["mse", "mase", "share_best"]].round(3).to_string())
errors = table.per_series["mase"]
print(f"\nshops where the student is hardest to trust: {', '.join(errors['student'].nlargest(3).index)}")

# %%
# Forecast
# --------
# All rows are used now. The promotions to come are the last rows of the table, where sales are missing. The new shop
# is scaled by the few rows it has.

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message=".*too few training rows")
    student.fit(past)
forecast = student.predict(panel)
total = forecast["sales"].groupby(level=1).sum()
print(f"{len(forecast)} forecasts; sales of all shops on {total.index[0]:%Y-%m-%d}: {total.iloc[0]:.0f}")
newest = panel.index.unique(0)[-1]
sold, expected = (rows.loc[newest, "sales"].mean() for rows in (panel, forecast))
print(f"the new shop sold {sold:.0f} a day, and is forecast {expected:.0f}")

# %%
# Take it elsewhere
# -----------------
# The NumPy runtime needs no torch. It knows the shops by their ids, and gives what ``predict`` gives.

report = student.export(folder / "student.npz")
runtime = NumpyStudent.load(folder / "student.npz")
names = list(panel.index.unique(0)[:3])
contexts = np.stack([past.loc[name].to_numpy()[-28:] for name in names])
plan = np.stack([panel.loc[name, ["promotion"]].to_numpy()[-HORIZON:] for name in names])
answer = runtime.predict(contexts, names, plan)
np.testing.assert_allclose(answer[..., 0], forecast["sales"].to_numpy().reshape(-1, HORIZON)[:3], rtol=1e-4)
print(f"student.npz has {report.bytes} bytes; its forecasts are those of predict")

# %%
# The smallest and the largest shop
# ---------------------------------
# One student, two scales. Gray bars are planned promotions.

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
for axis, name in zip(axes, (panel.index.unique(0)[1], panel.index.unique(0)[-2]), strict=True):
    sold, expected = past.loc[name, "sales"].tail(42), forecast.loc[name, "sales"]
    axis.plot(sold.index, sold, color="0.5", label="sold")
    axis.plot(expected.index, expected, color="#D55E00", label="forecast")
    for day in expected.index[panel.loc[name, "promotion"].to_numpy()[-HORIZON:] > 0]:
        axis.axvspan(day - pd.Timedelta(hours=12), day + pd.Timedelta(hours=12), color="0.9", linewidth=0)
    axis.set_title(name + (" [quick, not a result]" if QUICK else ""))
    axis.tick_params(axis="x", rotation=30)
    axis.set_ylim(bottom=0)
axes[0].set_ylabel("pieces a day")
axes[0].legend(loc="upper left", frameon=False)
save_picture(figure, "panels.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/panels.png'
