"""Labels per second: one pass in large batches, compared with other ways to run the same teacher
===============================================================================================

The teacher is a Chronos-Bolt at a published size (with random weights, which do not change the speed); a label is its
forecast of a single series. Here it labels every window once, in large batches. sktime's wrapper of the same model
forecasts one series at a time. The code released with DistilTS runs the teacher on every batch of every epoch.

Run ``python examples/benchmarks/benchmark_labels.py``.
"""

# %%
import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results
from _random_foundation_model import BOLT_SIZES, save_random_bolt
from sktime.forecasting.chronos import ChronosForecaster

from skdistill import DistilledForecaster
from skdistill.datasets import make_multiseasonal
from skdistill.teachers import Chronos

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--sizes", nargs="+", default=["tiny", "small"], choices=sorted(BOLT_SIZES))
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--horizons", type=int, nargs="+", default=[64, 96])
parser.add_argument("--epochs", type=int, default=10, help="of the released training")
parser.add_argument("--windows", type=int, default=128, help="labeled at once, a round")
parser.add_argument("--rounds", type=int, default=3)
arguments = parser.parse_args()
if QUICK:
    arguments.sizes, arguments.context, arguments.horizons = ["tiny"], 48, [12]
    arguments.windows, arguments.rounds = 8, 1
torch.set_num_threads(1)


def in_batches(series: pd.DataFrame, horizon: int, epochs: int = 1, **settings: object) -> Callable[[], float]:
    """Label once, or again in every epoch; return the training windows labeled per second."""
    forecaster = DistilledForecaster(
        Chronos(folder, layer=None, **settings),
        "dlinear",
        "response",
        context_length=arguments.context,
        prediction_length=horizon,
        validation_fraction=0,
        random_state=0,
    )

    def rate() -> float:
        estimate = forecaster.estimate_labeling(series, n_samples=arguments.windows)
        return estimate.n_windows / estimate.seconds / epochs

    return rate


def one_by_one(series: pd.DataFrame, horizon: int, config: dict[str, object]) -> Callable[[], float]:
    """Ask sktime's wrapper, whose model stays loaded."""
    wrapper, steps = ChronosForecaster(str(folder), config=config), np.arange(1, horizon + 1)
    wrapper.fit(series.iloc[: arguments.context, 0], fh=steps).predict()

    def rate(n_windows: int = 2 if QUICK else 10) -> float:
        start = time.perf_counter()
        for number in range(n_windows):
            wrapper.fit(series.iloc[number : number + arguments.context, 0], fh=steps).predict()
        return n_windows / (time.perf_counter() - start)

    return rate


# %%
# Every way in turn, so that a busy machine slows all alike; medians of the rounds.

rows = []
for size in arguments.sizes:
    for horizon in arguments.horizons:
        with tempfile.TemporaryDirectory() as home:
            tiny = {"size": (16, 1, 2, 32), "context_length": 48, "prediction_length": 12} if QUICK else {}
            folder = save_random_bolt(Path(home) / size, **{"size": BOLT_SIZES[size], **tiny})
            series = make_multiseasonal(arguments.context + horizon + arguments.windows + 50, 1, random_state=0)
            ways = {
                "once, large batches": in_batches(series, horizon),
                "once, large batches, bfloat16": in_batches(series, horizon, dtype="bfloat16"),
                "every epoch, batches of 32": in_batches(series, horizon, epochs=arguments.epochs, batch_size=32),
                "sktime's wrapper, float32": one_by_one(series, horizon, {"torch_dtype": torch.float32}),
                "sktime's wrapper, its default (bfloat16)": one_by_one(series, horizon, {}),
            }
            if horizon > 64:
                ways["once, large batches, median rolled out"] = in_batches(series, horizon, roll_out="point")
            rates: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(arguments.rounds):
                for name, way in ways.items():
                    rates[name].append(way())
            n_parameters = Chronos(folder).count_parameters()
        medians = {name: statistics.median(values) for name, values in rates.items()}
        for name, rate in medians.items():
            rows.append(
                {
                    "model": f"Chronos-Bolt {size}",
                    "parameters": n_parameters,
                    "context": arguments.context,
                    "horizon": horizon,
                    "way": name,
                    "windows_per_second": rate,
                    "times_wrapper": rate / medians["sktime's wrapper, float32"],
                    "times_every_epoch": rate / medians["every epoch, batches of 32"],
                }
            )
        heading(f"Chronos-Bolt {size}, {arguments.context} -> {horizon}, one thread")
        print(pd.DataFrame(rows[-len(ways) :]).iloc[:, 4:].to_string(index=False, float_format="{:.3g}".format))
        write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "labels.csv")
