"""Foundation models at their published sizes against the students they teach
==========================================================================

Parameters, and latency for one window and for a batch of 32, with seven channels, on one thread. Weights are random,
which does not change the speed. The teacher runs through its batched adapter, the student through the public
``predict``.

Run ``python examples/benchmarks/benchmark_foundation.py``. With ``--teachers`` only the named teachers are timed; the
rows of the others are kept.
"""

# %%
import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, provenance, write_results
from _random_foundation_model import BOLT_SIZES, save_random_bolt, save_random_moirai, save_random_time_moe

from skdistill import DistilledForecaster
from skdistill.core import Contexts
from skdistill.datasets import make_multiseasonal
from skdistill.networks import DLinear, ITransformer
from skdistill.teachers import Chronos, Moirai, TimeMoE

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--horizon", type=int, default=96)
parser.add_argument("--channels", type=int, default=7)
parser.add_argument("--batch", type=int, default=32)
parser.add_argument("--seconds", type=float, default=10.0, help="time for each figure; what takes longer is timed once")
parser.add_argument("--teachers", nargs="+", default=None, help="names of teachers; all of them if left out")
arguments = parser.parse_args()
if QUICK:
    arguments.context, arguments.horizon, arguments.channels, arguments.batch, arguments.seconds = 48, 12, 2, 4, 0.05
AIMS = {"parameters": 150, "window": 6000, "batch": 6000}
torch.set_num_threads(1)
scratch = Path(tempfile.mkdtemp())


def duration(call: Callable[[], object]) -> float:
    """Time a call that is warm: the median of as many as fit into the time given, at least one."""
    spent: list[float] = []
    while not spent or sum(spent) < arguments.seconds:
        start = time.perf_counter()
        call()
        spent.append(time.perf_counter() - start)
    return float(np.median(spent))


# %%
# The students
# ------------
# Trained for one epoch on few rows: their weights do not matter here.

settings = {
    "context_length": arguments.context,
    "prediction_length": arguments.horizon,
    "validation_fraction": 0,
    "max_epochs": 1,
    "random_state": 0,
}
reach = arguments.context + arguments.horizon
series = make_multiseasonal(reach + 40, arguments.channels, random_state=0).to_numpy()
width, heads = (16, 2) if QUICK else (512, 8)
students = {
    "DLinear": DistilledForecaster(None, DLinear(), "response", **settings).fit(series),
    "iTransformer, one layer": DistilledForecaster(
        None, ITransformer(hidden_size=width, n_layers=1, n_heads=heads), "response", **settings
    ).fit(series),
}
batch = np.stack([series[start : start + arguments.context] for start in range(arguments.batch)])

# %%
# The teachers
# ------------
# Beyond its 64 steps the published Bolt rolls out nine quantiles; it can also roll out its median alone.


def published_teachers() -> dict[str, Callable[[], object]]:
    """Say how each teacher is made; one is in memory at a time."""
    tiny = {"size": (16, 1, 2, 32), "context_length": 48, "prediction_length": 6, "patch_size": 8} if QUICK else {}

    def bolt(size: str, **options: object) -> Chronos:
        folder = save_random_bolt(scratch / size, **{"size": BOLT_SIZES[size], **tiny})
        return Chronos(folder, layer=None, **options)

    def moirai() -> Moirai:
        folder = save_random_moirai(scratch / "moirai", tiny=QUICK)
        return Moirai(folder, layer=None, patch_size=16, n_samples=4 if QUICK else 100)

    return {
        "Chronos-Bolt small": lambda: bolt("small"),
        "Chronos-Bolt small, median rolled out": lambda: bolt("small", roll_out="point"),
        "Moirai base": moirai,
        "Chronos-Bolt base, median rolled out": lambda: bolt("base", roll_out="point"),
        "Chronos-Bolt base": lambda: bolt("base"),
        "Time-MoE 50M": lambda: TimeMoE(save_random_time_moe(scratch / "time-moe", tiny=QUICK), layer=None),
    }


def contexts_of(values: np.ndarray, forecaster: DistilledForecaster) -> Contexts:
    """Hand windows to a teacher as labeling does."""
    standardized = torch.from_numpy(forecaster.scaling_.standardize(values).astype(np.float32))
    n_windows = len(values)
    origins = np.arange(n_windows) + arguments.context
    return Contexts(standardized, None, None, forecaster.scaling_, np.zeros(n_windows, int), origins, (None,))


makers = published_teachers()
if unknown := set(arguments.teachers or ()) - set(makers):
    parser.error(f"--teachers: {sorted(unknown)} are not among {list(makers)}")
results = Path(__file__).parent / "results" / "foundation.csv"
rows = []
if arguments.teachers and not QUICK and results.exists():
    earlier = pd.read_csv(results, keep_default_na=False)
    rows = earlier[~earlier["teacher"].isin(arguments.teachers)].to_dict("records")
for name in arguments.teachers or makers:
    taught = DistilledForecaster(makers[name](), "dlinear", "response", **settings).fit(series[: reach + 1])
    teacher = taught.teacher_
    parts = {"window": batch[:1], "batch": batch}
    heavy = {}
    for part, values in parts.items():
        contexts = contexts_of(values, taught)
        heavy[part] = duration(partial(teacher.label, contexts))
    for student_name, student in students.items():
        row = {"teacher": name, "student": student_name, "teacher_parameters": teacher.count_parameters()}
        row["student_parameters"] = student.count_parameters()
        row["times_parameters"] = row["teacher_parameters"] / row["student_parameters"]
        for part, values in parts.items():
            given = values[0] if part == "window" else values
            student.predict(given)
            light = duration(partial(student.predict, given))
            row |= {f"teacher_ms_{part}": 1e3 * heavy[part], f"student_ms_{part}": 1e3 * light}
            row[f"times_{part}"] = heavy[part] / light
        row["reached"] = ", ".join(aim for aim, wanted in AIMS.items() if row[f"times_{aim}"] >= wanted)
        rows.append({**row, "batch": arguments.batch, **provenance()})
    table = pd.DataFrame(rows)
    heading(f"{name}: {arguments.context} -> {arguments.horizon}, {arguments.channels} channels, one thread")
    print(table.tail(2).drop(columns=list(provenance())).T.to_string(header=False))
    write_results(table, results)
