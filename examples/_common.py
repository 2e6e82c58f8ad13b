"""What the scripts share: quick mode, where results go, and where they came from."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

QUICK = os.environ.get("SKDISTILL_QUICK", "") not in ("", "0")
ROOT = Path(__file__).resolve().parents[1]


def provenance() -> dict[str, str]:
    """Tell command, commit and machine of this run."""
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
    """Quote the arguments of a command; a path of this machine becomes what it stands for, as ``<data folder>``."""
    options = [None, *arguments]
    named = [
        f"<{option.strip('-').removesuffix('-home')} folder>" if option and Path(argument).is_absolute() else None
        for option, argument in zip(options, arguments, strict=False)
    ]
    return [name or shlex.quote(argument) for name, argument in zip(named, arguments, strict=True)]


def write_results(frame: pd.DataFrame, path: Path) -> None:
    """Write a table with its provenance, unless its rows have one; a quick run writes nothing."""
    if QUICK:
        print("quick, not a result: nothing is written")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {name: value for name, value in provenance().items() if name not in frame}
    frame.assign(**known).to_csv(path, index=False, float_format="%.5g")
    print(f"written: {path}")


def heading(text: str) -> None:
    """Print a heading, and say when figures mean nothing."""
    print(f"{text} [quick, not a result]" if QUICK else text)


def interleaved(calls: dict[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Time calls in turn, so that a busy machine slows all alike; the median of each, in microseconds."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    stop = time.perf_counter() + seconds * len(calls)
    while time.perf_counter() < stop or len(next(iter(times.values()))) < 3:
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            times[name].append(1e6 * (time.perf_counter() - started))
    return {name: statistics.median(durations) for name, durations in times.items()}


def anonymous_bytes() -> int:
    """Read how much anonymous memory this process has (Linux)."""
    text = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in text.splitlines() if line.startswith("RssAnon")).split()[1])


class PeakMemory:
    """Watch the anonymous memory of this process."""

    def __enter__(self) -> PeakMemory:
        self.peak = self.base = anonymous_bytes()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self) -> None:
        """Sample until told to stop."""
        while not self.stop.wait(0.005):
            self.peak = max(self.peak, anonymous_bytes())

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        self.thread.join()

    @property
    def gib(self) -> float:
        """The most that was added to what there was at the start."""
        return (self.peak - self.base) / 2**30
