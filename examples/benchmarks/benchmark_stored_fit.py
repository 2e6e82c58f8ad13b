"""Memory and time of a fit by gradient from Parquet files through a store of files, for more and more series.

Each number of series runs in a process of its own. Anonymous memory is what the process needs; mapped pages of files,
which the system takes back when it needs room, are not in it.

    python examples/benchmarks/benchmark_stored_fit.py --series 1000 4000 16000
"""

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, parse_options, write_results
from _many_series import write_series

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--series", type=int, nargs="+", default=[20] if QUICK else [1_000, 4_000, 16_000])
parser.add_argument("--rows", type=int, default=200 if QUICK else 1000)


def anonymous_gib() -> float:
    """Return the anonymous memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 2**20


def measure(n_series: int, n_rows: int, results: Any) -> None:
    """Fit twice in this process: with a pass over the rows, and from the complete store."""
    from skdistill import DistilledForecaster, scale_out
    from skdistill.networks import MLP

    most, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            most[0] = max(most[0], anonymous_gib())

    with tempfile.TemporaryDirectory() as folder:
        source = write_series(Path(folder) / "rows", n_series, n_rows)
        settings = {"context_length": 56, "prediction_length": 28, "max_epochs": 1, "validation_fraction": 0}
        settings |= {"windows_per_epoch": 20_000, "random_state": 0}
        before, used = anonymous_gib(), []
        if Path("/proc/self/status").exists():
            threading.Thread(target=watch, daemon=True).start()
        for _ in range(2):
            busy = time.process_time()
            forecaster = DistilledForecaster(None, MLP(32), "response", **settings)
            scale_out.fit(forecaster, source, store=Path(folder) / "store", is_sorted=True, keep_units=False)
            used.append(time.process_time() - busy)
        ended.set()
        size = sum(file.stat().st_size for file in (Path(folder) / "store").rglob("*.bin"))
    results.put((before, most[0], *used, size))


if __name__ == "__main__":
    options = parse_options(parser)
    rows = []
    for n_series in options.series:
        context = multiprocessing.get_context("spawn")
        results: Any = context.Queue()
        process = context.Process(target=measure, args=(n_series, options.rows, results))
        if QUICK:
            measure(n_series, options.rows, results)
        else:
            process.start()
        before, most, first, again, size = results.get()
        if not QUICK:
            process.join()
        rows.append(
            {
                "series": n_series,
                "rows": n_series * options.rows,
                "gib_before": before,
                "gib_at_most": most,
                "store_gib": size / 2**30,
                "processor_seconds": first,
                "processor_seconds_again": again,
            }
        )
        heading(str(rows[-1]))
    write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "stored_fit.csv")
