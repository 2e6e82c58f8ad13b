"""Scale out with Spark
====================

Made series in Parquet files are fitted and forecast on a local session of Spark, which starts by itself: from Parquet
to Parquet. It needs Java 17 or later and ``pip install 'skdistill[spark]'``. ``--series`` says how many.
"""

# %%
# Series in Parquet files, and a session
# --------------------------------------

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading, parse_options
from _many_series import write_series

from skdistill import DistilledForecaster, scale_out

parser = argparse.ArgumentParser()
parser.add_argument("--series", type=int, default=100_000)
parser.add_argument("--workers", type=int, default=2)


def why_not() -> str | None:
    """Return what is missing for a session."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: pip install 'skdistill[spark]'"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "Spark needs Java 17 or later: install a JDK, or set JAVA_HOME"
    return None


def start_session(n_workers: int) -> Any:
    """Start a session whose workers run this Python, and try every task up to four times."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": str(2 * n_workers),
    }
    builder = SparkSession.builder.master(f"local[{n_workers},4]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def main(n_series: int, n_workers: int) -> None:
    spark = start_session(n_workers)
    with tempfile.TemporaryDirectory() as folder:
        source, target = write_series(Path(folder) / "rows", n_series, 200), str(Path(folder) / "forecasts")
        table = spark.read.parquet(str(source))

        # %%
        # Spark brings the rows of every series together; workers count their partitions, the sums add up, and the
        # student is solved from them.

        started = time.perf_counter()
        forecaster = DistilledForecaster(None, "linear", "response", context_length=56, prediction_length=28)
        scale_out.fit(forecaster, table)
        heading(f"fitted {forecaster.n_series_} series in {time.perf_counter() - started:.1f} s")

        # %%
        # Forecasts are a DataFrame of Spark, which is computed when it is written.

        started = time.perf_counter()
        scale_out.predict(forecaster, table).write.parquet(target)
        written = spark.read.parquet(target)
        heading(f"forecast {written.count() // 28} series in {time.perf_counter() - started:.1f} s")
        forecaster.predictor().check_forecasts(written)
        written.show(5)
    spark.stop()


if __name__ == "__main__":
    options = parse_options(parser)
    if QUICK:
        heading("a session takes long to start: run this without SKDISTILL_QUICK")
    elif reason := why_not():
        print(f"skipped: {reason}")
    else:
        main(options.series, options.workers)
