"""Score the pretrained teacher, zero-shot, on real series that it was not trained on.

``python examples/pretrain/evaluate.py --data FOLDER --sets development`` scores the weights of the package, or those of
``--checkpoint``; ``--sets final`` scores the sets that were held back. The protocol is that of GIFT-Eval: windows that
do not overlap, at the end of each series (a tenth of it, at most 20 windows); MASE with the season of the frequency
(hours 24, days 1, weeks 1, months 12), averaged over series and windows, and compared with seasonal naive on the same
windows. WQL is the mean quantile loss of nine deciles, divided by the mean absolute value. Sets whose file is missing
are left out, with a message.
"""

from __future__ import annotations

import argparse
import math
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from skdistill.teachers._echo_network import EchoConfig, EchoNetwork

LEVELS = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Task:
    """Series, and the length and number of their forecasts."""

    series: list[np.ndarray]
    horizon: int
    season: int
    n_windows: int | None = None  # None: a tenth of the series, at most 20


def main() -> None:
    """Score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", choices=["development", "final"], default="development")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--checkpoint", type=Path, help="checkpoint of train.py; default: weights of the package")
    parser.add_argument("--raw", action="store_true", help="use the last weights, not their average")
    parser.add_argument("--max-series", type=int, default=10**9, help="number of series of each set, evenly spread")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--table", type=Path, help="where to write the scores")
    arguments = parser.parse_args()
    network = load(arguments.checkpoint, raw=arguments.raw).to(getattr(torch, arguments.dtype))
    rows = []
    for name, make in (DEVELOPMENT if arguments.sets == "development" else FINAL).items():
        if arguments.only and not any(name.startswith(part) for part in arguments.only):
            continue
        try:
            task = make(arguments.data)
        except FileNotFoundError as error:
            print(f"{name}: left out, {error}")
            continue
        chosen = (
            np.unique(np.linspace(0, len(task.series) - 1, arguments.max_series).astype(int))
            if len(task.series) > arguments.max_series
            else range(len(task.series))
        )
        start = time.perf_counter()
        row = score(network, Task([task.series[i] for i in chosen], task.horizon, task.season, task.n_windows))
        rows.append({"set": name, **row, "seconds": time.perf_counter() - start})
    table = pd.DataFrame(rows).set_index("set")
    print(table.round(3).to_string())
    for group in ("MASE", "WQL"):
        print(f"{group}: geometric mean of the ratios {np.exp(np.log(table[f'{group}_ratio']).mean()):.3f}")
    if arguments.table:
        table.to_csv(arguments.table)


def load(checkpoint: Path | None, raw: bool = False) -> EchoNetwork:
    """Load weights of a checkpoint, averaged unless ``raw``, or those of the package."""
    if checkpoint is None:
        from skdistill.teachers._echo_weights import load_echo

        return load_echo(torch.device("cpu"))
    return load_sized(checkpoint, EchoConfig(), raw=raw)


def load_sized(checkpoint: Path, config: EchoConfig, raw: bool = False) -> EchoNetwork:
    """Load weights of a checkpoint of any sizes."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = EchoNetwork(config)
    average = {name[7:]: value for name, value in state["average"].items() if name.startswith("module.")}
    network.load_state_dict(state["network"] if raw else average)
    return network.requires_grad_(False).eval()


