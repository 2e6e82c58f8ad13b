"""The site builds with warnings as errors, and its links lead somewhere."""

import re
import shutil
from pathlib import Path

import pytest
from forked import run_script

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("sphinx", reason="needs pip install 'skdistill[docs]'")
    folder = tmp_path_factory.mktemp("docs")
    for name in ("docs", "examples", "CONTRIBUTING.md"):
        source, target = ROOT / name, folder / name
        ignore = shutil.ignore_patterns("_build", "api", "gallery", "__pycache__")
        shutil.copytree(source, target, ignore=ignore) if source.is_dir() else shutil.copy(source, target)
    # The gallery's scripts run in a test of their own.
    options = ["-W", "--keep-going", "-q", "-D", "plot_gallery=0", "-b", "html"]
    sphinx = folder / "build.py"
    sphinx.write_text("import sys\nfrom sphinx.cmd.build import main\nsys.exit(main(sys.argv[1:]))\n")
    run_script(sphinx, *options, folder / "docs", folder / "site", cwd=folder, timeout=600, SKDISTILL_QUICK="1")
    return folder / "site"


def test_every_internal_link_leads_somewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        for link in re.findall(r'href="([^"#?:]+)(?:#[^"]*)?"', page.read_text()):
            assert (page.parent / link).resolve().exists(), f"{page.relative_to(site)} links to {link}"


def test_diagrams_link_to_pages_that_exist(site):
    from skdistill import DistilledForecaster
    from skdistill.losses import TimeDistill
    from skdistill.networks import MLP
    from skdistill.teachers import TrainedTeacher

    for thing in (DistilledForecaster(), TimeDistill(), MLP(), TrainedTeacher(MLP())):
        page = thing._get_doc_link().rsplit("/", 1)[-1]
        assert (site / "api" / page).exists(), page


def test_every_script_has_a_place_in_the_gallery():
    order = re.search(r"_READING_ORDER = \[(.*?)\]", (ROOT / "docs" / "conf.py").read_text(), re.S)
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py") if not path.name.startswith("_")}
    assert scripts == set(re.findall(r'"(\w+)"', order.group(1)))
