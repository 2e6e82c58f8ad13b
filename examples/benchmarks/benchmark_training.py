"""What distillation costs: ratios from one run
============================================

Ratios are relative to one training step of the student alone. The script measures the prediction-level terms, the
feature level, a teacher in the training loop, labeling compared with an epoch of the teacher, and the memory for a
series of 1,000,000 rows.
"""

# %%
import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, PeakMemory, heading, write_results

from skdistill import DistilledForecaster
from skdistill._utils._generators import seeded
from skdistill.core import BaseLoss, Labels, NetworkSpec, SeriesStore, TrainingWindows
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._training_windows import split_windows
from skdistill.labeling._label_windows import label_windows
from skdistill.labeling._recompute import RecomputedFeatures
from skdistill.labeling._stored import StoredLabels
from skdistill.losses import Response, Supervised, TimeDistill
from skdistill.networks import MLP, DLinear, ITransformer
from skdistill.networks._inputs import make_spec
from skdistill.teachers import PretrainedTeacher
from skdistill.training._settings import TrainingSettings
from skdistill.training._train import train_network

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--rows", type=int, default=3000, help="rows of the series that steps are timed on")
parser.add_argument("--long-rows", type=int, default=1_000_000, help="rows of the series whose memory is measured")
arguments = parser.parse_args()
if QUICK:
    arguments.repeats, arguments.rows, arguments.long_rows = 1, 300, 3000
CONTEXT, HORIZON, CHANNELS, WIDTH = (48, 12, 3, 16) if QUICK else (720, 96, 7, 512)
TEACHER_WIDTH = 16 if QUICK else 256
torch.set_num_threads(arguments.threads)
CLOCK = time.thread_time if arguments.threads == 1 else time.perf_counter  # other load on the machine counts little
rows: list[dict[str, object]] = []


def note(what: str, ratio: float, unit: str, aim: str = "") -> None:
    rows.append({"what": what, "figure": ratio, "unit": unit, "aim": aim})
    print(f"{what:<62} {ratio:8.3g} {unit:<28} {aim}")


def make_windows(n_rows: int) -> TrainingWindows:
    values = np.random.default_rng(0).normal(size=(n_rows, CHANNELS)).cumsum(axis=0)
    scaling = Scaling().fit([values])
    store = SeriesStore.from_series([Series(values)], scaling, padding=HORIZON)
    return split_windows(
        store,
        context_length=CONTEXT,
        prediction_length=HORIZON,
        targets=tuple(range(CHANNELS)),
        validation_rows=[0],
    )


class LiveTeacher(RecomputedFeatures):
    """The research code's way: the teacher runs on every batch."""

    def take(self, indices: torch.Tensor) -> Labels:
        """Run the teacher."""
        labels = self.teacher.label(self.windows.contexts(indices))
        return Labels(labels.forecast.clone(), labels.features.clone())


# %%
# Steps
# -----
# An epoch each, interleaved, and the median of the ratios to the student alone.

windows = make_windows(arguments.rows)
teacher = PretrainedTeacher(
    ITransformer(TEACHER_WIDTH), ITransformer(TEACHER_WIDTH).build(NetworkSpec(CONTEXT, HORIZON, CHANNELS)).state_dict()
).set_params(device="cpu")
teacher.fit(windows)


def label_all() -> StoredLabels:
    return label_windows(
        lambda indices: teacher.label(windows.train.contexts(indices)),
        len(windows.train),
        forecast_shape=(HORIZON, CHANNELS),
        with_features=True,
    )


labels = label_all()
settings = TrainingSettings(
    lr=0.01,
    max_epochs=1,
    batch_size=32,
    patience=None,
    optimizer="adam",
    lr_schedule="halving",
    gradient_clip=None,
    device="cpu",
    verbose=0,
)


def epoch(loss: BaseLoss, source: object) -> Callable[[], object]:
    def run() -> object:
        student = MLP(WIDTH)
        spec = make_spec(student, windows.train)
        with seeded(0):
            return train_network(student.build(spec), spec, windows, loss=loss, labels=source, settings=settings)

    return run


def seconds(call: Callable[[], object], clock: Callable[[], float] = CLOCK) -> float:
    started = clock()
    call()
    return clock() - started


live = LiveTeacher(labels, teacher, windows.train)
variants = {
    "student alone": epoch(Supervised(), None),
    "with the response term": epoch(Response(), labels),
    "with the prediction level": epoch(TimeDistill(feature_weight=0.0), labels),
    "with prediction and feature level": epoch(TimeDistill(), labels),
    "with both, teacher in the loop": epoch(TimeDistill(), live),
}
aims = {"with the prediction level": "at most 1.3", "with prediction and feature level": "at most 1.8"}
times: dict[str, list[float]] = {name: [] for name in variants}
for call in variants.values():
    call()
