"""Beyond the published recipe: what helps an MLP, with and without a teacher
==========================================================================

The protocol and the teacher of ``timedistill_etth1.py``, on ETTh1 and the exchange rates. A recipe changes
the published one: the normalization of the student, averaging of its weights, which labels are used, the teacher
(including the small model of ``examples/pretrain_small_foundation_model.py``, if it exists), or the labeled contexts.
Recipes are ranked by validation error, averaged over seeds; each fitted model is scored once on the test part. The
row *alone* of a student is the same recipe without a teacher.

Run ``python examples/reproduce/recipes_etth1.py --datasets ETTh1 --horizons 96``. Finished
cells (dataset, horizon, seed, recipe) are not computed again; ``--tables-only`` writes the tables from existing cells.
"""

# %%
# Settings
# --------

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, ROOT, as_teacher, heading, provenance, write_results

from skdistill import DistilledForecaster
from skdistill.comparison import block_bootstrap_means, rolling_forecasts
from skdistill.data import Augmentation
from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split
from skdistill.losses import Response, TimeDistill
from skdistill.networks import MLP, ITransformer, Linear, TSMixer
from skdistill.teachers import AdaptiveEnsemble, Chronos, CrossFittedTeacher, EnsembleTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
DATASETS = ["ETTh1", "exchange rates"]
parser.add_argument("--datasets", nargs="+", default=DATASETS, choices=DATASETS)
parser.add_argument("--horizons", type=int, nargs="+", default=[96, 336])
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--recipes", nargs="+", default=None, help="names of recipes; all of them if left out")
parser.add_argument("--tables-only", action="store_true")
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
parser.add_argument(
    "--model",
    default=str(ROOT / ".cache" / "small-chronos-bolt"),
    help="folder of a Chronos, for the recipes that a foundation model teaches; left out where it is not there",
)
parser.add_argument("--cache", type=Path, default=ROOT / ".cache" / "recipes")
arguments = parser.parse_args()

CONTEXTS = {"ETTh1": 720, "exchange rates": 336, "quick": 48}
RECENT = {"ETTh1": 504, "exchange rates": 168, "quick": 36}  # number of last rows read by some recipes
SEASONS = {"ETTh1": 24, "exchange rates": 1, "quick": 24}
WIDTH, TEACHER_WIDTH, LIMITS = (16, 16, {"max_epochs": 1}) if QUICK else (512, 256, {})
if QUICK:
    arguments.datasets, arguments.horizons, arguments.seeds = ["quick"], [12], [0]
torch.set_num_threads(1)

# %%
# Recipes
# -------
# Each recipe is a set of forecaster parameters that differ from the published ones. ``alone`` says whether it is also
# trained without a teacher; without labels, recipes about labels equal another recipe, mostly the published one.

PLAIN = {"batch_norm": False, "dropout": 0.5}
AVERAGED = {"weight_averaging": 0.99}
CALM = {"lr": 1e-3, "lr_schedule": "cosine", "max_epochs": 10}  # few epochs


