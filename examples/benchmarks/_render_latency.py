"""Render latency.csv into docs/deployment.md; with --check, only say whether the page agrees with the file."""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "deployment.md"
BEGIN, END = "<!-- latency.csv -->\n", "<!-- end of latency.csv -->\n"


def render() -> str:
    """Write the two tables in Markdown."""
    figures = pd.read_csv(ROOT / "examples" / "benchmarks" / "results" / "latency.csv")
    lines = ["| | microseconds | ratio | aim |", "|---|---|---|---|"]
    processes = ["", "A new process, and two imports for comparison:", "", "| | milliseconds | MiB |", "|---|---|---|"]
    for row in figures.itertuples():
        setting, name = row.what.rsplit(": ", 1)
        if setting == "A new process":
            processes.append(f"| {name} | {row.microseconds / 1000:.0f} | {row.MiB:.0f} |")
        else:
            aim = "" if pd.isna(row.aim) else row.aim
            lines.append(
                f"| {setting.split(', context')[0]}: {name} | {row.microseconds:.0f} | {row.ratio:.2f} | {aim} |"
            )
    return "\n".join([*lines, *processes, ""])


before, rest = PAGE.read_text().split(BEGIN)
page = before + BEGIN + "\n" + render() + "\n" + END + rest.split(END)[1]
if "--check" not in sys.argv:
    PAGE.write_text(page)
elif page != PAGE.read_text():
    sys.exit("docs/deployment.md does not agree with latency.csv: run examples/benchmarks/_render_latency.py")
