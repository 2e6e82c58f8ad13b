"""Lint, types, packages, examples and docstrings are part of the suite."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from forked import run_script
from packaging.utils import canonicalize_name

import skdistill
from skdistill.datasets import fetch_ett

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*.py")
    if not path.name.startswith("_") and path.parent.name != "pretrain"  # these have tests/teachers/test_pretraining.py
)
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(skdistill.__path__, "skdistill.")
    if not any(part.startswith("_") for part in module.name.split("."))
)


def run(*command, cwd=ROOT, timeout=300, **environment):
    done = subprocess.run(
        command,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", **environment},
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# -- lint and types ------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff_is_content(check):
    run(sys.executable, "-m", "ruff", *check, ".")


@pytest.mark.slow
def test_types_hold():
    run(sys.executable, "-m", "mypy")


# -- packages ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder))  # sdist, and the wheel from it
    return folder


@pytest.mark.slow
def test_wheel_holds_the_package_and_nothing_else(distributions):
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "skdistill/py.typed" in names
    assert "skdistill/networks/_mlp.py" in names
    assert {name.split("/")[0] for name in names} == {"skdistill", f"skdistill-{skdistill.__version__}.dist-info"}


@pytest.mark.slow
def test_sdist_holds_what_it_takes_to_test(distributions):
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt", "tests/conftest.py"} <= names
    assert "examples/quickstart.py" in names
    assert {".github/workflows/tests.yml", ".pre-commit-config.yaml", "tests/data/parity/README.md"} <= names
    assert "tests/data/parity/timedistill_losses.npz" in names
    assert not any(name.startswith((".venv", ".cache")) for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_distributions_install_and_import(kind, distributions, tmp_path):
    (package,) = distributions.glob(kind)
    options = ["--no-deps", "--no-build-isolation", "--quiet", "--target", str(tmp_path)]
    run(sys.executable, "-m", "pip", "install", *options, str(package))
    code = "import skdistill; print(skdistill.__file__); skdistill.show_versions()"
    output = run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert output.startswith(str(tmp_path))
    assert "torch: " in output


def test_tested_versions_are_pinned_for_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {canonicalize_name(re.split(r"[\[<>=!~; ]", one)[0]) for one in wanted} - {"skdistill"}
    pinned = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().split()}
    assert names <= pinned


# -- examples ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT / "examples")))
def test_example_runs_in_its_quick_mode(path, tmp_path):
    output = run_script(path, cwd=tmp_path, timeout=120, SKDISTILL_QUICK="1")
    assert "quick, not a result" in output


# Options whose unknown names raise where they are read.
READ_LATER = {"few_rows --series", "routing --sets", "recipes_etth1 --recipes", "timedistill --teachers"}
READ_LATER |= {
    "benchmark_peers --work",
    "benchmark_foundation --teachers",
    "benchmark_engines --engines",
    "panel_peers --panels",
}
OF_A_HELPER = {"--panels", "--sets"}  # of _panels.py and _covariate_tasks.py, which check them


def test_names_given_to_a_script_are_checked_before_anything_is_left_out():
    for path in [one for one in (ROOT / "examples").rglob("*.py") if "add_argument" in one.read_text()]:
        source = path.read_text()
        assert "parse_known_args" not in source, f"{path.name} would ignore an option that is misspelled"
        for call in (one for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Call)):
            given = {one.arg: one.value for one in call.keywords}
            if (
                not ast.unparse(call.func).endswith("add_argument")
                or "nargs" not in given
                or {"type", "choices"} & {*given}
            ):
                continue
            option = ast.literal_eval(call.args[0])
            is_checked = re.search(rf'check_names\(.*"{option}"\)|"{option} must be|unknown := .*{option[2:]}', source)
            by_helper = option in OF_A_HELPER and re.search("import .*(read_panels|read_problems)", source)
            assert is_checked or by_helper or f"{path.stem} {option}" in READ_LATER, f"{path.name} {option}"


@pytest.mark.slow
def test_an_example_without_its_model_says_how_to_make_one(shared_path):
    pytest.importorskip("chronos", reason="the example needs chronos: pip install 'skdistill[chronos]'")
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "examples" / "distill_foundation_model.py"),
            *("--model", "nobody/nothing", "--data-home", shared_path / "data"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "SKDISTILL_QUICK": ""},
    )
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("python examples/pretrain_small_foundation_model.py")
    assert "Traceback" not in done.stderr


# -- docstrings ----------------------------------------------------------------------------------


def public_objects():
    """Yield everything that a public module exports, once."""
    seen = set()
    for name in ["skdistill", *MODULES]:
        module = importlib.import_module(name)
        for attribute in module.__all__:
            found = getattr(module, attribute)
            if (inspect.isclass(found) or inspect.isfunction(found)) and id(found) not in seen:
                seen.add(id(found))
                yield pytest.param(found, id=f"{found.__module__}.{attribute}")


def documented_parameters(docstring):
    """Return the parameters that a docstring lists, with the default it tells."""
    match = re.search(r"Parameters\n-+\n(.*?)(?:\n\n[A-Z][^\n]*\n-+\n|\Z)", docstring, re.DOTALL)
    found = {}
    for line in (match.group(1) if match else "").split("\n"):
        if (entry := re.match(r"(\*{0,2}\w+(?:, \w+)*) : (.*)$", line)) is not None:
            default = re.search(r"default=(.*)$", entry.group(2))
            names = entry.group(1).split(", ")
            defaults = default.group(1).split(", ") if default else []
            if len(defaults) != len(names):
                defaults = [default.group(1) if default else None] * len(names)
            found |= dict(zip(names, defaults, strict=True))
        elif line and not line.startswith(" "):  # a description that is not indented reads as a parameter
            found[line] = None
    return found


def real_parameters(found):
    parameters = inspect.signature(found).parameters.values()
    prefix = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return {prefix.get(one.kind, "") + one.name: one.default for one in parameters if one.name not in ("self", "cls")}


def check_parameters(found, docstring):
    real, documented = real_parameters(found), documented_parameters(docstring)
    assert list(documented) == list(real)
    for name, default in real.items():
        if default is inspect.Parameter.empty:
            assert documented[name] is None, f"{name} has no default"
        elif isinstance(default, str):
            assert documented[name] == f'"{default}"', f"default of {name}"
        elif default != default:
            assert documented[name] == "nan", f"default of {name}"
        elif default is None or isinstance(default, int | float | bool | tuple):
            assert ast.literal_eval(documented[name] or "'nothing'") == default, f"default of {name}"


def documents_its_parameters(found):
    """Say whether the docstring, and not a base class of another library, has to list the parameters."""
    if not inspect.isclass(found):
        return True
    if issubclass(found, tuple | Exception) or getattr(found, "_is_protocol", False):
        return False
    module = getattr(found.__init__, "__module__", "")  # object's own has none
    return module.startswith("skdistill")


@pytest.mark.parametrize("found", list(public_objects()))
def test_docstring_lists_the_real_parameters_and_defaults(found):
    assert inspect.getdoc(found)
    if documents_its_parameters(found):
        check_parameters(found, inspect.getdoc(found))
    methods = vars(found).items() if inspect.isclass(found) else ()
    for name, method in methods:
        if inspect.isfunction(method) and not name.startswith("_"):
            assert method.__doc__, f"{found.__name__}.{name} has no docstring"
            check_parameters(method, inspect.getdoc(method))


# -- pages ---------------------------------------------------------------------------------------

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_of_a_page_run_and_print_what_it_shows(page, tmp_path):
    text = page.read_text()
    if page.name == "README.md":  # its lines are those of the front page of the site, where they run
        blocks = re.findall(r"```python\n.*?```", text, re.DOTALL)
        assert all(block in (ROOT / "docs" / "index.md").read_text() for block in blocks)
        return
    if "fetch_ett" in text:
        try:
            fetch_ett("ETTh1", download_if_missing=False)
        except OSError as error:
            pytest.skip(f"needs ETTh1: {error}")
    if "```python\n" in text:
        run_script(ROOT / "docs" / "_outputs.py", "--check", page, cwd=tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_of_a_page_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        generated = link.startswith(("api/", "gallery/"))  # checked by the build of the site
        if "://" not in link and not generated:
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_figures_of_the_pages_come_from_the_csvs():
    run(sys.executable, "examples/reproduce/_render_results.py", "--check")
