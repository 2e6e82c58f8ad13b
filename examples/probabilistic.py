"""Distill quantiles: fan charts and calibrated intervals
======================================================

Planning needs the uncertainty of a forecast. A transformer trained with quantiles teaches a linear student its whole
distribution; conformal calibration on the validation windows then corrects the intervals. This example shows two
windows, the coverage of every interval, and the effect of a drift.
"""

# %%
# A series whose noise changes
# ----------------------------
# A daily and a weekly season; the noise is three times larger by day than by night, and grows over the last rows.

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from _common import QUICK, heading

from skdistill import DistilledForecaster
from skdistill.metrics import quantile_scores
from skdistill.networks import ITransformer, Linear
from skdistill.plotting import ForecastDisplay
from skdistill.teachers import TrainedTeacher

n_rows, context_length, prediction_length = (1500, 48, 24) if QUICK else (8000, 336, 48)
generator = np.random.default_rng(0)
hours = np.arange(n_rows)
day = 0.5 - 0.5 * np.cos(2 * np.pi * hours / 24)
growth = 1.0 + 1.5 * np.clip(hours / n_rows - 0.85, 0.0, None) / 0.15
noise = (0.15 + 0.3 * day) * growth * generator.normal(size=n_rows)
load = 20.0 + 6.0 * day + 2.0 * np.sin(2 * np.pi * hours / 168) + 4.0 * noise
frame = pd.DataFrame({"load": load}, index=pd.date_range("2024-01-01", periods=n_rows, freq="h", name="time"))
train, test = frame.iloc[: int(0.8 * n_rows)], frame.iloc[int(0.8 * n_rows) - context_length :]

# %%
# Fit
# ---
# ``quantiles=`` adds a head for the deciles, which cannot cross; ``"quantiledistill"`` compares them with the truth and
# with the deciles of the teacher. A student without quantiles only learns a point forecast.

DECILES = tuple(round(0.1 * decile, 1) for decile in range(1, 10))
forecaster = DistilledForecaster(
    teacher=TrainedTeacher(
        ITransformer(hidden_size=16 if QUICK else 64), quantiles=DECILES, lr=1e-3, max_epochs=1 if QUICK else 5
    ),
    student=Linear(solver="gradient"),
    loss="quantiledistill",
    context_length=context_length,
    prediction_length=prediction_length,
    quantiles=DECILES,
    calibration="rolling",
    lr=3e-3,
    lr_schedule="cosine",
    batch_size=64,
    max_epochs=2 if QUICK else 8,
    random_state=0,
).fit(train)
print(forecaster.predict_interval(test, coverage=0.8).head(3).round(2))

# %%
# Fan charts
# ----------
# Windows before and after the drift. The band is wide by day and narrow by night.

figure, axes = plt.subplots(2, 1, figsize=(7, 5.6), layout="constrained")
for axis, start in zip(axes, (context_length + 24, len(test) - prediction_length), strict=True):
    ForecastDisplay.from_estimator(forecaster, test, start=start, ax=axis, n_context=72)
    axis.set_xlabel("")
figure.suptitle("Deciles of the student" + (" [quick, not a result]" if QUICK else ""), fontsize="medium")

# %%
# Coverage
# --------
# The interval between the outer deciles should contain 80% of the true values. ``backtest_quantiles`` rolls through the
# test part; with ``calibration="rolling"``, the offsets of an origin come from the last windows whose truth was known
# there.

windows = np.lib.stride_tricks.sliding_window_view(test.to_numpy()[context_length:], prediction_length, axis=0)
truth = windows.transpose(0, 2, 1)
answers = {"rolling": forecaster.backtest_quantiles(test)}
forecaster.calibration_ = None
answers["as trained"] = forecaster.backtest_quantiles(test)
validation = train.iloc[len(train) - round(0.2 * len(train)) - context_length :]
forecaster.set_params(calibration="conformal").calibrate(validation)
answers["conformal"] = forecaster.backtest_quantiles(test)
rows = []
for name in ("as trained", "conformal", "rolling"):
    for part, half in (("first half", slice(None, len(truth) // 2)), ("drifting half", slice(len(truth) // 2, None))):
        scores = quantile_scores(truth[half], answers[name][half], DECILES)
        rows.append((name, part, scores.crps, scores.coverage, scores.width))
table = pd.DataFrame(rows, columns=["calibration", "test rows", "crps", "coverage", "width"])
heading("\nThe 80 % interval")
print(table.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
plt.show()

# sphinx_gallery_thumbnail_path = '_static/fan.png'
