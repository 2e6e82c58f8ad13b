"""Scale out with Ray
==================

Made series in Parquet files are fitted and forecast on a local cluster of Ray, which starts by itself: from Parquet to
Parquet. It needs ``pip install 'skdistill[ray]'``. ``--series`` says how many.
"""

# %%
# Series in Parquet files, and a cluster
# --------------------------------------

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, parse_options
from _many_series import write_series

from skdistill import DistilledForecaster, scale_out

parser = argparse.ArgumentParser()
parser.add_argument("--series", type=int, default=100_000)
parser.add_argument("--workers", type=int, default=2)


def main(n_series: int, n_workers: int) -> None:
    import pyarrow.dataset
    import ray

    ray.init(num_cpus=n_workers, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as folder:
        source, target = write_series(Path(folder) / "rows", n_series, 200), Path(folder) / "forecasts"
        table = ray.data.read_parquet(str(source))

        # %%
        # Ray brings the rows of every series together; workers count their blocks, the sums add up, and the student is
        # solved from them.

        started = time.perf_counter()
        forecaster = DistilledForecaster(None, "linear", "response", context_length=56, prediction_length=28)
        scale_out.fit(forecaster, table)
        heading(f"fitted {forecaster.n_series_} series in {time.perf_counter() - started:.1f} s")

        # %%
        # Forecasts are a dataset of Ray, which is computed when it is written.

        started = time.perf_counter()
        scale_out.predict(forecaster, table).write_parquet(str(target))
        written = pyarrow.dataset.dataset(target).to_table().to_pandas()
        heading(f"forecast {len(written) // 28} series in {time.perf_counter() - started:.1f} s")
        forecaster.predictor().check_forecasts(written)
        print(written.head())
    ray.shutdown()


if __name__ == "__main__":
    options = parse_options(parser)
    if QUICK:
        heading("a cluster takes long to start: run this without SKDISTILL_QUICK")
    elif importlib.util.find_spec("ray") is None:
        print("skipped: ray is not installed: pip install 'skdistill[ray]'")
    else:
        main(options.series, options.workers)
