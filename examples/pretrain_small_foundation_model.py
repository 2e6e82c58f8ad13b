"""Pretrain a small foundation model on synthetic series
=====================================================

Without access to a hub there are no pretrained weights to distill. This script trains a substitute: a
Chronos-Bolt with 1.8 million parameters, built from its config by the original libraries,
trained on synthetic series only, with early stopping on held-out synthetic series. It is then scored
once, zero-shot, on the test parts of ETTh1 and exchange rate, next to forecasts that need no model.
``save_pretrained`` stores it where the other examples find it.

Run ``python examples/pretrain_small_foundation_model.py``; ``--minutes`` limits the training time.
"""

# %%
# Settings
# --------

import argparse
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, ROOT, heading, write_results
from _synthetic_series import KINDS, make_series
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers import T5Config

from skdistill.datasets import fetch_ett, fetch_exchange_rate, make_multiseasonal, standard_split

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--minutes", type=float, default=45.0, help="time to train, after which the rate has reached zero")
parser.add_argument("--context", type=int, default=512)
parser.add_argument("--horizon", type=int, default=96)
parser.add_argument("--hidden-size", type=int, default=128)
parser.add_argument("--n-layers", type=int, default=3, help="of the encoder")
parser.add_argument("--n-decoder-layers", type=int, default=2)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument(
    "--matrix-lr", type=float, default=0.02, help="rate of the matrices in the blocks, which Muon trains"
)
parser.add_argument("--initial-scale", type=float, default=0.1, help="initializer_factor of the config")
parser.add_argument("--patience", type=int, default=12, help="validations without progress before it stops")
parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "small-chronos-bolt")
parser.add_argument("--no-score", dest="score", action="store_false", help="leave the test parts alone")
parser.add_argument("--data-home", default=None, help="folder of ETTh1.csv and exchange_rate.txt")
arguments = parser.parse_args()
if QUICK:
    arguments.minutes, arguments.context, arguments.horizon = 0.05, 64, 16
    arguments.hidden_size, arguments.n_layers, arguments.n_decoder_layers, arguments.batch_size = 16, 1, 1, 16
    arguments.output = Path(tempfile.mkdtemp())

# %%
# The model, from its config
# --------------------------

