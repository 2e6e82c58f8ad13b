"""Serve a saved student over HTTP
===============================

``skdistill serve student.skdistill`` answers requests until it is stopped. Here it runs briefly in a separate process.
We request forecasts of a series, quantiles, and a panel, send invalid requests, and replace the file of the student.
"""

# %%
# A student, and a server
# -----------------------

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent if "__file__" in globals() else Path.cwd()))
from _common import QUICK, heading

from skdistill import DistilledForecaster
from skdistill.datasets import make_multiseasonal

try:
    import msgspec  # noqa: F401 (required by the server)
    import uvicorn  # noqa: F401
except ImportError as error:
    print(f"Serving: skipped ({error}). pip install 'skdistill[serve]'")
    sys.exit(0)

series = make_multiseasonal(600, 3, random_state=0)
path = Path(tempfile.mkdtemp()) / "student.skdistill"


def make_student(**settings: Any) -> DistilledForecaster:
    """Fit a small student and save it to the served file."""
    settings = {"context_length": 96, "prediction_length": 24, "max_epochs": 2, "random_state": 0, **settings}
    forecaster = DistilledForecaster(None, "dlinear", "response", **settings).fit(series)
    forecaster.save(path.with_suffix(".new"))
    os.replace(path.with_suffix(".new"), path)  # replaces the file atomically
    return forecaster


forecaster = make_student(quantiles=(0.1, 0.5, 0.9))
command = [sys.executable, "-m", "skdistill", "serve", str(path), "--port", "0"]  # port 0 picks a free port
server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
assert server.stderr is not None
address = next(found[0] for line in server.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
threading.Thread(target=server.stderr.read, daemon=True).start()

# %%
# Requests
# --------
# Rows are ordered from oldest to newest; the last ``context_length`` are used. ``/docs`` is a page to try the server,
# and ``/openapi.json`` describes its interface.


def ask(request: Any) -> tuple[int, Any]:
    """Send a request; return the status and the response."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}/forecast", json.dumps(request).encode(), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


rows = series.to_numpy()[-96:]
status, answer = ask({"context": rows.tolist(), "quantiles": [0.1, 0.9]})
assert np.allclose(answer["forecast"], forecaster.predict(series), atol=1e-4)
print(status, {name: np.shape(values) for name, values in answer["quantiles"].items()})

panel = {f"shop {number}": (rows + number).tolist() for number in range(3)}
status, answer = ask({"panel": panel})
print(status, {name: np.shape(one["forecast"]) for name, one in answer["panel"].items()})

# %%
# Invalid requests
# ----------------

for request in ({"context": [[1, 2, 3]]}, {"context": [[None] * 3] * 96}, {"context": [[1e300] * 3] * 96}):
    status, answer = ask(request)
    print(status, answer["error"])
    assert status == 422

# %%
# Replace the student
# -------------------
# The file is read again when it changes; an invalid file is logged and ignored.

before = ask({"context": rows.tolist()})[1]
make_student(max_epochs=4)
for _ in range(100):
    if ask({"context": rows.tolist()})[1] != before:
        break
    time.sleep(0.1)
else:
    raise AssertionError("the new file was not noticed")

n_requests = 20 if QUICK else 500
started = time.perf_counter()
for _ in range(n_requests):
    ask({"context": rows.tolist()})
spent = 1e3 * (time.perf_counter() - started) / n_requests
heading(f"{n_requests} requests, one after the other, each on its own connection: {spent:.2f} ms each")
server.terminate()
print("ended with status", server.wait(timeout=30))
