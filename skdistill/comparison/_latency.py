"""Latency of a forecast."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

__all__ = ["median_seconds"]


def median_seconds(
    call: Callable[[], object], *, budget: float = 0.5, min_repeats: int = 3, max_repeats: int = 200
) -> float:
    """Time a call: one warm-up, then the median over repeats within a time budget.

    Parameters
    ----------
    call : callable
        Function to time.
    budget : float, default=0.5
        Time budget in seconds; ``min_repeats`` calls are made in any case.
    min_repeats, max_repeats : int, default=3, 200
        Minimum and maximum number of repeats.

    Returns
    -------
    seconds : float
        Median duration of one call.
    """
    call()
    durations: list[float] = []
    started = time.perf_counter()
    while len(durations) < max_repeats and (len(durations) < min_repeats or time.perf_counter() - started < budget):
        before = time.perf_counter()
        call()
        durations.append(time.perf_counter() - before)
    return statistics.median(durations)
