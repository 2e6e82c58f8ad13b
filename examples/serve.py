"""Serve a saved student over HTTP
===============================

``python examples/serve.py --path student.skdistill`` answers POST requests to ``/forecast``. Requests that come
within two milliseconds are answered in one batch; what is too large, not JSON or no context gets a 4xx error that says
why. Without ``--path``, the script makes a student, serves it for a moment, and asks it.
"""

# %%
# The application
# ---------------

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading

from skdistill import DistilledForecaster, load
from skdistill.datasets import make_multiseasonal

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route
except ImportError as error:
    print(f"Serving: skipped ({error}). pip install 'skdistill[serve]'")
    sys.exit(0)

LARGEST_BODY = 4 << 20  # bytes
LARGEST_BATCH = 256
PATIENCE = 0.002  # seconds to wait for company


class Refused(Exception):
    """A request that cannot be answered."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Batcher:
    """Collects contexts for a moment, and asks the student once for all of them."""

    def __init__(self, forecaster: DistilledForecaster) -> None:
        self.forecaster = forecaster
        self.waiting: list[tuple[np.ndarray, asyncio.Future[np.ndarray]]] = []
        self.batches = 0

    async def forecast(self, context: np.ndarray) -> np.ndarray:
        """Wait for the batch that this context will be in."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[np.ndarray] = loop.create_future()
        self.waiting.append((context, future))
        if len(self.waiting) == 1:
            loop.call_later(PATIENCE, self.answer)
        elif len(self.waiting) == LARGEST_BATCH:
            self.answer()
        return await future

    def answer(self) -> None:
        """Answer everyone who waits; microseconds, so the event loop may do it itself."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        self.batches += 1
        try:
            forecasts = self.forecaster.predict(np.stack([context for context, _ in waiting]))
        except Exception as error:  # nobody may wait for ever
            for _, future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), forecast in zip(waiting, forecasts, strict=True):
            if not future.done():
                future.set_result(forecast)


async def read_body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise Refused(413, f"the body must have at most {LARGEST_BODY} bytes")
    return bytes(body)


def read_context(body: bytes, n_rows: int, n_channels: int) -> np.ndarray:
    try:
        given: Any = json.loads(body)["context"]
        context = np.asarray(given, dtype=np.float32)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Refused(400, 'the body must be JSON: {"context": [[number, ...], ...]}') from error
    if context.ndim != 2 or len(context) < n_rows or context.shape[1] != n_channels:
        raise Refused(422, f"context must have at least {n_rows} rows of {n_channels} numbers; got {context.shape}")
    if not np.isfinite(context).all():
        raise Refused(422, "context must be finite")
    return context[-n_rows:]


def make_app(forecaster: DistilledForecaster) -> tuple[Starlette, Batcher]:
    batcher = Batcher(forecaster)
    spec = forecaster.spec_
    if spec.n_time_features:
        raise ValueError("this student reads the calendar, and requests carry none: train it with time_features=False.")

    async def forecast(request: Request) -> JSONResponse:
        try:
            context = read_context(await read_body(request), spec.context_length, spec.n_channels)
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, status_code=refused.status)
        return JSONResponse({"forecast": (await batcher.forecast(context)).tolist()})

    return Starlette(routes=[Route("/forecast", forecast, methods=["POST"])]), batcher


# %%
# Serving
# -------

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--path", help="a file written by forecaster.save")
parser.add_argument("--port", type=int, default=8000)
arguments, _ = parser.parse_known_args()
if arguments.path:
    uvicorn.run(make_app(load(arguments.path))[0], host="127.0.0.1", port=arguments.port)
    sys.exit(0)

# %%
# A moment of it
# --------------
# A student is saved and loaded, as on another machine, and asked by 8 clients at a time.

series = make_multiseasonal(600, 3, random_state=0).to_numpy()
path = Path(tempfile.mkdtemp()) / "student.skdistill"
DistilledForecaster(None, "linear", "response", context_length=96, prediction_length=24).fit(series).save(path)
forecaster = load(path)
app, batcher = make_app(forecaster)
server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
while not server.started:
    time.sleep(0.01)
port = server.servers[0].sockets[0].getsockname()[1]


def ask(body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/forecast", data=body, method="POST")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


good = json.dumps({"context": series[-96:].tolist()}).encode()
n_requests = 40 if QUICK else 2000
started = time.perf_counter()
with ThreadPoolExecutor(8) as clients:
    answers = list(clients.map(ask, [good] * n_requests))
elapsed = time.perf_counter() - started
assert all(np.allclose(answer["forecast"], forecaster.predict(series), atol=1e-4) for _, answer in answers)
heading(f"{n_requests} requests in {batcher.batches} batches, {1e3 * elapsed / n_requests:.2f} ms each")
for body in (b"no JSON", b'{"context": [[1, 2, 3]]}', b'{"context": [[NaN]]}', b" " * (LARGEST_BODY + 1)):
    status, answer = ask(body)
    print(status, answer["error"])
    assert 400 <= status < 500
server.should_exit = True
thread.join(timeout=10)
