"""Labels, training and forecasts on a GPU, checked against the CPU: one run of under six minutes
===============================================================================================

Needs torch, NumPy, scikit-learn, skorch and sktime alone. Prints the card's own rate in bfloat16, labels a second and
their share of that rate, windows a second in training at several batch sizes, with series and labels on the device and
with torch's default DataLoader, forecasts a second, and the largest difference from the CPU with the same seed. Then it
fits on the GPU, and loads and forecasts on the CPU. ``--dry-run`` goes the same way with small sizes, and writes
nothing.
"""

# %%
import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster, load
from skdistill._utils._generators import seeded
from skdistill.core import NetworkSpec, SeriesStore, TrainingWindows
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._training_windows import split_windows
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._stored import StoredLabels
from skdistill.losses import Response
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.networks._inputs import make_spec
from skdistill.teachers import PretrainedTeacher
from skdistill.training._batches import WindowDataset
from skdistill.training._settings import TrainingSettings
from skdistill.training._train import train_network

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--dry-run", action="store_true", help="small: whether the script works")
parser.add_argument("--device", default="cuda", help="of a dry run: cuda, or cpu where there is no GPU")
parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "gpu.csv")
arguments = parser.parse_args()
SMALL = arguments.dry_run or QUICK
if not SMALL and not torch.cuda.is_available():
    sys.exit("no GPU here: nothing is measured. --dry-run tries the script on the CPU.")
DEVICE = arguments.device if torch.cuda.is_available() else "cpu"
CONTEXT, HORIZON, CHANNELS, WIDTH = (48, 12, 7, 16) if SMALL else (336, 96, 7, 512)
N_ROWS = 600 if SMALL else 100_000
N_ITEMS = 200 if SMALL else 5_000  # windows that the DataLoader reads
BATCHES = (32, 128) if SMALL else (256, 1024, 4096, 16384)
N_STEPS = 2 if SMALL else 400  # of each training run at least, so that placing series and labels counts little
SECONDS = 0.05 if SMALL else 2.0  # of each measurement
warnings.filterwarnings("ignore", message="the file describes")  # the teacher's weights, which are not saved
started, rows = time.perf_counter(), []


def note(what: str, figure: float, unit: str, aim: str = "") -> None:
    """Print a figure and keep it."""
    rows.append({"what": what, "figure": figure, "unit": unit, "aim": aim})
    print(f"{what:<66} {figure:12.4g} {unit:<22} {aim}", flush=True)


