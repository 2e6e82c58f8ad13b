"""Deploy a student
================

This example trains a student, inspects its fused form, saves and exports it, updates it with one row at a time, and
forecasts many series at once.
"""

# %%
# A student
# ---------

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, PeakMemory, heading

from skdistill import DistilledForecaster, load
from skdistill.datasets import make_multiseasonal
from skdistill.deploy import NumpyStudent, fuse
from skdistill.networks import MLP

context_length, prediction_length = (48, 12) if QUICK else (336, 96)
series = make_multiseasonal(600 if QUICK else 4000, 7, random_state=0).to_numpy()
train, test = series[: -2 * context_length], series[-2 * context_length :]
forecaster = DistilledForecaster(
    teacher="dlinear",
    student=MLP(hidden_size=16 if QUICK else 128),
    loss="response",
    context_length=context_length,
    prediction_length=prediction_length,
    max_epochs=1 if QUICK else 5,
    random_state=0,
).fit(train)

# %%
# Its fused form
# --------------
# The standardization, the mean of the window, the moving average and BatchNorm are linear, so they are folded into two
# matrices. ``predict`` uses these matrices instead of the module.

for number, layer in enumerate(fuse(forecaster.student_, forecaster.spec_).layers):
    print(f"matrix {number}: {layer.weight.shape}")


def microseconds(call, repeats: int = 20 if QUICK else 200) -> float:
    durations = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        durations.append(1e6 * (time.perf_counter() - started))
    return sorted(durations)[repeats // 2]


window = test[-context_length:]
heading(f"predict(array), one window: {microseconds(lambda: forecaster.predict(window)):.0f} microseconds")

# %%
# Files
# -----
# ``save`` writes weights as safetensors and the rest as JSON; loading such a file runs no code. ``export`` writes a
# file for another runtime, after comparing the forecasts of that runtime with those of the student.

folder = Path(tempfile.mkdtemp())
forecaster.save(folder / "student.skdistill")
copy = load(folder / "student.skdistill")
assert np.array_equal(copy.predict(test), forecaster.predict(test))
print(forecaster.export(folder / "student.npz"))
alone = NumpyStudent.load(folder / "student.npz")  # needs only NumPy; you can copy numpy_student.py to a device
assert np.allclose(alone.predict(window), forecaster.predict(window))
try:
    report = forecaster.export(folder / "student.onnx", precision="int8", data=test)
    print(f"ONNX with int8 weights: {report.bytes} bytes, MSE {report.mse_rounded:.4f} instead of {report.mse:.4f}")
except ImportError as error:
    print(f"ONNX: skipped. {error}")

# %%
# One row at a time
# -----------------

stream = forecaster.stream(test[:context_length])
for row in test[context_length:]:
    stream.append(row)
assert np.allclose(stream.predict(), forecaster.predict(window), atol=1e-5)
heading(f"append and predict: {microseconds(lambda: (stream.append(window[0]), stream.predict())):.0f} microseconds")

# %%
# Many series
# -----------
# A batch is forecast in blocks, so memory only grows with the forecasts. Contexts can be views of a longer series, as
# here.

n_series = 200 if QUICK else 100_000
rows = make_multiseasonal(n_series + context_length - 1, 7, random_state=1).to_numpy(dtype=np.float32)
contexts = np.lib.stride_tricks.sliding_window_view(rows, context_length, axis=0).transpose(0, 2, 1)
started = time.perf_counter()
with PeakMemory() as memory:
    answers = forecaster.predict(contexts)
spent = time.perf_counter() - started
heading(
    f"{n_series} contexts of 7 channels: {1e6 * spent / n_series:.0f} microseconds each, "
    f"{memory.gib:.2f} GiB, of which the answer {answers.nbytes / 2**30:.2f}"
)

# %%
# With Dask, each partition is forecast separately, on the machine that holds it. Each row of the table is the context
# of one series.

try:
    import dask.dataframe as dd
except ImportError as error:
    print(f"Dask: skipped ({error}). pip install 'skdistill[dask]'")
else:
    few = n_series // 20

    def forecast(table: pd.DataFrame) -> pd.DataFrame:
        answers = forecaster.predict(table.to_numpy().reshape(len(table), context_length, 7))
        return pd.DataFrame(answers.reshape(len(table), prediction_length * 7), index=table.index)

    table = dd.from_pandas(pd.DataFrame(contexts[:few].reshape(few, context_length * 7)), npartitions=4)
    meta = pd.DataFrame(np.empty((0, prediction_length * 7), dtype=np.float32))
    started = time.perf_counter()
    found = table.map_partitions(forecast, meta=meta).compute(scheduler="threads")
    spent = time.perf_counter() - started
    assert np.allclose(found, answers[:few].reshape(few, -1), atol=1e-4)
    print(f"through Dask, 4 partitions: {found.shape}, {1e6 * spent / few:.0f} microseconds per series")
