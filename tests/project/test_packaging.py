"""Metadata, pins, Makefile and citation agree; what the built packages hold is tested in ``test_project.py``."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from published import PARITY

import skdistill
from skdistill import _show_versions

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


# -- pins ----------------------------------------------------------------------------------------


def pins():
    lines = (ROOT / "constraints.txt").read_text().split()
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def requirements_of(name, extras):
    """Give what a package asks for on this Python, with the given extras."""
    for text in requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": one}) for one in ["", *extras]):
            yield requirement


def everything_installed_for(name, extras):
    """Walk through the requirements of the requirements."""
    seen, waiting = set(), [(name, frozenset(extras))]
    while waiting:
        if (node := waiting.pop()) not in seen:
            seen.add(node)
            waiting += [(canonicalize_name(one.name), frozenset(one.extras)) for one in requirements_of(*node)]
    return {package for package, _ in seen} - {"skdistill"}


def test_every_package_that_make_test_installs_is_pinned():
    try:
        installed = everything_installed_for("skdistill", ["test"])
    except PackageNotFoundError as error:
        pytest.skip(f"needs skdistill[test] installed: {error}")
    assert len(installed) > 20
    assert {one for one in installed - pins().keys() if not is_of_torch(one)} == set()


def is_of_torch(name):
    """Say whether a build of torch for GPUs brings a package along, at the version that it needs."""
    return name == "triton" or name.startswith(("nvidia-", "cuda-"))


def test_torch_chooses_its_own_libraries():
    """Builds of torch for CPUs do not name them, so a version of ours would contradict other builds unnoticed."""
    assert [one for one in pins() if is_of_torch(one)] == []


def test_what_builds_an_editable_install_is_pinned():
    assert {"hatchling", "editables"} <= pins().keys()


def test_pins_are_within_the_ranges_of_the_project():
    texts = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    wanted = [one for one in map(Requirement, texts) if one.name != "skdistill"]
    wrong = [str(one) for one in wanted if not one.specifier.contains(pins()[canonicalize_name(one.name)])]
    assert wrong == []


# -- Python, make, continuous integration ----------------------------------------------------------


def test_makefile_and_project_support_the_same_pythons():
    lowest, limit = re.search(r"(\(3, \d+\)) <= v < (\(3, \d+\))", (ROOT / "Makefile").read_text()).groups()
    bounds = [".".join(map(str, ast.literal_eval(one))) for one in (lowest, limit)]
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(f">={bounds[0]},<{bounds[1]}")


def test_pythons_of_the_classifiers_are_supported():
    found = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", one) for one in PROJECT["classifiers"]]
    versions = [one.group(1) for one in found if one]
    assert versions
    assert all(SpecifierSet(PROJECT["requires-python"]).contains(one) for one in versions)


def test_continuous_integration_runs_the_command_of_the_readme():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().split("\n")[-2] == "make test"
    assert "make test" in (ROOT / "README.md").read_text()


def test_workflows_run_what_a_developer_runs():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {word for run in commands.values() for one in run for word in re.findall(r"make ([a-z]+)", one)}
    assert called == {"quick", "lowest", "docs"} <= targets
    assert commands["whole"] == ["bash .ci/run"]
    pythons = jobs["quick"]["strategy"]["matrix"]["python"]
    wanted = SpecifierSet(PROJECT["requires-python"])
    assert pythons == [one for one in (f"3.{minor}" for minor in range(30)) if wanted.contains(one)]


def test_pre_commit_runs_the_pinned_versions():
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    versions = dict(one.split("==") for hook in repository["hooks"] for one in hook["additional_dependencies"])
    assert {"ruff", "codespell"} <= versions.keys()
    assert {name: version for name, version in versions.items() if pins().get(name, version) != version} == {}


def test_words_are_spelled_as_in_a_dictionary():
    done = subprocess.run([sys.executable, "-m", "codespell_lib", "."], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_map_of_contributing_names_every_room():
    page = (ROOT / "CONTRIBUTING.md").read_text()
    table = page[page.index("## Where things are") : page.index("## How we write code")]
    named = {name.rstrip("/") for name in re.findall(r"`([\w./]+)`", table)}
    others = {"__init__.pyi", "__pycache__", "py.typed"}
    assert {path.name for path in (ROOT / "skdistill").iterdir()} - others <= named


def test_published_numbers_are_small():
    assert sum(path.stat().st_size for path in PARITY.iterdir()) <= 3_000_000


# -- addresses -----------------------------------------------------------------------------------


def addresses_of_the_project(folder, *patterns):
    """Yield each address of this project in the files of a folder."""
    ours = re.compile(r"https?://(?:[\w.-]*skdistill|[\w./-]+/skdistill)[^\s\"'`)>\]]*")
    for pattern in patterns:
        for path in folder.glob(pattern):
            if path.is_file() and "_build" not in path.parts:
                yield from ((path.relative_to(folder), found) for found in ours.findall(path.read_text()))


def test_every_address_of_the_project_begins_with_one_of_pyproject():
    patterns = [
        "*.md",
        "CITATION.cff",
        "docs/*.md",
        "docs/*.py",
        ".github/**/*.*",
        "skdistill/**/*.py",
        "examples/**/*.py",
    ]
    known = tuple(PROJECT["urls"].values())
    found = list(addresses_of_the_project(ROOT, *patterns))
    assert any(path.name == "_doc_link.py" for path, _ in found)
    assert [(str(path), address) for path, address in found if not address.startswith(known)] == []
    assert all(PROJECT["urls"][name].startswith(PROJECT["urls"]["Source"]) for name in ("Issues", "Changelog"))


def test_the_check_above_notices_another_address(tmp_path):
    (tmp_path / "page.md").write_text("[code](https://github.com/somebody/skdistill) (https://skdistill.org/a.html)")
    found = [address for _, address in addresses_of_the_project(tmp_path, "*.md")]
    assert found == ["https://github.com/somebody/skdistill", "https://skdistill.org/a.html"]


# -- citation ------------------------------------------------------------------------------------


def test_citation_names_the_three_papers_with_people_as_authors():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["license"] == PROJECT["license"]
    papers = {one["identifiers"][0]["value"]: one for one in citation["references"]}
    assert papers.keys() == {"arXiv:2502.15016", "arXiv:2601.12785", "arXiv:2403.07300"}
    for identifier, paper in papers.items():
        assert paper["url"].endswith(identifier.removeprefix("arXiv:"))
        assert all(author.keys() == {"given-names", "family-names"} for author in paper["authors"])


# -- show_versions ---------------------------------------------------------------------------------


def test_show_versions_tells_what_a_bug_report_needs(capsys):
    skdistill.show_versions()
    lines = dict(line.strip().split(": ", 1) for line in capsys.readouterr().out.split("\n") if ": " in line)
    assert lines["skdistill"] == skdistill.__version__
    assert lines["torch threads"] == "1"  # set by conftest.py
    assert {"python", "machine", "gpu", "torch", "scikit-learn", "sktime", "matplotlib", "dask"} <= lines.keys()


def test_show_versions_says_what_is_not_installed(capsys, monkeypatch):
    monkeypatch.setattr(_show_versions, "requires", lambda name: ["numpy>=1", "no-such-package>=1; extra == 'some'"])
    skdistill.show_versions()
    output = capsys.readouterr().out
    assert "no-such-package: not installed" in output
    assert "numpy: not installed" not in output


def test_show_versions_leaves_out_what_only_developers_need(capsys, monkeypatch):
    lines = ["numpy>=1", *(f"only-for-{extra}>=1; extra == '{extra}'" for extra in ("dev", "docs", "test", "onnx"))]
    monkeypatch.setattr(_show_versions, "requires", lambda name: lines)
    skdistill.show_versions()
    output = capsys.readouterr().out
    assert "only-for-onnx" in output
    assert not [name for name in ("dev", "docs", "test") if f"only-for-{name}" in output]
