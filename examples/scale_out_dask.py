"""Scale out with Dask
===================

Made series in Parquet files are fitted and forecast on a local cluster of Dask, which starts by itself: from Parquet to
Parquet. ``--series 100000`` makes that many; the gallery makes few.
"""

# %%
# Series in Parquet files, and a cluster
# --------------------------------------

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, parse_options
from _many_series import write_series

from skdistill import DistilledForecaster, scale_out

parser = argparse.ArgumentParser()
parser.add_argument("--series", type=int, default=60 if QUICK else 100_000)
parser.add_argument("--workers", type=int, default=2)


def main(n_series: int, n_workers: int) -> None:
    import dask.dataframe as dd
    from distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=n_workers, threads_per_worker=1, processes=not QUICK, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        source, target = write_series(Path(folder) / "rows", n_series, 200), Path(folder) / "forecasts"
        table = dd.read_parquet(source)

        # %%
        # Workers count their partitions, the sums add up, and the student is solved from them. The files are sorted by
        # id; otherwise leave out ``is_sorted=True``, and rows are brought together by id first.

        started = time.perf_counter()
        forecaster = DistilledForecaster(None, "linear", "response", context_length=56, prediction_length=28)
        scale_out.fit(forecaster, table, is_sorted=True)
        heading(f"fitted {forecaster.n_series_} series in {time.perf_counter() - started:.1f} s")

        # %%
        # Forecasts are a table of Dask, which is computed when it is written.

        started = time.perf_counter()
        scale_out.predict(forecaster, table, is_sorted=True).to_parquet(target)
        written = dd.read_parquet(target)
        heading(f"forecast {len(written) // 28} series in {time.perf_counter() - started:.1f} s")
        forecaster.predictor().check_forecasts(written)
        print(written.head())


if __name__ == "__main__":
    options = parse_options(parser)
    try:
        main(options.series, options.workers)
    except ImportError as error:
        heading(f"skipped: {error}. pip install 'skdistill[dask,parquet]'")
