"""Counts that are mostly zero: losses and transformers on car parts
==================================================================

2,509 monthly series, three quarters of them zeros. The last year of the training rows is held out; the rows of the
competition's test stay unseen. MASE rewards forecasts near the median, which is often zero; WQL is the mean quantile
loss over the deciles, relative to the sum of the truth, and a point forecast stands for every decile. *Bias* is the sum
of the forecasts relative to that of the truth.

Poisson and Tweedie deviances are written here as loss terms of one's own; the package does not have them.
"""

# %%
import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results
from _panels import made_panel, read_panels

from skdistill import DistilledForecaster
from skdistill.data import SquareRoot
from skdistill.losses import Pinball, Supervised
from skdistill.losses._distance_term import DistanceModule
from skdistill.metrics import quantile_scores
from skdistill.networks import MLP, Linear

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", "~/skdistill_data")))
arguments = parser.parse_args()
torch.set_num_threads(1)
DECILES = tuple(round(0.1 * level, 1) for level in range(1, 10))


class Deviance(Supervised):
    """Deviance of Poisson (power 1) or Tweedie (between 1 and 2), in original units."""

    def __init__(self, weight: float = 1.0, power: float = 1.0) -> None:
        super().__init__(weight)
        self.power = power

    def make_module(self) -> DistanceModule:
        """Build the module."""
        return DevianceModule(self.power)

    def quadratic_form(self, prediction_length: int) -> None:
        """Return None: it is no quadratic form, unlike the squared errors whose class it extends."""


class DevianceModule(DistanceModule):
    """The deviance without its constant part; means are kept positive by softplus."""

    def __init__(self, power: float) -> None:
        super().__init__()
        self.power = power

    def forward(self, inputs) -> torch.Tensor:
        """Average over what is observed."""
        unit, center = (1.0 if inputs.unit is None else inputs.unit), (0.0 if inputs.center is None else inputs.center)
        truth = (inputs.truth * unit + center).clamp(min=0)
        mean = torch.nn.functional.softplus(10 * (inputs.forecast * unit + center)) / 10 + 1e-3
        if self.power == 1:
            loss = mean - truth * torch.log(mean)
        else:
            loss = mean ** (2 - self.power) / (2 - self.power) - truth * mean ** (1 - self.power) / (1 - self.power)
        loss = loss / unit
        return loss.mean() if inputs.observed is None else loss[inputs.observed].mean()


# %%
# Series
# ------

panel = made_panel() if QUICK else read_panels(arguments.data_home.expanduser(), ["car parts"])["car parts"]
horizon = panel.horizon
series = {name: one.to_numpy() for name, one in panel.train.groupby(level=0, sort=False)}
train = {name: rows[:-horizon] for name, rows in series.items()}
truth = np.stack([rows[-horizon:, 0] for rows in series.values()])
past = [rows[:, 0] for rows in train.values()]
units = np.array([np.abs(rows[panel.season :] - rows[: -panel.season]).mean() for rows in past])


def score(quantiles: np.ndarray, point: np.ndarray) -> dict[str, float]:
    """Score deciles (n_series, horizon, 9) and a point forecast."""
    judged = units > 0
    return {
        "mase": (np.abs(point - truth).mean(axis=1)[judged] / units[judged]).mean(),
        "wql": quantile_scores(truth, quantiles, DECILES).crps / np.abs(truth).mean(),
        "bias": point.sum() / truth.sum(),
    }


def of_point(point: np.ndarray) -> dict[str, float]:
    return score(np.repeat(point[..., None], len(DECILES), axis=-1), point)


def fit(student, loss, **changes) -> dict[str, float]:
    """Fit on all series but their last year, and score."""
    settings = {"context_length": 14, "prediction_length": horizon, "validation_fraction": 0, "bounds": (0, None)}
    settings |= {"min_observed": 12, "random_state": 0}
    if not isinstance(student, Linear):
        settings |= {"max_epochs": 4, "batch_size": 256, "lr": 3e-3}
    start = time.process_time()
    fitted = DistilledForecaster(None, student, loss, **settings, **changes).fit(train)
    seconds = time.process_time() - start
    point = np.stack(list(fitted.predict(train).values()))[..., 0]
    if "quantiles" not in changes:
        return of_point(point) | {"seconds": seconds}
    return score(np.stack(list(fitted.predict_quantiles(train).values()))[:, :, 0], point) | {"seconds": seconds}


# %%
# Run
# ---

root = {"transformer": SquareRoot()}
found = {
    "zero everywhere": of_point(np.zeros_like(truth)),
    "seasonal naive": of_point(np.stack([np.resize(rows[-panel.season :], horizon) for rows in past])),
    "mean of the last year": of_point(np.stack([np.full(horizon, rows[-panel.season :].mean()) for rows in past])),
    "exact linear": fit(Linear(), Supervised()),
    "exact linear, square roots": fit(Linear(), Supervised(), **root),
}
small = MLP(hidden_size=32, kernel_size=3)
for loss in ("mse", "mae", "huber"):
    found[f"MLP, {loss}"] = fit(small, Supervised(loss=loss))
    found[f"MLP, {loss}, square roots"] = fit(small, Supervised(loss=loss), **root)
found["MLP, Poisson"] = fit(small, Deviance())
found["MLP, Tweedie 1.5"] = fit(small, Deviance(power=1.5))
found["MLP, quantiles"] = fit(small, Pinball(), quantiles=DECILES)
found["MLP, quantiles, square roots"] = fit(small, Pinball(), quantiles=DECILES, **root)
results = pd.DataFrame(found).T.rename_axis("model").reset_index()
heading("Car parts, the last year of the training rows")
print(results.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
write_results(results, Path(__file__).resolve().parent / "results" / "counts.csv")
