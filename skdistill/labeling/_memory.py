"""Cache folder for ``memory``, with the option to allow pickles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from skdistill._utils._checks import check_boolean

__all__ = ["Memory"]


@dataclass(frozen=True)
class Memory:
    """A cache folder that fits share, optionally with pickles.

    A plain folder as ``memory`` stores labels, teachers, students and checkpoints as numbers and JSON, each file with a
    checksum: loading them runs no code. A teacher with other fitted state (a sktime forecaster fitted once, a
    scikit-learn model inside your own teacher) is then fitted again in every ``fit``, and only its labels are stored.
    With ``allow_pickle=True``, joblib pickles such state. Loading a pickle can run arbitrary code: anybody who can
    write to the folder can run code as you. Share such a folder only with people you trust.

    Parameters
    ----------
    location : str or Path
        The folder.
    allow_pickle : bool, default=False
        Whether to pickle and load parts of a fitted teacher that are not plain values.

    Examples
    --------
    >>> from skdistill import DistilledForecaster, Memory
    >>> DistilledForecaster(memory=Memory("cache", allow_pickle=True), random_state=0).memory.allow_pickle
    True
    """

    location: str | Path
    allow_pickle: bool = False

    def __post_init__(self) -> None:
        check_boolean(self.allow_pickle, "allow_pickle of Memory")
