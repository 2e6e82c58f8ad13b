"""Rows that are fitted exactly and series that are forecast from Parquet to Parquet, on one processor; memory is flat.

python examples/benchmarks/benchmark_scale_out.py --series 10000
"""

import argparse
import pickle
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, parse_options
from _many_series import write_series

from skdistill import DistilledForecaster, scale_out
from skdistill.networks import MLP

parser = argparse.ArgumentParser()
parser.add_argument("--series", type=int, default=50 if QUICK else 10_000)
parser.add_argument("--rows", type=int, default=1000)
options = parse_options(parser)


def gib() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


settings = {"context_length": 56, "prediction_length": 28, "validation_fraction": 0, "min_observed": 56}
with tempfile.TemporaryDirectory() as folder:
    source = Path(folder) / "rows"
    write_series(source, options.series, options.rows)
    n_rows = options.series * options.rows
    before = gib()
    started, busy = time.perf_counter(), time.process_time()
    forecaster = scale_out.fit(
        DistilledForecaster(None, "linear", "response", **settings), source, is_sorted=True, keep_units=False
    )
    spent, used = time.perf_counter() - started, time.process_time() - busy
    print(
        f"fit: {n_rows:,} rows in {spent:.0f} s, {used:.0f} s of processor time: {n_rows / used:,.0f} rows per second "
        f"and processor; {gib():.2f} GiB at most, {before:.2f} before",
        flush=True,
    )
    started, busy = time.perf_counter(), time.process_time()
    scale_out.predict(forecaster, source, Path(folder) / "forecasts.parquet", is_sorted=True)
    spent, used = time.perf_counter() - started, time.process_time() - busy
    print(
        f"predict: {options.series:,} series of {options.rows} rows in {spent:.0f} s, {used:.0f} s of processor time: "
        f"{options.series / used:,.0f} series per second and processor; {gib():.2f} GiB at most",
        flush=True,
    )

    # %%
    # The mapped function alone, and what reading and writing adds: context 336, horizon 48, MLP.

    write_series(source, min(options.series, 10_000), 600)
    settings = {"context_length": 336, "prediction_length": 48, "max_epochs": 1, "min_observed": 336}
    few = 20 if QUICK else 200
    forecaster = scale_out.fit(DistilledForecaster(None, MLP(64), "response", **settings), source, max_series=few)
    predictor = pickle.loads(pickle.dumps(forecaster.predictor()))
    import pyarrow.dataset

    table = pyarrow.dataset.dataset(source).head(2000 * 600).to_pandas()
    table = table[table["unique_id"] < table["unique_id"].max()]
    rates = []
    for _ in range(3):
        busy = time.process_time()
        predictor.predict_frame(table)
        rates.append(table["unique_id"].nunique() / (time.process_time() - busy))
    busy = time.process_time()
    scale_out.predict(forecaster, source, Path(folder) / "forecasts.parquet", is_sorted=True)
    whole = min(options.series, 10_000) / (time.process_time() - busy)
    heading(
        f"MLP(64), context 336, horizon 48: {np.median(rates):,.0f} series per second and processor in predict_frame; "
        f"{whole:,.0f} from Parquet to Parquet; predictor {len(pickle.dumps(predictor)) / 1000:.0f} kB; "
        f"{gib():.2f} GiB at most"
    )
