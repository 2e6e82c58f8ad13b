"""TimeDistill's tables: horizons, teachers, students, look-backs, ablations, efficiency
=====================================================================================

Every table consists of cells: a cell is a dataset, a teacher, a student, a loss, a context, a horizon and a seed.
Run ``python examples/reproduce/timedistill.py --tables main ablations`` for some of the tables. A stopped run
continues where it left off, because fitted models and labels are kept in ``.cache/``. Settings are the published
ones, except for smaller widths of some teachers, which the tables state. ETTh1 and the exchange rates are
downloaded; Weather, Traffic, Electricity and Solar are read from ``--folder`` as ``weather.csv`` and so on
(with time in the first column). A missing dataset prints *no data*.
"""

# %%
# Settings
# --------

import argparse
import sys
from functools import partial
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, ROOT, as_teacher, heading, write_results

from skdistill import DistilledForecaster, compare
from skdistill.datasets import fetch_ett, fetch_exchange_rate, load_csv, make_multiseasonal, standard_split
from skdistill.losses import FeatureMatching, MultiPeriod, MultiScale, Supervised, TimeDistill
from skdistill.networks import (
    MICN,
    MLP,
    Autoformer,
    FEDformer,
    ITransformer,
    LightTS,
    ModernTCN,
    PatchTST,
    TimeMixer,
    TimesNet,
    TSMixer,
)

BY_PATH = ("weather", "traffic", "electricity", "solar")
DATASETS = ("ETTh1", "ETTh2", "ETTm1", "ETTm2", "exchange_rate", *BY_PATH)
TABLES = ("main", "teachers", "students", "lookbacks", "ablations")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=["ETTh1"])
parser.add_argument("--teachers", nargs="+", default=["patchtst", "moderntcn", "micn"])
parser.add_argument("--horizons", type=int, nargs="+", default=[96, 192, 336, 720])
parser.add_argument("--contexts", type=int, nargs="+", default=[96, 192, 336, 720])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
parser.add_argument("--folder", type=Path, default=None, help="folder of weather.csv, traffic.csv, ...")
parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "timedistill")
parser.add_argument("--quick", action="store_true", help="one seed of every table at horizon 96: minutes")
arguments = parser.parse_args()
if arguments.quick:
    arguments.seeds, arguments.horizons, arguments.contexts = 1, [96], [96, 720]

WIDTH, CONTEXT, HORIZON = (512, 720, 96)
if QUICK:
    WIDTH, CONTEXT, HORIZON = 16, 48, 12
    arguments.seeds, arguments.horizons, arguments.contexts, arguments.teachers = 1, [12], [48], ["timemixer"]

# %%
# Teachers, students and losses
# -----------------------------
# The iTransformer is the published one for ETT. Some other teachers are narrower than published, so that they train on
# a CPU in minutes. PatchTST has patches of 48 rows, because attention over 90 patches of 16 takes half an hour. Their
# rows are for teachers of this size, not for the published models.

