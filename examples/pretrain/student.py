"""Distill the pretrained teacher into the student of ``skdistill.load_pretrained_student``, on synthetic series only.

``python examples/pretrain/student.py --output student.npz`` generates series, labels windows of many context lengths
and horizons with the teacher of the package, and trains the perceptron on its deciles; about 3 minutes of one core.
``--compare`` measures how far the student is from its teacher on other synthetic series, by kind and by context length,
and with ``--data FOLDER`` on real series.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]
import synthetic_series
from _benchmark_tasks import DEVELOPMENT, FINAL, cut, score
from evaluate import forecast
from train import Pool

from skdistill._utils.pretrained_student import LEVELS, PATCH, SHIPPED_STUDENT, ArrayStudent, read_inputs
from skdistill.teachers._echo_network import EchoConfig
from skdistill.teachers._echo_weights import load_echo
from skdistill.teachers._shipped import EchoModel

MOST_PATCHES = 6  # of a window


def main() -> None:
    """Train or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=SHIPPED_STUDENT)
    parser.add_argument("--n-batches", type=int, default=900)
    parser.add_argument("--n-series", type=int, default=768, help="of each pool")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--widths", type=int, nargs=2, default=[384, 256])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", action="store_true", help="compare the student of --output with its teacher")
    parser.add_argument("--data", type=Path, default=None, help="folder of real series, for --compare")
    parser.add_argument("--table", type=Path, default=None, help="where --compare writes its table")
    arguments = parser.parse_args()
    if not arguments.compare and (arguments.data or arguments.table):
        parser.error("--data and --table are for --compare; without it, the student is trained")
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    if arguments.compare:
        table = compare(ArrayStudent.load(arguments.output), arguments.data)
        print(table.round(3).to_string(index=False))
        if arguments.table is not None:
            table.to_csv(arguments.table, index=False, float_format="%.4g")
        return
    started = time.process_time()
    samples = make_samples(arguments)
    print(f"{len(samples['features']):,} patches, {time.process_time() - started:.0f} s", flush=True)
    network = Network(samples["features"].shape[1], samples["echoes"].shape[1], *arguments.widths)
    train(network, samples, arguments.epochs)
    student = ArrayStudent(network.arrays())
    digest = student.save(arguments.output)
    size = arguments.output.stat().st_size
    seconds = time.process_time() - started
    print(f"{student.n_parameters:,} parameters, {size:,} bytes, sha256 {digest[:12]}, {seconds:.0f} s")


# -- samples ---------------------------------------------------------------------------------------


def make_samples(arguments: argparse.Namespace) -> dict[str, Tensor]:
    """Generate windows, and what the student reads and the teacher says of their patches."""
    generator = np.random.default_rng(arguments.seed)
    teacher = EchoModel(load_echo(torch.device("cpu")))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("features", "echoes", "clock", "noise", "deciles")}
    with tempfile.TemporaryDirectory() as folder:
        for pool in ("long", "short"):
            series = synthetic_series.make_pool(generator, pool, arguments.n_series * (1 if pool == "long" else 4))
            np.save(Path(folder) / f"{pool}-0.npy", series)
        windows = Pool(Path(folder), 2400, EchoConfig(), generator)
        for _ in range(arguments.n_batches):
            context, target = windows.batch()
            add_samples(parts, teacher, context, target.shape[1], generator)
    return {name: torch.from_numpy(np.concatenate(several)) for name, several in parts.items()}


