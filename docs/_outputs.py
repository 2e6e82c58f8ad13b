"""Run the Python blocks of the pages and write what they print into the text block below each.

A page shows an output where a ``text`` block follows a ``python`` block. ``python docs/_outputs.py docs/page.md``
writes these blocks again; with ``--check`` it says where a page differs from what its code prints. Numbers may differ
by 2%, and times by anything: another processor rounds and runs differently.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?P<shown>\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")
TIMES = re.compile(r"\d[\d,.]*(?= (?:s|ms|µs|times faster)\b)")
WIDTH = 110
UNCHANGED: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False, "replace_whitespace": False}
TOLERANCE = 0.02


def run_blocks(page: str) -> list[str]:
    """Return what each Python block of a page prints; the blocks share their variables, in an empty folder."""
    variables: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            for number, block in enumerate(BLOCK.finditer(page), 1):
                stream = io.StringIO()
                with contextlib.redirect_stdout(stream):
                    exec(compile(block["code"], f"<block {number}>", "exec"), variables)
                printed.append(stream.getvalue())
        finally:
            os.chdir(here)
    return printed


def with_outputs(page: str, printed: list[str]) -> str:
    """Return the page with the outputs of the blocks that show one."""
    outputs = iter(printed)

    def fill(block: re.Match[str]) -> str:
        lines = next(outputs).strip("\n").splitlines()
        text = "\n".join(part for line in lines for part in textwrap.wrap(line, WIDTH, **UNCHANGED) or [""])
        shown = f"\n```text\n{text}\n```\n" if block["shown"] else ""
        return f"```python\n{block['code']}```\n{shown}"

    return BLOCK.sub(fill, page)


def differences(page: str, printed: list[str]) -> list[str]:
    """Say which shown outputs are not what the code prints."""
    found = []
    for number, (block, output) in enumerate(zip(BLOCK.finditer(page), printed, strict=True), 1):
        if block["shown"] and not alike(block["output"], output):
            found.append(f"block {number} prints\n{output}\nand the page shows\n{block['output']}")
    return found


def alike(shown: str, printed: str) -> bool:
    """Compare two texts: the same words, and numbers within the tolerance; white space counts for nothing."""
    shown, printed = (_without_times(text) for text in (shown, printed))
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(_close(*(float(number.replace(",", "")) for number in pair)) for pair in pairs)


def _without_times(text: str) -> str:
    """Leave out seconds and speeds, and the column of times of a comparison's table."""
    kept, timed = [], False
    for line in text.splitlines():
        timed = line.strip() != "" and (timed or "ms per window" in line)
        kept.append(line.rsplit(maxsplit=1)[0] if timed and line.split()[1:] else line)
    return TIMES.sub("", "\n".join(kept))


def _close(first: float, second: float) -> bool:
    return abs(first - second) <= max(TOLERANCE * max(abs(first), abs(second)), 0.011)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    for path in given.pages:
        text = path.read_text()
        outputs = run_blocks(text)
        if not given.check:
            path.write_text(with_outputs(text, outputs))
        elif wrong := differences(text, outputs):
            sys.exit(f"{path.name}: " + "\n".join(wrong))
