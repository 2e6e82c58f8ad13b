"""Pages, results and sources show no path of a private machine, and no commit that nobody can look up."""

import csv
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / ".github").rglob("*.md")]
RESULTS = sorted((ROOT / "examples").rglob("results/*.csv"))
SOURCES = [path for folder in ("skdistill", "examples", "docs") for path in (ROOT / folder).rglob("*.py")]
PRIVATE = re.compile(r"(?<![\w.])/(work|tmp|home|root|Users|mnt|opt|scratch)/|\bshared/(data|parity)\b")


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)


def shown_commits():
    for path in PAGES:
        yield from ((path, found) for found in re.findall(r"\bcommit ([0-9a-f]{7,40})\b", path.read_text()))
    for path in RESULTS:
        with path.open(newline="") as file:
            yield from ((path, row["commit"]) for row in csv.DictReader(file) if row.get("commit"))


@pytest.mark.parametrize("paths", [PAGES, RESULTS, SOURCES], ids=["pages", "results", "sources"])
def test_no_path_of_a_private_machine_is_shown(paths):
    lines = {path.name: [line for line in path.read_text().split("\n") if PRIVATE.search(line)] for path in paths}
    assert len(lines) > 10
    assert {name: found for name, found in lines.items() if found} == {}


def test_every_commit_shown_is_one_of_this_repository():
    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("needs a clone with its history")
    commits = {}
    for path, commit in shown_commits():
        commits.setdefault(commit, path)
    assert len(commits) > 10
    # an ancestor, not merely an object at hand: a branch that was rebased away is in nobody else's clone
    unknown = {c: p.name for c, p in commits.items() if git("merge-base", "--is-ancestor", c, "HEAD").returncode}
    assert unknown == {}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_no_column_of_a_result_is_empty(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = rows[0].keys() - {"commit"}  # of results older than the history
    assert [name for name in sorted(columns) if not any(row[name] for row in rows)] == []