def score(network: EchoNetwork, task: Task) -> dict[str, float]:
    """Score one set."""
    contexts, truths, scales, naive = [], [], [], []
    for series in task.series:
        observed = np.flatnonzero(np.isfinite(series))
        series = series[observed[0] :]
        n_windows = task.n_windows or int(np.clip(math.ceil(0.1 * len(series) / task.horizon), 1, 20))
        for number in range(n_windows, 0, -1):
            end = len(series) - number * task.horizon
            past = series[:end]
            scale = float(np.nanmean(np.abs(past[task.season :] - past[: -task.season])))
            contexts.append(past[-2048:].astype(np.float32))
            truths.append(series[end : end + task.horizon])
            filled = pd.Series(past[-max(task.season, 1) * 8 :]).ffill().to_numpy()
            naive.append(filled[len(filled) - task.season + np.arange(task.horizon) % task.season])
            scales.append(scale)
    quantiles = forecast(network, contexts, task.horizon)
    truth, scale = np.stack(truths), np.array(scales)
    good = np.isfinite(scale) & (scale > 0)
    ours = np.abs(quantiles[:, 4] - truth)[good] / scale[good, None]
    theirs = np.abs(np.stack(naive) - truth)[good] / scale[good, None]
    error = truth[:, None] - quantiles
    levels = LEVELS[:, None]
    total = np.nansum(np.abs(truth))
    wql = np.nansum(2 * np.maximum(levels * error, (levels - 1) * error)) / total / len(LEVELS)
    naive_wql = np.nansum(np.abs(np.stack(naive) - truth)) / total
    mase, naive_mase = float(np.nanmean(ours)), float(np.nanmean(theirs))
    better = float(np.mean(np.nanmean(ours, 1) < np.nanmean(theirs, 1)))
    return {
        "windows": len(truth), "MASE": mase, "naive": naive_mase, "MASE_ratio": mase / naive_mase, "WQL": wql,
        "WQL_ratio": wql / naive_wql, "better": better,
        "covered": float(np.nanmean(np.where(np.isfinite(truth), truth <= quantiles[:, 8], np.nan))),
    }  # fmt: skip


