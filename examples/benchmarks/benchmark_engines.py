"""Series that each engine forecasts per second inside the mapped function and in all, and the memory of its workers.

Every engine reads Parquet files sorted by id, forecasts them, and writes Parquet files, with two workers. The mapped
function notes its processor time, and the most memory of its process. A sample of the forecasts is compared with
``predict``, and the sums of an exact fit with those of this process.

    python examples/benchmarks/benchmark_engines.py --series 20000 100000
"""

import argparse
import os
import pickle
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, parse_options, write_results
from _many_series import write_series

from skdistill import DistilledForecaster, scale_out
from skdistill.networks import MLP
from skdistill.scale_out._engines import map_dask, map_ray, map_spark
from skdistill.scale_out._work import Forecasts, Work

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--series", type=int, nargs="+", default=[40] if QUICK else [20_000, 100_000])
parser.add_argument("--engines", nargs="+", default=["dask"] if QUICK else ["dask", "ray", "spark"])
CONTEXT, HORIZON = (56, 7) if QUICK else (336, 48)


@dataclass
class Noted(Work):
    """Work that notes what it costs: series, seconds of processor time, and GiB of its process."""

    work: Forecasts
    log: str

    @property
    def id(self) -> str:  # type: ignore[override]
        """The column of ids."""
        return self.work.id

    def schema(self, given: Any) -> Any:
        """Return the columns of forecasts."""
        return self.work.schema(given)

    def run(self, batches: Any) -> Iterator[Any]:
        """Forecast a partition."""
        held = list(batches)  # what the engine reads is not counted
        busy, results = time.process_time(), self.work.run(held)
        found = list(results)
        busy = time.process_time() - busy
        n_series = sum(one.num_rows for one in found) // HORIZON
        gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        with open(self.log, "a") as file:
            file.write(f"{os.getpid()} {n_series} {busy} {gib}\n")
        yield from found


def with_dask(work: Any, source: Path, target: str) -> float:
    """Forecast with Dask."""
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=not QUICK, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        started = time.perf_counter()
        map_dask(work, dd.read_parquet(source), is_sorted=True).to_parquet(target)
        return time.perf_counter() - started


def with_ray(work: Any, source: Path, target: str) -> float:
    """Forecast with Ray."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    started = time.perf_counter()
    map_ray(work, ray.data.read_parquet(str(source)), is_sorted=True).write_parquet(target)
    seconds = time.perf_counter() - started
    ray.shutdown()
    return seconds


def with_spark(work: Any, source: Path, target: str) -> float:
    """Forecast with Spark."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.memory": "2g"}
    builder = SparkSession.builder.master("local[2,4]").config("spark.driver.bindAddress", "127.0.0.1")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    started = time.perf_counter()
    # a file is one partition, so that no series is in two
    session.conf.set("spark.sql.files.maxPartitionBytes", str(2**30))
    session.conf.set("spark.sql.files.openCostInBytes", str(2**30))
    map_spark(work, session.read.parquet(str(source)), is_sorted=True).write.parquet(target)
    seconds = time.perf_counter() - started
    session.stop()
    return seconds


def check(forecaster: Any, source: Path, target: str) -> str:
    """Compare the forecasts of one file with those of predict."""
    written = pyarrow.dataset.dataset(target, format="parquet").to_table().to_pandas()
    first = pyarrow.dataset.dataset(sorted(source.glob("*.parquet"))[0]).to_table()
    expected = scale_out.predict(forecaster, first, is_sorted=True).to_pandas()
    found = written[written["unique_id"] <= expected["unique_id"].max()].sort_values(["unique_id", "ds"])
    found, expected = found["y"].to_numpy(), expected["y"].to_numpy()
    apart = np.abs(found / expected - 1)
    return f"{(apart == 0).mean():.2%} of {len(found)} forecasts equal to the bit, others to {apart.max():.1g}"


def main(series: list[int], engines: list[str]) -> None:
    """Run each engine with each number of series."""
    rows = []
    runs = {"dask": with_dask, "ray": with_ray, "spark": with_spark}
    for n_series in series:
        with tempfile.TemporaryDirectory() as folder:
            source = write_series(Path(folder) / "rows", n_series, CONTEXT)
            settings = {"context_length": CONTEXT, "prediction_length": HORIZON, "max_epochs": 1, "random_state": 0}
            few = write_series(Path(folder) / "few", 60, 2 * CONTEXT)
            forecaster = DistilledForecaster(None, MLP(64), "response", **settings)
            scale_out.fit(forecaster, few, max_series=60, is_sorted=True)
            for engine in engines:
                log, target = Path(folder) / f"{engine}.log", str(Path(folder) / engine)
                work = Noted(Forecasts(forecaster.predictor()), str(log))
                started = time.perf_counter()
                seconds_of_engine = runs[engine](work, source, target)
                seconds = time.perf_counter() - started
                notes = pd.read_csv(log, sep=" ", names=["worker", "series", "busy", "gib"])
                notes = notes[notes["series"] > 0]
                later = notes[notes.duplicated("worker")]  # the first of a process imports what it needs
                warm = later if len(later) else notes
                rows.append(
                    {
                        "engine": engine,
                        "series": n_series,
                        "partitions": len(notes),
                        "series_per_core_second_inside": (warm["series"] / warm["busy"]).median(),
                        "processor_seconds_inside": notes["busy"].sum(),
                        "seconds_of_engine": seconds_of_engine,
                        "seconds_with_start": seconds,
                        "gib_of_worker": notes["gib"].max(),
                        "predictor_kb": len(pickle.dumps(forecaster.predictor())) / 1000,
                        "check": check(forecaster, source, target),
                    }
                )
                heading(str(rows[-1]))
    write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "scale_out_engines.csv")


if __name__ == "__main__":
    options = parse_options(parser)
    main(options.series, options.engines)