def make_recipes(dataset: str) -> dict[str, dict[str, Any]]:
    """List the recipes by name."""
    published = TimeDistill(prediction_weight=2.0, feature_weight=2.0)
    teacher = as_teacher(ITransformer(hidden_size=TEACHER_WIDTH, n_layers=2, n_heads=8))
    linear = Linear(
        last_rows=RECENT[dataset],
        season=SEASONS[dataset],
        penalty=[0.01, 0.1, 1.0],
        weight_grid={"prediction": [0.0, 0.5, 1.0, 2.0, 4.0]},
        solver="exact",
    )
    mixed = [
        ("itransformer", ITransformer(TEACHER_WIDTH, n_layers=2, n_heads=8)),
        ("tsmixer", TSMixer(TEACHER_WIDTH // 4)),
        ("mlp", MLP(WIDTH, **PLAIN)),
    ]
    mixed = [(name, as_teacher(network)) for name, network in mixed]
    recent = MLP(WIDTH, **PLAIN, last_rows=RECENT[dataset])
    skip = MLP(WIDTH, **PLAIN, last_rows=RECENT[dataset], linear_skip=linear)
    recipes = {
        "published": {},
        "no BatchNorm": {"student": MLP(WIDTH, batch_norm=False)},
        "no BatchNorm, dropout": {"student": MLP(WIDTH, **PLAIN)},
        "no BatchNorm, dropout, weight average": {"student": MLP(WIDTH, **PLAIN), **AVERAGED},
        "weight average": AVERAGED,
        "response only": {"loss": Response(2.0)},
        "trust": {"loss": TimeDistill(2.0, 2.0, trust=1.0)},
        "cross-fitted teacher": {"teacher": CrossFittedTeacher(teacher, n_folds=3)},
        "three teachers": {"teacher": EnsembleTeacher(mixed)},
        "three teachers, learned shares": {"teacher": AdaptiveEnsemble(mixed)},
        "perturbed contexts": {"augmentation": Augmentation()},
        "combined": {"student": recent, "loss": Response(), **AVERAGED},
        "combined, few epochs": {"student": recent, "loss": Response(), **AVERAGED, **CALM},
        "linear skip": {"student": skip, "loss": Response(), **AVERAGED, **CALM},
        "exact linear": {"student": linear, "loss": Response()},
    }
    if not QUICK and Path(arguments.model).is_dir():
        zero_shot = Chronos(arguments.model, layer=None, roll_out="point")
        for name in ("linear skip", "exact linear"):
            recipes[f"{name}, foundation teacher"] = {**recipes[name], "teacher": zero_shot}
            both = EnsembleTeacher([("foundation", zero_shot), ("itransformer", teacher)])
            recipes[f"{name}, both teachers"] = {**recipes[name], "teacher": both}
    return {
        name: {"teacher": teacher, "student": MLP(WIDTH), "loss": published, **recipe}
        for name, recipe in recipes.items()
    }


ALONE = [
    "published",
    "no BatchNorm",
    "no BatchNorm, dropout",
    "no BatchNorm, dropout, weight average",
    "weight average",
    "combined",
    "combined, few epochs",
    "linear skip",
    "exact linear",
]


def without_labels(name: str) -> str:
    """Return the name of the equivalent recipe without a teacher."""
    return next((known for known in (name, name.split(", ")[0]) if known in ALONE), "published")


# %%
# A cell
# ------


def load(dataset: str) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Return train part, test part and validation fraction."""
    if QUICK:
        return standard_split(make_multiseasonal(600, 2, random_state=0), "70/10/20", context_length=CONTEXTS[dataset])
    data = fetch_exchange_rate if dataset == "exchange rates" else fetch_ett
    found = (
        data(data_home=arguments.data_home)
        if dataset == "exchange rates"
        else data(dataset, data_home=arguments.data_home)
    )
    return standard_split(found.frame, found.protocol, context_length=CONTEXTS[dataset])


def without_teacher(recipe: dict[str, Any]) -> dict[str, Any]:
    """Remove the teacher and all parameters about labels."""
    student = recipe["student"]
    linear = student if isinstance(student, Linear) else student.linear_skip
    if linear is not None:
        linear.set_params(weight_grid=None)
    return {**recipe, "teacher": None}


def cell(dataset: str, horizon: int, seed: int, name: str, *, taught: bool) -> None:
    """Fit one model and save its errors, unless they exist."""
    stem = f"{dataset}-{horizon}-{seed}-{name}-{'taught' if taught else 'alone'}".replace(" ", "_").replace(",", "")
    path = arguments.cache / f"{stem}.json"
    if path.exists() and not QUICK:
        return
    train, test, fraction = load(dataset)
    recipe = make_recipes(dataset)[name]
    forecaster = DistilledForecaster(
        **{**(recipe if taught else without_teacher(recipe)), **LIMITS},
        context_length=CONTEXTS[dataset],
        prediction_length=horizon,
        validation_fraction=fraction,
        random_state=seed,
        device="cpu",
        memory=None if QUICK else arguments.cache,
    ).fit(train)
    history = [row for row in forecaster.history_ if "valid_loss" in row]
    rolled = rolling_forecasts(forecaster, test)
    errors = {who: forecast - rolled.truth for who, forecast in rolled.forecasts.items()}
    row = {"dataset": dataset, "context": CONTEXTS[dataset], "horizon": horizon, "seed": seed}
    row |= {"recipe": name, "taught": taught, "validation_mse": min(epoch["valid_loss"] for epoch in history)}
    row |= {"mse": float(np.square(errors["student"]).mean()), "mae": float(np.abs(errors["student"]).mean())}
    row["teacher_mse"] = float(np.square(errors["teacher"]).mean()) if taught else None
    row |= {"epochs": len(history), "student_seconds": sum(epoch["dur"] for epoch in history)}
    row |= {"parameters": forecaster.count_parameters(), **provenance()}
    print(json.dumps({key: row[key] for key in ("recipe", "taught", "seed", "validation_mse", "mse")}), flush=True)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    np.save(arguments.cache / f"{stem}.npy", np.square(errors["student"]).mean(axis=(1, 2)))
    held_out = train.iloc[-(round(fraction * len(train)) + CONTEXTS[dataset]) :]
    judged = rolling_forecasts(forecaster, held_out)
    np.save(
        arguments.cache / f"{stem}-validation.npy",
        np.square(judged.forecasts["student"] - judged.truth).mean(axis=(1, 2)),
    )
    path.write_text(json.dumps({**row, "stem": stem}))


# %%
# Tables
# ------


def read_cells() -> pd.DataFrame:
    """Read every finished cell."""
    rows = [json.loads(path.read_text()) for path in sorted(arguments.cache.glob("*.json"))]
    frame = pd.DataFrame(rows)
    return frame[frame["dataset"].eq("quick") == QUICK]


def paired(ours: list[str], theirs: list[str], part: str, *, block_length: int) -> tuple[float, float]:
    """Return the difference of the mean errors of two lists of cells, with one standard error."""
    pair = [
        np.mean([np.load(arguments.cache / f"{stem}{part}.npy") for stem in stems], axis=0) for stems in (ours, theirs)
    ]
    means = block_bootstrap_means(
        np.stack(pair), [len(pair[0])], block_length=block_length, n_resamples=1000, random_state=0
    )
    return float(pair[0].mean() - pair[1].mean()), float((means[0] - means[1]).std())


def differences(models: pd.DataFrame, others: pd.DataFrame, name: str, *, block_length: int) -> dict[str, float]:
    """Return error differences to other models over common seeds, on validation part and test part."""
    theirs = others.set_index("seed")["stem"]
    both = models[models["seed"].isin(theirs.index)]
    row: dict[str, float] = {}
    if len(both):
        for part, prefix in (("-validation", "validation_"), ("", "")):
            pair = list(both["stem"]), list(theirs[both["seed"]])
            difference, error = paired(*pair, part, block_length=block_length)
            row |= {f"{prefix}{name}": difference, f"{prefix}{name}_standard_error": error}
    return row


def summarize(cells: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, with differences to the published recipe with a teacher and to the same student alone."""
    rows = []
    for (dataset, horizon), block in cells.groupby(["dataset", "horizon"]):
        published = block[block["recipe"].eq("published") & block["taught"]]
        for (recipe, taught), models in block.groupby(["recipe", "taught"], sort=False):
            row = {"dataset": dataset, "horizon": horizon, "recipe": recipe, "taught": taught, "seeds": len(models)}
            row |= {
                name: models[name].mean() for name in ("validation_mse", "mse", "mae", "teacher_mse", "student_seconds")
            }
            row |= {"seed_spread": models["mse"].std(), "validation_spread": models["validation_mse"].std()}
            row |= {"context": models["context"].iloc[0], "parameters": models["parameters"].iloc[0]}
            row |= differences(models, published, "minus_published", block_length=2 * horizon)
            if taught:
                alone = block[block["recipe"].eq(without_labels(recipe)) & ~block["taught"]]
                row |= {"alone_mse": alone["mse"].mean()}
                row |= differences(models, alone, "minus_alone", block_length=2 * horizon)
            rows.append({**row, **models[["command", "commit", "machine"]].iloc[-1]})
    frame = pd.DataFrame(rows)
    return frame.sort_values(["dataset", "horizon", "taught", "validation_mse"], ascending=[True, True, False, True])


def write_tables() -> None:
    """Write the cells and their summary."""
    cells = read_cells()
    folder = Path(__file__).parent / "results"
    heading("\nRecipes, ranked by validation error; MSE minus published and minus alone, one standard error")
    summary = summarize(cells)
    columns = ["dataset", "horizon", "recipe", "taught", "seeds", "validation_mse", "mse", "seed_spread"]
    for other in ("minus_published", "minus_alone"):
        columns += [f"{part}{other}{error}" for part in ("validation_", "") for error in ("", "_standard_error")]
    print(summary[columns].to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    write_results(cells.drop(columns="stem"), folder / "recipes.csv")
    write_results(summary, folder / "recipes_summary.csv")


if __name__ == "__main__":
    if QUICK:
        import tempfile

        arguments.cache = Path(tempfile.mkdtemp())
    for dataset in [] if arguments.tables_only else arguments.datasets:
        for horizon in arguments.horizons:
            for seed in arguments.seeds:
                for name in arguments.recipes or make_recipes(dataset):
                    cell(dataset, horizon, seed, name, taught=True)
                    if name in ALONE:
                        cell(dataset, horizon, seed, name, taught=False)
                if not QUICK:
                    write_tables()
    if QUICK or arguments.tables_only:
        write_tables()
