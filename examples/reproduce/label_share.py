"""How few windows need a label
============================

Neighboring windows differ by one row, so a teacher that labels every window answers nearly the same question again and
again. Here it labels a share of them, from all down to 1/64, and the student learns from the truth of all windows and
from these labels. Which windows are labeled: spread evenly (``"strided"``), drawn at random with three seeds, covering
series, seasons and levels, or where an exact linear student is farthest from the truth (``"disagreement"``).

Students are the exact ``Linear`` and a small ``MLP``, with the loss ``Response()``. Errors are those of test windows
that nothing was trained or chosen on: MSE in units of the training rows for a series, mean absolute error in units of
the mean absolute seasonal difference for a panel. ``difference`` is relative to the student with labels of all windows.

The last part measures time: the rate of Chronos-Bolt of the published base size with random weights, and a whole fit
with a share of its labels. The script needs a folder with ``ETTh1.csv``, ``weather.zip``, ``M4-Hourly-*.csv`` and
``panels/hospital_monthly.csv``; a task whose file is missing is left out. Seconds are those of one CPU thread.
"""

# %%
import argparse
import os
import sys
import tempfile
import time
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, provenance, write_results
from _random_foundation_model import BOLT_SIZES, save_random_bolt

from skdistill import DistilledForecaster
from skdistill.core import BaseTeacher, Labels
from skdistill.datasets import make_multiseasonal
from skdistill.losses import Response
from skdistill.networks import MLP, ITransformer, Linear
from skdistill.teachers import Chronos, Fracast, Pretrained, TrainedTeacher

TASKS = ["ETTh1 96", "ETTh1 336", "weather 96", "M4 hourly", "hospital", "ETTh1 48", "ETTh1 48 long", "time"]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
parser.add_argument("--tasks", nargs="+", default=TASKS, choices=TASKS)
NAMES = ["itransformer", "pretrained", "fracast"]
parser.add_argument("--teachers", nargs="+", default=NAMES, choices=NAMES)
parser.add_argument("--merge", action="store_true", help="keep the rows of other tasks and teachers in the results")
arguments = parser.parse_args()
torch.set_num_threads(1)
warnings.simplefilter("ignore")
RESULTS = Path(__file__).parent / "results"
SHARES = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64]
NOISE_SHARES = [1 / 16, 1 / 64]  # also with other choices and seeds
N_SEEDS = 3

# %%
# Tasks
# -----


@dataclass(frozen=True)
class Task:
    """Training rows, test windows with their truth and unit, and lengths."""

    train: object
    tests: list[object]  # inputs of predict
    truths: list[np.ndarray]  # one for each, (n, prediction_length, n_channels)
    units: list[np.ndarray]  # one for each, to be broadcast
    squares: bool
    context_length: int
    prediction_length: int

    def error(self, forecaster: DistilledForecaster) -> float:
        """Return the error on the test windows."""
        errors = []
        for X, truth, unit in zip(self.tests, self.truths, self.units, strict=True):
            forecasts = np.asarray(forecaster.predict(X)).reshape(truth.shape)
            scaled = (forecasts - truth) / unit
            errors.append(np.square(scaled) if self.squares else np.abs(scaled))
        return float(np.nanmean(np.concatenate(errors)))


def of_series(frame: pd.DataFrame, n_train: int, n_test: int, context: int, horizon: int, step: int = 1) -> Task:
    """Cut test windows that follow the training rows."""
    train = frame.iloc[:n_train]
    rows = frame.to_numpy()[n_train - context : n_train + n_test]
    windows = np.lib.stride_tricks.sliding_window_view(rows, context + horizon, axis=0)[::step].transpose(0, 2, 1)
    unit = train.std(ddof=0).to_numpy()
    return Task(train, [windows[:, :context]], [windows[:, context:]], [unit], True, context, horizon)


