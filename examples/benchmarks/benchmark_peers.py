"""skdistill beside neuralforecast, mlforecast, sktime and chronos-forecasting: one run, same data, one thread
==========================================================================================================

Training, forecasts of one series and of many, memory, import and bytes on disk. All libraries get the same long table
of seven series, context 336, horizon 96, and batches of 224 windows of one channel. Each runs in a process of its own,
and the processes take turns. Times are of the processor, with one thread, so that other load on the machine counts
little. The peers need ``peers.txt`` in an environment of their own::

    python -m venv peers && peers/bin/pip install -r examples/benchmarks/peers.txt
    python examples/benchmarks/benchmark_peers.py --peers-python peers/bin/python
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pandas as pd

QUICK = os.environ.get("SKDISTILL_QUICK", "") not in ("", "0")
CONTEXT, HORIZON, WIDTH, BATCH = (48, 12, 16, 64) if QUICK else (336, 96, 512, 224)
N_ROWS, N_SERIES, N_STEPS = (300, 20, 4) if QUICK else (4000, 10_000, 40)
N_CALLS = 3 if QUICK else 20
PEER_STEPS = 2 if QUICK else 10  # of neuralforecast, which is slower


def long_table(n_series: int, n_rows: int) -> pd.DataFrame:
    """Return hourly random walks with a daily season."""
    generator = np.random.default_rng(0)
    season = np.sin(np.arange(n_rows) * 2 * np.pi / 24)
    values = 0.1 * generator.normal(size=(n_series, n_rows)).cumsum(axis=1) + season
    times = pd.date_range("2024-01-01", periods=n_rows, freq="h")
    return pd.DataFrame(
        {"unique_id": np.repeat(np.arange(n_series), n_rows), "ds": np.tile(times, n_series), "y": values.ravel()}
    )


def seconds(call: Callable[[], object]) -> float:
    """Return the processor time of one call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def median_seconds(call: Callable[[], object], n_calls: int = N_CALLS) -> float:
    """Return the median time of warm calls."""
    call()
    return statistics.median(seconds(call) for _ in range(n_calls))


def size_of(path: Path) -> int:
    """Return the bytes of a file or folder."""
    return sum(one.stat().st_size for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file())


# %%
# The libraries
# -------------
# Each function returns windows a second in training, seconds of one and of many forecasts, and bytes on disk.


def skdistill(model: str, folder: Path) -> dict[str, float]:
    """Train a student alone, by gradient steps."""
    from skdistill import DistilledForecaster
    from skdistill.datasets import read_panel
    from skdistill.networks import MLP, DLinear

    panel = read_panel(long_table(7, N_ROWS))
    n_windows = 7 * (N_ROWS - CONTEXT - HORIZON + 1)

    def fit(n_epochs: int) -> DistilledForecaster:
        student = DLinear() if model == "DLinear" else MLP(WIDTH)
        settings = {"max_epochs": n_epochs, "batch_size": BATCH, "validation_fraction": 0, "device": "cpu"}
        lengths = {"context_length": CONTEXT, "prediction_length": HORIZON}
        return DistilledForecaster(None, student, "response", random_state=0, **lengths, **settings).fit(panel)

    fit(1)
    spent = seconds(lambda: fit(3)) - seconds(lambda: fit(1))
    forecaster = fit(1)
    path = folder / "student.skdistill"
    forecaster.save(path)
    one, many = long_table(1, CONTEXT), long_table(N_SERIES, CONTEXT)
    return {
        "windows a second": 2 * n_windows / spent,
        "one series, ms": 1e3 * median_seconds(lambda: forecaster.predict_table(one)),
        "many series, s": seconds(lambda: forecaster.predict_table(many)),
        "bytes": size_of(path),
    }


