"""Gaps in a panel: left missing, or interpolated before the fit
==============================================================

Values of hourly series of M4 are removed: single rows at random, or whole days. An exact linear student is fitted on
the series with their gaps, and on series whose gaps were interpolated linearly before. Both forecast the test horizon
from contexts with gaps. Then a teacher labels the windows with some true value, and the student learns from truth
and labels, also at steps without truth. MASE is in units of the complete training rows, so figures can be compared.

Run ``python examples/reproduce/gaps.py``; it takes every seventh series.
"""

# %%
import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.datasets import fetch_m4, make_multiseasonal
from skdistill.m4 import m4_scores
from skdistill.networks import Linear
from skdistill.teachers import Pretrained

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data-home", default=None, help="folder of the M4 files")
parser.add_argument("--rows", type=int, default=480, help="last training rows of each series that are used")
arguments = parser.parse_args()

SHARES = (0.05, 0.2, 0.5)
CONTEXT_LENGTH, HORIZON, DAY = 168, 48, 24

if QUICK:
    made = make_multiseasonal(360, 3, seasons=(24,), random_state=0).to_numpy().T + 20.0
    train, test, SHARES = list(made[:, :312]), made[:, 312:], (0.2,)
else:
    m4 = fetch_m4("Hourly", data_home=arguments.data_home)
    train, test = [np.ravel(one) for one in m4.train[::7]], np.stack([np.ravel(one) for one in m4.test])[::7]
rows = [series[-arguments.rows :] for series in train]

# %%
# Gaps
# ----


def observed(n_rows: int, share: float, length: int, generator: np.random.Generator) -> np.ndarray:
    """Return which rows stay; gaps start at multiples of their length, counted from the end."""
    n_blocks = -(-n_rows // length)
    kept = np.ones(n_blocks, bool)
    kept[generator.choice(n_blocks, round(share * n_blocks), replace=False)] = False
    return np.repeat(kept, length)[-n_rows:]


def as_panel(series: list[np.ndarray]) -> pd.DataFrame:
    frames = {
        number: pd.DataFrame({"y": one}, index=pd.date_range("2020-01-01", periods=len(one), freq="h"))
        for number, one in enumerate(series)
    }
    return pd.concat(frames, names=["series", "time"])


def interpolated(panel: pd.DataFrame) -> pd.DataFrame:
    return panel.groupby(level="series", sort=False).transform(lambda one: one.interpolate(limit_direction="both"))


def mase(panel: pd.DataFrame, teacher: Pretrained | None = None) -> float:
    forecaster = DistilledForecaster(
        teacher,
        Linear(),
        "response",
        context_length=CONTEXT_LENGTH,
        prediction_length=HORIZON,
        validation_fraction=0,
        random_state=0,
    ).fit(panel)
    forecasts = forecaster.predict(panel)["y"].to_numpy().reshape(len(test), HORIZON)
    return m4_scores(forecasts, test, train, season=DAY)["mase"]


# %%
# Run
# ---

cases = [("none", 0.0, 1)] + [(name, share, n) for name, n in (("rows", 1), ("days", DAY)) for share in SHARES]
found = []
for name, share, length in cases:
    generator = np.random.default_rng(0)
    panel = as_panel([np.where(observed(len(one), share, length, generator), one, np.nan) for one in rows])
    row = {"gaps": name, "share": share, "left_missing": mase(panel)}
    row["interpolated"] = mase(interpolated(panel)) if share else row["left_missing"]
    if name != "rows":
        row["taught"] = mase(panel, Pretrained())
    heading(", ".join(f"{key} {value:.3f}" if isinstance(value, float) else value for key, value in row.items()))
    found.append(row)
write_results(pd.DataFrame(found), Path(__file__).parent / "results" / "gaps.csv")
