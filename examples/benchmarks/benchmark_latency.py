"""How long a forecast takes: ratios from one run
==============================================

A trained MLP is fused into two matrix products with a ReLU between them. All ratios are relative to their time. The
script measures ``predict`` with its checks and units, ONNX, the unfused module, the training net and the teacher, and
the memory and start-up time of the NumPy runtime.
"""

# %%
import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, interleaved, write_results

from skdistill import DistilledForecaster, DistilledRegressor, load_numpy
from skdistill._utils import numpy_student
from skdistill.core import NetworkSpec
from skdistill.deploy import fuse
from skdistill.networks import MLP, ITransformer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=4.0, help="time spent on each row of the table")
arguments = parser.parse_args()
if QUICK:
    arguments.seconds = 0.05
CONTEXT, HORIZON, CHANNELS, WIDTH, BATCH = (48, 12, 3, 16, 20) if QUICK else (720, 96, 7, 512, 1000)
TEACHER_WIDTH = 16 if QUICK else 512
torch.set_num_threads(arguments.threads)
CLOCK = time.thread_time if arguments.threads == 1 else time.perf_counter  # other load on the machine counts little
warnings.filterwarnings("ignore", category=UserWarning)
rows: list[dict[str, object]] = []


def table(title: str, calls: dict[str, Callable[[], object]], aims: dict[str, str], in_a_row: int = 1) -> None:
    """Print times and their ratios to the faster of the bare products."""
    heading(title)
    times = interleaved(calls, arguments.seconds, in_a_row=in_a_row, clock=CLOCK)
    base = min(times[name] for name in times if name.startswith("bare products"))
    for name, duration in times.items():
        rows.append(
            {"what": f"{title}: {name}", "microseconds": duration, "ratio": duration / base, "aim": aims.get(name)}
        )
        print(f"{name:<44} {duration:12.1f} us {duration / base:9.2f} x {aims.get(name, '')}")


def bare_products(student: object, spec: NetworkSpec, n_rows: int, dtype: str) -> dict[str, Callable[[], object]]:
    """Return the minimal work, two products and a ReLU on rows already in memory, in NumPy and in torch."""
    first, last = fuse(student, spec).layers
    upper, lower = (np.ascontiguousarray(layer.weight.T, dtype) for layer in (first, last))
    given = np.random.default_rng(0).normal(size=(n_rows, spec.context_length)).astype(dtype)
    tensors = [torch.from_numpy(one) for one in (given, upper, lower)]

    def in_numpy() -> object:
        hidden = given @ upper
        return np.maximum(hidden, 0, out=hidden) @ lower

    def in_torch() -> object:
        with torch.inference_mode():
            return (tensors[0] @ tensors[1]).relu_() @ tensors[2]

    return {"bare products, NumPy": in_numpy, "bare products, torch": in_torch}


# %%
# A forecaster
# ------------
# Trained for one epoch on few rows: the weights do not matter here.

series = np.random.default_rng(0).normal(size=(CONTEXT + HORIZON + 60, CHANNELS)).cumsum(axis=0)
settings = {"max_epochs": 1, "validation_fraction": 0, "device": "cpu", "random_state": 0}
forecaster = DistilledForecaster(
    None, MLP(WIDTH), "response", context_length=CONTEXT, prediction_length=HORIZON, **settings
).fit(series)
spec = forecaster.spec_
teacher = ITransformer(TEACHER_WIDTH).build(spec).eval()
window = series[-CONTEXT:].astype(np.float32)
batch = np.random.default_rng(1).normal(size=(BATCH, CONTEXT, CHANNELS)).astype(np.float32)


def through_module(module: torch.nn.Module, contexts: np.ndarray) -> Callable[[], object]:
    tensor = torch.from_numpy(contexts)

    def run() -> object:
        with torch.inference_mode():
            return module(tensor).forecast

    return run


