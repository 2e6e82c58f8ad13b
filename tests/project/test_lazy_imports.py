"""Names are imported when they are asked for, and all of them are there."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import skdistill
from skdistill._utils._lazy import attach, read_stub

ROOT = Path(skdistill.__file__).parent
STUBS = {".".join(("skdistill", *stub.parent.relative_to(ROOT).parts)): stub for stub in ROOT.rglob("__init__.pyi")}


def loaded_by(code, *names):
    code = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules.keys() & {set(names)!r})))"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("package", STUBS)
def test_every_name_of_a_stub_is_there(package):
    module = importlib.import_module(package)
    own = {name for name, source in read_stub(STUBS[package]).items() if source == package}
    for name in {*module.__all__} | (own - {"serving", "sktime"}):
        assert getattr(module, name) is not None
    assert not own & {*module.__all__}
    assert {*module.__all__} | own <= {*dir(module)}


def test_a_name_that_is_not_there_raises():
    with pytest.raises(AttributeError, match=r"module 'skdistill.losses' has no attribute 'Supervized'"):
        getattr(skdistill.losses, "Supervized")  # noqa: B009
    with pytest.raises(ImportError, match="Supervized"):
        from skdistill.losses import Supervized  # noqa: F401


def test_attaching_reads_the_stub_beside_the_file(tmp_path):
    (tmp_path / "__init__.pyi").write_text("from json import dumps as dumps\nfrom made import part as part\n")
    getattr_, dir_, names = attach("made", str(tmp_path / "__init__.py"))
    assert names == ["dumps"]
    assert dir_() == ["__all__", "__doc__", "dumps", "part"]
    assert getattr_("dumps") is json.dumps


def test_importing_the_package_imports_nothing_else():
    code = "import skdistill; from skdistill import losses, networks, teachers"
    assert loaded_by(code, "torch", "sklearn", "pandas", "scipy", "skorch", "sktime") == []


def test_the_runtime_in_numpy_needs_no_torch():
    code = "from skdistill.deploy import NumpyStudent"
    assert loaded_by(code, "numpy", "torch", "sklearn", "pandas", "scipy") == ["numpy"]