def neuralforecast(model: str, folder: Path) -> dict[str, float]:
    """Train with NeuralForecast, in steps of as many windows."""
    from neuralforecast import NeuralForecast, models

    table = long_table(7, N_ROWS)
    quiet = {"enable_progress_bar": False, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
    extra = {"hidden_size": WIDTH, "num_layers": 2} if model == "MLP" else {}

    def fit(n_steps: int) -> Any:
        made = getattr(models, model)(
            h=HORIZON,
            input_size=CONTEXT,
            max_steps=n_steps,
            batch_size=7,
            windows_batch_size=BATCH,
            scaler_type="identity",
            random_seed=0,
            **extra,
            **quiet,
        )
        forecaster = NeuralForecast([made], freq="h")
        forecaster.fit(table)
        return forecaster

    fit(1)
    spent = seconds(lambda: fit(1 + PEER_STEPS)) - seconds(lambda: fit(1))
    forecaster = fit(1)
    forecaster.save(str(folder / "saved"), overwrite=True, save_dataset=False)
    one, many = long_table(1, CONTEXT), long_table(N_SERIES, CONTEXT)
    return {
        "windows a second": PEER_STEPS * BATCH / spent,
        "one series, ms": 1e3 * median_seconds(lambda: forecaster.predict(one)),
        "many series, s": seconds(lambda: forecaster.predict(many)),
        "bytes": size_of(folder / "saved"),
    }


def mlforecast(model: str, folder: Path) -> dict[str, float]:
    """Fit a linear regression on as many lags, which forecasts step by step; it lays out every lag of every new row."""
    import pickle

    from mlforecast import MLForecast
    from sklearn.linear_model import LinearRegression

    table = long_table(7, N_ROWS)

    def fit() -> Any:
        made = MLForecast(LinearRegression(), freq="h", lags=range(1, CONTEXT + 1), num_threads=1)
        made.fit(table)
        return made

    fit()
    spent = seconds(fit)
    forecaster = fit()
    (folder / "saved").write_bytes(pickle.dumps(forecaster))
    one = long_table(1, CONTEXT + 1)
    return {
        "windows a second": 7 * (N_ROWS - CONTEXT) / spent,
        "one series, ms": 1e3 * median_seconds(lambda: forecaster.predict(HORIZON, new_df=one)),
        "bytes": size_of(folder / "saved"),
    }


def sktime(model: str, folder: Path) -> dict[str, float]:
    """Train sktime's DLinear on one series; it has one model for each series, so many are not forecast."""
    from sktime.forecasting.ltsf import LTSFDLinearForecaster

    series = long_table(1, N_ROWS).set_index("ds")[["y"]].asfreq("h")
    n_windows = N_ROWS - CONTEXT - HORIZON + 1

    def fit(n_epochs: int) -> Any:
        made = LTSFDLinearForecaster(CONTEXT, HORIZON, num_epochs=n_epochs, batch_size=BATCH)
        return made.fit(series, fh=np.arange(1, HORIZON + 1))

    fit(1)
    spent = seconds(lambda: fit(3)) - seconds(lambda: fit(1))
    forecaster = fit(1)
    forecaster.save(folder / "saved")
    return {
        "windows a second": 2 * n_windows / spent,
        "one series, ms": 1e3 * median_seconds(forecaster.predict),
        "bytes": size_of(folder / "saved.zip"),
    }


def chronos(model: str, folder: Path) -> dict[str, float]:
    """Forecast with a network of Chronos-Bolt's kind and random weights, which take as long as trained ones."""
    import torch
    from chronos.chronos_bolt import ChronosBoltModelForForecasting, ChronosBoltPipeline
    from transformers import T5Config

    width, n_layers, n_heads = (16, 1, 1) if QUICK else (256, 4, 4)  # 8.7 million parameters
    settings = {
        "context_length": 2048,
        "prediction_length": 64,
        "input_patch_size": 16,
        "input_patch_stride": 16,
        "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "use_reg_token": True,
    }
    config = T5Config(
        d_model=width,
        d_kv=64,
        d_ff=4 * width,
        num_layers=n_layers,
        num_heads=n_heads,
        vocab_size=2,
        reg_token_id=1,
        decoder_start_token_id=0,
        feed_forward_proj="relu",
        chronos_config=settings,
    )
    network = ChronosBoltModelForForecasting(config).eval()
    network.save_pretrained(folder / "saved")
    pipeline = ChronosBoltPipeline(network)
    rows = torch.from_numpy(long_table(N_SERIES, CONTEXT)["y"].to_numpy(np.float32).reshape(N_SERIES, CONTEXT))

    def forecast(n_series: int) -> None:
        for block in rows[:n_series].split(256):
            pipeline.predict_quantiles(block, prediction_length=HORIZON, quantile_levels=[0.5])

    return {
        "one series, ms": 1e3 * median_seconds(lambda: forecast(1)),
        "many series, s": seconds(lambda: forecast(N_SERIES)),
        "bytes": size_of(folder / "saved"),
    }


LIBRARIES: dict[str, tuple[Callable[[str, Path], dict[str, float]], str, list[str]]] = {
    "skdistill": (skdistill, "skdistill.forecaster", ["DLinear", "MLP"]),
    "neuralforecast": (neuralforecast, "neuralforecast.models", ["DLinear", "MLP", "NHITS"]),
    "mlforecast": (mlforecast, "mlforecast", ["linear regression"]),
    "sktime": (sktime, "sktime.forecasting.ltsf", ["DLinear"]),
    "chronos-forecasting": (chronos, "chronos", ["size of Bolt tiny"]),
}


# %%
# The run
# -------


def work(library: str, model: str) -> None:
    """Measure one model in this process, and print the figures."""
    import importlib
    from importlib.metadata import version

    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    measure, module, _ = LIBRARIES[library]
    imported = seconds(lambda: importlib.import_module(module))
    try:
        import torch

        torch.set_num_threads(1)
    except ImportError:
        pass
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(model, Path(folder))
    figures |= {"import, s": imported, "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    print("figures:" + json.dumps({**figures, "version": version(library)}))


def run(python: str, library: str, model: str) -> dict[str, Any]:
    """Measure one model in a new process."""
    done = subprocess.run(
        [python, __file__, "--work", library, model], capture_output=True, text=True, check=False, env=os.environ
    )
    if done.returncode:
        raise RuntimeError(f"{library} {model} failed:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.split("figures:")[1]))


def main() -> None:
    """Run all libraries in turn, and write medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers-python", help="Python of the environment of peers.txt; skdistill alone without it")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each model, in turn")
    parser.add_argument("--libraries", nargs="+", choices=list(LIBRARIES), default=list(LIBRARIES))
    parser.add_argument("--work", nargs=2, metavar=("LIBRARY", "MODEL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(*arguments.work)
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from _common import heading, write_results

    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(1 if QUICK else arguments.repeats):
        for library in arguments.libraries:
            models = LIBRARIES[library][2][-1:] if QUICK else LIBRARIES[library][2]
            python = sys.executable if library == "skdistill" else arguments.peers_python
            for model in models if python else []:
                found.setdefault((library, model), []).append(run(python, library, model))
                print(library, model, found[library, model][-1], flush=True)
    heading(f"Context {CONTEXT}, horizon {HORIZON}, batch {BATCH}, width {WIDTH}, {N_SERIES} series, one thread")
    rows = []
    for (library, model), parts in found.items():
        frame = pd.DataFrame(parts).drop(columns="version")
        rows.append({"library": f"{library} {parts[0]['version']}", "model": model, **frame.median().to_dict()})
    table = pd.DataFrame(rows)
    for model in ("DLinear", "MLP"):
        same = table["model"] == model
        base = table.loc[same & table["library"].str.startswith("skdistill"), "windows a second"]
        if len(base):
            table.loc[same, "skdistill is faster by"] = float(base.iloc[0]) / table.loc[same, "windows a second"]
    print(table.to_string())
    write_results(table, Path(__file__).parent / "results" / "peers.csv")


if __name__ == "__main__":
    main()
