"""Plan past one machine: bytes, seconds and dollars for many series on many workers, with stragglers and failures.

Rates per processor are measured (``benchmark_scale_out.py``, ``benchmark_labels.py``); how often machines are slow
or lost, and the price of a processor, are assumptions, given as options.

    python examples/benchmarks/plan_scale_out.py
"""

import argparse
import heapq
import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, parse_options, write_results

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--workers", type=int, default=100, help="workers of one processor each")
parser.add_argument("--rows", type=int, default=1000, help="rows of a series")
parser.add_argument("--context", type=int, default=56)
parser.add_argument("--horizon", type=int, default=28)
parser.add_argument("--windows", type=int, default=10, help="labeled windows of a series")
parser.add_argument("--chunks", type=int, default=20, help="chunks for each worker")
parser.add_argument("--fit-rate", type=float, default=1_310_000, help="rows counted per second and processor")
parser.add_argument("--predict-rate", type=float, default=7_750, help="series from Parquet to Parquet, likewise")
parser.add_argument("--label-rate", type=float, default=142.72, help="windows labeled per second and processor")
parser.add_argument("--shuffle-rate", type=float, default=20e6, help="bytes shuffled per second and worker")
parser.add_argument("--slow-share", type=float, default=0.03, help="share of workers that are slow")
parser.add_argument("--slow-factor", type=float, default=4.0, help="how many times slower they are")
parser.add_argument("--losses", type=float, default=0.05, help="losses of a worker per hour")
parser.add_argument("--restart", type=float, default=120.0, help="seconds until a lost worker is back")
parser.add_argument("--price", type=float, default=0.05, help="dollars of a processor for an hour")
options = parse_options(parser)
BYTES_OF_ROW = 4 + 8 + 8  # a float32 value, a time and a number as id, not compressed


def simulate(work: float, seed: int) -> tuple[float, int]:
    """Return seconds until all chunks are done, and how many were done again.

    Parameters
    ----------
    work : float
        Seconds of processor time of all chunks together.
    seed : int
        Seed of slow workers and losses.

    Returns
    -------
    seconds : float
        When the last chunk is done.
    n_again : int
        Chunks that a lost worker was working on.
    """
    generator = np.random.default_rng(seed)
    n_chunks = options.workers * options.chunks
    factor = np.where(generator.random(options.workers) < options.slow_share, options.slow_factor, 1.0)
    free = [(0.0, worker) for worker in range(options.workers)]
    waiting, end, n_again = n_chunks, 0.0, 0
    while waiting:
        now, worker = heapq.heappop(free)
        needs = work / n_chunks * factor[worker] * generator.lognormal(0.0, 0.2)
        until_lost = generator.exponential(3600 / options.losses)
        if until_lost < needs:
            n_again += 1
            heapq.heappush(free, (now + until_lost + options.restart, worker))
            continue
        waiting -= 1
        end = max(end, now + needs)
        heapq.heappush(free, (now + needs, worker))
    return end, n_again


rows = []
for n_series in (1_000_000, 100_000_000):
    n_bytes = n_series * options.rows * BYTES_OF_ROW
    tasks = {
        "bring rows together by id": n_bytes / options.shuffle_rate,
        "fit exactly": n_series * options.rows / options.fit_rate,
        "label": n_series * options.windows / options.label_rate,
        "forecast": n_series / options.predict_rate,
    }
    for task, work in tasks.items():
        found = [simulate(work, seed) for seed in range(3 if QUICK else 20)]
        seconds, again = (np.array(one, dtype=float) for one in zip(*found, strict=True))
        rows.append(
            {
                "series": n_series,
                "task": task,
                "gigabytes_read": n_bytes / 1e9,
                "processor_hours": work / 3600,
                "seconds_alike": work / options.workers,
                "seconds_median": np.median(seconds),
                "seconds_worst": seconds.max(),
                "chunks_again": again.mean(),
                "dollars": np.median(seconds) * options.workers / 3600 * options.price,
            }
        )
size = options.context + options.horizon
table = pd.DataFrame(rows)
print(table.to_string(index=False, float_format=lambda number: f"{number:,.3g}"))
print(f"sums of a partition: {8 * (size * size + size) / 1e6:.2f} MB, whatever its rows; units of a series: 16 bytes")
write_results(table, Path(__file__).parent / "results" / "plan_scale_out.csv")
