"""Distill a transformer into an MLP
=================================

A transformer network forecasts four days of seven channels of an electricity transformer. We teach a
small MLP to do the same, and measure the error of the teacher, of the student, and of the student
without a teacher, and the cost of each.
"""

# %%
# A series
# --------
# ETTh1 if it is available or can be downloaded, otherwise a synthetic series. The last rows are the
# test part, which ``fit`` does not see.

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, etth1_or_synthetic, heading

from skdistill import DistilledForecaster
from skdistill.datasets import standard_split
from skdistill.losses import TimeDistill
from skdistill.networks import MLP, ITransformer

context_length, prediction_length = (48, 12) if QUICK else (720, 96)
frame, protocol, name = etth1_or_synthetic(1500 if QUICK else 14400)
train, test, validation_fraction = standard_split(frame, protocol, context_length=context_length)
print(f"Series: {name}, {len(train)} rows to fit on, {len(test) - context_length} to test on")

# %%
# Fit
# ---
# The teacher is trained and forecasts every training window once. The student learns from the truth
# and from these labels.

forecaster = DistilledForecaster(
    teacher=ITransformer(hidden_size=16 if QUICK else 128),
    student=MLP(hidden_size=16 if QUICK else 128),
    loss=TimeDistill(prediction_weight=2.0, feature_weight=2.0),
    context_length=context_length,
    prediction_length=prediction_length,
    validation_fraction=validation_fraction,
    max_epochs=2 if QUICK else 100,
    random_state=0,
    verbose=0 if QUICK else 1,
)
forecaster.fit(train)

# %%
# Compare
# -------
# ``mse`` and ``mae`` are in standardized units, ``difference`` is relative to the student, and
# ``standard_error`` is the uncertainty of the difference due to the choice of test weeks.

comparison = forecaster.compare(test)
heading("\nComparison")
columns = ["mse", "mae", "parameters", "ms_per_window", "ms_per_batch", "difference", "standard_error"]
print(comparison[columns].to_string(float_format=lambda value: f"{value:.4g}"))
print()
print(comparison.summary())

# %%
# Plot
# ----
# One test window: context, truth, and the forecasts of teacher and student.

import matplotlib.pyplot as plt

start = len(test) // 2
context = test.iloc[start - context_length : start]
truth = test.iloc[start : start + prediction_length]
channel = frame.columns[-1]
figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
shown = context[channel].iloc[-2 * prediction_length :]
axes.plot(shown.index, shown, color="0.6", label="context")
axes.plot(truth.index, truth[channel], color="black", label="truth")
for label, forecast, color, style in (
    ("teacher", forecaster.predict_teacher(context), "#0072B2", "--"),
    ("student", forecaster.predict(context), "#D55E00", "-"),
):
    axes.plot(forecast.index, forecast[channel], color=color, linestyle=style, label=label)
axes.set_ylabel(f"{channel} (original units)")
axes.set_title(f"{prediction_length} hours ahead" + (" [quick, not a result]" if QUICK else ""))
axes.legend(loc="upper left", ncols=4, frameon=False)
axes.margins(x=0.01, y=0.15)
axes.tick_params(axis="x", rotation=30)
output = Path("quickstart.png")
figure.savefig(output, dpi=150)
print(f"picture: {output.resolve()}")
