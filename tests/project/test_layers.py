"""A file imports only what stands below it: layers, and no circle."""

import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

grimp = pytest.importorskip("grimp", reason="import-linter is not installed")


@pytest.fixture(scope="module")
def imports():
    """Name what each file imports, inside functions, too."""
    graph = grimp.build_graph("skdistill", cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def test_layers_hold(monkeypatch, capsys):
    from importlinter import cli

    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_imports_inside_functions_count(imports):
    assert "skdistill.plotting._report" in imports["skdistill.forecaster"]


def test_no_file_imports_itself_by_way_of_others(imports):
    graphlib.TopologicalSorter(imports).prepare()
