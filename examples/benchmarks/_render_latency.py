"""Render latency.csv and serve.csv into their pages of docs/; with --check, say whether the pages agree with them."""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RESULTS = ROOT / "examples" / "benchmarks" / "results"


def render_latency() -> str:
    """Write the two tables of latencies in Markdown."""
    figures = pd.read_csv(RESULTS / "latency.csv")
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


def render_serve() -> str:
    """Write the table of serving in Markdown."""
    lines = [
        "| | microseconds per forecast | ratio | median latency | p99 latency | ratio |",
        "|---|---|---|---|---|---|",
    ]
    for row in pd.read_csv(RESULTS / "serve.csv").to_dict("records"):
        each, median, p99 = (row[name] for name in ("microseconds per forecast", "median latency", "p99 latency"))
        lines.append(
            f"| {row['what']} | {each:.0f} | {row['ratio']:.2f} | {median:.0f} | {p99:.0f} | {row['p99 ratio']:.2f} |"
        )
    return "\n".join([*lines, ""])


for name, page, render in (
    ("latency.csv", DOCS / "deployment.md", render_latency),
    ("serve.csv", DOCS / "serving.md", render_serve),
):
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    shown = page.read_text()
    before, rest = shown.split(begin)
    fresh = before + begin + "\n" + render() + "\n" + end + rest.split(end)[1]
    if "--check" not in sys.argv:
        page.write_text(fresh)
    elif fresh != shown:
        sys.exit(f"{page.name} does not agree with its figures: run examples/benchmarks/_render_latency.py")
