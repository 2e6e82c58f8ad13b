"""Distilled students beside the leaderboards: GIFT-Eval and fev-bench
======================================================================

Zero-shot teachers, students trained alone and distilled, and ``DistilledForecasterCV``, on the configurations of
GIFT-Eval and the tasks of fev-bench that a folder contains. Students are trained on the rows before the first test
window of every series; what they read and which teacher they have is chosen on these rows. Every forecast of a test
window reads the rows before it. Where the windows are exactly those of the benchmark, seasonal naive has the published
MASE to three digits, and published scores of other models stand beside ours; elsewhere only ratios to seasonal naive on
the same windows can be compared.

``python examples/reproduce/leaderboards.py --data-home FOLDER --reference FOLDER``. ``--tasks`` and ``--rows`` choose;
finished rows are kept, so that a stopped run continues.
"""

# %%
import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "pretrain")]
from _benchmark_tasks import FEV_BENCH, GIFT_EVAL, SETS, Task, Windows, cut, score
from _common import QUICK, heading, provenance, write_results
from evaluate import forecast as forecast_echo
from evaluate import load as load_echo

from skdistill import DistilledForecasterCV, load_pretrained_student
from skdistill._utils.pretrained_student import SHIPPED_STUDENT
from skdistill.datasets import make_multiseasonal
from skdistill.teachers import Fracast, Pretrained
from skdistill.teachers._echo_weights import SHIPPED

ROWS = (
    "pretrained, zero-shot", "pretrained student, zero-shot", "Fracast, zero-shot", "exact linear alone", "MLP alone",
    "exact linear distilled", "MLP distilled", "exact linear distilled from Fracast", "MLP distilled from Fracast",
    "DistilledForecasterCV",
)  # fmt: skip
STUDENTS = {  # row: student and whether there is a teacher, as in cv_results_
    "exact linear alone": ("linear", False),
    "MLP alone": ("mlp", False),
    "exact linear distilled": ("linear", True),
    "MLP distilled": ("mlp", True),
}
FRACAST_STUDENTS = {
    "exact linear distilled from Fracast": ("linear", True),
    "MLP distilled from Fracast": ("mlp", True),
}
FRACAST_LABELS = 10 if QUICK else 500  # windows that Fracast labels at most; a label takes 35 ms or more

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=None, help="folder of the files")
parser.add_argument("--reference", type=Path, default=None, help="folder of the published scores")
parser.add_argument("--tasks", nargs="+", default=None, help="names that start with one of these")
parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
parser.add_argument("--output", type=Path, default=HERE / "results" / "leaderboards.csv")
arguments = parser.parse_args()
torch.set_num_threads(1)


# %%
# Zero-shot teachers
# ------------------


def ask_pretrained(windows: Windows, horizon: int) -> np.ndarray:
    """Forecast deciles with the teacher of the package."""
    contexts = [past[-2048:].astype(np.float32) for past in windows.pasts]
    return forecast_echo(load_echo(None), contexts, horizon)


