"""Peers of ``examples/reproduce/panels.py``: Theta, AutoETS, LightGBM and NHITS on the same panels
===================================================================================================

Needs the packages of ``peers.txt``, in an environment without skdistill. Prints MASE and seconds on one thread; nothing
is tuned on the test rows. Missing values are interpolated, because most of these libraries do not take them.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

QUICK = os.environ.get("SKDISTILL_QUICK", "") not in ("", "0")
FILES = {  # season and horizon
    "hospital": ("hospital_monthly", 12, 12),
    "tourism quarterly": ("tourism_quarterly", 4, 8),
    "car parts": ("carparts_monthly", 12, 12),
    "M3 monthly": ("m3_monthly", 12, 18),
    "NN5 daily": ("nn5_daily", 7, 56),
    "tourism monthly": ("tourism_monthly", 12, 24),
}


def read(folder: Path, name: str) -> tuple[pd.DataFrame, np.ndarray, int, int]:
    """Return training rows as a long table with interpolated gaps, the truth, season and horizon."""
    if name == "M4 hourly":
        train, test = (pd.read_csv(folder / f"M4-Hourly-{part}.csv", index_col=0) for part in ("train", "test"))
        long = train.stack().rename("y").rename_axis(["unique_id", "ds"]).reset_index()
        return long.assign(ds=long.groupby("unique_id").cumcount()), test.to_numpy(float), 24, 48
    file, season, horizon = FILES[name]
    rows = pd.read_csv(folder / "panels" / f"{file}.csv")
    rows["ds"] = rows.groupby("unique_id").cumcount()
    train = rows[rows["split"] == "train"].drop(columns="split")
    train["y"] = train.groupby("unique_id")["y"].transform(lambda one: one.interpolate(limit_direction="both"))
    test = rows[rows["split"] == "test"].sort_values(["unique_id", "ds"])["y"].to_numpy().reshape(-1, horizon)
    return train.sort_values(["unique_id", "ds"]), test, season, horizon


def statistics(model: str) -> Callable[[pd.DataFrame, int, int], pd.DataFrame]:
    """Forecast with a model of statsforecast."""

    def forecast(train: pd.DataFrame, season: int, horizon: int) -> pd.DataFrame:
        from statsforecast import StatsForecast, models

        made = getattr(models, model)(season_length=season)
        fallback = models.SeasonalNaive(season)
        return StatsForecast([made], freq=1, n_jobs=1, fallback_model=fallback).forecast(df=train, h=horizon)

    return forecast


def lightgbm(train: pd.DataFrame, season: int, horizon: int) -> pd.DataFrame:
    """Forecast with gradient boosting on lags of one season, seasonal differences and local standardization."""
    import lightgbm as lgb
    from mlforecast import MLForecast
    from mlforecast.target_transforms import Differences, LocalStandardScaler

    model = lgb.LGBMRegressor(verbosity=-1, n_jobs=1, random_state=0)
    transforms = [Differences([season]), LocalStandardScaler()]
    made = MLForecast(model, freq=1, lags=range(1, season + 1), target_transforms=transforms, num_threads=1)
    return made.fit(train).predict(horizon)


def nhits(train: pd.DataFrame, season: int, horizon: int) -> pd.DataFrame:
    """Forecast with NHITS, 500 steps, robust scaling."""
    from neuralforecast import NeuralForecast
    from neuralforecast.models import NHITS

    settings = {"scaler_type": "robust", "max_steps": 500, "start_padding_enabled": True, "random_seed": 0}
    made = NHITS(h=horizon, input_size=2 * horizon, enable_progress_bar=False, logger=False, **settings)
    return NeuralForecast([made], freq=1).fit(train).predict()


PEERS = {"Theta": statistics("Theta"), "AutoETS": statistics("AutoETS"), "LightGBM": lightgbm, "NHITS": nhits}


def mase(train: pd.DataFrame, test: np.ndarray, forecasts: np.ndarray, season: int) -> float:
    groups = train.groupby("unique_id")["y"]
    units = groups.apply(lambda one: one.diff(season).abs().mean()).to_numpy()
    errors = np.nanmean(np.abs(forecasts - test), axis=1)
    return float(np.mean((errors / units)[units > 0]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-home", type=Path, default=Path(os.environ.get("SKDISTILL_DATA", ".")))
    parser.add_argument("--panels", nargs="+", default=[*FILES, "M4 hourly"])
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if QUICK:
        print("quick, not a result: the peers have an environment of their own")
    for panel in [] if QUICK else arguments.panels:
        rows, truth, season, horizon = read(arguments.data_home, panel)
        for peer in arguments.peers:
            start = time.perf_counter()
            table = PEERS[peer](rows, season, horizon).sort_values(["unique_id", "ds"])
            error = mase(rows, truth, table.iloc[:, -1].to_numpy().reshape(-1, horizon), season)
            print(f"{panel}, {peer}: MASE {error:.3f}, {time.perf_counter() - start:.0f} s", flush=True)
