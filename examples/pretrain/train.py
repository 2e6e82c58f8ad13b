"""Train the teacher that comes with skdistill, on synthetic series only.

``python examples/pretrain/train.py --minutes 90 --output runs/echo`` trains on a GPU if there is one, otherwise on the
CPU. With ``--resume`` the same command continues from the last checkpoint, with ``--resume-from-package`` from the
weights in the package. Training ends after ``--steps`` or ``--minutes``. The learning rate is constant after a warm-up
and falls to zero in the last 15% (``--decay``) before the earlier of the two, so a resumed run can still move the end.

Separate processes generate the series and keep renewing a pool of files; ``--fillers 0`` reads a pool that another run
fills. Windows are cut, mixed and lost in part on the device of the network. Checkpoints are replaced atomically.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.synchronize import Semaphore
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent))
from synthetic_series import LENGTHS, make_pool

from skdistill.teachers._echo_network import EchoAnswer, EchoConfig, EchoNetwork

CHUNK = {"long": 768, "short": 4096}
WARM_UP = 150
N_FILES = 2000  # most files of a pool on the device


def main() -> None:
    """Train."""
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    network = EchoNetwork(EchoConfig(n_layers=arguments.layers)).to(device)
    run = Run(network, arguments)
    if arguments.resume_from_package and not (arguments.resume and run.checkpoint.exists()):
        from skdistill.teachers._echo_weights import load_echo

        network.load_state_dict(load_echo(torch.device("cpu")).state_dict())
        run.average.module.load_state_dict(network.state_dict())
    if arguments.resume and run.checkpoint.exists():
        run.load()
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters, on {device}, from step {run.step}", flush=True)
    spawn = multiprocessing.get_context("spawn")
    wanted = spawn.Semaphore(arguments.n_chunks)
    fillers = [
        spawn.Process(target=fill, args=(arguments, number, run.step, wanted), daemon=True)
        for number in range(arguments.fillers)
    ]
    for filler in fillers:
        filler.start()
    run.train(wanted.release)
    for filler in fillers:
        filler.terminate()


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs/echo"))
    parser.add_argument("--pool", type=Path, default=Path("runs/pool"), help="folder of synthetic series")
    parser.add_argument("--n-chunks", type=int, default=12, help="files of synthetic series, renewed in turn")
    parser.add_argument("--fillers", type=int, default=1, help="processes that generate series")
    parser.add_argument("--minutes", type=float, default=90.0, help="total of all runs")
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--renewal", type=int, default=100, help="steps between two new files of the pool")
    parser.add_argument("--layers", type=int, default=EchoConfig.n_layers)
    parser.add_argument("--decay", type=float, default=0.15, help="share of the run in which the learning rate falls")
    parser.add_argument("--save-every", type=float, default=150.0, help="seconds between two checkpoints")
    parser.add_argument("--tokens", type=int, default=2400, help="patches per step")
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--matrix-lr", type=float, default=0.03, help="rate of the matrices that Muon trains")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--resume-from-package", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


# -- the pool ------------------------------------------------------------------------------------


def fill(arguments: argparse.Namespace, number: int, step: int, wanted: Semaphore) -> None:
    """Generate series without end: fill a share of the pool, then renew its oldest file on request."""
    os.nice(19)
    folder: Path = arguments.pool
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng([arguments.seed, number, step, 1])
    share = -(-arguments.n_chunks // arguments.fillers)
    made = 0
    while True:
        wanted.acquire()
        for pool, n_series in CHUNK.items():
            temporary = folder / f"{pool}.{number}.tmp.npy"
            np.save(temporary, make_pool(generator, pool, n_series))
            os.replace(temporary, folder / f"{pool}-{number:02d}-{made % share:03d}.npy")
        made += 1


class Pool:
    """Windows of synthetic series, with lengths that change from batch to batch."""

    def __init__(
        self,
        folder: Path,
        n_tokens: int,
        config: EchoConfig,
        generator: np.random.Generator,
        device: torch.device | str = "cpu",
    ) -> None:
        self.folder, self.n_tokens, self.config, self.device = folder, n_tokens, config, torch.device(device)
        self.generator = generator  # of the lengths
        self.draws = Draws(self.device, int(generator.integers(2**31)))
        self.files: dict[str, dict[tuple[str, int], Tensor]] = {pool: {} for pool in CHUNK}
        self.n_batches = 0

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return contexts (n, context rows), NaN where missing, and horizons (n, steps)."""
        if self.n_batches % 200 == 0:
            self.look()
        self.n_batches += 1
        g = self.generator
        pool, n_context, horizon = self.lengths()
        patch = self.config.patch_sizes[self.config.scale_of(n_context)]
        most = max(32, int(self.n_tokens / 7.5))
        n_windows = int(np.clip(self.n_tokens / (n_context / patch + horizon / 16), 32, most)) // 16 * 16
        stride = 1
        if pool == "long" and g.random() < 0.12:
            stride = int(min(g.integers(2, 13), LENGTHS[pool] // (n_context + horizon)))
        length = n_context + horizon
        first, second = (self.windows(pool, n, length, stride) for n in (n_windows, n_windows // 8))
        series = change(mix(first, second, self.draws), self.draws)
        return lose(series[:, :n_context], self.draws, self.config), series[:, n_context:]

    def lengths(self) -> tuple[str, int, int]:
        """Draw a pool, a context and a horizon."""
        g = self.generator
        if g.random() < 0.42:
            pool = "short" if g.random() < 0.85 else "long"
            n_context = int(np.exp(g.uniform(np.log(8), np.log(300))))
            return pool, n_context, int(g.choice([16, 32, 48, 96], p=[0.5, 0.28, 0.14, 0.08]))
        n_context = 512 if g.random() < 0.25 else int(np.exp(g.uniform(np.log(96), np.log(2049))))
        horizon = int(g.choice([16, 32, 48, 96, 192, 384, 720], p=[0.08, 0.2, 0.26, 0.32, 0.06, 0.05, 0.03]))
        return "long", n_context, horizon

    def windows(self, pool: str, n_windows: int, length: int, stride: int) -> Tensor:
        """Cut windows at random positions of the series of up to eight files, (n_windows, length)."""
        files = list(self.files[pool].values())
        parts = []
        for number in range(n_parts := min(8, n_windows)):
            series = files[self.generator.integers(len(files))]
            n = n_windows // n_parts + (number < n_windows % n_parts)
            rows = self.draws.integers(0, len(series), (n, 1))
            starts = self.draws.integers(0, series.shape[1] - stride * length + 1, (n, 1))
            parts.append(series[rows, starts + stride * torch.arange(length, device=self.device)])
        return torch.cat(parts)

    def look(self) -> None:
        """Read the files that are new, forget those that are gone; wait for the first."""
        for pool, known in self.files.items():
            while not (found := sorted(self.folder.glob(f"{pool}-*.npy"))):
                time.sleep(1.0)
            stamps = {(file.name, file.stat().st_mtime_ns): file for file in found[:N_FILES]}
            for stamp in known.keys() - stamps.keys():
                del known[stamp]
            for stamp in stamps.keys() - known.keys():
                known[stamp] = torch.from_numpy(np.load(stamps[stamp])).to(self.device)


class Draws:
    """Random numbers on a device."""

    def __init__(self, device: torch.device, seed: int) -> None:
        self.device = device
        self.generator = torch.Generator(device).manual_seed(seed)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draw uniform numbers."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, device=self.device)

    def normal(self, *shape: int) -> Tensor:
        """Draw normal numbers."""
        return torch.randn(shape, generator=self.generator, device=self.device)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> Tensor:
        """Draw integers below ``high``."""
        return torch.randint(low, high, shape, generator=self.generator, device=self.device)


def mix(first: Tensor, second: Tensor, draws: Draws) -> Tensor:
    """Add other series to the first ones, with random weights."""
    n = len(second)
    sizes = [size_of(part) + 1e-6 for part in (first[:n], second)]
    share = draws.uniform(n, 1)
    return torch.cat([(1 - share) * first[:n] / sizes[0] + share * second / sizes[1], first[n:]])


def change(series: Tensor, draws: Draws) -> Tensor:
    """Negate some series, reverse a few, shift some."""
    n = len(series)
    series = torch.where(draws.uniform(n, 1) < 0.12, -series, series)
    series = torch.where(draws.uniform(n, 1) < 0.03, series.flip(1), series)
    moved = (draws.uniform(n, 1) < 0.4) * 4.0 * draws.normal(n, 1)
    return series + size_of(series) * moved


def size_of(series: Tensor) -> Tensor:
    """Return the mean absolute deviation of each series, (n, 1)."""
    return (series - series.mean(1, keepdim=True)).abs().mean(1, keepdim=True)


def lose(context: Tensor, draws: Draws, config: EchoConfig) -> Tensor:
    """Remove values: starts, stretches, single values."""
    n, n_rows = context.shape
    place = torch.arange(n_rows, device=context.device)
    gone = torch.zeros_like(context, dtype=torch.bool)
    number = config.scale_of(n_rows)
    shortest = 4 if number == 0 else config.context_lengths[number - 1]
    if n_rows > shortest:
        known = draws.uniform(n, 1, low=math.log(shortest), high=math.log(n_rows)).exp()
        gone = (draws.uniform(n, 1) < 0.25) & (place < n_rows - known)
    if n_rows >= 12:
        start = draws.integers(0, n_rows, (n, 1))
        long = draws.uniform(n, 1).square() * n_rows / 3
        gap = (place >= start) & (place < start + long.floor()) & (draws.uniform(n, 1) < 0.07)
        single = (draws.uniform(n, n_rows) < draws.uniform(n, 1, high=0.5).square()) & (draws.uniform(n, 1) < 0.08)
        gone = gone | ((gap | single) & (place != n_rows - 3))
    return torch.where(gone, math.nan, context)


# -- training ------------------------------------------------------------------------------------


def loss_of(answer: EchoAnswer, target: Tensor, levels: Tensor) -> Tensor:
    """Average the quantile loss in transformed units; windows that are easy to predict weigh more."""
    truth = answer.window.enter(target).clamp(-15.0, 15.0)
    error = truth[:, None] - answer.quantiles
    loss = 2 * torch.maximum(levels[:, None] * error, (levels[:, None] - 1) * error)
    return (loss.mean(dim=(1, 2)) / (answer.noise[:, 0] + 0.1)).mean() / 3


class Run:
    """A network in training: its optimizers, average, step and time."""

    def __init__(self, network: EchoNetwork, arguments: argparse.Namespace) -> None:
        self.network, self.arguments = network, arguments
        matrices = [
            value for name, value in network.named_parameters() if name.startswith("layers.") and value.ndim == 2
        ]
        others = [value for value in network.parameters() if not any(value is matrix for matrix in matrices)]
        self.optimizers = [
            torch.optim.Muon(matrices, lr=arguments.matrix_lr, weight_decay=0.01, momentum=0.95),
            torch.optim.AdamW(others, lr=arguments.lr, weight_decay=0.01, betas=(0.9, 0.98), foreach=True),
        ]
        self.rates = (arguments.matrix_lr, arguments.lr)
        self.average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=self.move)
        self.step, self.seconds = 0, 0.0
        self.checkpoint = arguments.output / "checkpoint.pt"
        self.generator = np.random.default_rng([arguments.seed, int(time.time())])

    def move(self, old: list[Tensor], new: list[Tensor], n: object) -> None:
        """Move the average toward the weights, by a share that falls to 1/300."""
        for average, weight in zip(old, new, strict=True):
            average.lerp_(weight, 1 / min(self.step / 5 + 1, 300))

    def train(self, want_chunk: Callable[[], object]) -> None:
        """Train to the end; request new series from time to time."""
        arguments = self.arguments
        device = torch.device(arguments.device)
        levels = torch.tensor(self.network.config.quantile_levels, device=device)
        pool = Pool(arguments.pool, arguments.tokens, self.network.config, self.generator, device)
        forward = torch.compile(self.network, dynamic=True) if arguments.compile else self.network
        pool.look()
        before = saved = time.perf_counter()
        running = 0.0
        while (rate := self.rate()) > 0:
            for optimizer, highest in zip(self.optimizers, self.rates, strict=True):
                optimizer.param_groups[0]["lr"] = highest * rate
                optimizer.zero_grad(set_to_none=True)
            context, target = pool.batch()
            with torch.autocast(device.type, torch.bfloat16):
                answer = forward(context, target.shape[1])
            loss = loss_of(answer, target, levels)
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            if bool(torch.isfinite(norm)):
                for optimizer in self.optimizers:
                    optimizer.step()
                self.average.update_parameters(self.network)
            else:
                print(f"step {self.step}: gradient is not finite, left out", flush=True)
            self.step += 1
            if self.step % arguments.renewal == 0:
                want_chunk()
            now = time.perf_counter()
            self.seconds, before = self.seconds + now - before, now
            running += (float(loss.detach()) - running) / min(self.step, 200)
            if self.step % 200 == 0:
                print(f"step {self.step}, {self.seconds:.0f} s: loss {running:.4f}, rate {rate:.3f}", flush=True)
            if now - saved > arguments.save_every:
                self.save()
                saved = now
        self.save()

    def rate(self) -> float:
        """Return the learning rate as a share of its maximum: warm-up, constant, down to zero."""
        share = max(self.seconds / (60 * self.arguments.minutes), self.step / self.arguments.steps)
        return min(1.0, (self.step + 1) / WARM_UP, max(0.0, (1 - share) / self.arguments.decay))

    def save(self) -> None:
        """Write a checkpoint and the averaged weights, each file atomically."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }
        temporary = self.checkpoint.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self.checkpoint)
        note = {"step": self.step, "seconds": round(self.seconds), "at": time.strftime("%H:%M:%S")}
        with (self.arguments.output / "log.jsonl").open("a") as file:
            file.write(json.dumps(note) + "\n")

    def load(self) -> None:
        """Continue from the checkpoint."""
        state = torch.load(self.checkpoint, map_location=self.arguments.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        for optimizer, part in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(part)
        self.step, self.seconds = state["step"], state["seconds"]


if __name__ == "__main__":
    main()