def add_samples(
    parts: dict[str, list[np.ndarray]],
    teacher: EchoModel,
    context: Tensor,
    horizon: int,
    generator: np.random.Generator,
) -> None:
    """Label a batch, and add some patches of it."""
    horizon = -(-horizon // PATCH) * PATCH
    inputs = read_inputs(context.numpy(), horizon)
    with torch.inference_mode():
        quantiles = teacher.predict(context, horizon).quantiles.numpy()
    deciles = inputs.window.enter(quantiles.astype(np.float64)).clip(-15.0, 15.0)
    deciles = deciles.reshape(len(context), len(LEVELS), -1, PATCH).transpose(0, 2, 1, 3)
    n_patches = deciles.shape[1]
    kept = np.sort(generator.permutation(n_patches)[:MOST_PATCHES])
    good = np.isfinite(deciles).all(axis=(1, 2, 3))
    n_kept = int(good.sum()) * len(kept)
    parts["features"].append(np.repeat(inputs.features[good], len(kept), axis=0))
    parts["noise"].append(np.repeat(inputs.noise[good], len(kept), axis=0))
    parts["clock"].append(np.tile(inputs.clock[kept], (int(good.sum()), 1)))
    parts["echoes"].append(inputs.patches[good][:, kept].reshape(n_kept, -1, PATCH))
    parts["deciles"].append(deciles[good][:, kept].reshape(n_kept, len(LEVELS), PATCH).astype(np.float32))


# -- training --------------------------------------------------------------------------------------


class Network(nn.Module):
    """The perceptron of the student, in torch."""

    def __init__(self, n_features: int, n_echoes: int, first: int, second: int) -> None:
        super().__init__()
        self.n_echoes = n_echoes
        self.window = nn.Linear(n_features, first)
        self.hidden = nn.Linear(first, second)
        self.clock = nn.Linear(16, second, bias=False)
        self.echoes = nn.Linear(n_echoes, second, bias=False)
        self.output = nn.Linear(second, n_echoes + 2 * len(LEVELS))
        with torch.no_grad():
            self.output.weight.mul_(0.1)
            spread = torch.tensor([2.4 * (level - 0.5) for level in LEVELS])
            self.output.bias.copy_(torch.cat([torch.zeros(n_echoes), spread, spread]))

    def forward(self, features: Tensor, echoes: Tensor, clock: Tensor, noise: Tensor) -> Tensor:
        """Return deciles of patches, (n, 9, 16)."""
        hidden = self.hidden(self.window(features).relu()) + self.clock(clock) + self.echoes(echoes.mean(dim=2))
        answer = self.output(hidden.relu())
        mixed = (answer[:, : self.n_echoes].softmax(dim=1)[..., None] * echoes).sum(dim=1)
        ends = answer[:, self.n_echoes :].unflatten(1, (2, -1))[..., None]  # (n, 2, 9, 1)
        along = (torch.arange(PATCH) + 0.5) / PATCH
        return mixed[:, None] + noise[..., None] * (ends[:, 0] * (1 - along) + ends[:, 1] * along)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights for NumPy."""
        layers = {name: getattr(self, name) for name in ("window", "hidden", "clock", "echoes", "output")}
        weights = {name: layer.weight.T for name, layer in layers.items()}
        biases = {f"{name}_bias": layer.bias for name, layer in layers.items() if layer.bias is not None}
        return {name: value.detach().numpy() for name, value in (weights | biases).items()}


def train(network: Network, samples: dict[str, Tensor], epochs: int, batch_size: int = 1024) -> None:
    """Train on the deciles of the teacher; the error is in units of each window's noise."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    n_samples = len(samples["features"])
    n_steps = epochs * -(-n_samples // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=n_steps, pct_start=0.05)
    average = torch.optim.swa_utils.AveragedModel(
        network, avg_fn=lambda old, new, n: old + (new - old) / min(n + 1, 200)
    )
    for epoch in range(epochs):
        losses = []
        for places in torch.randperm(n_samples).split(batch_size):
            batch = {name: values[places] for name, values in samples.items()}
            target = batch.pop("deciles")
            error = (network(**batch) - target).abs().mean(dim=(1, 2))
            loss = (error / (batch["noise"][:, 0] + 0.1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: {np.mean(losses):.4f}", flush=True)
    network.load_state_dict(average.module.state_dict())


# -- comparison ------------------------------------------------------------------------------------


def compare(student: ArrayStudent, data: Path | None) -> pd.DataFrame:
    """Compare with the teacher: errors of both medians, and their distance in units of the teacher's error."""
    network = load_echo(torch.device("cpu"))
    rows = []
    for pool, lengths in (("short", (16, 48, 192)), ("long", (96, 512, 2048))):
        for kind in synthetic_series.MIXTURE[pool]:
            series = synthetic_series.make_group(np.random.default_rng(12345), kind, synthetic_series.LENGTHS[pool], 64)
            for n_rows in lengths:
                context, truth = series[:, -n_rows - 24 : -24], series[:, -24:]
                theirs = forecast(network, list(context), 24)[:, 4]
                ours = student.quantiles(context, 24)[:, 4]
                size = np.abs(theirs - truth).mean()
                rows.append({
                    "series": f"synthetic {kind}", "context": n_rows, "teacher": size / np.abs(truth).mean(),
                    "student": np.abs(ours - truth).mean() / np.abs(truth).mean(),
                    "distance": np.abs(ours - theirs).mean() / size,
                })  # fmt: skip
    for name, make in ({**DEVELOPMENT, **FINAL} if data is not None else {}).items():
        try:
            task = make(data)
        except FileNotFoundError:
            continue
        windows = cut(task)
        contexts = [past[-2048:] for past in windows.pasts]
        theirs = forecast(network, [one.astype(np.float32) for one in contexts], task.horizon)
        ours = np.concatenate([student.quantiles(one[None], task.horizon) for one in contexts])
        scores = [score(windows, one) for one in (theirs, ours)]
        good = windows.scales > 0
        distance = np.nanmean(np.abs(ours - theirs)[good, 4] / windows.scales[good, None])
        rows.append({
            "series": name, "context": int(np.median([len(one) for one in contexts])), "teacher": scores[0]["MASE"],
            "student": scores[1]["MASE"], "distance": distance / scores[0]["MASE"], "naive": scores[0]["naive"],
        })  # fmt: skip
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
