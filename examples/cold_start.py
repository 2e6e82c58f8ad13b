"""Cold start: few rows, and a teacher that has seen other series
==============================================================

A new meter has few rows, and any model of its own has little to learn from. The pretrained teacher in the package has
seen other series. Its labels carry that into a linear student. We fit on the last days before the test part of ETTh1,
from eight days to sixteen weeks, with and without the teacher, and measure on four months.

Run ``python examples/cold_start.py``.
"""

# %%
# A meter
# -------
# ETTh1 if it is available or can be downloaded, otherwise a synthetic series. The rows before the test part are the
# history, of which we take the end.

import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, etth1_or_synthetic, heading, save_picture

from skdistill import DistilledForecaster, compare
from skdistill.networks import Linear

context_length, prediction_length = (24, 12) if QUICK else (96, 48)
frame, _, name = etth1_or_synthetic(2000 if QUICK else 14400)
first_test = 900 if QUICK else 8640
test = frame[first_test - context_length : first_test + (200 if QUICK else 24 * 120)]
print(f"Series: {name}; {len(test) - context_length} test rows")

# %%
# With and without the teacher
# ----------------------------
# Both students are the same linear map, solved exactly. The taught one minimizes the error to the truth and, with half
# of its weight, to what the teacher says.

lengths = {"context_length": context_length, "prediction_length": prediction_length, "validation_fraction": 0}
rows = []
for days in (8, 28) if QUICK else (8, 14, 28, 56, 112):
    train = frame[first_test - 24 * days : first_test]
    students = {
        "taught": DistilledForecaster("pretrained", Linear(penalty=0.1), "response", **lengths).fit(train),
        "alone": DistilledForecaster(None, Linear(penalty=0.1), "response", **lengths).fit(train),
    }
    result = compare(students, test)
    rows.append(
        {
            "days": days,
            "taught": result.loc["taught", "mse"],
            "alone": result.loc["alone", "mse"],
            "difference": result.loc["alone", "difference"],
            "standard error": result.loc["alone", "standard_error"],
        }
    )
table = pd.DataFrame(rows)
heading("MSE on the test part; the difference is alone minus taught")
print(table.round(4).to_string(index=False))

# %%
# Plot
# ----

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
axes.plot(table["days"], 100 * (table["alone"] / table["taught"] - 1), "o-", color="#D55E00")
spread = 100 * table["standard error"] / table["taught"]
middle = 100 * (table["alone"] / table["taught"] - 1)
axes.fill_between(table["days"], middle - 2 * spread, middle + 2 * spread, color="#D55E00", alpha=0.2, linewidth=0)
axes.axhline(0, color="0.5", linewidth=1)
axes.set_xscale("log", base=2)
axes.set_xticks(table["days"], [str(days) for days in table["days"]])
axes.set_xlabel("days of history")
axes.set_ylabel("error without teacher, % above")
axes.set_title("What the pretrained teacher adds, ± 2 standard errors" + (" [quick, not a result]" if QUICK else ""))
save_picture(figure, "cold_start.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/cold_start.png'
