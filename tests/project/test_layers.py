"""A file imports only what stands below it: layers, and no circle."""

import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

from skdistill._utils._lazy import read_stub

ROOT = Path(__file__).resolve().parents[2]

grimp = pytest.importorskip("grimp", reason="import-linter is not installed")


@pytest.fixture(scope="module")
def imports():
    """Name what each file imports, inside functions, too; a lazy package imports what its stub says."""
    graph = grimp.build_graph("skdistill", cache_dir=None)
    found = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    for stub in (ROOT / "skdistill").rglob("__init__.pyi"):
        package = ".".join(stub.parent.relative_to(ROOT).parts)
        found[package] |= {module for module in read_stub(stub).values() if module != package}
    return found


def test_layers_hold():
    code = "import sys; from importlinter import cli; sys.exit(cli.lint_imports(no_cache=True))"  # it resets logging
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_inside_functions_count(imports):
    assert "skdistill.plotting._report" in imports["skdistill._comparable"]


def test_lazy_packages_count(imports):
    assert "skdistill.losses._supervised" in imports["skdistill.losses"]


def test_no_file_imports_itself_by_way_of_others(imports):
    graphlib.TopologicalSorter(imports).prepare()


def test_files_import_from_where_a_name_is_defined(imports):
    faces = {".".join(stub.parent.relative_to(ROOT).parts) for stub in (ROOT / "skdistill").rglob("__init__.pyi")}
    asked = {(module, face) for module, found in imports.items() for face in found & faces}
    # Both go through all that a package exports.
    assert {module for module, _ in asked} == {"skdistill._suggest", "skdistill.deploy._values"}, sorted(asked)