def through_net(contexts: np.ndarray) -> Callable[[], object]:
    """Make the way that libraries usually go: the training net's own predict."""
    from skorch import NeuralNet

    class Forecast(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.student = forecaster.student_

        def forward(self, X: torch.Tensor) -> torch.Tensor:
            return self.student(X).forecast

    net = NeuralNet(Forecast, criterion=torch.nn.MSELoss, train_split=None, verbose=0).initialize()
    return lambda: net.predict(contexts)


@cache
def onnx_session() -> Any:
    """Export the student, and open it in ONNX Runtime; None without it."""
    if any(importlib.util.find_spec(name) is None for name in ("onnx", "onnxscript", "onnxruntime")):
        print("ONNX: skipped, pip install 'skdistill[onnx]'")
        return None
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.onnx"
        forecaster.export(path)
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def through_onnx(contexts: np.ndarray) -> Callable[[], object] | None:
    session = onnx_session()
    return None if session is None else lambda: session.run(["forecast"], {"context": contexts})[0]


class BoltSized(torch.nn.Module):
    """The work of Chronos-Bolt-base's encoder: 12 layers of width 768, patches of 16 rows, each channel separately."""

    def __init__(self) -> None:
        super().__init__()
        width, layers = (16, 1) if QUICK else (768, 12)
        layer = torch.nn.TransformerEncoderLayer(width, 2 if QUICK else 12, 4 * width, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.n_tokens, self.width = max(CONTEXT // 16, 1) + 1, width

    def forward(self, contexts: torch.Tensor) -> torch.Tensor:
        """Encode as many tokens as the contexts would make."""
        return self.encoder(torch.zeros(len(contexts) * CHANNELS, self.n_tokens, self.width))


def bolt(contexts: np.ndarray) -> Callable[[], object]:
    module, tensor = BoltSized().eval(), torch.from_numpy(contexts)

    def run() -> object:
        with torch.inference_mode():
            return module(tensor)

    return run


one = bare_products(forecaster.student_, spec, CHANNELS, "float32")
heavy = {  # apart from the others, whose caches they would empty
    "net.predict": through_net(window[None]),
    "iTransformer teacher, module": through_module(teacher, window[None]),
    "Chronos-Bolt-base-sized encoder": bolt(window[None]),
}
heavy = {**one, **heavy}
columns = [f"c{number}" for number in range(CHANNELS)]
frame = pd.DataFrame(series, pd.date_range("2024-01-01", periods=len(series), freq="h"), columns)
framed = DistilledForecaster(
    None, MLP(WIDTH), "response", context_length=CONTEXT, prediction_length=HORIZON, **settings
).fit(frame)
recent = frame.iloc[-CONTEXT:]
rounded = {}
with tempfile.TemporaryDirectory() as folder:
    for precision in ("float32", "bfloat16", "int8"):
        forecaster.export(Path(folder) / "student.npz", precision=precision)
        products = "numpy" if precision == "float32" else "torch"
        name = "load_numpy" if precision == "float32" else f"load_numpy, {precision} products of torch"
        rounded[name] = load_numpy(Path(folder) / "student.npz", products=products)
one |= {
    "predict(array)": lambda: forecaster.predict(window),
    "predict(DataFrame)": lambda: framed.predict(recent),
    **{name: (lambda student=student: student.predict(window)) for name, student in rounded.items()},
    "ONNX": through_onnx(window[None]),
    "unfused module": through_module(forecaster.student_, window[None]),
}
setting = f"context {CONTEXT}, horizon {HORIZON}, {CHANNELS} channels, width {WIDTH}, {arguments.threads} thread(s)"
aims = {
    "predict(array)": "at most 1.3",
    "predict(DataFrame)": "at most 1.3, and 100 us",
    "load_numpy, int8 products of torch": "under 0.7",
    "ONNX": "at most 1.5",
}
calls = {name: call for name, call in one.items() if call is not None}
table(f"One window, float32, {setting}", calls, aims, in_a_row=8)

table(f"One window, slower ways, float32, {setting}", heavy, {})

many = bare_products(forecaster.student_, spec, CHANNELS * BATCH, "float32")
many |= {
    "predict(batch)": lambda: forecaster.predict(batch),
    **{name: (lambda student=student: student.predict(batch)) for name, student in rounded.items()},
    "ONNX": through_onnx(batch),
    "unfused module": through_module(forecaster.student_, batch),
}
aims = {"predict(batch)": "at most 1.1", "ONNX": "at most 1.5"}
table(f"{BATCH} windows, float32, {setting}", {name: call for name, call in many.items() if call is not None}, aims)

# %%
# A regressor
# -----------
# In float64, so that the forecast of a row does not depend on the other rows.

both = np.random.default_rng(2).normal(size=(40, CONTEXT + HORIZON, CHANNELS))
regressor = DistilledRegressor(None, MLP(WIDTH), "response", **settings).fit(both[:, :CONTEXT], both[:, CONTEXT:])
doubles = batch.astype(np.float64)
calls = bare_products(regressor.student_, regressor.spec_, CHANNELS * BATCH, "float64")
calls |= {
    "predict(table)": lambda: regressor.predict(doubles),
    "unfused module": through_module(regressor.student_, doubles),
}
table(f"{BATCH} windows, float64 regressor, {setting}", calls, {"predict(table)": "at most 1.2"})

# %%
# Other libraries
# ---------------
# neuralforecast is an extra of its own and is left out where it is absent; sktime's reduction of a ridge regression
# is the nearest of its models to one matrix.

if importlib.util.find_spec("neuralforecast") is None:
    print("neuralforecast: skipped, pip install neuralforecast")
if importlib.util.find_spec("sktime") is not None:
    from sklearn.linear_model import Ridge
    from sktime.forecasting.compose import make_reduction

    reduction = make_reduction(Ridge(), window_length=CONTEXT, strategy="direct")
    reduction.set_config(remember_data=True)
    reduction.fit(pd.Series(series[:, 0]), fh=np.arange(1, min(HORIZON, 24) + 1))
    base = bare_products(forecaster.student_, spec, CHANNELS, "float32")
    calls = {**base, "sktime direct reduction, 1 channel, 24 steps": reduction.predict}
    table("One window, compared with sktime", calls, {})

# %%
# The NumPy runtime
# -----------------
# Start-up and memory of a new process that forecasts one window, compared with ``import torch`` alone.

MEASURE = """
import time
started = time.perf_counter()
{code}
spent = time.perf_counter() - started
status = open("/proc/self/status").read() if {linux} else "VmHWM: nan"
print(spent, status.split("VmHWM:")[1].split()[0])
"""


def fresh(code: str, folder: str) -> tuple[float, float]:
    """Run code in a new process; return its seconds and its largest memory in MiB."""
    script = MEASURE.format(code=code, linux=sys.platform == "linux")
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()
    return float(seconds), float(memory) / 1024


heading("A new process")
with tempfile.TemporaryDirectory() as folder:
    forecaster.export(Path(folder) / "student.npz")
    (Path(folder) / "numpy_student.py").write_text(Path(numpy_student.__file__).read_text())
    np.save(Path(folder) / "window.npy", window)
    runtime = (
        "import numpy, numpy_student; numpy_student.NumpyStudent.load('student.npz').predict(numpy.load('window.npy'))"
    )
    codes = {
        "NumPy runtime, import to first forecast": runtime,
        "import numpy": "import numpy",
        "import torch": "import torch",
    }
    for name, code in codes.items():
        runs = [fresh(code, folder) for _ in range(1 if QUICK else 5)]
        spent, memory = (statistics.median(figures) for figures in zip(*runs, strict=True))
        rows.append({"what": f"A new process: {name}", "microseconds": 1e6 * spent, "MiB": memory})
        print(f"{name:<44} {1e3 * spent:10.1f} ms {memory:8.1f} MiB")

write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "latency.csv")
