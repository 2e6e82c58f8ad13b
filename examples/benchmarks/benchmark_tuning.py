"""What a grid over losses costs: ratios from one run
==================================================

A grid of 12 candidates over 3 folds needs 36 student fits, and, with ``memory=``, 3 teacher fits and 3
labelings. How much longer than these does the whole search take, and how long does it take without ``memory=``?
"""

# %%
import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results
from sklearn.model_selection import GridSearchCV, ParameterGrid

import skdistill._distillation as distillation
import skdistill.labeling._run as labeling
import skdistill.teachers._trained as trained
from skdistill import DistilledForecaster
from skdistill.datasets import make_multiseasonal
from skdistill.losses import TimeDistill
from skdistill.model_selection import RollingOriginSplit
from skdistill.networks import MLP, ITransformer
from skdistill.teachers import TrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rows", type=int, default=4000)
parser.add_argument("--threads", type=int, default=1)
arguments = parser.parse_args()
if QUICK:
    arguments.rows = 400
CONTEXT, HORIZON, WIDTH, EPOCHS = (24, 6, 8, 1) if QUICK else (336, 96, 128, 4)
torch.set_num_threads(arguments.threads)
GRID: dict[str, list[float]] = {
    "loss__prediction_weight": [0.5, 1.0, 2.0],
    "loss__feature_weight": [1.0] if QUICK else [0.0, 1.0],
    "loss__n_scales": [4] if QUICK else [1, 4],
}
N_CANDIDATES = len(ParameterGrid(GRID))
seconds: Counter[str] = Counter()
calls: Counter[str] = Counter()


@contextmanager
def timed(module: Any, name: str, part: str) -> Iterator[None]:
    """Add up the time spent in a function."""
    original: Callable[..., Any] = getattr(module, name)

    def wrapper(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        result = original(*args, **options)
        seconds[part] += time.perf_counter() - start
        calls[part] += 1
        return result

    setattr(module, name, wrapper)
    try:
        yield
    finally:
        setattr(module, name, original)


def search(memory: str | None) -> float:
    """Run the grid and return its seconds; the times of its parts are added up separately."""
    seconds.clear()
    calls.clear()
    split = RollingOriginSplit(3, CONTEXT, HORIZON)
    forecaster = DistilledForecaster(
        teacher=TrainedTeacher(ITransformer(hidden_size=WIDTH), max_epochs=EPOCHS),
        student=MLP(hidden_size=WIDTH),
        loss=TimeDistill(),
        context_length=CONTEXT,
        prediction_length=HORIZON,
        max_epochs=EPOCHS,
        patience=None,
        memory=memory,
        device="cpu",
        random_state=0,
    )
    with (
        timed(distillation, "train_network", "student"),
        timed(trained, "train_network", "teacher"),
        timed(labeling, "label_windows", "labels"),
    ):
        start = time.perf_counter()
        GridSearchCV(forecaster, GRID, cv=split, scoring=split.scorer(), refit=False, error_score="raise").fit(series)
        return time.perf_counter() - start


series = make_multiseasonal(arguments.rows, 7, random_state=0)
heading(f"{N_CANDIDATES} candidates x 3 folds on {len(series)} rows x 7, {arguments.threads} thread(s)")
with tempfile.TemporaryDirectory() as folder:
    with_memory = search(folder)
teachers, students = calls["teacher"], calls["student"]
# Candidates that find their labels call label_windows, too: opening a store is a part of the overhead.
floor = seconds["student"] + seconds["teacher"]
label_share = seconds["labels"]
rows = [
    {"what": "student fits", "figure": students, "unit": "", "aim": str(3 * N_CANDIDATES)},
    {"what": "teacher fits", "figure": teachers, "unit": "", "aim": "3"},
    {"what": "all student and teacher fits", "figure": floor, "unit": "s", "aim": ""},
    {"what": "labeling, and opening labels", "figure": label_share, "unit": "s", "aim": ""},
    {
        "what": "grid with memory",
        "figure": with_memory / (floor + label_share),
        "unit": "x fits and labels",
        "aim": "at most 1.2",
    },
]
without = search(None)
rows += [
    {"what": "teacher fits without memory", "figure": calls["teacher"], "unit": "", "aim": ""},
    {"what": "grid without memory", "figure": without / (floor + label_share), "unit": "x fits and labels", "aim": ""},
]
for row in rows:
    print(f"{row['what']:<32} {row['figure']:8.3g} {row['unit']:<20} {row['aim']}")
write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "tuning.csv")