for _ in range(arguments.repeats):
    for name, call in variants.items():
        times[name].append(seconds(call))
heading(f"One step, batch 32, context {CONTEXT}, horizon {HORIZON}, width {WIDTH}, {arguments.threads} thread(s)")
n_steps = -(-len(windows.train) // 32)
note("student alone", 1e3 * statistics.median(times["student alone"]) / n_steps, "ms per step")
for name in list(variants)[1:]:
    ratios = [a / b for a, b in zip(times[name], times["student alone"], strict=True)]
    note(f"step {name}", statistics.median(ratios), "x student alone", aims.get(name, ""))

# %%
# Labeling
# --------
# Every window once, compared with an epoch of the teacher without gradients, in its training batches.


def teacher_epoch() -> None:
    module = teacher.module_
    with torch.inference_mode():
        for indices in torch.arange(len(windows.train)).split(32):
            module(windows.train.context_values(indices))


heading("Labeling")
pairs = [(seconds(label_all), seconds(teacher_epoch)) for _ in range(max(arguments.repeats, 2))]
note("labels of every window", statistics.median(a / b for a, b in pairs), "x teacher epoch, no gradient", "about 1")

# %%
# Memory
# ------
# Anonymous memory beyond the imports while a long series is fitted for one epoch, labels on disk.


def fit_long_series(folder: str) -> None:
    generator = np.random.default_rng(0)
    series = generator.normal(size=(arguments.long_rows, CHANNELS), scale=0.01).cumsum(axis=0)
    weights = DLinear().build(NetworkSpec(CONTEXT, HORIZON, CHANNELS)).state_dict()
    DistilledForecaster(
        teacher=PretrainedTeacher(DLinear(), weights),
        student=DLinear(),
        loss="response",
        context_length=CONTEXT,
        prediction_length=HORIZON,
        validation_fraction=2 * HORIZON,
        max_epochs=1,
        batch_size=256,
        device="cpu",
        random_state=0,
        memory=folder,
    ).fit(series)


if sys.platform == "linux":
    del labels, live, variants
    heading(f"Memory: {arguments.long_rows:,} rows x {CHANNELS}, context {CONTEXT}, one epoch, response loss")
    with tempfile.TemporaryDirectory() as folder, PeakMemory() as memory:
        spent = seconds(lambda: fit_long_series(folder), time.perf_counter)
        on_disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    note("anonymous memory beyond the imports", memory.gib, "GiB", "under 3")
    note("labels on disk", on_disk / 2**30, "GiB")
    note("the whole fit", spent, "s")

# %%
# GPU
# ---
# Where there is one: windows per second with series and labels on the device, compared with the same net fed by
# torch's default DataLoader.

if torch.cuda.is_available():
    from skorch.helper import predefined_split  # noqa: F401
    from torch.utils.data import DataLoader

    from skdistill.training._batches import WindowDataset
    from skdistill.training._net import DistillationNet
    from skdistill.training._train import _place

    class Collated(torch.utils.data.Dataset):
        """One window per item, as a default DataLoader needs it."""

        def __init__(self, dataset: WindowDataset) -> None:
            self.dataset = dataset

        def __len__(self) -> int:
            return len(self.dataset)

        def __getitem__(self, index: int) -> object:
            inputs, targets = self.dataset[index]
            return {k: v[0] for k, v in inputs.items()}, {k: v[0] for k, v in targets.items()}

    heading("GPU")
    spec = NetworkSpec(CONTEXT, HORIZON, CHANNELS)
    gpu = torch.device("cuda")
    on_gpu = label_all()

    def net_epoch(dataset: object, **iterator: object) -> Callable[[], object]:
        from skdistill.core import LossShapes, build_objective

        objective = build_objective(Response(), LossShapes(HORIZON, CHANNELS), has_teacher=True)
        net = DistillationNet(
            MLP(WIDTH).build(spec),
            criterion=objective,
            max_epochs=1,
            batch_size=256,
            train_split=None,
            verbose=0,
            device=gpu,
            iterator_train__shuffle=True,
            **iterator,
        ).initialize()
        return lambda: net.fit_loop(dataset)

    from skdistill.training._batches import BatchLoader

    train, _, placed = _place(windows.train, None, on_gpu, gpu)
    ours = net_epoch(WindowDataset(train, spec, placed), iterator_train=BatchLoader)
    theirs = net_epoch(Collated(WindowDataset(windows.train, spec, on_gpu)), iterator_train=DataLoader)
    for call in (ours, theirs):
        call()
    note("gathered on the device", len(windows.train) / seconds(ours, time.perf_counter), "windows per second")
    note("default DataLoader", len(windows.train) / seconds(theirs, time.perf_counter), "windows per second")
else:
    print("GPU: none here, so nothing is measured")

write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "training.csv")
