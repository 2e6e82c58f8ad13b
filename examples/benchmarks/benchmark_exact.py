"""What an exact linear student costs: ratios from one run
=======================================================

A linear student is solved from second moments, which are computed from lagged products without building windows. This
script compares its time with scikit-learn's ``Ridge`` on materialized windows, with one epoch of gradient training and
with reading the series once, and measures 100 combinations of loss weights.
"""

# %%
import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import Ridge

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, PeakMemory, heading, write_results

from skdistill import DistilledForecaster
from skdistill.losses import Response, Supervised
from skdistill.networks import Linear
from skdistill.teachers import GivenLabels

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rows", type=int, nargs="+", default=[17_420, 1_000_000])
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
if QUICK:
    arguments.rows = [600]
CONTEXT, HORIZON, CHANNELS = (48, 12, 3) if QUICK else (720, 96, 7)
torch.set_num_threads(arguments.threads)
rows: list[dict[str, object]] = []


def note(n_rows: int, what: str, figure: float, unit: str, aim: str = "") -> None:
    rows.append({"rows": n_rows, "what": what, "figure": figure, "unit": unit, "aim": aim})
    print(f"{n_rows:>9,} {what:<58} {figure:9.3g} {unit:<22} {aim}", flush=True)


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def make_series(n_rows: int) -> np.ndarray:
    time_ = np.arange(n_rows)[:, None]
    noise = np.random.default_rng(0).normal(size=(n_rows, CHANNELS))
    return np.sin(2 * np.pi * time_ / 24 + np.arange(CHANNELS)) + noise


def make(student: Linear, **changes: object) -> DistilledForecaster:
    settings = {
        "teacher": None,
        "student": student,
        "loss": Supervised(),
        "context_length": CONTEXT,
        "prediction_length": HORIZON,
        "validation_fraction": 0.0,
        "device": "cpu",
        "random_state": 0,
    }
    return DistilledForecaster(**{**settings, **changes})


def ridge(series: np.ndarray) -> None:
    """Fit scikit-learn's Ridge on all windows, each less its level."""
    windows = np.lib.stride_tricks.sliding_window_view(series, CONTEXT + HORIZON, axis=0).reshape(-1, CONTEXT + HORIZON)
    shifted = windows - windows[:, CONTEXT - 24 : CONTEXT].mean(axis=1, keepdims=True)
    Ridge(alpha=0.1 * len(shifted), solver="cholesky").fit(shifted[:, :CONTEXT], shifted[:, CONTEXT:])


def measure(n_rows: int) -> None:
    series = make_series(n_rows)
    with PeakMemory() as memory:
        exact = min(seconds(lambda: make(Linear()).fit(series)) for _ in range(3))
    aim = n_rows == 1_000_000
    note(n_rows, "exact fit", exact, "s", "under 3" if aim else "")
    note(n_rows, "anonymous memory beyond the series", memory.gib, "GiB", "under 1" if aim else "")
    reading = seconds(lambda: series.std(axis=0))
    note(n_rows, "reading the series once (standard deviation)", reading / exact, "x exact fit")
    if n_rows > 100_000:
        return
    epoch = seconds(lambda: make(Linear(solver="gradient"), batch_size=256, max_epochs=1).fit(series))
    note(n_rows, "one epoch of gradient training, batch 256", epoch / exact, "x exact fit")
    note(n_rows, "scikit-learn's Ridge on materialized windows", seconds(lambda: ridge(series)) / exact, "x exact fit")


heading(f"Exact linear student, context {CONTEXT}, horizon {HORIZON}, {CHANNELS} channels, {arguments.threads} threads")
make(Linear()).fit(make_series(2 * (CONTEXT + HORIZON)))  # imports
for n in arguments.rows:
    measure(n)

# %%
# A grid of 100 combinations of loss weights and penalties, compared with one. The labels are given, so that neither
# time includes a teacher.

n_rows = arguments.rows[0]
series = make_series(n_rows)
origins = np.arange(CONTEXT, n_rows - HORIZON + 1)
truth = np.lib.stride_tricks.sliding_window_view(series, HORIZON, axis=0).transpose(0, 2, 1)
labels = GivenLabels(truth[CONTEXT:].astype(np.float32), origins)
options = {"teacher": labels, "loss": Response(), "validation_fraction": 0.2}
one = min(seconds(lambda: make(Linear(), **options).fit(series)) for _ in range(3))
many = Linear(penalty=list(np.geomspace(1e-3, 10, 10)), weight_grid={"prediction": list(np.linspace(0, 2, 10))})
hundred = min(seconds(lambda: make(many, **options).fit(series)) for _ in range(3))
note(n_rows, "exact fit with labels", one, "s")
note(n_rows, "100 combinations of weights and penalties", hundred / one, "x one combination", "at most 2")
write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "exact.csv")
