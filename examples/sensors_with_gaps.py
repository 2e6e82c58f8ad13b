"""Sensors with gaps: leave them missing
=====================================

Sensors fall silent, for an hour or for days. Filling the gaps before ``fit`` is what most tools ask for; here a gap
stays NaN, and neither the scale nor the student learns from values that nobody measured. We remove whole days from the
history of forty sensors, and forecast the next day from the series as it is and from the series interpolated.

Run ``python examples/sensors_with_gaps.py``.
"""

# %%
# Forty sensors
# -------------
# A daily rhythm of its own for each, a level between 1 and 1,000, and five weeks of hours.

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, save_picture

from skdistill import DistilledForecaster
from skdistill.networks import Linear

N_SENSORS, DAYS = (5, 12) if QUICK else (40, 35)
rng = np.random.default_rng(0)
hours = pd.date_range("2024-03-01", periods=24 * (DAYS + 1), freq="h")
frames = {}
for number in range(N_SENSORS):
    angle = 2 * np.pi * np.arange(len(hours)) / 24 + rng.uniform(0, 2 * np.pi)
    weekend = 1 - 0.3 * (hours.day_of_week >= 5)
    clean = (2 + np.sin(angle) + 0.5 * np.sin(2 * angle)) * weekend + 0.15 * rng.standard_normal(len(hours))
    frames[f"sensor {number:02d}"] = pd.DataFrame({"load": 10 ** rng.uniform(0, 3) * clean}, index=hours)
sensors = pd.concat(frames, names=["series", "time"])

# %%
# Silent days
# -----------
# A share of the days of each sensor is lost. The last day is the test.

truth = sensors.groupby("series", group_keys=False).tail(24)
history = sensors.drop(truth.index)
unit = history.groupby("series")["load"].std()


def with_silent_days(share: float) -> pd.DataFrame:
    """Return the history without a share of its days."""
    table = history.copy()
    for name in frames:
        lost = rng.choice(DAYS, int(share * DAYS), replace=False)
        rows = np.isin(np.arange(24 * DAYS) // 24, lost)
        table.loc[name] = table.loc[name].mask(rows[:, None]).to_numpy()
    return table


def error(table: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """Fit on a history, forecast the day after it, and return the error in standard deviations of each sensor."""
    student = DistilledForecaster(
        None, Linear(penalty=1.0), "response", context_length=72, prediction_length=24, validation_fraction=0
    )
    forecast = student.fit(table).predict(table)
    absolute = np.abs(forecast["load"] - truth["load"]).groupby("series").mean()
    return float((absolute / unit).mean()), forecast


# %%
# Left missing, or interpolated
# -----------------------------

rows = []
for share in (0.0, 0.2, 0.4):
    gappy = with_silent_days(share)
    filled = gappy.groupby("series", group_keys=False).apply(lambda one: one.interpolate(limit_direction="both"))
    (missing, forecast), (interpolated, straight) = error(gappy), error(filled)
    rows.append({"days lost": f"{100 * share:.0f}%", "left missing": missing, "interpolated": interpolated})
heading("Mean absolute error, in standard deviations")
print(pd.DataFrame(rows).round(3).to_string(index=False))

# %%
# One sensor
# ----------
# The gaps are not drawn: nothing is there.

import matplotlib.pyplot as plt

name = "sensor 00"
figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
shown = gappy.loc[name, "load"].tail(24 * 7)
axes.plot(shown.index, shown, color="0.6", label="what the sensor sent")
axes.plot(truth.loc[name].index, truth.loc[name, "load"], color="black", label="truth")
axes.plot(straight.loc[name].index, straight.loc[name, "load"], "--", color="#0072B2", label="interpolated before fit")
axes.plot(forecast.loc[name].index, forecast.loc[name, "load"], color="#D55E00", label="gaps left missing")
axes.set_ylabel("load")
axes.set_title("Two days in five are lost" + (" [quick, not a result]" if QUICK else ""))
axes.legend(loc="upper left", ncols=2, frameon=False)
axes.margins(y=0.35)
axes.tick_params(axis="x", rotation=30)
save_picture(figure, "sensors_with_gaps.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/sensors_with_gaps.png'
