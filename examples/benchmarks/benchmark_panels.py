"""Time of reading a panel from Parquet, fitting it exactly and forecasting it, and of ``predict`` on many frames.

Prints wall and processor seconds, and ratios to the matrix products alone, and writes them to
``results/many_series.csv`` from 100,000 series on, for which the aims are.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.data._context_batch import ContextBatch
from skdistill.datasets import read_panel
from skdistill.networks import Linear

N_ROWS, CONTEXT, HORIZON = 200, 56, 28
FEWEST = 100_000  # series of a run that is kept


class Clock:
    """Measures wall and processor seconds of a block."""

    def __enter__(self) -> "Clock":
        """Start."""
        self.wall, self.processor = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.wall, self.processor = time.perf_counter() - self.wall, time.process_time() - self.processor

    def __str__(self) -> str:
        """Say both."""
        return f"{self.wall:.2f} s, processor {self.processor:.2f} s"


def make_table(n_series: int) -> pd.DataFrame:
    """Make a long table of daily series with a weekly season, whose scales differ by 100,000."""
    generator = np.random.default_rng(0)
    scale = 10 ** generator.uniform(-2, 3, size=(n_series, 1))
    week = 5 + np.sin(2 * np.pi * np.arange(N_ROWS) / 7) + 0.1 * generator.normal(size=(n_series, N_ROWS))
    days = pd.date_range("2024-01-01", periods=N_ROWS, freq="D").to_numpy()
    return pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n_series), N_ROWS),
            "ds": np.tile(days, n_series),
            "y": (scale * week).ravel(),
        }
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-series", type=int, default=300, help="series of the panel that is fitted")
    parser.add_argument("--n-frames", type=int, default=300, help="frames that are forecast")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.parquet"
        make_table(options.n_series).to_parquet(path)
        with Clock() as reading:
            panel = read_panel(path)
    forecaster = DistilledForecaster(
        None, Linear(), "response", context_length=CONTEXT, prediction_length=HORIZON, random_state=0
    )
    with Clock() as fitting:
        forecaster.fit(panel)
    with Clock() as forecasting:
        forecaster.predict(panel)
    heading(f"{options.n_series} series of {N_ROWS} rows, context {CONTEXT}, horizon {HORIZON}")
    for what, clock in (("read from Parquet", reading), ("fit", fitting), ("predict", forecasting)):
        print(f"  {what}: {clock}")
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"  largest memory: {largest:.2f} GiB")
    panel_name, frames_name = f"{options.n_series:,} series", f"{options.n_frames:,} frames"
    clocks = {f"{panel_name}: read from Parquet": reading, f"{panel_name}: fit": fitting}
    clocks[f"{panel_name}: predict"] = forecasting

    ids = [f"series {number}" for number in range(options.n_frames)]
    hours = pd.date_range("2024-01-01", periods=336, freq="h")
    values = np.random.default_rng(0).normal(size=(options.n_frames, 336, 1)).cumsum(axis=1)
    frames = [pd.DataFrame(one, index=hours, columns=["load"]) for one in values]
    index = pd.MultiIndex.from_product([ids, hours], names=["id", "time"])
    forms = {"two-level frame": pd.DataFrame(values.reshape(-1, 1), index, ["load"]), "list": frames}
    few = [pd.DataFrame(np.tile(one, (2, 1)), columns=["load"]) for one in values[:20]]
    few = [one.set_axis(pd.date_range("2024-01-01", periods=672, freq="h")) for one in few]
    student = DistilledForecaster(
        None, Linear(), "response", context_length=336, prediction_length=48, validation_fraction=0, random_state=0
    ).fit(few)
    with Clock() as products:
        student.predictor_.forecast(ContextBatch(values))
    print(f"{options.n_frames} frames, context 336, horizon 48")
    print(f"  units and products alone: {products}")
    for name, form in forms.items():
        with Clock() as clock:
            student.predict(form)
        print(f"  {name}: {clock}, ratio {clock.processor / max(products.processor, 1e-9):.2f}")
        clocks[f"{frames_name}, {name}: predict"] = clock
    if options.n_series >= FEWEST and not QUICK:
        rows = [{"what": what, "wall": one.wall, "processor": one.processor} for what, one in clocks.items()]
        table = pd.DataFrame(rows).assign(gib=largest, load=os.getloadavg()[0])
        write_results(table, Path(__file__).parent / "results" / "many_series.csv")


if __name__ == "__main__":
    main()
