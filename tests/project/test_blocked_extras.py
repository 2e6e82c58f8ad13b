"""Importing the package is light: nothing heavy or optional comes with it.

That everything works where the extras are missing is tested in ``test_project.py``.
"""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

HEAVY = ["dask", "distributed", "matplotlib", "onnx", "onnxruntime", "peft", "sktime", "transformers"]
IMPORT_ALL = """
import importlib, json, pathlib, sys
import skdistill
root = pathlib.Path(skdistill.__file__).parent
for path in root.rglob("*.py"):
    parts = path.relative_to(root).with_suffix("").parts
    if parts[0] != "sktime":  # a forecaster of sktime's, which brings its base class along
        importlib.import_module(".".join(("skdistill", *parts)).removesuffix(".__init__"))
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import json, sys, skdistill", id="package"),
        pytest.param(IMPORT_ALL, id="every module", marks=pytest.mark.slow),
    ],
)
def test_importing_brings_nothing_heavy_along(code):
    installed = {name for name in HEAVY if importlib.util.find_spec(name)}
    if missing := {"dask", "matplotlib", "sktime"} - installed:
        pytest.skip(f"what is not installed cannot be caught: {', '.join(sorted(missing))}")
    code = f"{code}\nprint(json.dumps(sorted(sys.modules.keys() & {HEAVY!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