def of_panel(
    frames: dict[object, pd.DataFrame], season: int, context: int, horizon: int, origins: tuple[int, ...]
) -> Task:
    """Cut the horizons that start so many rows after the training rows."""
    held_out = max(origins) + horizon
    train = {name: one.iloc[:-held_out] for name, one in frames.items()}
    unit = np.array([np.abs(one.to_numpy()[season:] - one.to_numpy()[:-season]).mean() for one in train.values()])
    tests, truths = [], []
    for origin in origins:
        stops = {name: len(one) + origin for name, one in train.items()}
        tests.append(pd.concat({name: one.iloc[: stops[name]] for name, one in frames.items()}, names=["series", "t"]))
        after = [one.iloc[stops[name] : stops[name] + horizon].to_numpy() for name, one in frames.items()]
        truths.append(np.stack(after))
    units = [np.where(unit > 0, unit, np.nan)[:, None, None]] * len(origins)
    panel = pd.concat(train, names=["series", "t"])
    return Task(panel, tests, truths, units, False, context, horizon)


def read_ett(folder: Path, horizon: int) -> Task:
    frame = pd.read_csv(folder / "ETTh1.csv", index_col=0, parse_dates=True).asfreq("h")
    return of_series(frame, 8640 + 2880, 2880, 336, horizon)


def read_one_channel(folder: Path, n_train: int) -> Task:
    """Return one channel, for a teacher that takes a tenth of a second for a window."""
    frame = pd.read_csv(folder / "ETTh1.csv", index_col=0, parse_dates=True).asfreq("h")[["OT"]]
    return of_series(frame.iloc[8640 + 2880 - n_train :], n_train, 2880, 168, 48)


def read_weather(folder: Path) -> Task:
    with zipfile.ZipFile(folder / "weather.zip") as packed:
        (name,) = (one for one in packed.namelist() if one.endswith("weather.csv") and not one.startswith("__"))
        frame = pd.read_csv(packed.open(name), index_col=0)
    hourly = frame.iloc[::6]
    hourly.index = pd.date_range("2020-01-01", periods=len(hourly), freq="h")
    return of_series(hourly, 6144, 1750, 336, 96, step=2)


def read_m4(folder: Path) -> Task:
    parts = [pd.read_csv(folder / f"M4-Hourly-{part}.csv", index_col=0) for part in ("train", "test")]
    frames = {}
    for name in parts[0].index[::14]:
        values = np.concatenate([one.loc[name].dropna().to_numpy(float) for one in parts])
        index = pd.date_range("2000-01-01", periods=len(values), freq="h")
        frames[name] = pd.DataFrame({"y": values}, index=index)
    return of_panel(frames, 24, 168, 48, (0, 24, 48, 72, 96))


def read_hospital(folder: Path) -> Task:
    rows = pd.read_csv(folder / "panels" / "hospital_monthly.csv")
    frames = {}
    for name, one in rows.groupby("unique_id", sort=False):
        index = pd.date_range("2000-01-01", periods=len(one), freq="MS")
        frames[name] = pd.DataFrame({"y": one["y"].to_numpy(float)}, index=index)
    return of_panel(frames, 12, 24, 12, (0, 4, 8, 12))


def read_made(folder: Path) -> Task:
    return of_series(make_multiseasonal(600, 2, seasons=(24,), random_state=0), 400, 200, 48, 12)


READ = {
    "ETTh1 96": lambda folder: read_ett(folder, 96),
    "ETTh1 336": lambda folder: read_ett(folder, 336),
    "weather 96": read_weather,
    "M4 hourly": read_m4,
    "hospital": read_hospital,
    "ETTh1 48": lambda folder: read_one_channel(folder, 1200),
    "ETTh1 48 long": lambda folder: read_one_channel(folder, 8640 + 2880),
}
TOO_LONG = {"ETTh1 48 long": [1 / 16, 1 / 32, 1 / 64]}  # shares that are labeled, as all would take too long