def forecast(network: EchoNetwork, contexts: list[np.ndarray], horizon: int) -> np.ndarray:
    """Forecast contexts of any lengths, (n, 9, horizon), those of one patch size together."""
    answers = np.empty((len(contexts), 9, horizon))
    sizes = np.array([network.config.scale_of(len(context)) for context in contexts])
    for number in np.unique(sizes):
        places = np.flatnonzero(sizes == number)
        places = places[np.argsort([len(contexts[place]) for place in places], kind="stable")]
        for part in np.array_split(places, -(-len(places) // 256)):
            longest = max(len(contexts[place]) for place in part)
            batch = np.full((len(part), longest), np.nan, np.float32)
            for row, place in enumerate(part):
                batch[row, longest - len(contexts[place]) :] = contexts[place]
            with torch.inference_mode():
                answer = network(torch.from_numpy(batch), horizon)
                values = answer.window.leave(answer.quantiles.sort(dim=1).values)
            answers[part] = values.numpy()
    return answers


# -- sets ----------------------------------------------------------------------------------------


def daily(data: Path, name: str, frequency: str, how: str) -> Task:
    frame = pd.read_csv(data / name, parse_dates=[0]).set_index("ds")["y"]
    if frequency != "D":
        frame = frame.resample({"W": "W", "M": "ME"}[frequency]).agg(how)
    horizon, season = {"D": (30, 1), "W": (8, 1), "M": (12, 12)}[frequency]
    return Task([frame.to_numpy(float)], horizon, season)


def panel(data: Path, name: str, horizon: int, season: int) -> Task:
    frame = pd.read_csv(data / "panels" / f"{name}.csv", usecols=["unique_id", "ds", "y"])
    return Task([part["y"].to_numpy(float) for _, part in frame.groupby("unique_id")], horizon, season, 1)


def ett(data: Path, horizon: int, season: int, frequency: str, n_rows: int | None = None) -> Task:
    frame = pd.read_csv(data / "ETTh1.csv", parse_dates=[0]).set_index("date")[:n_rows]
    if frequency != "h":
        frame = frame.resample(frequency).sum()
    return Task(list(frame.to_numpy(float).T), horizon, season)


def m4_hourly(data: Path, test: bool) -> Task:
    train = pd.read_csv(data / "M4-Hourly-train.csv").iloc[:, 1:].to_numpy(float)
    series = [row[np.isfinite(row)] for row in train]
    if test:
        ends = pd.read_csv(data / "M4-Hourly-test.csv").iloc[:, 1:].to_numpy(float)
        series = [np.concatenate([row, end]) for row, end in zip(series, ends, strict=True)]
    return Task(series, 48, 24, 1)


def exchange(data: Path) -> Task:
    values = pd.read_csv(data / "exchange_rate.txt", header=None).to_numpy(float)
    return Task(list(values.T), 30, 1)


def table(data: Path, name: str, columns: Callable[[pd.DataFrame], pd.DataFrame], horizon: int, season: int) -> Task:
    frame = columns(pd.read_csv(data / name))
    return Task(list(frame.to_numpy(float).T), horizon, season)


def weather(data: Path) -> Task:
    with zipfile.ZipFile(data / "weather.zip") as folder, folder.open("weather/weather.csv") as file:
        return Task(list(numbers(pd.read_csv(file)).to_numpy(float).T), 96, 144)


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.select_dtypes("number")


def first_number(frame: pd.DataFrame) -> pd.DataFrame:
    return numbers(frame).iloc[:, :1]


# Sets used while the mixture of series is developed, and sets that are only scored at the end.
DEVELOPMENT: dict[str, Callable[[Path], Task]] = {
    "births/D": lambda data: daily(data, "births_us.csv", "D", "sum"),
    "births/W": lambda data: daily(data, "births_us.csv", "W", "sum"),
    "births/M": lambda data: daily(data, "births_us.csv", "M", "sum"),
    "saugeen/D": lambda data: daily(data, "river_flow_saugeen.csv", "D", "mean"),
    "saugeen/W": lambda data: daily(data, "river_flow_saugeen.csv", "W", "mean"),
    "saugeen/M": lambda data: daily(data, "river_flow_saugeen.csv", "M", "mean"),
    "hospital": lambda data: panel(data, "hospital_monthly", 12, 12),
    "car parts": lambda data: panel(data, "carparts_monthly", 12, 12),
    "tourism monthly": lambda data: panel(data, "tourism_monthly", 24, 12),
    "tourism quarterly": lambda data: panel(data, "tourism_quarterly", 8, 4),
    "M3 monthly": lambda data: panel(data, "m3_monthly", 18, 12),
    "NN5 daily": lambda data: panel(data, "nn5_daily", 56, 7),
    "exchange rate": exchange,
    "ETTh1 training rows/H": lambda data: ett(data, 48, 24, "h", 8640),
    "ETTh1 training rows/H long": lambda data: ett(data, 480, 24, "h", 8640),
    "ETTh1 training rows/D": lambda data: ett(data, 30, 1, "D", 8640),
    "ETTh1 training rows/W": lambda data: ett(data, 8, 1, "W", 8640),
    "M4 hourly, two days before the test": lambda data: m4_hourly(data, test=False),
}
FINAL: dict[str, Callable[[Path], Task]] = {
    "m4_hourly": lambda data: m4_hourly(data, test=True),
    "ett1/H short": lambda data: ett(data, 48, 24, "h"),
    "ett1/H medium": lambda data: ett(data, 480, 24, "h"),
    "ett1/H long": lambda data: ett(data, 720, 24, "h"),
    "ett1/D": lambda data: ett(data, 30, 1, "D"),
    "ett1/W": lambda data: ett(data, 8, 1, "W"),
    "weather": weather,
    "electricity prices BE": lambda data: table(data, "epf/BE.csv", first_number, 24, 24),
    "electricity prices FR": lambda data: table(data, "epf/FR.csv", first_number, 24, 24),
    "electricity prices PJM": lambda data: table(data, "epf/PJM.csv", first_number, 24, 24),
    "bike sharing": lambda data: table(
        data, "covariates/bike_sharing_dataset_clean.csv", lambda frame: frame[["users"]], 48, 24
    ),
    "air quality": lambda data: table(data, "missing/air_quality_valencia.csv", numbers, 48, 24),
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
