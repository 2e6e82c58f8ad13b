"""An MLP on top of the exact linear solution, on short series, each alone
=======================================================================

Monthly series are taken one at a time. Students read 24 rows: the exact linear student, an MLP on top of it with the
default settings, and the two recipes of the same pair, :func:`~skdistill.recipes.exact_linear` and
:func:`~skdistill.recipes.linear_skip_mlp`, whose steps are smaller. None has a teacher. The last quarter of the
training rows validates; MASE is of the test rows. The script also counts the series for which no epoch validates
better than the linear solution that training starts from.

Run ``python examples/reproduce/single_series.py``; it takes 60 series of each panel, drawn at random.
"""

# %%
import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results
from _panels import Panel, made_panel, minus, read_panels

from skdistill import DistilledForecaster
from skdistill.networks import MLP, Linear
from skdistill.recipes import exact_linear, linear_skip_mlp

PANELS = ["hospital", "M3 monthly", "tourism monthly"]
CONTEXT_LENGTH = 24

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path("~/skdistill_data"), help="folder with a folder 'panels'")
parser.add_argument("--panels", nargs="+", default=PANELS)
parser.add_argument("--n-series", type=int, default=60)
arguments = parser.parse_args()


# %%
# Fit
# ---


def fit(rows: pd.DataFrame, horizon: int, settings: dict[str, object]) -> tuple[np.ndarray, float]:
    """Fit a student of one series; return its forecast and its least validation error."""
    forecaster = DistilledForecaster(
        None,
        **settings,
        context_length=CONTEXT_LENGTH,
        prediction_length=horizon,
        validation_fraction=0.25,
        random_state=0,
        device="cpu",
    ).fit(rows)
    return forecaster.predict(rows).to_numpy()[:, 0], min(epoch["valid_loss"] for epoch in forecaster.history_)


def make_pairs(season: int) -> dict[str, tuple[dict[str, object], dict[str, object]]]:
    """Return the linear student and the MLP on top of it, with the default settings and of the recipes."""
    recipe = {"season": season, "n_seasons": CONTEXT_LENGTH // season, "with_teacher": False}
    mlp = linear_skip_mlp(**recipe) | ({"max_epochs": 2} if QUICK else {})
    default = {"student": MLP(linear_skip=Linear()), "loss": "response"} | ({"max_epochs": 2} if QUICK else {})
    return {
        "default": ({"student": Linear(), "loss": "response"}, default),
        "recipe": (exact_linear(**recipe), mlp),
    }


def sample(panel: Panel) -> list[object]:
    """Draw series of at least five horizons that move."""
    enough = [
        name
        for name in panel.truth
        if len(panel.train.loc[name]) >= 5 * panel.horizon and np.ptp(panel.train.loc[name].to_numpy()) > 0
    ]
    generator = np.random.default_rng(0)
    return [enough[place] for place in sorted(generator.permutation(len(enough))[: arguments.n_series])]


# %%
# Run
# ---


def run(name: str, panel: Panel) -> dict[str, object]:
    names = sample(panel)
    row: dict[str, object] = {"panel": name, "n_series": len(names), "horizon": panel.horizon}
    for kind, pair in make_pairs(panel.season).items():
        errors, validation = np.zeros((2, len(names))), np.zeros((2, len(names)))
        for place, one in enumerate(names):
            rows = panel.train.loc[one]
            values = rows.to_numpy()[:, 0]
            unit = np.abs(values[panel.season :] - values[: -panel.season]).mean()
            for student, settings in enumerate(pair):
                forecast, validation[student, place] = fit(rows, panel.horizon, settings)
                errors[student, place] = np.abs(forecast - panel.truth[one]).mean() / unit
        row[f"{kind}_linear"], row[f"{kind}_mlp"] = errors.mean(1)
        row[f"{kind}_minus"], row[f"{kind}_standard_error"] = minus(errors[1], errors[0])
        row[f"{kind}_no_epoch"] = float((validation[1] >= validation[0]).mean())
    heading(name)
    print(pd.Series(row).to_string(), flush=True)
    return row


panels = {"made": made_panel()} if QUICK else read_panels(arguments.data_home.expanduser(), arguments.panels)
rows = []
for name, panel in panels.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows.append(run(name, panel))
write_results(pd.DataFrame(rows), Path(__file__).resolve().parent / "results" / "single_series.csv")
