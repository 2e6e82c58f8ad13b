"""Outputs shown on the pages: how they are compared with what the code prints; lengths of the pages."""

import importlib.util
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
LONG = {"results.md"}  # all figures, by design

TABLE = """
                MSE          error parameters ms per window
student       1.149                     4,656       0.02464
teacher       1.335  +16.2% ± 4.8%    646,384         22.83

student: 927 times faster; 16.2% lower
"""


@pytest.fixture(scope="module")
def outputs():
    spec = importlib.util.spec_from_file_location("outputs_of_pages", DOCS / "_outputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_times_and_spaces_may_differ(outputs):
    other = TABLE.replace("0.02464", "0.09").replace("22.83", "7").replace("927", "12").replace("\n", " \n  ")
    assert outputs.alike(TABLE, other)
    assert outputs.alike("searched in 12 s", "searched in 3.5 s")


@pytest.mark.parametrize(
    ("old", "new"),
    [("1.335", "1.4"), ("16.2% l", "17.1% l"), ("4,656 ", "4,000 "), ("lower", "higher"), ("teacher", "x")],
)
def test_other_numbers_and_words_may_not(outputs, old, new):
    assert old in TABLE
    assert not outputs.alike(TABLE, TABLE.replace(old, new))


def test_blocks_share_variables_and_only_shown_outputs_are_written(outputs):
    page = "```python\na = 1\nprint(a)\n```\n\ntext\n\n```python\nprint(a + 1)\n```\n\n```text\n5\n```\nend\n"
    printed = outputs.run_blocks(page)
    assert printed == ["1\n", "2\n"]
    assert len(outputs.differences(page, printed)) == 1
    fresh = outputs.with_outputs(page, printed)
    assert fresh == page.replace("text\n5", "text\n2")
    assert outputs.differences(fresh, printed) == []


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_no_page_is_long(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    words = " ".join(line for line in text.splitlines() if not line.startswith("|")).split()
    assert page.name in LONG or len(words) <= 1500


def test_the_readme_says_what_its_lines_print():
    """The front page shows the output of the same lines, and its output is checked where the pages are run."""
    readme, front = ((DOCS.parent / name).read_text() for name in ("README.md", "docs/index.md"))
    lines = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    shown = re.search(re.escape(lines) + r"```\n\n```text\n(.*?)```", front, re.DOTALL)[1]
    words = " ".join(shown.split())
    assert re.search(r"student: .*error [\d.]+% lower than 'alone' \(beyond two standard errors\)", words)
    said = readme.split("In a few seconds, validation chooses")[1].split("\n\n")[0]
    figures = re.findall(r"[\d.]+%|\d+(?= times smaller)|\d+(?=\s+times smaller)", said)
    assert len(figures) == 4
    for figure in figures:
        assert re.search(rf"(?<![\d.]){re.escape(figure)}", words), figure