# %%
# Teachers
# --------
#
# A teacher that remembers its labels, so that shares and seeds cost no second labeling.


class Remembering(BaseTeacher):
    """Asks another teacher once for every window."""

    fitted: dict[str, BaseTeacher] = {}  # noqa: RUF012
    labels: dict[str, dict[tuple[int, int], torch.Tensor]] = {}  # noqa: RUF012
    seconds: dict[str, float] = {}  # noqa: RUF012

    def __init__(self, teacher, name):
        self.teacher = teacher
        self.name = name

    def probe(self, windows):
        """Return labels with the shapes of later labels."""
        return Labels(torch.zeros(1, windows.train.prediction_length, len(windows.train.targets)))

    def fit(self, windows, checkpoint=None):
        """Fit the other teacher, once."""
        if self.name not in self.fitted:
            self.fitted[self.name] = self.teacher.fit(windows)
            self.labels[self.name], self.seconds[self.name] = {}, 0.0
        return self

    def label(self, contexts):
        """Label the contexts that have no label yet."""
        known = self.labels[self.name]
        keys = list(zip(contexts.series.tolist(), contexts.origins.tolist(), strict=True))
        new = [place for place, key in enumerate(keys) if key not in known]
        if new:
            start = time.perf_counter()
            fresh = self.fitted[self.name].label_training(contexts.take(np.array(new))).forecast
            self.seconds[self.name] += time.perf_counter() - start
            known.update(zip([keys[place] for place in new], fresh, strict=True))
        return Labels(torch.stack([known[key] for key in keys]))


TEACHERS = {
    "itransformer": TrainedTeacher(ITransformer(64, n_layers=1), max_epochs=3, lr=1e-3, batch_size=128),
    "pretrained": Pretrained(),
    "fracast": Fracast(layer=None),
}
USES = {
    "ETTh1 96": ["itransformer"],
    "ETTh1 336": ["itransformer"],
    "weather 96": ["itransformer"],
    "M4 hourly": ["pretrained"],
    "hospital": ["itransformer", "pretrained"],
    "ETTh1 48": ["fracast"],
    "ETTh1 48 long": ["fracast"],
}
if QUICK:
    READ = dict.fromkeys(READ, read_made)
    TEACHERS = {"itransformer": TrainedTeacher(ITransformer(8, n_heads=2), max_epochs=1), "pretrained": Pretrained()}
    SHARES, NOISE_SHARES, N_SEEDS = [1 / 4], [1 / 4], 1

# %%
# Curves
# ------

HELD_OUT = {"validation_fraction": 0.2}  # from all alike: an exact student alone would learn from all rows
STUDENTS = {
    "Linear": {"student": Linear()},
    "MLP": {
        "student": MLP(64, decomposition=False),
        "max_epochs": 4,
        "lr": 1e-3,
        "batch_size": 256,
        "patience": None,
        "lr_schedule": "cosine",
    },
}


def choices(name: str, student: str) -> list[dict]:
    """List parameters of the choice of windows, with seeds."""
    if name in TOO_LONG:
        return [{"label_share": share, "random_state": 0} for share in TOO_LONG[name]]
    listed = [{}]
    for share in SHARES if student == "Linear" else NOISE_SHARES:
        listed += [{"label_share": share, "random_state": 0}]
        if share in NOISE_SHARES:
            drawn = {"label_share": share, "label_choice": "random"}
            listed += [{**drawn, "random_state": seed} for seed in range(N_SEEDS)]
        if share in NOISE_SHARES and student == "Linear":
            listed += [{"label_share": share, "label_choice": kind} for kind in ("covering", "disagreement")]
    return listed


