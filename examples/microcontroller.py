"""Export to a microcontroller
============================

A sensor in the oil of an electricity transformer should say how hot the oil will be over the next day, on a chip with
little flash memory and no operating system. We distill the pretrained teacher into students of several widths, write
each as a C header with float and with one-byte weights, compile the headers, and compare what the compiled programs
forecast. On ETTh1 the narrowest student is as good as the widest, and one-byte weights cost at most 2% of the error:
2.5 kilobytes forecast a day.

Run ``python examples/microcontroller.py``; compiling needs a C compiler, ``cc``.
"""

# %%
# A series
# --------
# The oil temperature of ETTh1 if it is available or can be downloaded, otherwise a synthetic series. The last rows are
# the test part.

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, etth1_or_synthetic, heading, save_picture

from skdistill import DistilledForecaster
from skdistill.networks import MLP

frame, _, source = etth1_or_synthetic(1200)
series = frame.iloc[-1200:, [-1]] if QUICK else frame.iloc[:14400, [-1]]
n_test = len(series) // 5
train, test = series[:-n_test], series[-n_test:]
CONTEXT, HORIZON = (48, 12) if QUICK else (168, 24)
print(f"{source}, {series.columns[0]}: {len(train)} rows to fit on, {n_test} to test on")

# %%
# The same program for every student
# ----------------------------------
# The header has one function and no dependency. This program reads contexts and writes forecasts; on a chip, the
# context would be a ring buffer of the sensor's last values.

PROGRAM = """
#include <stdio.h>
#include "student.h"
int main(void) {
    static float context[STUDENT_CONTEXT_LENGTH], forecast[STUDENT_PREDICTION_LENGTH];
    while (fread(context, sizeof(float), STUDENT_CONTEXT_LENGTH, stdin) == STUDENT_CONTEXT_LENGTH) {
        student_forecast(context, forecast);
        fwrite(forecast, sizeof(float), STUDENT_PREDICTION_LENGTH, stdout);
    }
    return 0;
}
"""
COMPILER = shutil.which("cc")
values = test.to_numpy(np.float32)[:, 0]
contexts = np.lib.stride_tricks.sliding_window_view(values[:-HORIZON], CONTEXT)
truth = np.lib.stride_tricks.sliding_window_view(values[CONTEXT:], HORIZON)


def forecasts_in_c(forecaster: DistilledForecaster, precision: str) -> tuple[np.ndarray, int]:
    """Export, compile and run; return the forecasts of all test windows and the bytes of the constants."""
    with tempfile.TemporaryDirectory() as folder:
        header = Path(folder) / "student.h"
        forecaster.export(header, precision=precision, data=test)
        n_bytes = int(header.read_text().split(" bytes of constants")[0].split()[-1])
        if COMPILER is None:  # the same weights, in NumPy
            forecaster.export(Path(folder) / "student.npz", precision=precision)
            from skdistill import load_numpy

            return load_numpy(Path(folder) / "student.npz").predict(contexts[..., None])[..., 0], n_bytes
        (Path(folder) / "main.c").write_text(PROGRAM)
        subprocess.run([COMPILER, "-std=c99", "-O2", "main.c", "-o", "main", "-lm"], cwd=folder, check=True)
        done = subprocess.run([Path(folder) / "main"], input=contexts.tobytes(), capture_output=True, check=True)
    return np.frombuffer(done.stdout, np.float32).reshape(truth.shape), n_bytes


# %%
# Width and precision
# -------------------

rows, drawn = [], {}
for width in (4, 16) if QUICK else (4, 8, 16, 32, 64, 128):
    forecaster = DistilledForecaster(
        "pretrained",
        MLP(hidden_size=width),
        "response",
        context_length=CONTEXT,
        prediction_length=HORIZON,
        max_epochs=2 if QUICK else 20,
        random_state=0,
    ).fit(train)
    for precision in ("float32", "int8"):
        found, n_bytes = forecasts_in_c(forecaster, precision)
        error = float(np.abs(found - truth).mean())
        drawn[width, precision] = found
        rows.append({"width": width, "weights": precision, "kB": n_bytes / 1000, "MAE": error})
naive = np.lib.stride_tricks.sliding_window_view(values[CONTEXT - 24 : -24], HORIZON)
table = pd.DataFrame(rows)
heading(f"Mean absolute error of {len(truth)} forecasts; yesterday's values have {np.abs(naive - truth).mean():.3f}")
print(table.round({"kB": 1, "MAE": 4}).to_string(index=False))

# %%
# What a kilobyte buys
# --------------------

import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
for (precision, rows_of), marker in zip(table.groupby("weights"), "os", strict=True):
    axes.plot(rows_of["kB"], rows_of["MAE"], marker=marker, label=f"{precision} weights")
axes.axhline(np.abs(naive - truth).mean(), color="0.5", linestyle="--", label="yesterday's values")
axes.set(xscale="log", xlabel="kilobytes of constants", ylabel="mean absolute error")
axes.set_title("A forecast within a few kilobytes" + (" [quick, not a result]" if QUICK else ""))
axes.legend(frameon=False)
save_picture(figure, "microcontroller.png")

# sphinx_gallery_thumbnail_path = '_static/thumbnails/microcontroller.png'
