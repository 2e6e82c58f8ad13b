"""What serving costs, compared with a forecast in process: ratios from one run
============================================================================

Ratios are relative to ``predict`` of one window in this process, for the mean and the 99th percentile. A request adds
JSON and HTTP; with many clients, requests are computed in batches, which saves part of this. Server and clients share
the cores of this machine.
"""

# %%
import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from _common import QUICK, heading, write_results

from skdistill import DistilledForecaster
from skdistill.networks import MLP
from skdistill.serving import Limits
from skdistill.serving._model import open_model
from skdistill.serving._requests import make_reader, write_answer

try:
    import msgspec
    import uvicorn  # noqa: F401 (the server's)
except ImportError as error:
    print(f"Serving: skipped ({error}). pip install 'skdistill[serve]'; quick, not a result")
    sys.exit(0)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rounds", type=int, default=1 if QUICK else 15)
parser.add_argument("--requests", type=int, default=16 if QUICK else 400, help="of each kind in a round")
parser.add_argument("--clients", type=int, default=4 if QUICK else 32)
parser.add_argument("--series", type=int, default=8 if QUICK else 128, help="of a panel request")
arguments = parser.parse_args()
CONTEXT, HORIZON, CHANNELS, WIDTH = (48, 12, 3, 16) if QUICK else (336, 96, 7, 512)
torch.set_num_threads(1)
warnings.filterwarnings("ignore", category=UserWarning)

# %%
# A student, a file, two servers
# ------------------------------
# The second server answers every context by itself, to see what batches are worth; quick mode does without it.

series = np.random.default_rng(0).normal(size=(CONTEXT + HORIZON + 60, CHANNELS)).cumsum(axis=0).round(3)
folder = Path(tempfile.mkdtemp())
path = folder / "student.skdistill"
settings = {"max_epochs": 1, "validation_fraction": 0, "device": "cpu", "random_state": 0}
DistilledForecaster(None, MLP(WIDTH), "response", context_length=CONTEXT, prediction_length=HORIZON, **settings).fit(
    series
).save(path)


class Server:
    """``skdistill serve`` in a process of its own, on a free port of this machine."""

    def __init__(self, *options: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "skdistill", "serve", str(path), "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if (found := re.search(r"http://127\.0\.0\.1:(\d+)", line)) is not None:
                self.port = int(found.group(1))
                break
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self) -> None:
        """End it by SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


# %%
# Clients
# -------
# They keep their connection, and ask again as soon as they are answered.


async def client(port: int, request: bytes, n_requests: int, latencies: list[float]) -> None:
    """Ask some times, one request after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(n_requests):
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(re.search(rb"content-length: (\d+)", head).group(1))
        await reader.readexactly(length)
        latencies.append(1e6 * (time.perf_counter() - started))
    writer.close()


def ask(port: int, body: bytes, n_clients: int, n_requests: int) -> tuple[list[float], float]:
    """Let some clients ask, and return their latencies and the time of it all, in microseconds."""
    request = b"POST /forecast HTTP/1.1\r\nhost: here\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    latencies: list[float] = []

    async def run() -> None:
        await asyncio.gather(*(client(port, request, n_requests // n_clients, latencies) for _ in range(n_clients)))

    started = time.perf_counter()
    asyncio.run(run())
    return latencies, 1e6 * (time.perf_counter() - started)


def repeated(call: Callable[[], object]) -> tuple[list[float], float]:
    """Time a call of this process as often as a server is asked."""
    latencies = []
    for _ in range(arguments.requests):
        started = time.perf_counter()
        call()
        latencies.append(1e6 * (time.perf_counter() - started))
    return latencies, sum(latencies)


model, read = open_model(path), make_reader(Limits())
window = series[-CONTEXT:]
one = json.dumps({"context": window.tolist()}).encode()
panel = json.dumps({"panel": {f"series {number}": window.tolist() for number in range(arguments.series)}}).encode()


def in_process() -> bytes:
    """Do everything but HTTP."""
    question = read(one, model)
    return msgspec.json.encode(write_answer(question, model.forecast(question.contexts), None))


batching = Server()
single = batching if QUICK else Server("--batch", "1")
n_clients, n_panels = arguments.clients, max(2, arguments.requests // arguments.series)
kinds: dict[str, tuple[Callable[[], tuple[list[float], float]], int]] = {
    "predict(array), in process": (lambda: repeated(lambda: model.student.predict(window)), 1),
    "JSON in, predict, JSON out, in process": (lambda: repeated(in_process), 1),
    "1 client": (lambda: ask(batching.port, one, 1, arguments.requests), 1),
    f"{n_clients} clients": (lambda: ask(batching.port, one, n_clients, arguments.requests), 1),
    f"{n_clients} clients, no batches": (lambda: ask(single.port, one, n_clients, arguments.requests), 1),
    f"1 client, panels of {arguments.series} series": (
        lambda: ask(batching.port, panel, 1, n_panels),
        arguments.series,
    ),
}
for call, _ in kinds.values():  # a round that does not count
    call()
latencies: dict[str, list[float]] = {name: [] for name in kinds}
spent, answered = dict.fromkeys(kinds, 0.0), dict.fromkeys(kinds, 0)
for _ in range(arguments.rounds):
    for name, (call, each) in kinds.items():
        measured, whole = call()
        latencies[name] += measured
        spent[name] += whole
        answered[name] += each * len(measured)
for server in {batching, single}:
    server.stop()

# %%
# What it costs
# -------------

rows: list[dict[str, object]] = []
heading(f"Context {CONTEXT}, horizon {HORIZON}, {CHANNELS} channels, width {WIDTH}; a request has {len(one)} bytes")
for name, measured in latencies.items():
    each, p99 = spent[name] / answered[name], float(np.quantile(measured, 0.99))
    base, base_p99 = (rows[0]["microseconds per forecast"], rows[0]["p99 latency"]) if rows else (each, p99)
    rows.append(
        {
            "what": name,
            "microseconds per forecast": each,
            "ratio": each / base,
            "median latency": float(np.median(measured)),
            "p99 latency": p99,
            "p99 ratio": p99 / base_p99,
        }
    )
    print(
        f"{name:<42} {each:8.0f} us per forecast {each / base:6.2f} x, latency {np.median(measured):8.0f} us, "
        f"p99 {p99:8.0f} us {p99 / base_p99:6.2f} x"
    )
write_results(pd.DataFrame(rows), Path(__file__).parent / "results" / "serve.csv")
