"""A folder for ``memory=``, with what may be kept there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Memory"]


@dataclass(frozen=True)
class Memory:
    """A folder that fits share, which may hold pickles.

    A plain folder as ``memory=`` keeps labels, teachers, students and checkpoints as numbers and JSON, each file with a
    checksum: reading them runs no code. A teacher that learned something else in its ``fit`` (a sktime forecaster
    fitted once, a scikit-learn model inside a teacher of your own) is then fitted anew in every ``fit``, and its labels
    alone are kept. ``allow_pickle=True`` has joblib pickle what is no number. Reading a pickle runs whatever code
    it names: whoever can write to the folder can run code as you. Share such a folder only with people who may.

    Parameters
    ----------
    location : str or Path
        The folder.
    allow_pickle : bool, default=False
        Whether parts of a fitted teacher that are no plain values are pickled, and read again.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, Memory
    >>> DistilledForecaster(memory=Memory("cache", allow_pickle=True), random_state=0).memory.allow_pickle
    True
    """

    location: str | Path
    allow_pickle: bool = False
