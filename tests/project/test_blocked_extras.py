"""Importing the package is light: nothing heavy or optional comes with it, and all works where that is missing."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HEAVY = ["dask", "distributed", "matplotlib", "onnx", "onnxruntime", "peft", "sktime", "transformers"]
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
IMPORT_ALL = """
import importlib, pathlib
import skdistill
root = pathlib.Path(skdistill.__file__).parent
for path in root.rglob("*.py"):
    parts = path.relative_to(root).with_suffix("").parts
    if parts[0] != "sktime":  # a forecaster of sktime's, which brings its base class along
        importlib.import_module(".".join(("skdistill", *parts)).removesuffix(".__init__"))
"""
BLOCK = """
import sys
blocked = {blocked!r}
class Blocking:  # what it blocks looks as if it were not installed
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, *rest):
        return None if name.split(".")[0] in blocked else self.finder.find_spec(name, *rest)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = [Blocking(finder) for finder in sys.meta_path]
"""
DISTILL = """
import numpy as np
from skdistill import DistilledForecaster
from skdistill.networks import MLP, DLinear
series = np.random.default_rng(0).normal(size=(200, 2))
forecaster = DistilledForecaster(
    MLP(8), DLinear(), "response", context_length=16, prediction_length=4, max_epochs=1, random_state=0
).fit(series)
assert forecaster.predict(series).shape == (4, 2)
forecaster.compare(series)
"""


def imported(code):
    """Run code in a process of its own, and return which heavy packages it imported."""
    code = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules.keys() & {HEAVY!r})))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import skdistill", id="package"),
        pytest.param(IMPORT_ALL, id="every module", marks=pytest.mark.slow),
    ],
)
def test_importing_brings_nothing_heavy_along(code):
    installed = {name for name in HEAVY if importlib.util.find_spec(name)}
    if missing := {"dask", "matplotlib", "sktime"} - installed:
        pytest.skip(f"what is not installed cannot be caught: {', '.join(sorted(missing))}")
    assert imported(code) == []


@pytest.mark.slow
def test_everything_works_with_every_extra_blocked_and_nothing_heavy_is_imported():
    project = tomllib.loads(PROJECT.read_text())["project"]
    extras = project["optional-dependencies"]
    core = {re.split(r"[\[<>=!~; ]", one)[0] for one in project["dependencies"]}  # an extra may ask for a newer one
    packages = {
        re.split(r"[\[<>=!~; ]", one)[0]
        for name, extra in extras.items()
        if name not in ("dev", "test")
        for one in extra
    }
    assert "matplotlib" in packages
    modules = {name.replace("-", "_") for name in packages - core - {"skdistill"}}
    blocked = sorted(modules | {"distributed", "chronos", "tirex"})
    assert imported(BLOCK.format(blocked=blocked) + IMPORT_ALL + DISTILL) == []
