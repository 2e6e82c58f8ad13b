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
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _benchmark_tasks import DEVELOPMENT, FINAL, Task, cut
from _benchmark_tasks import score as score_windows

from skdistill.teachers._echo_network import EchoConfig, EchoNetwork


def main() -> None:
    """Score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", choices=["development", "final"], default="development")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--checkpoint", type=Path, help="checkpoint of train.py; default: weights of the package")
    parser.add_argument("--layers", type=int, default=EchoConfig.n_layers, help="of the checkpoint")
    parser.add_argument("--raw", action="store_true", help="use the last weights, not their average")
    parser.add_argument("--max-series", type=int, default=10**9, help="number of series of each set, evenly spread")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--table", type=Path, help="where to write the scores")
    arguments = parser.parse_args()
    network = load(arguments.checkpoint, raw=arguments.raw, layers=arguments.layers).to(getattr(torch, arguments.dtype))
    if arguments.checkpoint is None and (arguments.raw or arguments.layers != EchoConfig.n_layers):
        parser.error("--raw and --layers are of --checkpoint, which is not given")
    rows, sets = [], DEVELOPMENT if arguments.sets == "development" else FINAL
    if unknown := [part for part in arguments.only if not any(name.startswith(part) for name in sets)]:
        parser.error(f"--only must be beginnings of {', '.join(sets)}; got {', '.join(unknown)}")
    for name, make in sets.items():
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


def load(checkpoint: Path | None, raw: bool = False, layers: int = EchoConfig.n_layers) -> EchoNetwork:
    """Load weights of a checkpoint, averaged unless ``raw``, or those of the package."""
    if checkpoint is None:
        from skdistill.teachers._echo_weights import load_echo

        return load_echo(torch.device("cpu"))
    return load_sized(checkpoint, EchoConfig(n_layers=layers), raw=raw)


def load_sized(checkpoint: Path, config: EchoConfig, raw: bool = False) -> EchoNetwork:
    """Load weights of a checkpoint of any sizes."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = EchoNetwork(config)
    average = {name[7:]: value for name, value in state["average"].items() if name.startswith("module.")}
    network.load_state_dict(state["network"] if raw else average)
    return network.requires_grad_(False).eval()


def score(network: EchoNetwork, task: Task) -> dict[str, float]:
    """Score one set."""
    windows = cut(task)
    contexts = [past[-2048:].astype(np.float32) for past in windows.pasts]
    quantiles = forecast(network, contexts, task.horizon)
    truth = windows.truth
    covered = float(np.nanmean(np.where(np.isfinite(truth), truth <= quantiles[:, 8], np.nan)))
    return score_windows(windows, quantiles) | {"covered": covered}


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


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