def ask_fracast(windows: Windows, horizon: int) -> np.ndarray:
    """Forecast deciles with Fracast, whose contexts are padded to 2,048 rows in any case."""
    from fracast import FracastModel

    model = FracastModel.from_pretrained(weights="fp32")
    padded = np.full((len(windows.pasts), model.context_length), np.nan, np.float32)
    for row, past in zip(padded, windows.pasts, strict=True):
        row[-len(past[-len(row) :]) :] = past[-len(row) :]
    parts = [model.forecast_batch(part, horizon=horizon) for part in np.array_split(padded, -(-len(padded) // 32))]
    return np.concatenate(parts).transpose(0, 2, 1)


def ask_student(windows: Windows, horizon: int) -> np.ndarray:
    """Forecast deciles with the student of the package, one series at a time."""
    student = load_pretrained_student()
    return np.concatenate([student.quantiles(past[None], horizon) for past in windows.pasts])


ZERO_SHOT: dict[str, tuple[Callable[[Windows, int], np.ndarray], type]] = {
    "pretrained, zero-shot": (ask_pretrained, Pretrained),
    "pretrained student, zero-shot": (ask_student, Pretrained),
    "Fracast, zero-shot": (ask_fracast, Fracast),
}
N_PARAMETERS = {
    "pretrained, zero-shot": 646_384,
    "pretrained student, zero-shot": load_pretrained_student().n_parameters,
    "Fracast, zero-shot": 85_001,
}
SIZES = {  # bytes of weights on disk
    "pretrained, zero-shot": SHIPPED / "echo.safetensors",
    "pretrained student, zero-shot": SHIPPED_STUDENT,
}


def fracast_bytes() -> int:
    """Return the size of the weights in the wheel of Fracast."""
    import fracast

    return sum(file.stat().st_size for file in Path(fracast.__file__).with_name("weights").rglob("*.safetensors"))


def zero_shot(row: str, windows: Windows, horizon: int) -> dict[str, object]:
    """Score a teacher without any training."""
    ask, teacher = ZERO_SHOT[row]
    started = time.process_time()
    quantiles = ask(windows, horizon)
    seconds = time.process_time() - started
    told = teacher().provenance()[0]
    size = SIZES[row].stat().st_size if row in SIZES else fracast_bytes()
    return {
        **score(windows, quantiles), "parameters": N_PARAMETERS[row], "bytes": size,
        "ms_per_forecast": 1e3 * seconds / len(quantiles),
        "license": told["license"], "training_data": told["training_data"],
    }  # fmt: skip


# %%
# Students
# --------


def as_frame(values: np.ndarray, freq: str | None) -> pd.DataFrame:
    """Return rows with an index of the frequency, which tells the season."""
    return pd.DataFrame({"y": values}, index=pd.date_range("2000-01-02", periods=len(values), freq=freq))


def predict(forecaster: object, windows: Windows, task: Task) -> np.ndarray:
    """Forecast every window from the rows before it."""
    rounds = pd.Series(windows.series).groupby(windows.series).cumcount().to_numpy()
    answers = np.empty(windows.truth.shape)
    for number in np.unique(rounds):
        places = np.flatnonzero(rounds == number)
        pasts = {f"s{windows.series[place]}": as_frame(windows.pasts[place], task.freq) for place in places}
        for place, answer in zip(places, forecaster.predict(pasts).values(), strict=True):
            answers[place] = answer.to_numpy()[:, 0]
    return answers


def training_rows(windows: Windows, task: Task) -> dict[str, pd.DataFrame]:
    """Return the rows of every series before its first test window."""
    first = {number: place for place, number in reversed(list(enumerate(windows.series)))}
    return {f"s{number}": as_frame(windows.pasts[place], task.freq) for number, place in sorted(first.items())}


def describe(forecaster: object, windows: Windows, task: Task, seconds: float) -> dict[str, object]:
    """Score a fitted student, and measure its size and its latency."""
    answers = predict(forecaster, windows, task)
    with tempfile.TemporaryDirectory() as folder:
        size = forecaster.export(Path(folder) / "student.npz").bytes
    one = {f"s{windows.series[0]}": as_frame(windows.pasts[0], task.freq)}
    times = []
    for _ in range(20):
        started = time.perf_counter()
        forecaster.predict(one)
        times.append(time.perf_counter() - started)
    told = (forecaster.provenance_ or [{}])[0]
    return {
        **score(windows, answers), "parameters": forecaster.count_parameters(), "bytes": size,
        "ms_per_forecast": 1e3 * float(np.median(times)), "fit_seconds": seconds,
        "teacher": told.get("teacher", ""), "license": told.get("license", ""),
        "training_data": told.get("training_data", ""), "context_length": forecaster.context_length,
    }  # fmt: skip


def fit_students(
    wanted: list[str], windows: Windows, task: Task, students: dict[str, tuple[str, bool]], **settings: object
) -> dict[str, dict[str, object]]:
    """Search once, and refit the best candidate of every row that is wanted."""
    train = training_rows(windows, task)
    started = time.process_time()
    search = DistilledForecasterCV(prediction_length=task.horizon, random_state=0, **settings).fit(train)
    seconds = time.process_time() - started
    found = {}
    if "DistilledForecasterCV" in wanted:
        found["DistilledForecasterCV"] = describe(search.forecaster_, windows, task, seconds)
        found["DistilledForecasterCV"]["note"] = search.explanation_
    table = pd.DataFrame(search.cv_results_)
    with tempfile.TemporaryDirectory() as memory:
        for row, (student, taught) in students.items():
            like = table[(table["param_student"] == student) & (table["param_teacher"].notna() == taught)]
            left_out = taught and not len(like)
            if left_out:  # the search did not try a teacher: the student that is best alone, taught by the first one
                like = table[table["param_student"] == student]
            if row not in wanted or not len(like):
                continue
            index = int(like["mean_test_score"].idxmax())
            if index == search.best_index_ and not left_out:
                found[row] = describe(search.forecaster_, windows, task, np.nan)
                continue
            started = time.process_time()
            forecaster = search.candidate(index)
            if left_out:
                teacher = settings.get("teachers", "pretrained")
                forecaster.set_params(teacher=teacher, max_labels=settings.get("max_labels"), memory=memory)
            fitted = forecaster.fit(train)
            found[row] = describe(fitted, windows, task, time.process_time() - started)
            if left_out:
                found[row]["note"] = "the search did not try a teacher here"
    return found


# %%
# All tasks
# ---------


def run_task(task: Task, wanted: list[str]) -> dict[str, dict[str, object]]:
    """Score the rows of one task."""
    windows = cut(task)
    found = {}
    for row in wanted:
        try:
            found |= {row: zero_shot(row, windows, task.horizon)} if row in ZERO_SHOT else {}
        except ImportError as error:
            print(f"{row}: left out, {error}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if any(row in STUDENTS or row == "DistilledForecasterCV" for row in wanted):
            found |= fit_students(wanted, windows, task, STUDENTS)
        if any(row in FRACAST_STUDENTS for row in wanted):
            of_fracast = [row for row in wanted if row in FRACAST_STUDENTS]
            teacher = Fracast(layer=None)
            found |= fit_students(
                of_fracast, windows, task, FRACAST_STUDENTS, teachers=teacher, max_labels=FRACAST_LABELS
            )
    return found


def chosen_tasks() -> dict[tuple[str, str], tuple[Task, bool]]:
    """Read the tasks whose files are there."""
    if QUICK or arguments.data_home is None:
        series = make_multiseasonal(300, 2, seasons=(24,), random_state=0).to_numpy().T
        return {("made", "waves"): (Task(list(series), 12, 24, 2, "h"), False)}
    names = [*GIFT_EVAL, *FEV_BENCH]
    if unknown := [part for part in arguments.tasks or () if not any(name.startswith(part) for name in names)]:
        sys.exit(f"--tasks must be beginnings of {', '.join(names)}; got {', '.join(unknown)}.")
    found = {}
    for benchmark, tasks in (("gift-eval", GIFT_EVAL), ("fev-bench", FEV_BENCH)):
        for name, (file, exact) in tasks.items():
            if arguments.tasks and not any(name.startswith(part) for part in arguments.tasks):
                continue
            try:
                found[benchmark, name] = SETS[file](arguments.data_home), exact
            except FileNotFoundError as error:
                print(f"{name}: left out, {error}")
    return found


def published(reference: Path) -> pd.DataFrame:
    """Read published MASE by benchmark, task and model."""
    gift = pd.read_csv(reference / "gift_eval_reproducible_configs.csv")
    gift = gift.rename(columns={"entry": "row", "dataset": "task", "CRPS": "WQL"}).assign(benchmark="gift-eval")
    fev = pd.read_csv(reference / "fev_bench_reproducible_tasks.csv")
    fev = fev.rename(columns={"model_name": "row", "task_name": "task"}).assign(benchmark="fev-bench")
    return pd.concat([gift, fev])[["benchmark", "task", "row", "MASE", "WQL"]]


def geometric_means(results: pd.DataFrame) -> pd.DataFrame:
    """Average the ratios to seasonal naive over the exact tasks of a benchmark, of rows that have all of them."""
    exact = results[results["exact"]]
    n_tasks = exact.groupby("benchmark")["task"].nunique()
    logs = exact.assign(MASE_ratio=np.log(exact["MASE_ratio"]), WQL_ratio=np.log(exact["WQL_ratio"]))
    groups = logs.groupby(["benchmark", "row"], sort=False)
    means = np.exp(groups[["MASE_ratio", "WQL_ratio"]].mean()).assign(tasks=groups["task"].nunique())
    return means[means["tasks"] == n_tasks.reindex(means.index.get_level_values(0)).to_numpy()]


results = pd.DataFrame(columns=["benchmark", "task", "row"])
if arguments.output.exists() and not QUICK:
    results = pd.read_csv(arguments.output)
for (benchmark, name), (task, exact) in chosen_tasks().items():
    done = set(results.loc[(results["benchmark"] == benchmark) & (results["task"] == name), "row"])
    wanted = [row for row in arguments.rows if row not in done]
    if not wanted:
        continue
    print(f"{name}: {len(task.series)} series, {', '.join(wanted)}", flush=True)
    rows = [
        {"benchmark": benchmark, "task": name, "exact": exact, "row": row, **scores}
        for row, scores in run_task(task, wanted).items()
    ]
    shown = pd.DataFrame(rows).assign(**provenance())
    print(shown[["row", "MASE", "naive", "MASE_ratio", "WQL_ratio"]].round(3).to_string(index=False), flush=True)
    results = pd.concat([results, shown], ignore_index=True) if len(results) else shown
    write_results(results, arguments.output)

print(heading("Geometric means of the ratios to seasonal naive, over the exact tasks"))
print(geometric_means(results.astype({"exact": bool})).round(3).to_string())
if arguments.reference is not None:
    scores = published(arguments.reference)
    exact = results[results["exact"].astype(bool)][["benchmark", "task"]].drop_duplicates()
    naive = scores[scores["row"].isin(["seasonal_naive", "Seasonal Naive"])].set_index(["benchmark", "task"])["MASE"]
    both = exact.merge(scores, on=["benchmark", "task"])
    ratios = both["MASE"] / naive.reindex(pd.MultiIndex.from_frame(both[["benchmark", "task"]])).to_numpy()
    means = np.exp(np.log(ratios).groupby([both["benchmark"], both["row"]]).mean()).sort_values()
    print(heading("Published, over the same tasks"))
    print(means.round(3).to_string())
