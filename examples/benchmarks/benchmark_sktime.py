"""What the sktime interface costs: ratios from one run
====================================================

One student, through ``DistilledForecaster.predict`` and as a forecaster of sktime, for one series and for a panel. It
is compared with two of sktime's own forecasters: its DLinear, and its wrapper of a foundation model (Chronos-Bolt
small, built from its config with random weights, which do not change the speed).
"""

# %%
import argparse
import importlib.util
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, interleaved, write_results
from _random_foundation_model import BOLT_SIZES, save_random_bolt

from skdistill import DistilledForecaster
from skdistill.losses import Supervised
from skdistill.networks import DLinear
from skdistill.sktime import SktimeDistilledForecaster

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=4.0, help="time spent on each row of the table")
arguments = parser.parse_args()
if QUICK:
    arguments.seconds = 0.05
CONTEXT, HORIZON, N_SERIES = (48, 12, 20) if QUICK else (336, 48, 1000)
torch.set_num_threads(arguments.threads)
warnings.filterwarnings("ignore", category=FutureWarning)
warnings.filterwarnings("ignore", category=UserWarning)
rows: list[dict[str, object]] = []


def table(title: str, calls: dict[str, Callable[[], object]]) -> None:
    """Print times and their ratios to the first."""
    heading(title)
    times = interleaved(calls, arguments.seconds)
    first, base = next(iter(times.items()))
    rows.append({"what": f"{title}: {first}", "figure": base / 1000, "unit": "ms"})
    for name, duration in times.items():
        if name != first:
            rows.append({"what": f"{title}: {name}", "figure": duration / base, "unit": "x the first"})
        print(f"{name:<60} {duration / 1000:10.3f} ms {duration / base:9.2f} x")


# %%
# One series
# ----------
# Fitted on few rows: weights do not matter here.

index = pd.date_range("2024-01-01", periods=CONTEXT + HORIZON + 60, freq="h", name="time")
values = np.random.default_rng(0).normal(size=(len(index), 1)).cumsum(axis=0)
series = pd.DataFrame(values, index=index, columns=["load"])
settings = {
    "teacher": None,
    "student": DLinear(),
    "loss": Supervised(),
    "context_length": CONTEXT,
    "prediction_length": HORIZON,
    "max_epochs": 1,
    "validation_fraction": 0,
    "device": "cpu",
    "random_state": 0,
}
steps = np.arange(1, HORIZON + 1)
plain = DistilledForecaster(**settings).fit(series)
ours = SktimeDistilledForecaster(**settings).fit(series, fh=steps)
calls: dict[str, Callable[[], object]] = {
    "DistilledForecaster.predict(DataFrame)": lambda: plain.predict(series),
    "SktimeDistilledForecaster.predict": ours.predict,
}

if importlib.util.find_spec("sktime.forecasting.ltsf") is not None:
    from sktime.forecasting.ltsf import LTSFDLinearForecaster

    theirs = LTSFDLinearForecaster(CONTEXT, HORIZON, num_epochs=1).fit(series, fh=steps)
    calls["sktime's LTSFDLinearForecaster.predict"] = theirs.predict
if importlib.util.find_spec("chronos") is None:
    print("foundation model: skipped, pip install 'skdistill[chronos]'")
else:
    from sktime.forecasting.chronos import ChronosForecaster

    with tempfile.TemporaryDirectory() as folder:
        sizes = {} if QUICK else {"size": BOLT_SIZES["small"]}
        save_random_bolt(Path(folder), **sizes)
        heavy = ChronosForecaster(folder, use_source_package=True, ignore_deps=True).fit(series, fh=steps)
        heavy.predict()
    calls["sktime's ChronosForecaster.predict, size of Bolt small"] = heavy.predict
setting = f"context {CONTEXT}, horizon {HORIZON}, {arguments.threads} thread(s)"
table(f"One series, {setting}", calls)

# %%
# A panel
# -------

panel = [series + shift for shift in np.random.default_rng(1).normal(size=N_SERIES)]
many = SktimeDistilledForecaster(**settings).fit(pd.concat(dict(enumerate(panel)), names=["series", "time"]), fh=steps)
table(
    f"A panel of {N_SERIES}, {setting}",
    {
        "DistilledForecaster.predict(list)": lambda: plain.predict(panel),
        "SktimeDistilledForecaster.predict": many.predict,
    },
)
write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "sktime.csv")