TEACHERS = {
    "itransformer": ITransformer(hidden_size=WIDTH // 2, n_layers=2, n_heads=8),
    "patchtst": PatchTST(
        hidden_size=16,
        n_heads=4,
        n_layers=3,
        feedforward_size=128,
        dropout=0.3,
        patch_size=16 if QUICK else 48,
        patch_stride=8 if QUICK else 48,
    ),
    "moderntcn": ModernTCN(hidden_size=8, patch_size=16, patch_stride=16, large_kernel=21, feedforward_ratio=1),
    "timemixer": TimeMixer(hidden_size=8, feedforward_size=16, channel_independent=True),
    "micn": MICN(hidden_size=16),
    "fedformer": FEDformer(hidden_size=32, n_modes=16),
    "timesnet": TimesNet(hidden_size=8, n_layers=1, n_periods=2),
    "autoformer": Autoformer(hidden_size=32),
}
STUDENTS = {
    "MLP": MLP(hidden_size=WIDTH),
    "MLP, width 64": MLP(hidden_size=WIDTH // 8),
    "TSMixer": TSMixer(hidden_size=WIDTH // 8),
    "LightTS": LightTS(hidden_size=WIDTH // 2, chunk_size=12 if QUICK else 24),
}
full = TimeDistill(prediction_weight=2.0, feature_weight=2.0)
ABLATIONS = {
    "all terms": full,
    "no multi-scale on forecasts": Supervised() + MultiPeriod(2.0) + FeatureMatching(2.0),
    "no multi-period on forecasts": Supervised() + MultiScale(2.0) + FeatureMatching(2.0),
    "no multi-scale on features": TimeDistill(2.0, 0.0) + FeatureMatching(2.0, multiscale_weight=0.0),
    "no multi-period on features": TimeDistill(2.0, 0.0) + FeatureMatching(2.0, multiperiod_weight=0.0),
    "forecasts only": TimeDistill(prediction_weight=2.0, feature_weight=0.0),
    "features only": TimeDistill(prediction_weight=0.0, feature_weight=2.0),
    "without supervision": TimeDistill(prediction_weight=2.0, feature_weight=2.0, supervised_weight=0.0),
}
LIMITS = {"max_epochs": 1} if QUICK else {}
if QUICK:
    STUDENTS = {name: STUDENTS[name] for name in ("MLP", "TSMixer")}
    ABLATIONS = {name: ABLATIONS[name] for name in ("all terms", "forecasts only")}

# %%
# Data
# ----


def load(dataset: str, context: int):
    """Return training part, test part and validation fraction; None if there is no data."""
    if QUICK:
        return standard_split(make_multiseasonal(700, 2, seasons=(24,), random_state=0), "70/10/20", context_length=48)
    if dataset in BY_PATH:
        path = None if arguments.folder is None else arguments.folder / f"{dataset}.csv"
        if path is None or not path.exists():
            return None
        frame = load_csv(path)
        return standard_split(frame, "70/10/20", context_length=context)
    fetch = fetch_exchange_rate if dataset == "exchange_rate" else partial(fetch_ett, dataset)
    try:
        data = fetch(data_home=arguments.data_home)
    except OSError as error:
        print(f"{dataset}: {error}")
        return None
    return standard_split(data.frame, data.protocol, context_length=context)


# %%
# A cell
# ------


def fit(dataset, seed, *, teacher="itransformer", student="MLP", loss="all terms", context=CONTEXT, horizon=HORIZON):
    """Fit one model, or load it from an earlier run; ``teacher=None`` is the student alone."""
    name = "-".join(map(str, (dataset, context, horizon, seed, teacher, student, loss))).replace(" ", "_")
    path = arguments.cache / f"{name}.joblib"
    if path.exists() and not QUICK:
        return joblib.load(path)
    train, _, fraction = load(dataset, context)
    forecaster = DistilledForecaster(
        teacher=as_teacher(TEACHERS[teacher]) if teacher else None,
        student=STUDENTS[student],
        loss=ABLATIONS[loss],
        context_length=context,
        prediction_length=horizon,
        validation_fraction=fraction,
        random_state=seed,
        memory=None if QUICK else arguments.cache,
        **LIMITS,
    ).fit(train)
    if not QUICK:
        arguments.cache.mkdir(parents=True, exist_ok=True)
        joblib.dump(forecaster, path)
    return forecaster


def block(table: str, dataset: str, label: str, settings: dict, rows: dict[str, dict]) -> pd.DataFrame:
    """Fit the rows of one block for all seeds and compare them on the test part; the first row is the reference."""
    seeds = range(arguments.seeds)
    common = {"table": table, "dataset": dataset, "setting": label}
    data = load(dataset, settings.get("context", CONTEXT))
    if data is None:
        return pd.DataFrame([{**common, "model": "no data"}])
    models = {name: [fit(dataset, seed, **{**settings, **row}) for seed in seeds] for name, row in rows.items()}
    result = compare(models, data[1], train=data[0], alone=False)
    print(f"{table}, {dataset}, {label}: done", flush=True)
    return result.drop(columns="in_words").reset_index().assign(**common)


def one_teacher(result: pd.DataFrame) -> pd.DataFrame:
    """Keep a single row for a teacher shared by several students."""
    teachers = result["model"].str.endswith(": teacher")
    keep = ~teachers | (teachers & ~teachers.cumsum().gt(1))
    return result[keep].replace({"model": dict.fromkeys(result.loc[teachers, "model"], "teacher")})


# %%
# The tables
# ----------
# Each row's ``difference`` is its MSE minus that of the first row of its block, with one standard error.

PAIR = {"student": {}, "student alone": {"teacher": None}}


def main_table(dataset: str) -> list[pd.DataFrame]:
    """Compare teacher, student and student alone for all horizons."""
    return [block("main", dataset, f"{CONTEXT} -> {one}", {"horizon": one}, PAIR) for one in arguments.horizons]


def teachers_table(dataset: str) -> list[pd.DataFrame]:
    """Compare several teachers of one student."""
    return [block("teachers", dataset, one, {}, {"student": {"teacher": one}}) for one in arguments.teachers]


def students_table(dataset: str) -> list[pd.DataFrame]:
    """Compare several students of one teacher."""
    return [block("students", dataset, one, {"student": one}, PAIR) for one in STUDENTS if one != "MLP"]


def lookbacks_table(dataset: str) -> list[pd.DataFrame]:
    """Compare the main pair for all context lengths."""
    return [
        block("lookbacks", dataset, f"{one} -> {HORIZON}", {"context": one}, PAIR)
        for one in arguments.contexts
        if one != CONTEXT or QUICK
    ]


def ablations_table(dataset: str) -> list[pd.DataFrame]:
    """Remove terms from the main pair."""
    rows = {name: {"loss": name} for name in ABLATIONS} | {"student alone": {"teacher": None}}
    return [block("ablations", dataset, f"{CONTEXT} -> {HORIZON}", {}, rows)]


MAKE = dict(zip(TABLES, (main_table, teachers_table, students_table, lookbacks_table, ablations_table), strict=True))


def draw(results: pd.DataFrame, path: Path) -> None:
    """Plot student, teacher and student alone for all horizons."""
    plt.style.use("tableau-colorblind10")
    figure, axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    for number, (name, rows) in enumerate(results.groupby("model", sort=False)):
        horizons = rows["setting"].str.split(" -> ").str[1]
        axis.plot(horizons, rows["mse"], marker="os^Dv"[number % 5], label=name)
    axis.set(xlabel="horizon (steps)", ylabel="test MSE (standardized)", title=f"Context {CONTEXT}, mean of the seeds")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    folder = Path(__file__).parent / "results"
    for table in arguments.tables:
        parts = [part for dataset in arguments.datasets for part in MAKE[table](dataset)]
        results = pd.concat([one_teacher(part) for part in parts], ignore_index=True)
        heading(f"{table}, {arguments.seeds} seeds, standardized errors")
        columns = ["dataset", "setting", "model", "mse", "mae", "seed_spread", "difference", "standard_error"]
        columns += ["parameters", "ms_per_window", "ms_per_batch"]
        shown = results.reindex(columns=columns)
        print(shown.to_string(index=False, float_format=lambda value: f"{value:.4g}"), flush=True)
        name = "-".join(["timedistill", table, *(one for one in arguments.datasets if one != "ETTh1")])
        write_results(results, folder / f"{name}.csv")
        if table == "main" and not QUICK:
            first = results[results["dataset"] == arguments.datasets[0]]
            draw(first, ROOT / "docs" / "_static" / "timedistill-main.png")
