"""What a training step costs beyond its arithmetic: ratios from one run
======================================================================

The training of a student alone, compared with the shortest loop in torch: the same module on batches that are already
in memory, the mean squared error, a fused Adam. The rest is gathering windows, skorch and bookkeeping. Then the same
loop under autocast in bfloat16, and the share of a student's step that the regressor of TimeDistill's feature level
adds by itself. Times are of the thread, so that other load on the machine counts little.
"""

# %%
import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn.functional import mse_loss

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, interleaved, write_results

from skdistill._utils._generators import seeded
from skdistill.core import BaseNetwork, NetworkSpec, SeriesStore
from skdistill.data._scaling import Scaling
from skdistill.data._series import Series
from skdistill.data._training_windows import split_windows
from skdistill.losses import Supervised
from skdistill.networks import MLP, DLinear, ITransformer, Linear
from skdistill.networks._inputs import make_spec
from skdistill.training._batches import WindowDataset
from skdistill.training._settings import TrainingSettings
from skdistill.training._train import train_network

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--repeats", type=int, default=1 if QUICK else 9)
parser.add_argument("--rows", type=int, default=120 if QUICK else 2000, help="rows of the series")
arguments = parser.parse_args()
CONTEXT, HORIZON, CHANNELS, WIDTH = (24, 6, 2, 8) if QUICK else (336, 96, 7, 512)
STUDENTS: dict[str, BaseNetwork] = {
    f"MLP {WIDTH}": MLP(WIDTH),
    f"MLP {WIDTH // 8}": MLP(WIDTH // 8),
    "DLinear": DLinear(),
    "Linear": Linear(solver="gradient"),
    f"iTransformer {WIDTH // 8}": ITransformer(WIDTH // 8, n_heads=1 if QUICK else 8),
}
BATCH_SIZES = (32,) if QUICK else (32, 1024)
torch.set_num_threads(1)
rows: list[dict[str, object]] = []


def note(what: str, figure: float, unit: str) -> None:
    rows.append({"what": what, "figure": figure, "unit": unit})
    print(f"{what:<62} {figure:8.3g} {unit}", flush=True)


values = np.random.default_rng(0).normal(size=(arguments.rows, CHANNELS)).cumsum(axis=0)
store = SeriesStore.from_series([Series(values)], Scaling().fit([values]), padding=HORIZON)
lengths = {"context_length": CONTEXT, "prediction_length": HORIZON}
windows = split_windows(store, targets=tuple(range(CHANNELS)), validation_rows=[0], **lengths)


# %%
# Epochs
# ------


def ours(student: BaseNetwork, batch_size: int) -> Callable[[], float]:
    """Time an epoch as the estimators train."""
    spec = make_spec(student, windows.train)
    settings = TrainingSettings(
        lr=1e-3, max_epochs=1, batch_size=batch_size, patience=None, optimizer="adam", lr_schedule="constant",
        gradient_clip=None, device="cpu", verbose=0,
    )  # fmt: skip

    def epoch() -> float:
        with seeded(0):
            module = student.build(spec)
            started = time.thread_time()
            train_network(module, spec, windows, loss=Supervised(), settings=settings)
        return time.thread_time() - started

    return epoch


def shortest(student: BaseNetwork, batch_size: int, *, bfloat16: bool = False) -> Callable[[], float]:
    """Time the same steps in a loop that does nothing else."""
    spec = make_spec(student, windows.train)
    module = student.build(spec).train()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    dataset = WindowDataset(windows.train, spec)
    batches = [dataset.batch(indices) for indices in torch.randperm(len(windows.train)).split(batch_size)]

    def epoch() -> float:
        started = time.thread_time()
        for inputs, targets in batches:
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
                forecast = module(**inputs).forecast
            mse_loss(forecast.float(), targets["truth"]).backward()
            optimizer.step()
        return time.thread_time() - started

    return epoch


heading(
    f"Epochs of {len(windows.train)} windows, context {CONTEXT}, horizon {HORIZON}, {CHANNELS} channels, one thread"
)
for batch_size in BATCH_SIZES:
    for name, student in STUDENTS.items():
        kinds = {
            "ours": ours(student, batch_size),
            "shortest": shortest(student, batch_size),
            "bfloat16": shortest(student, batch_size, bfloat16=True),
        }
        for kind in kinds.values():
            kind()
        times = [{kind: call() for kind, call in kinds.items()} for _ in range(arguments.repeats)]
        n_steps = -(-len(windows.train) // batch_size)
        label = f"{name}, batch {batch_size}"
        note(label, 1e3 * statistics.median(one["ours"] for one in times) / n_steps, "ms per step")
        note(f"{label}, compared", statistics.median(one["ours"] / one["shortest"] for one in times), "x shortest loop")
        note(f"{label}, bfloat16", statistics.median(one["bfloat16"] / one["shortest"] for one in times), "x float32")

# %%
# The feature level
# -----------------
# Its regressor maps the teacher's features to the student's width; its products are part of the published objective.

CONTEXT, TEACHER_WIDTH = (48, 8) if QUICK else (720, 256)
module = MLP(WIDTH).build(NetworkSpec(CONTEXT, HORIZON, CHANNELS)).train()
regressor = nn.Sequential(nn.Linear(TEACHER_WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
context, truth = torch.randn(32, CHANNELS, CONTEXT).transpose(1, 2), torch.randn(32, HORIZON, CHANNELS)
features, gradient = torch.randn(32, CHANNELS, TEACHER_WIDTH), torch.randn(32, CHANNELS, WIDTH)
optimizers = [torch.optim.Adam(one.parameters(), lr=1e-3, fused=True) for one in (module, regressor)]


def student_step() -> None:
    """Make a step of the student alone."""
    optimizers[0].zero_grad()
    mse_loss(module(context).forecast, truth).backward()
    optimizers[0].step()


def regressor_step() -> None:
    """Make a step of the regressor, from a gradient that is given."""
    optimizers[1].zero_grad()
    regressor(features).backward(gradient)
    optimizers[1].step()


heading(f"The regressor of the feature level, context {CONTEXT}, width {WIDTH}, batch 32")
calls = {"student": student_step, "regressor": regressor_step}
times = interleaved(calls, 0.05 if QUICK else 5.0, clock=time.thread_time)
note("regressor of the feature level, alone", times["regressor"] / times["student"], "x step of the student")

write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "steps.csv")
