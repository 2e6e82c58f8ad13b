"""The page of decisions is short, and every figure on it stands on the page that measured it."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("results.md", "pretrained.md", "your_data.md")


def figures(text):
    """Find decimals, percentages and large numbers, which only a measurement gives."""
    return re.findall(r"\d+\.\d+|\d+(?=%)|\d+,\d{3}", text)


def test_every_figure_of_the_page_is_one_that_was_measured():
    measured = set(figures(" ".join((DOCS / page).read_text() for page in PAGES)))
    found = figures((DOCS / "choosing.md").read_text())
    assert len(found) > 30
    assert [one for one in found if one not in measured and one + "0" not in measured] == []


def test_the_page_can_be_read_in_a_few_minutes():
    assert len((DOCS / "choosing.md").read_text().split()) < 900