def wait() -> None:
    """Wait until the GPU has done what it was given."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds(call: Callable[[], object]) -> float:
    """Return the time of one call, its work on the GPU included."""
    wait()
    begun = time.perf_counter()
    call()
    wait()
    return time.perf_counter() - begun


def rate(call: Callable[[], object], n_windows: int) -> float:
    """Return windows a second of repeated warm calls."""
    call()
    times = [seconds(call)]
    while sum(times) < SECONDS:
        times.append(seconds(call))
    return n_windows / statistics.median(times)


# %%
# The card
# --------

name = torch.cuda.get_device_name() if DEVICE == "cuda" else "CPU, a dry run: no figure means anything"
heading(f"{name}, torch {torch.__version__}")
size = 256 if SMALL else 8192
left, right = (torch.randn(size, size, device=DEVICE, dtype=torch.bfloat16) for _ in range(2))
BF16 = 2 * size**3 * rate(lambda: left @ right, 1)
note("bfloat16, square product", BF16 / 1e12, "TFLOP/s")

# %%
# Labels
# ------
# The work of Chronos-Bolt base's encoder, 12 layers of width 768, on patches of 16 rows of each channel, in bfloat16.

WIDE, LAYERS, TOKENS, N_LABELED = (32, 1, 4, 8) if SMALL else (768, 12, CONTEXT // 16 + 1, 4096)
layer = torch.nn.TransformerEncoderLayer(WIDE, WIDE // (16 if SMALL else 64), 4 * WIDE, batch_first=True, dropout=0.0)
bolt = torch.nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False).to(DEVICE, torch.bfloat16).eval()
tokens = torch.randn(N_LABELED, TOKENS, WIDE, device=DEVICE, dtype=torch.bfloat16)


def encode() -> None:
    with torch.inference_mode():
        bolt(tokens)


labels_a_second = rate(encode, N_LABELED)
work = LAYERS * TOKENS * (24 * WIDE**2 + 4 * TOKENS * WIDE)  # multiplications and additions of one channel
note("labels of an encoder of Chronos-Bolt base's size", labels_a_second / CHANNELS, f"windows of {CHANNELS}/s")
note("share of the card's own rate", 100 * labels_a_second * work / BF16, "%", "at least 40")


def make_windows() -> TrainingWindows:
    values = np.random.default_rng(0).normal(size=(N_ROWS, CHANNELS)).cumsum(axis=0)
    store = SeriesStore.from_series([Series(values)], Scaling().fit([values]), padding=HORIZON)
    targets = tuple(range(CHANNELS))
    return split_windows(store, context_length=CONTEXT, prediction_length=HORIZON, targets=targets, validation_rows=[0])


windows = make_windows()
n_windows = len(windows.train)
spec = NetworkSpec(CONTEXT, HORIZON, CHANNELS)
with seeded(0):
    network = ITransformer(16 if SMALL else 256)
    weights = network.build(spec).state_dict()


def label(device: str, n: int) -> StoredLabels:
    teacher = PretrainedTeacher(network, weights).set_params(device=device)
    teacher.fit(windows)
    return label_windows(
        lambda indices: teacher.label(windows.train.contexts(indices)),
        n,
        forecast_shape=(HORIZON, CHANNELS),
        with_features=False,
        chunk_size=4096,
    )


heading("Labels of an iTransformer of width 256, through the package")
note(
    "labels of an iTransformer of width 256",
    rate(lambda: label(DEVICE, n_windows), n_windows),
    f"windows of {CHANNELS}/s",
)
labels = label(DEVICE, n_windows)
few = min(n_windows, 256)
difference = (label(DEVICE, few).forecast - label("cpu", few).forecast).abs().max()
note("largest difference of labels from the CPU", float(difference), "standard deviations", "at most 1e-3")

# %%
# Training
# --------
# Series and labels live on the device. The baseline is the same net, fed window by window through a DataLoader.


def n_epochs(batch_size: int) -> int:
    return -(-N_STEPS * batch_size // n_windows)


def settings(batch_size: int, precision: str) -> TrainingSettings:
    return TrainingSettings(
        lr=1e-3,
        max_epochs=n_epochs(batch_size),
        batch_size=batch_size,
        patience=None,
        optimizer="adam",
        lr_schedule="constant",
        gradient_clip=None,
        device=DEVICE,
        precision=precision,
        verbose=0,
    )


def train(student: DLinear | MLP, batch_size: int, precision: str = "float32") -> None:
    with seeded(0):
        made = make_spec(student, windows.train)
        module = student.build(made)
        train_network(module, made, windows, loss=Response(), labels=labels, settings=settings(batch_size, precision))


class Items(torch.utils.data.Dataset):
    """One window per item, as a default DataLoader needs it."""

    def __init__(self, dataset: WindowDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Return the number of windows."""
        return min(len(self.dataset), N_ITEMS)

    def __getitem__(self, index: int) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Return one window."""
        inputs, targets = self.dataset[index]
        return {key: one[0] for key, one in inputs.items()}, {key: one[0] for key, one in targets.items()}


def loader_epoch(student: DLinear | MLP, batch_size: int) -> Callable[[], object]:
    from skorch import NeuralNet

    class Net(NeuralNet):
        """A plain net: the forecast beside truth and label."""

        def get_loss(self, y_pred: object, y_true: dict[str, torch.Tensor], *args: object, **kwargs: object) -> object:
            """Return the error of the forecast."""
            forecast, mse = y_pred.forecast, torch.nn.functional.mse_loss
            truth, teacher = (y_true[key].to(forecast.device) for key in ("truth", "teacher_forecast"))
            return mse(forecast, truth) + mse(forecast, teacher)

    items = Items(WindowDataset(windows.train, spec, labels))
    module = student.build(make_spec(student, windows.train))
    net = Net(module, torch.nn.MSELoss, train_split=None, verbose=0, device=DEVICE, batch_size=batch_size)
    net.set_params(iterator_train__shuffle=True, optimizer=torch.optim.Adam).initialize()
    return lambda: net.fit_loop(items, epochs=1)


heading(f"Training, context {CONTEXT}, horizon {HORIZON}, {n_windows:,} windows of {CHANNELS} channels, labels there")
for title, student in (("DLinear", DLinear()), (f"MLP({WIDTH})", MLP(WIDTH))):
    found = {}
    for batch_size in BATCHES:
        found[batch_size] = rate(lambda s=student, b=batch_size: train(s, b), n_epochs(batch_size) * n_windows)
        note(f"{title}, batch {batch_size}", found[batch_size], "windows/s")
    note(f"{title}, best batch", max(found.values()), "windows/s", "at least 1,000,000")
    largest = BATCHES[-1]
    half = rate(lambda s=student, b=largest: train(s, b, "bfloat16"), n_epochs(largest) * n_windows)
    note(f"{title}, batch {largest}, bfloat16", half, "windows/s")
    run = loader_epoch(student, BATCHES[0])
    baseline = min(n_windows, N_ITEMS) / seconds(run)
    note(f"{title}, default DataLoader, batch {BATCHES[0]}", baseline, "windows/s")
    note(f"{title}, the same batch, times the DataLoader", found[BATCHES[0]] / baseline, "x")
    note(f"{title}, best batch, times the DataLoader", max(found.values()) / baseline, "x", "at least 20")

# %%
# Forecasts
# ---------

heading("Forecasts of the module on the device")
module = MLP(WIDTH).build(make_spec(MLP(WIDTH), windows.train)).to(DEVICE).eval()
placed = windows.train.to(DEVICE)
block = torch.arange(min(n_windows, 16384), device=DEVICE)


def forecast() -> None:
    with torch.inference_mode():
        module(placed.context_values(block))


note(f"MLP({WIDTH}), forecasts in batches of {len(block)}", rate(forecast, len(block)), "windows/s")

# %%
# The same on the CPU
# -------------------

heading("Fitted on the device, saved, loaded and forecast on the CPU")
series = np.random.default_rng(1).normal(size=(400 if SMALL else 3000, CHANNELS)).cumsum(axis=0)
for title, student in (("DLinear", DLinear()), (f"MLP({WIDTH})", MLP(WIDTH))):
    answers = []
    for device in (DEVICE, "cpu"):
        forecaster = DistilledForecaster(
            PretrainedTeacher(network, weights).set_params(device=device),
            student,
            "response",
            context_length=CONTEXT,
            prediction_length=HORIZON,
            max_epochs=1,
            batch_size=256,
            lr=1e-3,
            device=device,
            random_state=0,
        ).fit(series)
        with tempfile.TemporaryDirectory() as folder:
            forecaster.save(Path(folder) / "student.skdistill")
            loaded = load(Path(folder) / "student.skdistill")
        devices = {one.device.type for one in loaded.student_.parameters()}
        if devices != {"cpu"}:
            raise RuntimeError(f"the loaded student is on {devices}")
        answers.append(loaded.predict(series) / forecaster.scaling_.scale_)
    difference = float(np.abs(answers[0] - answers[1]).max())
    note(f"{title}: largest difference of forecasts", difference, "standard deviations", "at most 1e-3")

spent = time.perf_counter() - started
note("the whole run", spent, "s", "at most 360")
failed = [one["what"] for one in rows if "difference" in one["what"] and not one["figure"] <= 1e-3]
if failed:
    sys.exit(f"these differ from the CPU by more than 1e-3: {failed}")
if SMALL:
    print("a dry run: nothing is written")
else:
    frame = pd.DataFrame(rows).assign(card=name)
    write_results(frame, arguments.output)
