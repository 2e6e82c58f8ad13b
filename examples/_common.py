"""Shared helpers of the scripts: quick mode, result folder, and provenance."""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

QUICK = os.environ.get("SKDISTILL_QUICK", "") not in ("", "0")
ROOT = Path(__file__).resolve().parents[1]


def provenance() -> dict[str, str]:
    """Return command, commit and machine of this run."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    script = Path(sys.argv[0]).resolve()
    name = script.relative_to(ROOT) if script.is_relative_to(ROOT) else script.name
    return {
        "command": " ".join(["python", str(name), *_without_paths(sys.argv[1:])]),
        "commit": commit.stdout.strip() or "unknown",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    }


def _without_paths(arguments: list[str]) -> list[str]:
    """Quote the arguments of a command; local paths are replaced by placeholders such as ``<data folder>``."""
    options = [None, *arguments]
    named = [
        f"<{option.strip('-').removesuffix('-home')} folder>" if option and Path(argument).is_absolute() else None
        for option, argument in zip(options, arguments, strict=False)
    ]
    return [name or shlex.quote(argument) for name, argument in zip(named, arguments, strict=True)]


def write_results(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, with provenance if its rows have none; a quick run writes nothing."""
    if QUICK:
        print("quick, not a result: nothing is written")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {name: value for name, value in provenance().items() if name not in frame}
    frame.assign(**known).to_csv(path, index=False, float_format="%.5g")
    print(f"written: {path}")


def etth1_or_synthetic(n_rows: int) -> tuple[pd.DataFrame, str, str]:
    """Return ETTh1, or a synthetic series if it cannot be downloaded or in quick mode; its split protocol and name."""
    from skdistill.datasets import fetch_ett, make_multiseasonal

    try:
        if QUICK:
            raise OSError("quick mode needs no real series")
        data = fetch_ett("ETTh1")
    except OSError as error:
        print(f"ETTh1 is not available: {error}")
        frame = make_multiseasonal(n_rows, 7, random_state=0)
        return frame, "70/10/20", "a synthetic series with a daily and a weekly season (not ETTh1)"
    return data.frame, data.protocol, "ETTh1"


def parse_options(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the options of the command; in a notebook, whose own are in their place, there are none."""
    return parser.parse_args([] if "ipykernel" in sys.modules else None)


def check_names(given: Iterable[str] | None, known: Iterable[str], option: str) -> None:
    """End the script if an option names what there is not, which would else be left out of the results."""
    known = list(known)
    if unknown := [one for one in given or () if one not in known]:
        sys.exit(f"{option} must be among {', '.join(map(repr, known))}; got {', '.join(map(repr, unknown))}.")


def heading(text: str) -> None:
    """Print a heading, with a note in quick mode that figures are meaningless."""
    print(f"{text} [quick, not a result]" if QUICK else text)


def as_teacher(network: object) -> object:
    """Return a network as the teacher that it is by default, trained for one epoch in quick mode."""
    from skdistill.teachers import TrainedTeacher

    return TrainedTeacher(network, max_epochs=1) if QUICK else network


def interleaved(
    calls: dict[str, Callable[[], object]],
    seconds: float,
    *,
    in_a_row: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Time calls in turn, so that load on the machine affects all equally; return medians in microseconds.

    With ``in_a_row``, a call is repeated before the next one has its turn, as in a loop that forecasts.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    stop = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < stop or len(next(iter(times.values()))) < 3:
        for name, call in calls.items():
            for _ in range(in_a_row):
                started = clock()
                call()
                times[name].append(1e6 * (clock() - started))
    return {name: statistics.median(durations) for name, durations in times.items()}


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process (Linux)."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1])


class PeakMemory:
    """Record the peak anonymous memory of this process."""

    def __enter__(self) -> PeakMemory:
        self.peak = self.base = anonymous_bytes()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        """Sample until stopped."""
        while not self.stop.wait(0.005):
            self.peak = max(self.peak, anonymous_bytes())

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        self.thread.join()

    @property
    def gib(self) -> float:
        """Peak increase since the start."""
        return (self.peak - self.base) / 2**30


def save_picture(figure: object, name: str) -> None:
    """Save a picture beside the caller's folder, and say where."""
    output = Path(name)
    figure.savefig(output, dpi=100)  # type: ignore[attr-defined]
    print(f"picture: {output.resolve()}")