torch.manual_seed(arguments.seed)
patch_size = 16 if arguments.context >= 256 else 8
config = T5Config(
    d_model=arguments.hidden_size,
    d_kv=max(arguments.hidden_size // 4, 8),
    d_ff=4 * arguments.hidden_size,
    num_layers=arguments.n_layers,
    num_decoder_layers=arguments.n_decoder_layers,
    num_heads=4,
    dropout_rate=0.0,
    feed_forward_proj="relu",
    initializer_factor=arguments.initial_scale,
    vocab_size=2,
    pad_token_id=0,
    decoder_start_token_id=0,
    reg_token_id=1,
    chronos_config={
        "context_length": arguments.context,
        "prediction_length": arguments.horizon,
        "input_patch_size": patch_size,
        "input_patch_stride": patch_size,
        "quantiles": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        "use_reg_token": True,
    },
    chronos_pipeline_class="ChronosBoltPipeline",
    architectures=["ChronosBoltModelForForecasting"],
)
model = ChronosBoltModelForForecasting(config).to(arguments.device)
n_parameters = sum(parameter.numel() for parameter in model.parameters())
print(f"Chronos-Bolt of {n_parameters:,} parameters, context {arguments.context}, horizon {arguments.horizon}")

# %%
# Train on synthetic series, validate on others
# ---------------------------------------------
# New series are generated continuously. Some contexts are short, so that the model also learns from little data. Muon
# (torch 2.9 or later) trains the matrices of the blocks, and AdamW the other weights. Learning rates follow a cosine
# over the given time, weights are averaged over the last few hundred steps, and the weights with the smallest error
# on the held-out series are kept, in memory and on disk.

length = arguments.context + arguments.horizon
generator = np.random.default_rng(arguments.seed)
held_out = torch.from_numpy(make_series(32 if QUICK else 1024, length, np.random.default_rng(10_000)))
held_out = held_out.to(arguments.device)


def cut(series: torch.Tensor, known: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Split series into contexts, with only the last steps known, and horizons."""
    return series[:, arguments.context - known : arguments.context], series[:, arguments.context :].clone()


def validate(network: ChronosBoltModelForForecasting) -> float:
    """Return the mean quantile loss per step over the held-out series."""
    network.eval()
    with torch.inference_mode():
        parts = [cut(part, arguments.context) for part in held_out.split(256)]
        losses = [float(network(context=x, target=y).loss) for x, y in parts]
    network.train()
    return sum(losses) / len(losses) / arguments.horizon


class Pool:
    """A pool of synthetic series, partly renewed over time; windows are cut at random, flipped, and sometimes mixed."""

    def __init__(self, n_series: int) -> None:
        self.n_new, self.n_batches = n_series // 16, 0
        self.series = torch.cat([self.make() for _ in range(16)])

    def make(self) -> torch.Tensor:
        """Generate new series, longer than a window."""
        return torch.from_numpy(make_series(self.n_new, 2 * length, generator))

    def batch(self) -> torch.Tensor:
        """Return windows of shape (batch_size, length)."""
        self.n_batches += 1
        if self.n_batches % 32 == 0:
            self.series = torch.cat([self.series[self.n_new :], self.make()])
        first, second = self.windows(), self.windows()
        share = torch.rand(len(first), 1) * (torch.rand(len(first), 1) < 0.15)
        return ((1 - share) * first + share * second).to(arguments.device)

    def windows(self) -> torch.Tensor:
        """Draw random windows and negate half of them."""
        rows = torch.randint(len(self.series), (arguments.batch_size, 1))
        starts = torch.randint(length + 1, (arguments.batch_size, 1))
        signs = 1.0 - 2.0 * torch.randint(2, (arguments.batch_size, 1))
        return signs * self.series[rows, starts + torch.arange(length)]


pool = Pool(64 if QUICK else 4096)
named = list(model.named_parameters())
matrices = [value for name, value in named if ".block." in name and value.ndim == 2 and "relative" not in name]
others = [value for _, value in named if not any(value is matrix for matrix in matrices)]
optimizers = [
    torch.optim.Muon(matrices, lr=arguments.matrix_lr, weight_decay=0.01, momentum=0.95),
    torch.optim.AdamW(others, lr=arguments.lr, weight_decay=0.01, betas=(0.9, 0.98)),
]
average = torch.optim.swa_utils.AveragedModel(
    model, avg_fn=lambda old, new, n: old + (new - old) / min(int(n) / 5 + 1, 500)
)
best, best_state, stale, step, start = math.inf, None, 0, 0, time.perf_counter()
interval = 10 if QUICK else 250
while (share := (time.perf_counter() - start) / (60 * arguments.minutes)) < 1.0 and stale < arguments.patience:
    step += 1
    rate = min(1.0, step / 200) * 0.5 * (1 + math.cos(math.pi * share))
    for optimizer, highest in zip(optimizers, (arguments.matrix_lr, arguments.lr), strict=True):
        optimizer.param_groups[0]["lr"] = highest * rate
        optimizer.zero_grad()
    known = arguments.context
    if generator.random() < 0.25:
        known = patch_size * int(
            generator.integers(min(4, arguments.context // patch_size), arguments.context // patch_size + 1)
        )
    context, target = cut(pool.batch(), known)
    with torch.autocast(arguments.device, torch.bfloat16):
        loss = model(context=context, target=target).loss / arguments.horizon  # the library sums over steps
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
    average.update_parameters(model)
    if step % interval == 0:
        error = validate(average.module)
        stale = 0 if error < best else stale + 1
        if error < best:
            best, best_state = error, {name: value.clone() for name, value in average.module.state_dict().items()}
            average.module.save_pretrained(arguments.output)
        seconds = 60 * arguments.minutes * share
        print(f"step {step}, {seconds:.0f} s: held-out loss {error:.4f}, best {best:.4f}", flush=True)
if best_state is not None:
    model.load_state_dict(best_state)
seconds = time.perf_counter() - start
model.eval().cpu().save_pretrained(arguments.output)
print(f"{step} steps in {seconds:.0f} s, held-out loss {best:.4f}; saved: {arguments.output}")

# %%
# Forecasts that need no model
# ----------------------------


def seasonal_naive(contexts: np.ndarray, period: int) -> np.ndarray:
    """Repeat the last period."""
    return contexts[:, contexts.shape[1] - period + np.arange(arguments.horizon) % period]


def drift(contexts: np.ndarray, period: int) -> np.ndarray:
    """Continue the line from the first value to the last."""
    slope = (contexts[:, -1:] - contexts[:, :1]) / (contexts.shape[1] - 1)
    return contexts[:, -1:] + slope * np.arange(1, arguments.horizon + 1)


def seasonal_linear_fit(contexts: np.ndarray, period: int) -> np.ndarray:
    """Continue a line and three harmonics of the period, fitted to the context by least squares."""
    steps = np.arange(contexts.shape[1] + arguments.horizon) - contexts.shape[1]
    waves = [wave(2 * np.pi * order * steps / period) for order in (1, 2, 3) for wave in (np.sin, np.cos)]
    basis = np.stack([np.ones(len(steps)), steps / len(steps), *waves], axis=1)
    known, future = basis[: contexts.shape[1]], basis[contexts.shape[1] :]
    return contexts @ np.linalg.pinv(known).T @ future.T


def zero_shot(contexts: np.ndarray, period: int) -> np.ndarray:
    """Return the median forecasts of the saved model."""
    from chronos import BaseChronosPipeline

    pipeline = BaseChronosPipeline.from_pretrained(str(arguments.output), dtype=torch.float32)
    median = pipeline.quantiles.index(0.5)
    parts = torch.from_numpy(contexts.astype(np.float32)).split(512)
    return torch.cat([pipeline.predict(part, arguments.horizon)[:, median] for part in parts]).numpy()


def score(name: str, contexts: np.ndarray, truth: np.ndarray, period: int) -> list[dict[str, object]]:
    """Score all forecasts of some windows."""
    rows = []
    for method in (zero_shot, seasonal_naive, drift, seasonal_linear_fit):
        error = method(contexts, period) - truth
        row = {"series": name, "forecast": method.__name__.replace("_", " ")}
        rows.append({**row, "mse": float(np.mean(error**2)), "mae": float(np.mean(np.abs(error)))})
    return rows


rows = []
for kind in KINDS:
    made = make_series(16 if QUICK else 2048, length, np.random.default_rng(20_000), kind)
    rows += score(f"synthetic, {kind}", made[:, : arguments.context], made[:, arguments.context :], 24)

# %%
# Score once on unseen series
# ---------------------------


def test_windows(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Cut the standardized test part into windows of single channels."""
    if QUICK:
        frame, protocol = make_multiseasonal(900, 2, random_state=0), "70/10/20"
    else:
        fetch = fetch_exchange_rate if name == "exchange rate" else fetch_ett
        data = fetch(data_home=arguments.data_home)
        frame, protocol = data.frame, data.protocol
    train, test, fraction = standard_split(frame, protocol, context_length=arguments.context)
    n_train = len(train) - math.floor(round(len(train) * fraction, 6))
    values = (test.to_numpy() - train.to_numpy()[:n_train].mean(0)) / train.to_numpy()[:n_train].std(0)
    windows = np.lib.stride_tricks.sliding_window_view(values, length, axis=0).reshape(-1, length)
    return windows[:, : arguments.context], windows[:, arguments.context :]


if arguments.score:
    for name, period in (("ETTh1", 24), ("exchange rate", 7)):
        rows += score(name, *test_windows(name), period)
table = pd.DataFrame(rows).assign(n_parameters=n_parameters, steps=step, seconds=round(seconds), held_out=best)
heading(f"Zero-shot, {arguments.context} -> {arguments.horizon}, every stride-1 test window, standardized units")
print(table.pivot(index="series", columns="forecast", values=["mse", "mae"]).round(3).to_string())
if arguments.score:
    write_results(table, Path(__file__).resolve().parent / "benchmarks" / "results" / "zero_shot.csv")