def curve(name: str, task: Task, teacher_name: str) -> pd.DataFrame:
    """Fit both students at every share."""
    rows = []
    teacher = Remembering(TEACHERS[teacher_name], f"{name} {teacher_name}")
    for student, settings in STUDENTS.items():
        if student == "MLP" and name not in ("ETTh1 96", "hospital"):
            continue
        for choice in [{"teacher": None}, *choices(name, student)]:
            options = {"teacher": teacher, "loss": Response(), "random_state": 0, **HELD_OUT, **settings, **choice}
            lengths = {"context_length": task.context_length, "prediction_length": task.prediction_length}
            start = time.perf_counter()
            forecaster = DistilledForecaster(**options, **lengths).fit(task.train)
            seconds = time.perf_counter() - start
            share = 0.0 if options["teacher"] is None else choice.get("label_share", 1.0)
            kind = "alone" if not share else choice.get("label_choice", "strided") if share < 1 else "all"
            rows.append(
                {
                    "task": name,
                    "teacher": teacher_name,
                    "student": student,
                    "choice": kind,
                    "share": share,
                    "seed": options["random_state"],
                    "error": task.error(forecaster),
                    "seconds": seconds,
                    "label_seconds": Remembering.seconds.get(teacher.name, 0.0),
                    "n_windows": len(Remembering.labels.get(teacher.name, {})),
                }
            )
            print(*rows[-1].values(), flush=True)
    frame = pd.DataFrame(rows)
    full = frame[frame["choice"] == "all"].set_index("student")["error"]
    frame["difference"] = frame["error"] / frame["student"].map(full) - 1.0
    for column in ("label_seconds", "n_windows"):  # of all windows
        frame[column] = frame[column].max()
    return frame


path = RESULTS / "label_share.csv"
tables = [pd.read_csv(path)] if arguments.merge and path.exists() else []
for name in [one for one in arguments.tasks if one in READ]:
    try:
        task = READ[name](arguments.data_home.expanduser())
    except FileNotFoundError as error:
        print(f"{name} is left out: {error}")
        continue
    for teacher_name in [one for one in USES[name] if one in arguments.teachers and one in TEACHERS]:
        found = curve(name, task, teacher_name).assign(**provenance())
        tables = [one[(one["task"] != name) | (one["teacher"] != teacher_name)] for one in tables]
        tables.append(found)
        write_results(pd.concat(tables), path)

# %%
# Time of a heavy teacher
# -----------------------


def measure_time(n_labels: int = 48) -> pd.DataFrame:
    """Fit with few labels of Chronos-Bolt of base size and random weights; the rest is extrapolated by its rate."""
    series = make_multiseasonal(8640, 1, seasons=(24, 168), random_state=0)
    with tempfile.TemporaryDirectory() as folder:
        size = (16, 1, 2, 32) if QUICK else BOLT_SIZES["base"]
        teacher = Chronos(save_random_bolt(Path(folder), size=size), layer=None, pooling=None)
        lengths = {"context_length": 512, "prediction_length": 96}
        settings = {"student": Linear(), "loss": Response(), **lengths, **HELD_OUT}
        alone = DistilledForecaster(None, **settings)
        start = time.perf_counter()
        alone.fit(series)
        student_seconds = time.perf_counter() - start
        forecaster = DistilledForecaster(teacher, **settings, max_labels=n_labels, random_state=0)
        start = time.perf_counter()
        forecaster.fit(series)
        seconds = time.perf_counter() - start
        rate = (seconds - student_seconds) / n_labels
    n_windows = int(len(series) * 0.8) - 512 - 96 + 1
    rows = [{"labels": n_labels, "seconds": seconds, "kind": "measured"}]
    for share in (1.0, 1 / 4, 1 / 16, 1 / 64):
        labels = round(share * n_windows)
        rows.append({"labels": labels, "seconds": student_seconds + rate * labels, "kind": "extrapolated"})
    return pd.DataFrame(rows).assign(windows=n_windows, seconds_per_label=rate, student_seconds=student_seconds)


if "time" in arguments.tasks:
    times = measure_time(8 if QUICK else 48)
    print(times)
    write_results(times, RESULTS / "label_share_time.csv")
