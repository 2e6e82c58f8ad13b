"""How long a teacher takes for a window, measured once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from skdistill._utils._plain_files import read_plain, write_plain
from skdistill.data._contexts import Contexts
from skdistill.data._labels import Labels
from skdistill.data._windows import Windows

__all__ = ["keep_rate", "kept_rate", "measure_rate"]

_FILE = "rate.safetensors"
_N_SAMPLES = 32  # windows at once, at most
_ENOUGH = 0.5  # seconds that are a measurement


def measure_rate(label: Callable[[Contexts], Labels], windows: Windows, numbers: Tensor) -> float:
    """Measure how long a teacher takes for a window, in this process.

    Parameters
    ----------
    label : callable
        Labels contexts of the windows.
    windows : Windows
        The windows.
    numbers : Tensor of int64 of shape (n,)
        Windows to label, first the one that warms up.

    Returns
    -------
    seconds : float
        Seconds per window.
    """
    n_samples = 1
    with torch.inference_mode():
        label(windows.contexts(numbers[:1]))
        while True:
            contexts = windows.contexts(numbers[:n_samples])
            start = time.perf_counter()
            label(contexts)
            seconds = time.perf_counter() - start
            if seconds >= _ENOUGH or n_samples >= min(_N_SAMPLES, len(numbers)):
                return seconds / len(contexts)
            n_samples = min(n_samples * 4, _N_SAMPLES, len(numbers))


def kept_rate(folder: Path) -> float | None:
    """Return the seconds per window that an entry of the cache keeps.

    Parameters
    ----------
    folder : Path
        The entry.

    Returns
    -------
    seconds : float or None
        None if there are none, or they cannot be read.
    """
    try:
        return float(read_plain(folder / _FILE))
    except (OSError, ValueError, TypeError):
        return None


def keep_rate(folder: Path, seconds: float) -> None:
    """Keep the seconds per window in an entry of the cache.

    Parameters
    ----------
    folder : Path
        The entry, held by this process.
    seconds : float
        Seconds per window.
    """
    write_plain(folder / _FILE, seconds)
